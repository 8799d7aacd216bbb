"""Directories in which others may write: nothing is followed, nothing is let out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsub.tree import Tree, open_tree, remove_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir(mode=0o700)
    return root


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


def test_a_file_that_gets_another_name_meanwhile_hides_none(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a job does that writes its file whole."""
    for name in ("1", "2.new", "3"):
        (tree / name).write_text("x")
    look = os.stat

    def late(name: str, **options: int) -> os.stat_result:
        if name == "2.new":
            (tree / name).unlink(missing_ok=True)
        return look(name, **options)  # type: ignore[arg-type]

    with open_tree(tree) as opened:
        monkeypatch.setattr("os.stat", late)
        assert sorted(name for name, _ in opened.entries(100)) == ["1", "3"]


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
