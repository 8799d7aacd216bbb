"""Transfers against a server that answers as it is told."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from hepsub.plan.location import ObjectPlace
from hepsub.storage.download import Downloader
from tests.fakes.hostile import Hostile, http
from tests.unit.storage.conftest import BODY, Fetch, Script


def test_a_whole_object(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """One request, for this version; the file has the object's time, and no .part is left."""
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert (tmp_path / "r").stat().st_mtime == 1_700_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    assert (script.ranges, script.matches) == ([""], ['"an-etag"'])


def test_a_cut_goes_on_where_it_was(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """Short bodies and 503 in between: each request asks for the rest only."""
    script.answers = [-1000, 503, 503, -300_000]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert script.ranges == ["", "bytes=1000-", "bytes=1000-", "bytes=1000-", "bytes=301000-"]


def test_what_came_in_between_makes_up_for_failures(fetch: Fetch, script: Script) -> None:
    script.answers = [*[503] * 5, -1000, *[503] * 4, -1000, *[503] * 4]
    assert fetch().trouble == ""


def test_an_earlier_part_is_taken_up_if_a_checksum_will_tell(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """With MD5 the rest is asked for, without everything."""
    (tmp_path / "r.part").write_bytes(BODY[:5000])
    assert fetch().trouble == ""
    (tmp_path / "s.part").write_bytes(BODY[:5000])
    assert fetch(md5="", name="s").trouble == ""
    assert script.ranges == ["bytes=5000-", ""]
    assert (tmp_path / "r").read_bytes() == (tmp_path / "s").read_bytes() == BODY


@pytest.mark.parametrize("part", [b"x" * 5000, b"x" * len(BODY), BODY + b"more"])
def test_a_part_of_something_else_is_thrown_away(fetch: Fetch, tmp_path: Path, part: bytes) -> None:
    """The checksum of the whole does not fit: everything is fetched anew."""
    (tmp_path / "r.part").write_bytes(part)
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY


def test_a_part_is_fetched_anew_where_the_file_system_tells_no_holes(
    fetch: Fetch, tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some that are served by a program of a user do not know SEEK_HOLE."""
    (tmp_path / "r.part").write_bytes(b"x" * 5000)

    def unknown(*_: int) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    with monkeypatch.context() as patch:
        patch.setattr(os, "lseek", unknown)
        assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert script.ranges == [""]


def test_wrong_contents_never_get_the_name(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """A flipped byte, three times: said, and no file; once: mended."""
    script.answers = [0, 0, 0]
    assert "not those of the object" in fetch().trouble
    assert not (tmp_path / "r").exists()
    script.answers = [0]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY


@pytest.mark.parametrize(
    ("answers", "words", "requests"),
    [
        ([404], "not there any more", 1),
        ([412], "replaced while it was fetched", 1),
        ([403, 403], "refuses it (403)", 2),
        ([301], "answers 301", 1),
        ([503] * 9, "answers 503, 6 times in a row", 6),
        ([-1000, *[503] * 9], "answers 503, 6 times in a row", 6),
    ],
)
def test_what_is_final(
    fetch: Fetch, tmp_path: Path, script: Script, answers: list[int], words: str, requests: int
) -> None:
    """Said in words, after so many requests."""
    script.answers = answers
    assert words in fetch().trouble
    assert len(script.ranges) == requests
    assert not (tmp_path / "r").exists()


def test_new_keys_are_asked_for_once(fetch: Fetch, script: Script, renewed: list[bool]) -> None:
    """A 403 is answered with new keys, as of a session that has just ended."""
    script.answers = [403]
    assert fetch().trouble == ""
    assert renewed == [False, True]


def test_an_object_that_grew_is_not_half_taken(fetch: Fetch, tmp_path: Path) -> None:
    """Larger than it was listed: said, not cut off."""
    assert "larger than it was" in fetch(md5="", size=1000).trouble
    assert not (tmp_path / "r").exists()


def test_an_empty_object_is_an_empty_file(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """Nothing has to be asked for."""
    assert fetch(md5=hashlib.md5(b"").hexdigest(), size=0).trouble == ""
    assert (tmp_path / "r").read_bytes() == b""
    assert script.ranges == []


def test_the_etag_of_an_object_encrypted_by_the_store_is_no_md5(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """Though it looks like one; an MD5 from elsewhere still holds."""
    script.head = {"x-amz-server-side-encryption": "aws:kms"}
    assert fetch(md5="an-etag").trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert "not those of the object" in fetch(md5="0" * 32, name="s").trouble


BUSY = http(b"", status="503 Busy")


@pytest.mark.parametrize(
    ("answers", "content"),
    [
        ([http(b"report")], b"report"),
        ([BUSY, BUSY, http(b"report")], b"report"),
        ([BUSY, BUSY, BUSY], None),
        ([http(b"cut off")[:-1]] * 3, None),
        ([http(b"12345678")], b"12345678"),
        ([http(b"123456789")] * 3, None),
        ([b"HTTP/1.1 200 OK\r\n\r\nreport"] * 3, None),
        ([http(b"", status="404 No")] * 3, None),
    ],
)
def test_a_small_object_is_read_whole_or_left_out(
    answers: list[bytes], content: bytes | None, hostile: Hostile
) -> None:
    """It is asked for three times, and no more than eight bytes of it are believed."""
    left = list(answers)
    hostile.answer = lambda _: (left.pop(0),)
    place = ObjectPlace(storage="herd", bucket="b", key="k")
    found = Downloader(stores=lambda *_: hostile.store()).read([place], 8)
    assert found == ({} if content is None else {place: content})
    assert not left
