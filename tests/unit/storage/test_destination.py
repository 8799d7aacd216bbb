"""Where fetched files land, when two commands bring the same file."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from hepsub.storage.destination import Destination


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

    monkeypatch.setattr("hepsub.storage.destination.fcntl.flock", late)
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

    monkeypatch.setattr("hepsub.storage.destination.fcntl.flock", none)
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
