from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hepsub.files import (
    Tree,
    lock_open,
    lock_process,
    make_private,
    open_own,
    open_tree,
    remove_tree,
    why_not_mine,
    write_whole,
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir(mode=0o700)
    return root


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


@pytest.mark.parametrize("name", ["", "/etc/passwd", "a//b", "../x", "a/../../x", ".", "a/.", "\0"])
def test_no_name_leads_out_of_a_tree(tree: Path, name: str) -> None:
    with open_tree(tree) as opened, pytest.raises(OSError, match="not a name below"):
        opened.read(name, 10)


@pytest.mark.parametrize("name", ["link", "directory/file", "fifo", "directory"])
def test_links_and_what_is_no_file_are_not_read(tree: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("secret")
    (tree / "link").symlink_to(tmp_path / "secret/file")
    (tree / "directory").symlink_to(tmp_path / "secret")
    os.mkfifo(tree / "fifo")
    with open_tree(tree) as opened, pytest.raises(OSError, match=r"symbolic|directory|regular"):
        opened.read(name, 100)


def test_a_tree_that_is_a_link_is_not_opened(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    with pytest.raises(OSError, match="directory"), open_tree(tmp_path / "link"):
        pass


def test_a_large_file_is_refused_and_not_read(tree: Path) -> None:
    with (tree / "huge").open("wb") as file:
        file.truncate(2**40)
    (tree / "fits").write_bytes(b"12345")
    with open_tree(tree) as opened:
        assert opened.read("fits", 5) == b"12345"
        with pytest.raises(OSError, match="larger than 5 bytes"):
            opened.read("huge", 5)


def test_files_below_are_found_without_following(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.tex").write_text("all of it")
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/one").write_text("1")
    (tree / "two").write_text("2")
    (tree / "out").symlink_to(tmp_path / "precious")
    with open_tree(tree) as opened:
        assert sorted(name for name, _ in opened.files(100)) == ["a/b/one", "two"]
        with pytest.raises(OSError, match="too many"):
            list(opened.files(3))


def test_removing_is_by_name_and_never_through_a_link(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tree / "link").symlink_to(tmp_path / "precious")
    (tree / "out").symlink_to(tmp_path)
    with open_tree(tree) as opened:
        opened.remove("link")
        opened.remove("never there")
        with pytest.raises(OSError, match="directory"):
            opened.remove("out/precious")
    assert (tmp_path / "precious").read_text() == "mine"


def test_writing_replaces_a_link_and_follows_none(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tree / "file").symlink_to(tmp_path / "precious")
    (tree / "out").symlink_to(tmp_path)
    with open_tree(tree) as opened:
        opened.write("file", "new", 0o600)
        with pytest.raises(OSError, match="directory"):
            opened.write("out/precious", "theirs", 0o600)
        opened.make("below")
        with opened.below("below") as below:
            below.write("deep", b"x", 0o600)
            assert below.names(10) == ("deep",)
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tree / "file").read_text() == "new"


def test_a_deep_tree_is_refused(tree: Path) -> None:
    deep = tree
    for _ in range(80):
        deep = deep / "d"
        deep.mkdir()
    with open_tree(tree) as opened, pytest.raises(OSError, match="deeper"):
        list(opened.files(1000))


def test_a_tree_is_emptied_without_following(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.tex").write_text("all of it")
    (tree / "a/b/c").mkdir(parents=True)
    (tree / "a/b/out").symlink_to(tmp_path / "precious")
    (tree / "a/d").write_text("")
    (tree / "out").symlink_to(tmp_path / "precious")
    with open_tree(tree) as opened:
        opened.clear()
    assert list(tree.iterdir()) == []
    assert (tmp_path / "precious/thesis.tex").exists()


def test_what_is_open_stays_what_it_was(tree: Path, tmp_path: Path) -> None:
    """An exchange of the directory's name changes nothing for who holds it open."""
    (tree / "file").write_text("first")
    with open_tree(tree) as opened:
        tree.rename(tmp_path / "elsewhere")
        tree.symlink_to("/etc")
        assert opened.read("file", 10) == b"first"
        assert isinstance(opened, Tree)


def test_a_tree_of_any_depth_is_removed(tree: Path, tmp_path: Path) -> None:
    """A job may leave a tree in which a recursion ends, directories that are read-only, and links."""
    (tmp_path / "precious").write_text("mine")
    (tree / "link").symlink_to(tmp_path)
    (tree / "shut").mkdir()
    (tree / "shut/file").write_text("")
    (tree / "shut").chmod(0o500)
    here = os.open(tree, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_tree(tree)
    assert [each.name for each in tmp_path.iterdir()] == ["precious"]
    remove_tree(tree)
