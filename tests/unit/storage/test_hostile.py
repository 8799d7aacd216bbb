"""A store that answers anything but what S3 answers: one designed error that names it, soon, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hepsub.documents import Malformed
from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.storage.bounds import LARGEST_OBJECT, moment_in
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader
from hepsub.storage.http import (
    AccessRefused,
    ConnectionPool,
    PermanentFailure,
    TemporaryFailure,
    check,
)
from hepsub.storage.listing import check_prefix, see_directories
from hepsub.storage.lookup import see_objects
from hepsub.storage.page import Page, error_code, read_page
from hepsub.storage.ranges import Ranges
from hepsub.storage.response import BROKEN
from hepsub.units import moment_text
from tests.fakes.hostile import Hostile, entry, hostile_server, listing

DEEP = b"<a>" * 200_000 + b"</a>" * 200_000


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait before a store is asked again."""
    monkeypatch.setattr("hepsub.storage.http._PAUSE_S", 0.0)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


# ---- pages ------------------------------------------------------------------------------------

PAGES = {
    "another codec of Python's": b'<?xml version="1.0" encoding="idna"?>' + listing(entry("d/k")),
    "a codec that is none": b'<?xml version="1.0" encoding="zip"?>' + listing(entry("d/k")),
    "UTF-16": b'<?xml version="1.0" encoding="utf-16"?>' + listing(entry("d/k")),
    "a time in the year 0": listing(entry("d/k", time="0000-01-01T00:00:00Z")),
    "a time before 1970": listing(entry("d/k", time="1601-01-01T00:00:00Z")),
    "year 1 in the east": listing(entry("d/k", time="0001-01-01T00:00:00+14:00")),
    "year 1 without a zone": listing(entry("d/k", time="0001-01-01T05:00:00")),
    "year 10000": listing(entry("d/k", time="10000-01-01T00:00:00Z")),
    "no time": listing(entry("d/k", time="\u0661" * 30)),
    "a long time": listing(entry("d/k", time="2" * 9000)),
    "a size below zero": listing(entry("d/k", size="-5")),
    "a size of 10**25": listing(entry("d/k", size="1" + "0" * 25)),
    "a size of 5,000 digits": listing(entry("d/k", size="9" * 5000)),
    "a size in other digits": listing(entry("d/k", size="\u0663")),
    "a size with a sign and a line": listing(entry("d/k", size="_1")),
    "a key of 10 kB": listing(entry("d/" + "k" * 10_000)),
    "an ETag with lines": listing(entry("d/k", etag="a\nHost: b")),
    "an ETag of 10 kB": listing(entry("d/k", etag="a" * 10_000)),
    "a type of its own": b'<!DOCTYPE x [<!ENTITY a "b">]>' + listing(entry("d/k")),
    "a billion laughs": b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + listing("&b;"),
    "a file of ours": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + listing("&a;"),
    "200,000 levels": listing(DEEP.decode()),
    "20 MB": listing(" " * 20_000_000),
    "a token of 10 kB": listing("", more="t" * 10_000),
    "zeros": b"\0" * 500,
}  # fmt: skip


@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES)
def test_what_no_store_can_say_is_no_page(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_page(body, "d/")


@pytest.mark.parametrize(
    "name", ["another codec of Python's", "a size of 10**25", "200,000 levels"]
)
def test_whoever_asks_for_objects_is_told_which_store_does_not_speak_s3(
    name: str, hostile: Hostile
) -> None:
    hostile.says(PAGES[name])
    store = hostile.store()
    places = [ObjectPlace(storage="herd", bucket="b", key=f"d/{n}") for n in range(60)]
    for ask in (
        lambda: see_objects(store, "b", [["d/k"]]),
        lambda: see_directories(store, "b", ["d/"]),
        lambda: store.list_below("b", "d/"),
        lambda: store.look_up(places),
        lambda: check_prefix(store, "b", "d"),
    ):
        with pytest.raises(
            StorageUnreachable, match=r"herd at http://127\.0\.0\.1:\d+ answers, but"
        ):
            ask()


def test_a_store_may_not_know_a_time() -> None:
    """Servers written in Go say the first moment that Go knows."""
    assert moment_in("0001-01-01T00:00:00Z") == 0.0
    assert moment_in("") == 0.0


def test_the_last_moment_that_is_believed_has_a_date_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = moment_in("9999-12-31T00:00:00Z")
    for zone in ("Pacific/Kiritimati", "Pacific/Niue", "UTC"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert moment_text(last, 0.0).startswith("9999-12-3")
    monkeypatch.undo()
    time.tzset()
    with pytest.raises(Malformed):
        moment_in("9999-12-31T23:59:59Z")


def test_an_object_may_be_as_large_as_s3_allows() -> None:
    """And the list of its pieces stays one of thousands."""
    assert (
        read_page(listing(entry("k", size=str(LARGEST_OBJECT)))).objects["k"].size == LARGEST_OBJECT
    )
    with pytest.raises(Malformed):
        read_page(listing(entry("k", size=str(LARGEST_OBJECT + 1))))
    assert len(Ranges.of(LARGEST_OBJECT, 0, 4).left) <= 10_000


def test_a_key_that_is_no_text_harms_no_other() -> None:
    body = listing("<EncodingType>url</EncodingType>" + entry("d/%FF%FE") + entry("d/k%0A%1B"))
    assert set(read_page(body, "d/").objects) == {"d/\ufffd\ufffd", "d/k\n\x1b"}


def test_what_a_refusal_calls_itself_is_a_word_or_nothing() -> None:
    assert error_code(b"<Error><Code>AccessDenied</Code></Error>") == "AccessDenied"
    assert error_code(b"oops") == ""
    assert error_code(b"<Error><Code>\x1b[2J</Code></Error>") == ""
    assert error_code("<Error><Code>a\u202eb c</Code></Error>".encode()) == ""
    assert error_code(b'<?xml version="1.0" encoding="idna"?><Error><Code>A</Code></Error>') == ""


def test_what_an_upload_is_refused_with_is_told_in_a_word_or_not(
    hostile: Hostile, tmp_path: Path
) -> None:
    place = ObjectPlace(storage="herd", bucket="b", key="k")
    for code, told in (
        ("AccessDenied", "(AccessDenied)"),
        ("a b\u202e" * 9999, "(no reason given)"),
    ):
        hostile.says(f"<Error><Code>{code}</Code></Error>".encode(), status="403 No")
        with pytest.raises(StorageRefused) as caught:
            hostile.store().upload(BytesIO(b"abc"), place)
        assert caught.value.message == f"the storage herd refuses {place} {told}"


def test_a_body_that_only_trickles_is_given_up(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hepsub.storage.response._BODY_S", 0.2)

    def trickle(_: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        for _each in range(2000):
            time.sleep(0.02)
            yield b" "

    hostile.answer = trickle
    with pytest.raises(StorageUnreachable, match="does not answer"):
        see_directories(hostile.store(), "b", ["d/"])


# ---- heads ------------------------------------------------------------------------------------

HEADS = {
    "a length below zero": "Content-Length: -5",
    "a length of 10**25": "Content-Length: 1" + "0" * 25,
    "a length of 5,000 digits": "Content-Length: " + "9" * 5000,
    "a length in other digits": "Content-Length: \xb2",
    "a time that is none": "Content-Length: 1\r\nLast-Modified: soon",
    "a time of year 1": "Content-Length: 1\r\nLast-Modified: 0001-02-01T00:00:00Z",
    "a time before 1970": "Content-Length: 1\r\nLast-Modified: Mon, 01 Jan 1601 00:00:00 GMT",
    "a time of 10**30": "Content-Length: 1\r\nLast-Modified: 1" + "0" * 30,
    "an ETag of 10 kB": "Content-Length: 1\r\nETag: " + "e" * 10_000,
    "an ETag with ESC": "Content-Length: 1\r\nETag: \x1b[2J",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_what_no_object_is_like_is_a_trouble_of_its_store(head: str, hostile: Hostile) -> None:
    hostile.answer = lambda _: (f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode("latin-1"),)
    with pytest.raises(StorageUnreachable, match="the storage herd at"):
        hostile.store().look_up([ObjectPlace(storage="herd", bucket="b", key="k")])


@pytest.mark.parametrize("body", [DEEP, b'<?xml version="1.0" encoding="idna"?><Error/>', b"\xff"])
def test_an_upload_that_is_answered_by_nonsense_is_a_trouble_of_its_store(
    body: bytes, hostile: Hostile, tmp_path: Path
) -> None:
    hostile.says(body, status="403 No")
    with pytest.raises(HepsubError, match="herd"):
        hostile.store().upload(BytesIO(b"abc"), ObjectPlace(storage="herd", bucket="b", key="k"))


def test_one_store_that_lies_does_not_keep_the_objects_of_another(
    hostile: Hostile, tmp_path: Path
) -> None:
    with hostile_server() as honest:
        honest.says(b"abc")
        hostile.answer = lambda _: (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",)
        stores = {"herd": hostile.store(), "other": honest.store("other")}
        downloads = [
            Download(
                place=ObjectPlace(storage=name, bucket="b", key="k"), size=3, etag="", md5="",
                modified=0.0, destination=Destination(root=tmp_path, parts=(name,), part=f"{name}.part"),
            )
            for name in stores
        ]  # fmt: skip
        downloader = Downloader(stores=lambda name, _: stores[name], pause=lambda _: None)
        troubles = [each.trouble for each in downloader.fetch(downloads, lambda _: None)]
    assert troubles[1] == ""
    assert (tmp_path / "other").read_bytes() == b"abc"
    assert "the storage herd does not answer" in troubles[0]


# ---- any bytes --------------------------------------------------------------------------------

WORDS = st.sampled_from([
    b"<ListBucketResult>", b"</ListBucketResult>", b"<Contents>", b"</Contents>", b"<Key>", b"</Key>", b"<Size>",
    b"</Size>", b"<LastModified>", b"</LastModified>", b"<ETag>", b"</ETag>", b"<IsTruncated>true</IsTruncated>",
    b"<NextContinuationToken>", b"</NextContinuationToken>", b"<EncodingType>url</EncodingType>", b"d/k", b"%FF",
    b"9999-12-31T23:59:59", b"0001-01-01", b"-5", b"1e999", b"&#0;", b"&lt;", b"<!DOCTYPE", b"]]>", b"<![CDATA[",
    b'<?xml version="1.0" encoding="', b'"?>', b"idna", b"punycode", b"undefined", b"hex", b"\xef\xbb\xbf", b"\xff",
    b"\0",
])  # fmt: skip
DOCUMENTS = st.lists(WORDS | st.binary(max_size=8), max_size=30).map(b"".join)
FIELDS = st.text(max_size=30) | st.integers().map(str) | st.datetimes().map(str)


@settings(deadline=None)
@given(DOCUMENTS)
def test_any_document_is_a_page_or_none(content: bytes) -> None:
    either(lambda: read_page(content, "d/"))
    either(lambda: read_page(b"<ListBucketResult>" + content + b"</ListBucketResult>", "d/"))
    assert len(error_code(content)) <= 100


@settings(deadline=None)
@given(FIELDS, FIELDS, FIELDS, FIELDS)
def test_any_fields_are_an_object_or_no_page(key: str, size: str, moment: str, etag: str) -> None:
    from xml.sax.saxutils import escape

    texts = [escape(each) for each in (key, size, moment, etag)]
    content = listing(entry(*texts)).decode().encode("utf-8", "replace")
    for seen in either(lambda: read_page(content)).values():
        assert 0 <= seen.size <= LARGEST_OBJECT
        moment_text(seen.modified, 0.0)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.lists(st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Retry-After: ", b"\r\n", b"3",
    b"-5", b"f;x", b"0\r\n\r\n", b"abc", b"HTTP/1.1 100 a\r\n\r\n", b"9" * 30, b"HTTP/1.1 503 a\r\n",
]) | st.binary(max_size=5), max_size=20).map(b"".join))  # fmt: skip
def test_any_bytes_are_an_answer_or_a_broken_connection(content: bytes, hostile: Hostile) -> None:
    hostile.answer = lambda _: (content,)
    store = hostile.store()
    try:
        with closing(ConnectionPool()) as pool, pool.ask(store, store.url("b", "k")) as response:
            check(response)
            assert len(response.read_whole(1000)) <= 1000
    except (*BROKEN, TemporaryFailure, PermanentFailure, AccessRefused):
        return


def either(read: Callable[[], Page]) -> dict[str, Any]:
    """The objects of a page; nothing for no page."""
    try:
        return dict(read().objects)
    except Malformed:
        return {}
