"""The cache of archives: what was packed before is not packed again, and what nobody uses goes away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.errors import BundleUnusable
from hepsub.libraries import cache as module
from hepsub.libraries.archive import Tree, write_archive
from hepsub.libraries.cache import ArchiveCache
from hepsub.libraries.tree import scan
from tests.fakes.user import ordinary_user

WEEK = 7 * 86400


@pytest.fixture
def archives(tmp_path: Path) -> ArchiveCache:
    """A cache that is not there yet."""
    return ArchiveCache(directory=tmp_path / "bundles/.libraries", keeps=True)


def furnish(tmp_path: Path) -> Tree:
    """A tree."""
    (tmp_path / "setup").mkdir(exist_ok=True)
    (tmp_path / "setup/a").write_text("a")
    (tmp_path / "setup/a.so").write_bytes(b"\x7fELF\2\1" + bytes(12) + b"\xb7\0")
    return scan("setup", tmp_path, 100)


def later(tree: Tree) -> float:
    """A moment at which nobody can have changed the files any more without being seen."""
    return max(each.stamp[-1] for each in tree.members if each.stamp) / 1e9 + 10


def forbid_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing may be packed."""

    def never(*_: object) -> None:
        raise AssertionError("it was packed again")

    monkeypatch.setattr(module, "write_archive", never)


def test_what_is_known_is_not_even_read(
    tmp_path: Path, archives: ArchiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time; a change is packed anew."""
    tree = furnish(tmp_path)
    packed = archives.pack(tree, later(tree))
    assert packed.machines == {"aarch64": "setup/a.so"}
    assert archives.path(packed.sha256).stat().st_size == packed.size
    with monkeypatch.context() as patch:
        forbid_packing(patch)
        assert archives.pack(tree, later(tree)) == packed
        archives.ensure(tree, packed)
    (tmp_path / "setup/a").write_text("b")
    assert archives.pack(scan("setup", tmp_path, 100), later(tree)).sha256 != packed.sha256


def test_what_was_changed_just_now_is_packed_again(tmp_path: Path, archives: ArchiveCache) -> None:
    """A second change within the clock's step could not be seen; bundles keep the archive they have."""
    tree = furnish(tmp_path)
    now = later(tree) - 10
    packed = archives.pack(tree, now)
    inode = archives.path(packed.sha256).stat().st_ino
    assert list(archives.directory.glob("*.json")) == []
    assert archives.pack(tree, now) == packed
    assert archives.path(packed.sha256).stat().st_ino == inode
    assert [path.name for path in archives.directory.iterdir()] == [f"{packed.sha256}.tar.gz"]


def test_for_a_look_nothing_is_written(tmp_path: Path, archives: ArchiveCache) -> None:
    """A dry run gets the same answer."""
    tree = furnish(tmp_path)
    looking = replace(archives, keeps=False)
    packed = looking.pack(tree, later(tree))
    looking.ensure(tree, packed)
    assert not archives.directory.exists()
    assert archives.pack(tree, later(tree)) == packed


def test_an_archive_that_was_dropped_is_made_again(tmp_path: Path, archives: ArchiveCache) -> None:
    """When it is needed; it was in S3, and is there no more."""
    tree = furnish(tmp_path)
    packed = archives.pack(tree, later(tree))
    archives.drop(packed.sha256)
    assert archives.pack(tree, later(tree)) == packed
    assert not archives.path(packed.sha256).exists()
    archives.ensure(tree, packed)
    assert archives.path(packed.sha256).stat().st_size == packed.size


def test_an_archive_of_which_a_crash_left_only_the_name_is_made_again(
    tmp_path: Path, archives: ArchiveCache
) -> None:
    """When the machine went down, what was renamed last may be empty."""
    tree = furnish(tmp_path)
    packed = archives.pack(tree, later(tree))
    archives.path(packed.sha256).write_bytes(b"")
    archives.ensure(tree, packed)
    assert archives.path(packed.sha256).stat().st_size == packed.size


def test_a_note_that_is_wrong_does_no_harm(tmp_path: Path, archives: ArchiveCache) -> None:
    """Broken: packed again. Of something else: refused once, and right the next time."""
    tree = furnish(tmp_path)
    packed = archives.pack(tree, later(tree))
    [note] = archives.directory.glob("*.json")
    note.write_text("{")
    assert archives.pack(tree, later(tree)) == packed
    other = replace(packed, sha256="00" * 32)
    with pytest.raises(BundleUnusable, match="not what it was"):
        archives.ensure(tree, other)
    assert archives.pack(tree, later(tree)) == packed


def test_nobody_else_reads_it(tmp_path: Path, archives: ArchiveCache) -> None:
    """The directory is the user's own, whatever the umask."""
    old = os.umask(0)
    try:
        archives.pack(furnish(tmp_path), 0)
    finally:
        os.umask(old)
    assert archives.directory.stat().st_mode & 0o777 == 0o700
    [archive] = archives.directory.iterdir()
    assert archive.stat().st_mode & 0o777 == 0o600


def test_what_nobody_used_for_a_week_goes_away(tmp_path: Path, archives: ArchiveCache) -> None:
    """Unless a bundle has it, too; a file that a killed process left behind goes as well."""
    tree = furnish(tmp_path)
    now = later(tree)
    packed = archives.pack(tree, now)
    path = archives.path(packed.sha256)
    (archives.directory / ".torn").touch()
    for each in archives.directory.iterdir():
        os.utime(each, (now, now))
    os.link(path, tmp_path / "in-a-bundle")
    archives.prune(now + WEEK - 60)
    assert len(list(archives.directory.iterdir())) == 3
    archives.prune(now + WEEK + 60)
    assert list(archives.directory.iterdir()) == [path]
    (tmp_path / "in-a-bundle").unlink()
    archives.prune(now + WEEK + 60)
    assert list(archives.directory.iterdir()) == []


def test_pruning_what_is_not_there_is_no_error(archives: ArchiveCache) -> None:
    """Most users have none."""
    archives.prune(0)
    assert not archives.directory.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, archives: ArchiveCache) -> None:
    """With the directory and what to do, and nothing half done."""
    tree = furnish(tmp_path)
    tmp_path.chmod(0o755)
    archives.directory.mkdir(parents=True)
    archives.directory.chmod(0o555)
    with ordinary_user(), pytest.raises(BundleUnusable, match="cannot be written"):
        archives.pack(tree, 0)
    assert list(archives.directory.iterdir()) == []


def test_an_interrupted_packing_leaves_nothing(
    tmp_path: Path, archives: ArchiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle."""
    tree = furnish(tmp_path)

    def interrupted(*words: object) -> None:
        write_archive(*words)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_archive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        archives.pack(tree, 0)
    assert list(archives.directory.iterdir()) == []


@pytest.mark.parametrize(
    "said",
    [
        {"sha256": "../../../.bashrc"}, {"sha256": "a" * 64 + "\n"}, {"md5": ""}, {"size": -1}, {"size": 10**25},
        {"size": "1"}, {"sha256": None},
    ],
)  # fmt: skip
def test_a_note_that_makes_no_sense_is_none(
    tmp_path: Path, archives: ArchiveCache, said: dict[str, object]
) -> None:
    """The tree is packed again; no file outside the cache is taken for its archive."""
    tree = furnish(tmp_path)
    packed = archives.pack(tree, later(tree))
    (note,) = archives.directory.glob("*.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | said))
    assert archives.pack(tree, later(tree)) == packed


@pytest.mark.parametrize("text", ["", "[]", "{" * 10**5, '{"size": ' + "9" * 900 + "}", " " * 2000])
def test_a_note_that_cannot_be_read_is_none(
    tmp_path: Path, archives: ArchiveCache, text: str
) -> None:
    """Whatever a full disk left of it."""
    tree = furnish(tmp_path)
    packed = archives.pack(tree, later(tree))
    (note,) = archives.directory.glob("*.json")
    note.write_text(text)
    assert archives.pack(tree, later(tree)) == packed
