"""Where hepsub keeps its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.situation import paths_for

HOME = Path("/home/alice")


def test_without_variables_files_are_where_the_xdg_specification_says() -> None:
    """The policy is under ~/.config, the journal and the reports under ~/.local/state."""
    paths = paths_for({}, HOME)
    assert paths.user_policy == Path("/home/alice/.config/hepsub/config.toml")
    assert paths.journal == Path("/home/alice/.local/state/hepsub/journal")
    assert paths.reports == Path("/home/alice/.local/state/hepsub/reports")
    assert paths.site_policy == Path("/etc/hepsub")
    assert paths.extra_policy is None


def test_xdg_variables_move_the_files() -> None:
    """XDG_CONFIG_HOME and XDG_STATE_HOME are followed."""
    paths = paths_for({"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, HOME)
    assert paths.user_policy == Path("/c/hepsub/config.toml")
    assert paths.journal == Path("/s/hepsub/journal")


@pytest.mark.parametrize("value", ["", "config", "./config", "~/config"])
def test_a_relative_xdg_variable_is_ignored(value: str) -> None:
    """The specification says that a relative path in these variables is invalid."""
    paths = paths_for({"XDG_CONFIG_HOME": value}, HOME)
    assert paths.user_policy == Path("/home/alice/.config/hepsub/config.toml")


@pytest.mark.parametrize(("value", "extra"), [("/x/p.toml", Path("/x/p.toml")), ("", None)])
def test_hepsub_config_names_one_more_file(value: str, extra: Path | None) -> None:
    """$HEPSUB_CONFIG is one more policy file, unless it is empty."""
    assert paths_for({"HEPSUB_CONFIG": value}, HOME).extra_policy == extra
