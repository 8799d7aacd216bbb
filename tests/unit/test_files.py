"""Files: whole or not at all, private, locked, one's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hepsub.files import lock_open, lock_process, make_private, open_own, why_not_mine, write_whole


def test_a_file_is_replaced_and_never_written_into(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    goal = tmp_path / "goal"
    goal.symlink_to(precious)
    write_whole(goal, "new", 0o600)
    assert precious.read_text() == "mine"
    assert (goal.is_symlink(), goal.read_text()) == (False, "new")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["goal", "precious"]


def test_who_reads_a_file_that_is_replaced_reads_the_old_one(tmp_path: Path) -> None:
    """Also a secret is never open to others, whatever the umask says."""
    path = tmp_path / "iam.token"
    path.write_bytes(b"old")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        with path.open("rb") as reader:
            write_whole(path, b"new", 0o600, durable=True)
            assert reader.read() == b"old"
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["iam.token"]


def test_a_lock_of_a_process_keeps_others_out_until_it_ends(tmp_path: Path) -> None:
    """A child does not inherit it, and cannot get it."""
    descriptor = open_own(tmp_path / "lock", os.O_RDWR | os.O_CREAT, "the lock")
    assert lock_process(descriptor)
    assert lock_process(descriptor), "it is this process's already"
    child = os.fork()
    if child == 0:
        other = os.open(tmp_path / "lock", os.O_RDWR)
        os._exit(1 if lock_process(other) or lock_process(descriptor) else 0)
    assert os.waitpid(child, 0)[1] == 0
    os.close(descriptor)


def test_a_lock_of_an_open_file_keeps_out_the_process_itself(tmp_path: Path) -> None:
    """And outlives that something else of it opens and closes the file."""
    one, other = (os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    assert lock_open(one)
    assert not lock_open(other)
    os.close(other)
    again = os.open(tmp_path / "lock", os.O_RDWR)
    assert not lock_open(again)
    os.close(one)
    assert lock_open(again)
    os.close(again)


def test_ones_own_file_is_a_regular_one(tmp_path: Path) -> None:
    """A link is not followed, and a named pipe keeps nobody waiting."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="my lock is no regular file of yours"):
        open_own(tmp_path / "pipe", os.O_RDWR, "my lock")
    with pytest.raises(OSError):  # noqa: PT011 (ELOOP: its text is the system's)
        open_own(tmp_path / "link", os.O_RDWR | os.O_CREAT, "my lock")
    assert not (tmp_path / "file").exists()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "goal").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "goal", "new", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["goal"]


def test_each_directory_that_is_made_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "a/b/c")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")}
    assert modes == {0o700}


def test_what_is_mine_alone(tmp_path: Path) -> None:
    make_private(tmp_path / "mine")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "file").write_text("")
    (tmp_path / "open").mkdir(mode=0o755)
    said = [why_not_mine(tmp_path / name) for name in ("mine", "link", "file", "open")]
    assert said == [
        "",
        "it is no directory",
        "it is no directory",
        "others may use it (mode 0755, not 0700)",
    ]
