"""Where fetched files land, when two commands bring the same file."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from hepsub.storage.destination import Destination, obstacle_text, safe_parts


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("r", ("r",)),
        ("13/0/r s", ("13", "0", "r s")),
        (".hidden/..x", (".hidden", "..x")),
        ("...", ("...",)),
        ("x" * 250, ("x" * 250,)),
        ("\xe9" * 125, ("\xe9" * 125,)),
        *((name, None) for name in
         ("", "/r", "a//b", "a/", ".", "..", "../a", "a/../b", "a/..", "a/./b", "a\n", "\x1b", "a\0",
          "a\x7f", "a\u202eb", "a\u0085", "\udcff")),
        ("x" * 251, None),
        ("x" * 251 + "/r", None),
        ("\xe9" * 126, None),
    ],
)  # fmt: skip
def test_names_that_lead_anywhere_else_are_none(name: str, parts: tuple[str, ...] | None) -> None:
    """Nor those that a terminal would obey, or that are too long to have .part behind them."""
    assert safe_parts(name) == parts


def test_what_is_there_is_looked_at_and_not_followed(tmp_path: Path, landing: Destination) -> None:
    """A link in the way is an obstacle; nothing is made to look."""
    assert landing.look() is None
    with pytest.raises(FileNotFoundError):
        landing.open()
    assert list(tmp_path.iterdir()) == []
    with landing.open_part() as part:
        os.pwrite(part.descriptor, b"content", 0)
        part.finish(1000)
    facts = landing.look()
    assert facts is not None
    assert (facts.st_size, facts.st_mtime) == (7, 1000)
    with os.fdopen(landing.open()) as file:
        assert file.read() == "content"
    landing.path.rename(tmp_path / "elsewhere")
    landing.path.symlink_to(tmp_path / "elsewhere")
    facts = landing.look()
    assert facts is not None
    assert stat.S_ISLNK(facts.st_mode)
    above = Destination(root=tmp_path, parts=("link", "r"), part="r.part")
    (tmp_path / "link").symlink_to(tmp_path / "13")
    below = Destination(root=tmp_path, parts=("elsewhere", "r"), part="r.part")
    for attempt in (landing.open, above.look, above.open, below.look):
        with pytest.raises(OSError, match=r"Not a directory|Too many") as caught:
            attempt()
        assert obstacle_text(caught.value) == (
            "a symbolic link, or a file where a directory should be, is in the way"
        )
    with pytest.raises(OSError, match="link"), above.open_part():
        pass
    assert obstacle_text(OSError(errno.EACCES, "Permission denied")) == "Permission denied"
    assert obstacle_text(OSError("odd")) == "odd"


def test_no_symbolic_link_below_the_root_is_followed(tmp_path: Path) -> None:
    """A directory, the .part and the file itself may be links: nothing outside is touched."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("precious")
    root = tmp_path / "root"
    root.mkdir()
    (root / "13").symlink_to(outside)

    def below(*parts: str) -> Destination:
        return Destination(root=root, parts=parts, part=f"{parts[-1]}.part")

    with pytest.raises(OSError, match=r"link|directory"), below("13", "new").open_part():
        pass
    (root / "r.part").symlink_to(outside / "victim")
    with pytest.raises(OSError, match="link"), below("r").open_part():
        pass
    (root / "s").symlink_to(outside / "victim")
    with below("s").open_part() as part:
        part.finish(0)
    assert not (root / "s").is_symlink()
    assert (outside / "victim").read_text() == "precious"
    assert [path.name for path in outside.iterdir()] == ["victim"]


def test_a_root_may_be_a_link_or_made(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for root in (tmp_path / "link", tmp_path / "new/new"):
        with Destination(root=root, parts=("d", "r"), part="r.part").open_part() as part:
            part.finish(0)
        assert (root / "d/r").is_file()


def test_a_root_that_another_thread_makes_meanwhile_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens, root = os.open, tmp_path / "root"

    def late(path: Path | str, *how: int, **more: int) -> int:
        if path == root and not root.exists():
            root.mkdir()
            raise FileNotFoundError
        return opens(path, *how, **more)

    monkeypatch.setattr("hepsub.storage.destination.os.open", late)
    with Destination(root=root, parts=("r",), part="r.part").open_part() as part:
        part.finish(0)
    assert (root / "r").is_file()


def test_an_incomplete_file_that_is_none_is_refused(landing: Destination) -> None:
    """A named pipe keeps nobody waiting."""
    landing.path.parent.mkdir(parents=True)
    os.mkfifo(landing.path.with_name("r.part"))
    with pytest.raises(OSError, match="it is no regular file"), landing.open_part():
        pass


@pytest.fixture
def landing(tmp_path: Path) -> Destination:
    """Give the place of 13/0/r."""
    return Destination(root=tmp_path, parts=("13", "0", "r"), part="r.part")


def test_two_commands_do_not_write_into_one_file(landing: Destination) -> None:
    """The second one is told; else its ^C would cut off the file that the first one has completed."""
    with landing.open_part() as part:
        os.pwrite(part.descriptor, b"content", 0)
        with pytest.raises(OSError, match="another hep_fetch") as caught, landing.open_part():
            pass
        assert caught.value.errno == errno.EBUSY
        part.finish(0)
    assert landing.path.read_bytes() == b"content"
    with landing.open_part() as again:
        assert again.size == 0


def test_what_was_completed_meanwhile_is_not_written_to(
    landing: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other command gives it its name between this one's opening and locking."""
    locked = fcntl.flock
    opened: list[int] = []

    def late(descriptor: int, how: int) -> None:
        if not opened:
            part = landing.path.with_name("r.part")
            part.write_bytes(b"complete")
            part.rename(landing.path)
        opened.append(descriptor)
        locked(descriptor, how)

    monkeypatch.setattr("hepsub.files.fcntl.flock", late)
    with landing.open_part() as part:
        os.pwrite(part.descriptor, b"x", 0)
    assert landing.path.read_bytes() == b"complete"
    assert landing.path.with_name("r.part").read_bytes() == b"x"
    assert len(opened) == 2


def test_a_file_system_without_locks_will_do(
    landing: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have none."""

    def none(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("hepsub.files.fcntl.flock", none)
    with landing.open_part() as part:
        part.finish(0)
    assert landing.path.exists()


def test_a_file_system_whose_inodes_have_another_number_each_time_will_do(
    landing: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried for ever."""
    monkeypatch.setattr("hepsub.storage.destination.os.path.samestat", lambda *_: False)
    with landing.open_part() as part:
        part.finish(0)
    assert landing.path.exists()
