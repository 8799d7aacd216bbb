"""Who completes a bundle: one process at a time, and none takes what another one is making."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hepsub.bundle.bundle import read_bundle
from hepsub.bundle.directory import discard_bundle, locked, locked_existing, new_bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.notes import is_cancelled, mark_cancelled
from hepsub.bundle.root import remove_abandoned, unfinished
from hepsub.errors import BundleUnusable
from tests.unit.bundle.test_bundle import make_bundle


def test_a_new_bundle_is_claimed_before_it_has_its_name(tmp_path: Path) -> None:
    """Who finds it finds it taken: there is no moment in which it looks abandoned."""
    with new_bundle(tmp_path / "b", "u-1") as directory:
        assert directory == tmp_path / "b/u-1"
        assert unfinished(tmp_path / "b") == (directory,)
        child = os.fork()
        if child == 0:
            with locked_existing(directory) as mine:
                os._exit(1 if mine else 0)
        assert os.waitpid(child, 0)[1] == 0
        assert oct(directory.stat().st_mode & 0o777) == "0o700"
    with locked_existing(directory) as mine:
        assert mine


def test_a_bundle_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    """Another process's bundle is neither taken nor touched."""
    with new_bundle(tmp_path / "b", "u-1") as directory:
        (directory / "mine").touch()
    with pytest.raises(BundleUnusable), new_bundle(tmp_path / "b", "u-1"):
        pass
    assert [each.name for each in (tmp_path / "b").iterdir()] == ["u-1"]
    assert (directory / "mine").exists()


def test_taking_over_makes_nothing(tmp_path: Path) -> None:
    """A bundle that somebody else has just removed does not come back as a directory with a lock."""
    bundle = make_bundle(tmp_path)
    discard_bundle(bundle.directory)
    with locked_existing(bundle.directory) as mine:
        assert not mine
    assert list((tmp_path / "b").iterdir()) == []


def test_ten_processes_that_meet_sixty_stale_bundles_leave_none(tmp_path: Path) -> None:
    """Each of them discards what it takes over: no directory is left, not even an empty one."""
    root = tmp_path / "b"
    for number in range(60):
        with new_bundle(root, f"u-{number}"):
            pass
    children = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            for directory in unfinished(root):
                with locked_existing(directory) as mine:
                    if mine:
                        discard_bundle(directory)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
    assert list(root.iterdir()) == []


def make_link(path: Path, goal: Path) -> None:
    """A symbolic link."""
    path.symlink_to(goal)


def make_fifo(path: Path, goal: Path) -> None:
    """A FIFO."""
    del goal
    os.mkfifo(path)


@pytest.mark.parametrize("make", [make_link, make_fifo])
def test_a_lock_that_somebody_put_there_is_not_followed(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """The file that a link names stays as it is; nothing hangs."""
    bundle, thesis = make_bundle(tmp_path), tmp_path / "thesis.tex"
    thesis.write_text("chapter 1")
    (bundle.directory / "private/lock").unlink()
    make(bundle.directory / "private/lock", thesis)
    with locked_existing(bundle.directory):
        pass
    with contextlib.suppress(BundleUnusable), locked(bundle.directory):
        pass
    assert thesis.read_text() == "chapter 1"


def test_what_a_killed_process_left_of_a_bundle_goes_after_an_hour(tmp_path: Path) -> None:
    """Made half, or removed half; all other directories stay: `bundle_dir` may hold more than bundles."""
    root = tmp_path / "b"
    for name in (".u-1.new", ".u-2.gone", "thesis", ".renew", ".libraries"):
        (root / name).mkdir(parents=True)
    with new_bundle(root, "u-4"):
        pass
    now = root.stat().st_mtime
    remove_abandoned(root, now + 60)
    assert len(list(root.iterdir())) == 6
    remove_abandoned(root, now + 7200)
    assert sorted(each.name for each in root.iterdir()) == [".libraries", ".renew", "thesis", "u-4"]


def test_what_is_cancelled_is_remembered(tmp_path: Path) -> None:
    """By a file, so that another process knows it after any crash."""
    bundle = make_bundle(tmp_path)
    fill_bundle(bundle)
    assert not is_cancelled(bundle)
    mark_cancelled(bundle)
    again = read_bundle(bundle.directory)
    assert again is not None
    assert is_cancelled(again)


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could be the only one there; a bundle that was left behind stays where it is."""

    def none(_: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    with locked(tmp_path / "private") as mine:
        assert mine
    monkeypatch.setattr("hepsub.bundle.directory.lock_process", none)
    with pytest.raises(BundleUnusable) as caught, locked(tmp_path / "private"):
        pass
    assert caught.value.message == (
        f"the bundle {tmp_path}/private cannot be written: No locks available"
    )
    with locked_existing(tmp_path) as mine:
        assert not mine
    with pytest.raises(BundleUnusable), new_bundle(tmp_path / "root", "u-1"):
        pass
    assert list((tmp_path / "root").iterdir()) == []
