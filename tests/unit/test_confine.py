"""What a confined call can write, and start."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hepsub import confine
from hepsub.confine import Writable, can_confine, confined

needs_landlock = pytest.mark.skipif(not can_confine(), reason="this kernel has no Landlock")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a directory to write in, and one beside it with a file."""
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("before")
    (tmp_path / "own/link").symlink_to(tmp_path / "other/file")
    return tmp_path


ACTS: dict[str, Callable[[Path], object]] = {
    "write": lambda top: (top / "other/file").write_text("after"),
    "by a link": lambda top: (top / "own/link").write_text("after"),
    "truncate": lambda top: os.truncate(top / "other/file", 0),
    "new": lambda top: (top / "other/new").write_text("after"),
    "directory": lambda top: (top / "other/new").mkdir(),
    "remove": lambda top: (top / "other/file").unlink(),
    "rename": lambda top: (top / "own/file").replace(top / "other/file"),
    "link": lambda top: (top / "own/hard").hardlink_to(top / "other/file"),
    "symlink": lambda top: (top / "own/soft").symlink_to(top / "other/file"),
    "fifo": lambda top: os.mkfifo(top / "own/fifo"),
    "program": lambda _: subprocess.run(["true"], check=True),
}


@needs_landlock
@pytest.mark.parametrize("act", ACTS)
def test_nothing_else_is_written_and_nothing_started(place: Path, act: str) -> None:
    """Each is possible before and afterwards: the thread is confined, not the process."""
    with pytest.raises(OSError):  # noqa: PT011 (EACCES, or EXDEV for what changes directories)
        confined(lambda: ACTS[act](place), Writable(directories=(place / "own",)))
    assert (place / "other/file").read_text() == "before"
    assert sorted(each.name for each in (place / "other").iterdir()) == ["file"]
    ACTS[act](place)


@needs_landlock
def test_what_is_writable_is_written(place: Path) -> None:
    """Files and directories in a directory, one file of another one, /dev/null; what is missing is passed over."""
    own, other = place / "own", place / "other/file"

    def act() -> str:
        (own / "deep/er").mkdir(parents=True)
        (own / "deep/er/file").write_text("new")
        (own / "file").unlink()
        other.write_text("after")
        Path(os.devnull).write_text("gone")
        return other.read_text()

    allowed = Writable(directories=(own, place / "missing"), files=(other,))
    assert confined(act, allowed) == "after"
    assert (own / "deep/er/file").read_text() == "new"


def test_a_kernel_without_landlock_does_it_all_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it is not confined."""

    def refuse(*words: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(confine, "_call", refuse)
    assert not can_confine()
    assert confined(lambda: (place / "other/new").write_text("x"), Writable()) == 1


def test_an_error_comes_out_of_the_thread(place: Path) -> None:
    """As it was raised."""
    with pytest.raises(ZeroDivisionError):
        confined(lambda: 1 // 0, Writable())
