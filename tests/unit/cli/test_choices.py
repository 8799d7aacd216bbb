"""What the shells' completions and help offer of a policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.cli.completion.offer import offer
from hepsub.cli.help import _SITE, OFFERED, choices
from hepsub.cli.options import Kind
from hepsub.errors import PolicyError
from hepsub.policy.model import Policy
from hepsub.situation import SITE_POLICY_DIRECTORY, read_situation
from tests.fakes.world import make_policy, make_situation

POLICY = """
[pool.east]
aliases = ["sunrise"]
[site.far]
requirements = "x"
[storage.herd]
endpoint = "https://s3.org"
[storage."a\\nb"]
endpoint = "https://s3.org"
"""
GROUPS = """
[group.juno]
[group.other]
"""
LISTED = {
    "credentials": "krb iam",
    "groups": "juno physics",
    "pools": "here local east physical virtual sunrise",
    "sites": "far",
    "storages": "herd",
    "systems": "SL6 SL7 CentOS7 AlmaLinux9",
    "walltimes": "test short default mid long special",
}


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this policy be the one that is read."""
    monkeypatch.setenv("HEPSUB_CONFIG", "/policy.toml")
    monkeypatch.setattr("hepsub.situation.read_situation", make_situation)
    monkeypatch.setattr("hepsub.policy.load.load_policy", lambda _: make_policy(POLICY))


@pytest.mark.parametrize("word", LISTED)
def test_a_completion_gets_a_word_a_line(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Aliases and what is given on request too; nothing that a terminal would obey."""
    assert offer([word]) == 0
    assert capsys.readouterr().out.splitlines() == LISTED[word].split()
    assert offer([word, "l"]) == 0
    begin = [each for each in LISTED[word].split() if each.startswith("l")]
    assert capsys.readouterr().out.splitlines() == begin


def test_what_nobody_knows_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(LISTED) == set(OFFERED)
    for words in ([], ["nothing"], ["nothing", "x", "y"]):
        assert offer(words) == 0
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("typed", "piece", "offered"),
    [
        ("h", "h", "here\n"),
        ("'h", "h", "here\n"),
        ("h\\e", "h\\e", "here\n"),
        ("here", "e", "e\n"),
        ("here", "", "\n"),
        ("x", "", ""),
    ],
)
def test_a_shell_gets_what_replaces_its_piece(
    typed: str, piece: str, offered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offer(["pools", typed, piece]) == 0
    assert capsys.readouterr().out == offered


def test_help_names_what_is_not_on_request_and_no_alias() -> None:
    found = choices([Kind.POOL, Kind.WALLTIME, Kind.TEXT], complete=False)
    assert found == {
        Kind.POOL: ("here", "local", "east"),
        Kind.WALLTIME: ("test", "short", "default", "mid", "long"),
    }


def test_where_the_policy_names_groups_those_of_the_user_are_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hepsub.policy.load.load_policy", lambda _: make_policy(GROUPS))
    assert choices([Kind.GROUP], complete=True) == {Kind.GROUP: ("juno",)}


@pytest.mark.parametrize("error", [PolicyError("x", remedy=""), PermissionError("x")])
def test_a_policy_that_cannot_be_read_offers_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it read where nothing of it is asked for."""

    def fails(_: object) -> Policy:
        raise error

    monkeypatch.setattr("hepsub.policy.load.load_policy", fails)
    assert choices([Kind.POOL], complete=True) == {}
    assert offer(["pools"]) == 0
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("hepsub.situation.read_situation", fails)
    assert choices([Kind.TEXT, Kind.FILE], complete=True) == {}


def test_where_nobody_wrote_a_policy_its_groups_are_known_without_reading_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are those that it would be found to have, if it were read."""
    monkeypatch.undo()
    monkeypatch.delenv("HEPSUB_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("hepsub.cli.help._SITE", str(tmp_path / "site"))
    assert str(SITE_POLICY_DIRECTORY) == _SITE
    assert not make_policy().group
    found = choices([Kind.GROUP], complete=False)
    assert found == {Kind.GROUP: read_situation().groups} != {Kind.GROUP: ()}

    def fails(_: object) -> Policy:
        raise PolicyError("it is read", remedy="")

    monkeypatch.setattr("hepsub.policy.load.load_policy", fails)
    assert choices([Kind.GROUP], complete=False) == found
    file = tmp_path / ".config" / "hepsub" / "config.toml"
    file.parent.mkdir(parents=True)
    assert choices([Kind.GROUP], complete=False) == {}
    file.parent.rmdir()
    for name in ("HEPSUB_CONFIG", "XDG_CONFIG_HOME"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "/x")
            assert choices([Kind.GROUP], complete=False) == {}
    (tmp_path / "site").mkdir()
    assert choices([Kind.GROUP], complete=False) == {}
