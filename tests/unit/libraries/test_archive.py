"""Archives: the same bytes for the same content, readable by any tar."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from hepsub.errors import LibraryUnusable
from hepsub.libraries.archive import Packed, Tree, write_archive
from hepsub.libraries.tree import scan

LONG = "n" * 130


def furnish(directory: Path) -> Path:
    """A directory `setup` with all that there may be in one."""
    setup = directory / "setup"
    (setup / "lib").mkdir(parents=True)
    (setup / "empty").mkdir()
    (setup / "lib/libA.so.1").write_bytes(b"\x7fELF" * 1000)
    (setup / "lib/libA.so").symlink_to("libA.so.1")
    (setup / "run").write_text("#!/bin/sh\n")
    (setup / "run").chmod(0o700)
    (setup / LONG).write_text("long")
    (setup / "é ü").write_text("letters")
    (setup / os.fsdecode(b"\xff")).write_text("no letters")
    return setup


def tree_of(directory: Path, name: str = "setup") -> Tree:
    """What is in it."""
    return scan(name, directory, 100)


def archive_of(tree: Tree) -> bytes:
    """The archive."""
    file = io.BytesIO()
    packed = write_archive(tree, file)
    assert packed == Packed(
        sha256=hashlib.sha256(file.getvalue()).hexdigest(),
        md5=hashlib.md5(file.getvalue()).hexdigest(),
        size=len(file.getvalue()),
    )
    return file.getvalue()


def test_the_same_content_is_the_same_archive(tmp_path: Path) -> None:
    """Whoever made it, when, in which order and under which umask."""
    first, second = tmp_path / "a", tmp_path / "b"
    furnish(first)
    again = furnish(second)
    for path in (*again.rglob("*"), again):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (1e9, 1e9))
    (again / "é ü").unlink()
    (again / "é ü").write_text("letters")
    assert archive_of(tree_of(first)) == archive_of(tree_of(second))
    assert write_archive(tree_of(first), None) == write_archive(tree_of(second), None)


@pytest.mark.parametrize("change", ["content", "mode", "name", "link", "directory"])
def test_a_change_is_another_archive(tmp_path: Path, change: str) -> None:
    """Of a byte, of what may be started, of a name."""
    setup = furnish(tmp_path)
    before = tree_of(tmp_path)
    packed = write_archive(before, None)
    if change == "content":
        (setup / "run").write_text("#!/bin/ls\n")
    elif change == "mode":
        (setup / "run").chmod(0o644)
    elif change == "name":
        (setup / "run").rename(setup / "ran")
    elif change == "link":
        (setup / "lib/libA.so").unlink()
        (setup / "lib/libA.so").symlink_to("../run")
    else:
        (setup / "empty").rmdir()
    after = tree_of(tmp_path)
    assert after.fingerprint() != before.fingerprint()
    assert write_archive(after, None) != packed


@pytest.mark.parametrize("tar", [["tar"], ["busybox", "tar"]])
def test_any_tar_unpacks_it(tmp_path: Path, tar: list[str]) -> None:
    """Names that are long, or no text; links; what may be started."""
    setup = furnish(tmp_path)
    goal = tmp_path / "goal"
    goal.mkdir()
    (tmp_path / "a.tar.gz").write_bytes(archive_of(tree_of(tmp_path)))
    subprocess.run([*tar, "-xzof", tmp_path / "a.tar.gz", "-C", goal], check=True)
    assert {path.relative_to(goal / "setup") for path in goal.rglob("*/*")} == {
        path.relative_to(setup) for path in setup.rglob("*")
    }
    for path in setup.rglob("*"):
        there = goal / "setup" / path.relative_to(setup)
        assert there.is_symlink() == path.is_symlink()
        if path.is_file():
            assert there.read_bytes() == path.read_bytes()
    assert os.access(goal / "setup/run", os.X_OK)
    assert (goal / "setup/lib/libA.so").readlink() == Path("libA.so.1")


def test_a_file_alone(tmp_path: Path) -> None:
    """Under its own name, also where it is a link."""
    (tmp_path / "libA.so.1").write_text("elf")
    (tmp_path / "libA.so").symlink_to("libA.so.1")
    with tarfile.open(fileobj=io.BytesIO(archive_of(tree_of(tmp_path, "libA.so")))) as tar:
        [member] = tar.getmembers()
    assert (member.name, member.isreg(), member.size) == ("libA.so", True, 3)


def test_nobody_can_tell_who_packed_it_and_when(tmp_path: Path) -> None:
    """No owner, no time."""
    furnish(tmp_path)
    packed = archive_of(tree_of(tmp_path))
    assert packed[4:8] == bytes(4), "gzip's own time"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        members = tar.getmembers()
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
        (0, 0, "", "", 315532800)
    }


@pytest.mark.parametrize("how", ["longer", "shorter", "same size", "gone", "another"])
def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path, how: str) -> None:
    """No archive that is neither the old nor the new one."""
    setup = furnish(tmp_path)
    tree = tree_of(tmp_path)
    path = setup / "run"
    if how == "gone":
        path.unlink()
    elif how == "another":
        path.rename(setup / "old")
        path.write_text("#!/bin/sh\n")
    else:
        path.write_text(
            {"longer": "#!/bin/sh -e\n", "shorter": "#", "same size": "#!/bin/ls\n"}[how]
        )
    with pytest.raises(LibraryUnusable, match="setup/run"):
        write_archive(tree, io.BytesIO())


def elf(machine: int, *, big: bool = False) -> bytes:
    """The beginning of a shared library."""
    head = b"\x7fELF" + bytes([2, 2 if big else 1]) + b"\1" + bytes(9)
    return head + b"".join(n.to_bytes(2, "big" if big else "little") for n in (3, machine))


def test_architectures_are_found_while_it_is_packed(tmp_path: Path) -> None:
    """Each once, with the first file of it; scripts, data and what is cut off are for none."""
    setup = tmp_path / "setup"
    (setup / "lib").mkdir(parents=True)
    for name, content in {
        "lib/libA.so": elf(183) + b"more",
        "lib/libB.so": elf(62),
        "lib/libC.so": elf(183),
        "lib/libD.so": elf(21, big=True),
        "data": b"x",
        "cut": elf(62)[:19],
        "other": elf(3),
        "run": b"#!/bin/sh\n",
    }.items():
        (setup / name).write_bytes(content)
    file = io.BytesIO()
    packed = write_archive(tree_of(tmp_path), file)
    assert packed.machines == {
        "aarch64": "setup/lib/libA.so",
        "X86_64": "setup/lib/libB.so",
        "ppc64le": "setup/lib/libD.so",
    }
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as tar:
        member = tar.extractfile("setup/lib/libA.so")
        assert member is not None
        assert member.read() == elf(183) + b"more"
