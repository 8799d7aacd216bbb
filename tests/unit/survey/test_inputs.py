"""How large inputs are, and which directories cannot be copied whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsub.plan import existing
from hepsub.plan.facts import FileFact
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.survey import inputs
from hepsub.survey.inputs import weigh_inputs
from tests.fakes.user import ordinary_user


def weigh(path: Path) -> FileFact | None:
    """What is known of one input."""
    return weigh_inputs([FilePlace(path=str(path))]).get(str(path))


def test_files_and_directories_are_weighed(tmp_path: Path) -> None:
    """Links are followed; of a device, of what is gone and of objects nothing is said."""
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "d/sub/a").write_text("abc")
    (tmp_path / "d/b").symlink_to("sub/a")
    (tmp_path / "link").symlink_to("d")
    assert weigh(tmp_path / "d/b") == FileFact(size=3)
    assert weigh(tmp_path / "d") == weigh(tmp_path / "link") == FileFact(size=6)
    assert weigh(tmp_path / "gone") is None
    assert weigh(Path("/dev/null")) is None
    assert weigh_inputs([ObjectPlace(storage="s", bucket="b", key="k")]) == {}


def test_what_keeps_a_directory_from_being_copied_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that leads nowhere, one in a circle, a file that may not be read."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # others may not come through the directories above it
    for name in ("dangling", "circle", "locked"):
        (tmp_path / name).mkdir()
    (tmp_path / "dangling/x").symlink_to("nowhere")
    (tmp_path / "circle/x").symlink_to(".")
    (tmp_path / "locked/x").write_text("x")
    (tmp_path / "locked/x").chmod(0)
    troubles = {}
    with ordinary_user():
        for name in ("dangling", "circle", "locked"):
            fact = weigh(Path(name))
            assert fact is not None
            troubles[name] = fact.trouble.removeprefix(f"{name}/x ")
    assert troubles == {
        "dangling": "is a link that leads nowhere",
        "circle": "leads in a circle",
        "locked": "cannot be read by you",
    }


def test_a_walk_through_too_many_files_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory itself counts, as `find` in the job counts it."""
    monkeypatch.setattr(inputs, "COPIED_FILES", 4)
    for number in range(3):
        (tmp_path / str(number)).touch()
    assert weigh(tmp_path) == FileFact(size=0)
    os.mkfifo(tmp_path / "one more")
    assert weigh(tmp_path) == FileFact(size=0, trouble="more than 4 files")
    assert existing.COPIED_FILES == 10_000
