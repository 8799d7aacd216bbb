"""What is in a directory that shall travel: links, what is left out, and what cannot be packed."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from hepsub.errors import LibraryUnusable
from hepsub.libraries.archive import Kind, Tree
from hepsub.libraries.tree import scan
from tests.fakes.user import ordinary_user


def found(directory: Path, said: str = "setup") -> dict[str, str]:
    """The members by name: `/` for a directory, `-> TARGET` for a link, else what a file holds."""
    return described(scan(said, directory, 1))


def described(tree: Tree) -> dict[str, str]:
    """The same of a tree."""
    return {
        member.name: {Kind.DIRECTORY: "/", Kind.LINK: f"-> {member.target}"}.get(member.kind)
        or Path(member.path).read_text()
        for member in tree.members
    }


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """A directory with one file."""
    (tmp_path / "setup/lib").mkdir(parents=True)
    (tmp_path / "setup/lib/a").write_text("a")
    return tmp_path / "setup"


@pytest.mark.parametrize("said", ["setup", "setup/", "./setup", "setup/lib/..", "{}/setup"])
def test_the_last_name_is_the_name(tmp_path: Path, setup: Path, said: str) -> None:
    """However the path is written."""
    assert found(tmp_path, said.format(tmp_path)) == {
        "setup": "/",
        "setup/lib": "/",
        "setup/lib/a": "a",
    }
    assert setup.is_dir()


def test_the_current_directory_has_a_name_too(setup: Path) -> None:
    """`-lib .`."""
    assert next(iter(found(setup, "."))) == "setup"


def test_a_link_to_a_directory_is_what_it_leads_to(tmp_path: Path, setup: Path) -> None:
    """Under the name that was given: `current` for a version."""
    (tmp_path / "current").symlink_to("setup")
    (setup / "inner").symlink_to(setup / "lib")
    assert found(tmp_path, "current") == {
        "current": "/", "current/inner": "-> lib", "current/lib": "/", "current/lib/a": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("place", "target", "kept"),
    [
        ("x", "lib/a", "lib/a"),
        ("lib/x", "a", "a"),
        ("lib/x", "../lib/a", "a"),
        ("lib/x", "{}/lib/a", "a"),
        ("x", "{}", "."),
        ("lib/x", "../../setup/lib", "."),
    ],
)
def test_links_inside_stay_links(
    tmp_path: Path, setup: Path, place: str, target: str, kept: str
) -> None:
    """Relative ones: an absolute path, or one by way of the outside, would lead nowhere in the job."""
    (setup / place).symlink_to(target.format(setup))
    assert found(tmp_path)[f"setup/{place}"] == f"-> {kept}"


def test_links_that_lead_out_are_followed(tmp_path: Path, setup: Path) -> None:
    """A file, a whole directory; and links in there that lead back in stay links."""
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "b").write_text("b")
    (outside / "deep/back").symlink_to(setup / "lib/a")
    (setup / "file").symlink_to(outside / "b")
    (setup / "all").symlink_to("../outside")
    members = found(tmp_path)
    assert members["setup/file"] == "b"
    assert members["setup/all/b"] == "b"
    assert members["setup/all/deep/back"] == "-> ../../lib/a"


def test_what_others_keep_for_themselves_is_left_out(tmp_path: Path, setup: Path) -> None:
    """But not what a link needs of it."""
    for name in (".git", ".svn", ".hg", "lib/__pycache__"):
        (setup / name).mkdir()
        (setup / name / "x").write_text("x")
    (setup / ".nfs000000000123").write_text("")
    (setup / ".gitignore").write_text("kept")
    (setup / "hook").symlink_to(".git/x")
    assert sorted(found(tmp_path)) == [
        "setup",
        "setup/.gitignore",
        "setup/hook",
        "setup/lib",
        "setup/lib/a",
    ]
    assert found(tmp_path)["setup/hook"] == "x"


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    """Path.is_symlink raises where a name is too long, or lies where the user may not look."""
    with pytest.raises(LibraryUnusable, match="x does not exist"):
        scan("x" * 300, tmp_path, 1)


def test_all_that_cannot_be_packed_is_told_at_once(tmp_path: Path, setup: Path) -> None:
    """With the reason for each."""
    os.mkfifo(setup / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        old = Path.cwd()
        os.chdir(setup)
        try:
            sock.bind("socket")
        finally:
            os.chdir(old)
        (setup / "gone").symlink_to("nowhere")
        (setup / "circle").symlink_to("circle")
        (setup / "up").symlink_to(tmp_path)
        with pytest.raises(LibraryUnusable) as refused:
            found(tmp_path)
    message = refused.value.message
    for part in (
        "setup/pipe is neither a file nor a directory",
        "setup/socket is neither",
        "setup/gone is a link that leads nowhere (nowhere)",
        "setup/circle is a link that leads nowhere",
        "leads in a circle",
    ):
        assert part in message


def test_many_troubles_are_counted(tmp_path: Path, setup: Path) -> None:
    """Ten are named."""
    for number in range(25):
        os.mkfifo(setup / f"pipe{number:02}")
    with pytest.raises(LibraryUnusable, match="and 15 more"):
        found(tmp_path)


def test_what_may_not_be_read_is_told() -> None:
    """A file, and a directory; pytest's own directories are nobody else's to enter."""
    with tempfile.TemporaryDirectory() as name:
        setup = Path(name) / "setup"
        setup.mkdir()
        setup.parent.chmod(0o755)
        (setup / "secret").touch(mode=0)
        (setup / "locked").mkdir(mode=0)
        with ordinary_user(), pytest.raises(LibraryUnusable) as refused:
            found(setup.parent)
        (setup / "locked").rmdir()
    assert "setup/secret: Permission denied" in refused.value.message
    assert "setup/locked: Permission denied" in refused.value.message


def test_too_much_is_refused_early(tmp_path: Path, setup: Path) -> None:
    """A link to a file system does not keep hep_sub busy for a day."""
    with (setup / "large").open("w") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(LibraryUnusable, match=r"larger than 1\.0 MB"):
        found(tmp_path)


@pytest.mark.parametrize("said", ["", "nothing", "/", "broken", "a:b", "/dev/null"])
def test_what_is_no_library(tmp_path: Path, said: str) -> None:
    """Missing, the root, a broken link, a name that no search path can hold, a device."""
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "a:b").mkdir()
    with pytest.raises(LibraryUnusable):
        found(tmp_path, said)
