"""Which objects there are, asked of a small server in this process that counts what it is asked."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest

from hepsub.storage.listing import (
    check_prefix,
    list_below,
    see_directories,
    see_some,
)
from hepsub.storage.lookup import see_objects
from hepsub.storage.store import Store
from tests.fakes.hostile import Hostile, entry, http, listing, store_at

PAGE = 10
MD5 = "9e107d9d372bb6826bd81d3542a419d6"


@dataclass
class Bucket:
    """A bucket, and what it was asked.

    Attributes:
        keys: of its objects.
        asked: the prefixes of the listings, a page each.
        connections: how many there were.
        urls: the paths and the queries that were asked for.
    """

    keys: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    urls: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    def page(self, query: dict[str, list[str]]) -> str:
        """The answer to ListObjectsV2, ten keys a page."""
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        self.asked.append(prefix)
        keys = sorted(key for key in self.keys if key.startswith(prefix) and key > after)
        if "delimiter" in query:
            keys = [key for key in keys if "/" not in key.removeprefix(prefix)]
        shown = keys[:PAGE]
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in shown
        )
        more = f"<NextContinuationToken>{shown[-1]}</NextContinuationToken>" if keys[PAGE:] else ""
        cut = "true" if more else "false"
        return (
            f"<ListBucketResult><IsTruncated>{cut}</IsTruncated>{more}{entries}</ListBucketResult>"
        )


@pytest.fixture
def bucket() -> Bucket:
    """Give an empty bucket."""
    return Bucket()


@pytest.fixture
def store(bucket: Bucket) -> Iterator[Store]:
    """Give the store that has it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            bucket.connections += 1
            super().setup()

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = parse_qs(asked.query, keep_blank_values=True)
            bucket.urls.append((asked.path, query))
            text = bucket.page(query).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield store_at(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_the_directories_of_many_jobs_are_one_listing(bucket: Bucket, store: Store) -> None:
    """What lies deeper, or beside them, is left out."""
    wanted = {f"out/13/{proc}/h.root" for proc in range(30)}
    bucket.keys = wanted | {"out/13/7/deep/h.root", "out/13/index", "out/130/1/h.root"}
    found = see_directories(store, "b", [f"out/13/{proc}/" for proc in range(40)])
    assert set(found) == wanted
    assert bucket.asked == ["out/13/"] * 4
    assert bucket.connections == 1


def test_a_directory_with_more_strangers_than_jobs_is_not_listed_to_its_end(
    bucket: Bucket, store: Store
) -> None:
    """Then each is asked for by itself, on one connection."""
    bucket.keys = {f"out/{number}/s" for number in range(500)} | {"out/a/1", "out/b/2", "out/c/3"}
    prefixes = ["out/a/", "out/b/", "out/c/", "out/d/"]
    assert set(see_directories(store, "b", prefixes)) == {"out/a/1", "out/b/2", "out/c/3"}
    assert bucket.asked == ["out/", "out/", *prefixes]
    assert bucket.connections == 1


def test_what_a_store_is_asked(bucket: Bucket, store: Store) -> None:
    """ListObjectsV2 of the bucket itself, with keys that XML can hold; one key, where one tells."""
    common = {"list-type": ["2"], "encoding-type": ["url"]}
    bucket.keys = {f"d/{number:02}" for number in range(PAGE + 1)}
    list_below(store, "b", "d/")
    see_some(store, "b", "d/", pages=1)
    check_prefix(store, "b", "")
    assert bucket.urls == [
        ("/b/", {**common, "prefix": ["d/"]}),
        ("/b/", {**common, "prefix": ["d/"], "continuation-token": ["d/09"]}),
        ("/b/", {**common, "prefix": ["d/"], "delimiter": ["/"]}),
        ("/b/", {**common, "prefix": [""], "max-keys": ["1"]}),
    ]


def test_one_directory_and_none(bucket: Bucket, store: Store) -> None:
    """The whole bucket is one, too."""
    bucket.keys = {"a", "b", "c/d"}
    assert set(see_directories(store, "b", [""])) == {"a", "b"}
    assert see_directories(store, "b", []) == {}
    assert bucket.asked == [""]


def test_an_object_that_a_key_of_its_own_encrypts_has_no_md5_wherever_it_is_seen(
    hostile: Hostile,
) -> None:
    """Too many strangers lie around it, so that it is asked for by itself; a listing would not tell."""
    numbers = itertools.count()

    def answer(first: str) -> tuple[bytes]:
        if first.startswith("HEAD"):
            return (http(b"", f'ETag: "{MD5}"\r\nx-amz-server-side-encryption: aws:kms\r\n'),)
        number = next(numbers)
        return (http(listing(entry(f"d/k.{number}"), more=f"t{number}")),)

    hostile.answer = answer
    found = see_objects(hostile.store(), "b", [["d/k"]])
    assert {key: (info.etag, info.md5) for key, info in found.items()} == {"d/k": (MD5, "")}
