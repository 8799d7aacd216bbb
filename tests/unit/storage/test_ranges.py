"""Large objects in pieces."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hepsub.plan.location import ObjectPlace
from hepsub.storage import ranges as pieces
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader, DownloadResult, Progress
from hepsub.storage.ranges import ByteRange, Ranges
from tests.fakes.hostile import store_at
from tests.unit.storage.conftest import BODY, MD5, Fetch, Script

SIZE = len(BODY)
STEP = 2**16
BEGINS = range(0, SIZE, STEP)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the object come in eight pieces."""
    monkeypatch.setattr(pieces, "RANGE", STEP)


def asked(begin: int) -> str:
    """The range of the piece that begins there."""
    return f"bytes={begin}-{begin + STEP - 1 if begin + STEP < SIZE else ''}"


def test_every_piece_is_asked_for_once(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """And the file is the object."""
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert sorted(script.ranges) == sorted(map(asked, BEGINS))


def test_cuts_in_pieces_are_mended(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """Short bodies, 503 and keys that end: each piece goes on where it was."""
    script.answers = [-1000, 503, -2000, 403, 200]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert len(script.ranges) == len(BEGINS) + 4


def test_a_flipped_byte_costs_everything_once(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """Nobody knows which piece it was in."""
    script.answers = [0]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert len(script.ranges) == 2 * len(BEGINS)


def test_a_server_without_ranges_gives_the_whole(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """In one answer, once that is known."""
    script.ranged = False
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert script.ranges[-1] == ""


def test_one_piece_that_fails_fails_the_object(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """With the words of that piece; what came without a gap stays for the next time."""
    script.answers = [200, 200, 404]
    assert "not there any more" in fetch().trouble
    part = (tmp_path / "r.part").read_bytes()
    assert part == BODY[: len(part)]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY


def test_a_killed_command_leaves_gaps_that_are_not_believed(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """What lies before the first one is, roughly."""
    with (tmp_path / "r.part").open("wb") as file:
        file.write(BODY[:STEP])
        file.seek(4 * STEP)
        file.write(BODY[4 * STEP : 5 * STEP])
    if os.lseek(os.open(tmp_path / "r.part", os.O_RDONLY), 0, os.SEEK_HOLE) > STEP:
        pytest.skip("this file system knows no holes")
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert len(script.ranges) == len(BEGINS)  # and not everything twice


def test_ctrl_c_leaves_no_gaps(
    endpoint: str, tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came behind a piece that is not complete is cut off, and the rest is enough the next time."""
    monkeypatch.setattr(pieces, "_AHEAD", 9)
    script.answers = [-1000]  # the first piece that is asked for
    store = store_at(endpoint)
    whole = Download(
        place=ObjectPlace(storage="herd", bucket="out", key="d/r"),
        size=SIZE,
        etag="an-etag",
        md5=MD5,
        modified=0,
        destination=Destination(root=tmp_path, parts=("r",), part="r.part"),
    )
    blocked, released = threading.Event(), threading.Event()

    def pause(_: float) -> None:
        blocked.set()
        released.wait(10)

    def watch(meter: Progress) -> None:
        if blocked.is_set() and meter.moved >= SIZE - STEP:
            threading.Timer(0.2, released.set).start()
            raise KeyboardInterrupt

    downloader = Downloader(stores=lambda *_: store, pause=pause)
    with pytest.raises(KeyboardInterrupt):
        downloader.fetch([whole], watch)
    part = (tmp_path / "r.part").read_bytes()
    assert len(part) < SIZE
    assert part == BODY[: len(part)]
    script.ranges.clear()
    assert bring([whole], endpoint)[0] == [""]
    assert (tmp_path / "r").read_bytes() == BODY
    assert len(script.ranges) == -(-(SIZE - len(part)) // STEP)


def test_no_piece_runs_far_ahead() -> None:
    """One that does not come holds the others up, so that little is lost by a ^C."""
    begun: list[int] = []
    goal = Ranges.of(SIZE, 0, 2)
    enough = threading.Event()

    def one(_: int, piece: ByteRange) -> None:
        begun.append(piece.begin)
        if piece.begin == 0:
            enough.wait(10)
        piece.came = piece.end

    descriptor = os.memfd_create("goal")
    goal.bring(descriptor, one)
    try:
        while len(begun) < 4:
            enough.wait(0.01)
        assert not enough.wait(0.1)
        assert sorted(begun) == [0, STEP, 2 * STEP, 3 * STEP]
        enough.set()
        done = 0
        while done < SIZE:
            done = goal.wait_for(done)
        assert goal.brought == SIZE
    finally:
        enough.set()
        goal.end(descriptor, leave=False)
        os.close(descriptor)


def bring(downloads: list[Download], endpoint: str) -> tuple[list[str], list[DownloadResult]]:
    """Fetch them; the troubles in their order, and what was told meanwhile."""
    store = store_at(endpoint)
    told: list[DownloadResult] = []
    downloader = Downloader(stores=lambda *_: store, pause=lambda _: None)
    arrivals = downloader.fetch(downloads, lambda _: None, told.append)
    return [each.trouble for each in arrivals], told
