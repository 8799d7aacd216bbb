"""A server in this process that answers as it is told, and what is fetched from it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hepsub.plan.location import ObjectPlace
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader, DownloadResult
from hepsub.storage.store import Store
from tests.fakes.hostile import Hostile, hostile_server, store_at

BODY = bytes(range(256)) * 2000
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """Give a server that says whatever a test wants, byte by byte."""
    with hostile_server() as server:
        yield server


@dataclass
class Script:
    """What the server answers, request by request; then the object.

    Attributes:
        answers: status codes; negative: so many bytes of the body and then the end; 0: a flipped byte.
        ranged: whether it knows ranges.
        whole: whether it gives objects in one answer; else 503.
        head: more headers of its answers.
        ranges: the Range headers that came.
        matches: the If-Match headers that came.
    """

    answers: list[int] = field(default_factory=list)
    ranged: bool = True
    whole: bool = True
    head: dict[str, str] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    matches: list[str] = field(default_factory=list)


@pytest.fixture
def script() -> Script:
    """Give a server that does everything right, until told otherwise."""
    return Script()


@pytest.fixture
def endpoint(script: Script) -> Iterator[str]:
    """Give the address of the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            script.ranges.append(asked)
            script.matches.append(self.headers.get("If-Match", ""))
            told = script.answers.pop(0) if script.answers else 200
            if not asked and not script.whole:
                told = 503
            if told >= 300:
                self.send_response(told)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin = int(first or 0) if script.ranged else 0
            body = BODY[begin : int(last) + 1 if last and script.ranged else None]
            if told == 0:
                body = body[:-1] + bytes([body[-1] ^ 255])
            self.send_response(206 if asked and script.ranged else 200)
            if asked and script.ranged:
                end = begin + len(body) - 1
                self.send_header("Content-Range", f"bytes {begin}-{end}/{len(BODY)}")
            for name, value in script.head.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:-told] if told < 0 else body)
            self.close_connection = told < 0

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


Fetch = Callable[..., DownloadResult]


@pytest.fixture
def fetch(endpoint: str, tmp_path: Path, renewed: list[bool]) -> Fetch:
    """Give a function that fetches the object into `r` of the test's directory."""
    store = store_at(endpoint)

    def stores(_: str, renew: bool) -> Store:
        renewed.append(renew)
        return store

    def one(md5: str = MD5, size: int = len(BODY), name: str = "r") -> DownloadResult:
        download = Download(
            place=ObjectPlace(storage="herd", bucket="out", key="d/r"),
            size=size,
            etag="an-etag",
            md5=md5,
            modified=1_700_000_000,
            destination=Destination(root=tmp_path, parts=(name,), part=f"{name}.part"),
        )
        [arrival] = Downloader(stores=stores, pause=lambda _: None).fetch(
            [download], lambda _: None
        )
        return arrival

    return one


@pytest.fixture
def renewed() -> list[bool]:
    """Give what was asked of the keys, request by request."""
    return []
