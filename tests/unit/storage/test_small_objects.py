"""Small objects in turn: what is usual comes by one request, and what is not by a download of its own."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.plan.location import ObjectPlace
from hepsub.storage import connect, small_objects
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader
from hepsub.storage.workers import AT_ONCE
from tests.fakes.hostile import Hostile
from tests.unit.storage.conftest import BODY, MD5, Script
from tests.unit.storage.test_ranges import SIZE, bring


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Download]:
    """Give forty downloads that come in turn."""
    monkeypatch.setattr(small_objects, "_LARGEST", SIZE)
    return [
        Download(
            place=ObjectPlace(storage="herd", bucket="out", key=f"d/{number}"),
            size=SIZE,
            etag="an-etag",
            md5=MD5,
            modified=0,
            destination=Destination(
                root=tmp_path, parts=("7", f"r{number}"), part=f"r{number}.part"
            ),
        )
        for number in range(40)
    ]


def test_small_ones_come_in_turn(
    many: list[Download], endpoint: str, tmp_path: Path, script: Script
) -> None:
    """One request for each; those that are unusual get a download of their own."""
    script.answers = [200, 503, 200, 200, 0, 200, -100]
    troubles, told = bring(many, endpoint)
    assert troubles == [""] * 40
    assert {id(each.download) for each in told} == {id(each) for each in many}
    assert all((tmp_path / f"7/r{number}").read_bytes() == BODY for number in range(40))
    assert not list(tmp_path.rglob("*.part"))
    assert script.ranges.count("") == 43


def test_a_small_one_that_cannot_come_is_told_alone(
    many: list[Download], endpoint: str, tmp_path: Path
) -> None:
    """A directory of its name is in the way of one; the others are here."""
    (tmp_path / "7/r3").mkdir(parents=True)
    troubles, _ = bring(many, endpoint)
    assert [n for n, text in enumerate(troubles) if text] == [3]
    assert "cannot be written" in troubles[3]


def test_a_store_that_is_away_does_not_hold_everything_up(many: list[Download]) -> None:
    """Each is told, by tasks at once."""
    troubles, _ = bring(many, "http://127.0.0.1:9")
    assert all("does not answer (ConnectionRefusedError), 6 times" in text for text in troubles)


def test_a_store_in_trouble_is_left_in_peace(
    many: list[Download], endpoint: str, script: Script
) -> None:
    """After a row of refusals the rest comes by tasks, which wait in between."""
    script.answers = [503] * 2 * AT_ONCE
    troubles, _ = bring(many, endpoint)
    assert troubles == [""] * 40
    assert not script.answers


def test_other_contents_are_never_kept(many: list[Download], endpoint: str, tmp_path: Path) -> None:
    """Those without the checksum, the size or the ETag that was told."""
    odd = [
        replace(many[0], md5="0" * 32),
        replace(many[1], size=SIZE - 1, md5=""),
        many[2],
    ]
    troubles, _ = bring(odd, endpoint)
    assert "not those of the object" in troubles[0]
    assert "larger than it was" in troubles[1]
    assert troubles[2] == ""
    assert not (tmp_path / "7/r0").exists()
    assert not (tmp_path / "7/r1").exists()


# ---- servers that answer byte by byte ---------------------------------------------------------

SMALL = b"abc"
RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n%s\r\n" + SMALL
CLOSES = RIGHT % b"Connection: close\r\n"


Bring = Callable[..., list[str]]


@pytest.fixture
def from_hostile(hostile: Hostile, tmp_path: Path) -> Bring:
    """Give a function that fetches objects of three bytes from the server."""

    def one(number: int = 1, etag: str = "", renewed: list[bool] | None = None) -> list[str]:
        store = hostile.store()

        def stores(_: str, renew: bool) -> object:
            if renewed is not None:
                renewed.append(renew)
            return store

        downloads = [
            Download(
                place=ObjectPlace(storage="herd", bucket="b", key=str(each)),
                size=len(SMALL),
                etag=etag,
                md5="" if etag else hashlib.md5(SMALL).hexdigest(),
                modified=0,
                destination=Destination(root=tmp_path, parts=(f"r{each}",), part=f"r{each}.part"),
            )
            for each in range(number)
        ]
        downloader = Downloader(stores=stores, pause=lambda _: None)  # type: ignore[arg-type]
        return [each.trouble for each in downloader.fetch(downloads, lambda _: None)]

    return one


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        b"HTTP/1.1 206 Part\r\nContent-Length: 3\r\n\r\nabd",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"\0" * 100_000,
    ],
)
def test_an_answer_that_is_odd_once_is_made_up_for(
    odd: bytes, hostile: Hostile, from_hostile: Bring, tmp_path: Path
) -> None:
    """By another request, and the file is right."""
    answers = [odd]
    hostile.answer = lambda _: (answers.pop() if answers else CLOSES,)
    assert from_hostile() == [""]
    assert (tmp_path / "r0").read_bytes() == SMALL
    assert len(hostile.asked) == 2


def test_what_follows_an_answer_is_not_taken_for_the_next_one(
    hostile: Hostile, from_hostile: Bring, tmp_path: Path
) -> None:
    """A connection over which more came than was asked for is not used again."""
    hostile.answer = lambda _: (RIGHT % b"" + RIGHT % b"X: not asked for\r\n",)
    assert from_hostile(40) == [""] * 40
    assert len(hostile.asked) == 40


def test_connections_are_closed_in_the_middle_and_opened_again(
    hostile: Hostile, from_hostile: Bring
) -> None:
    """The server says that it keeps each one, and does not: what was asked over it is asked for again."""
    hostile.answer = lambda _: (RIGHT % b"",)
    assert from_hostile(40) == [""] * 40


def test_another_version_is_refused_by_its_etag(hostile: Hostile, from_hostile: Bring) -> None:
    """Where there is no checksum; a server that does not tell any is believed."""
    hostile.answer = lambda _: (RIGHT % b'ETag: "new"\r\n',)
    assert from_hostile(etag="old-1") == ["it was replaced while it was fetched; run this again"]
    hostile.answer = lambda _: (CLOSES,)
    assert from_hostile(etag="old-1") == [""]
    assert {head["if-match"] for head in hostile.heads} == {'"old-1"'}


def test_keys_that_are_refused_are_renewed(hostile: Hostile, from_hostile: Bring) -> None:
    """By the downloads that those get which were refused."""
    renewed: list[bool] = []
    hostile.answer = lambda _: (
        CLOSES if True in renewed else b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    )
    assert from_hostile(3, renewed=renewed) == [""] * 3
    assert True in renewed


def test_a_store_that_hangs_costs_one_wait(
    hostile: Hostile, from_hostile: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those under way nor the rest of the objects wait for it in turn."""
    monkeypatch.setattr(connect, "_READ_S", 0.5)
    over = threading.Event()
    numbers = itertools.count()

    def answer(_: str) -> tuple[bytes]:
        if next(numbers) < AT_ONCE:
            over.wait(20)
        return (CLOSES,)

    hostile.answer = answer
    begun = time.monotonic()
    assert from_hostile(40) == [""] * 40
    assert time.monotonic() - begun < AT_ONCE * 0.5
    over.set()
    assert len(hostile.asked) == AT_ONCE + 40
