"""A server on loopback that answers whatever a test wants, byte by byte: no library smooths it."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.store import Store

KEYS = S3Credentials(access="AK", secret="s", token="", expires=None)
LINES = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@dataclass
class Hostile:
    """The server.

    Attributes:
        answer: makes the bytes of an answer of the first line of a request, in pieces.
        asked: the first lines of the requests.
        heads: their fields, by names in small letters.
        bodies: what came with them.
        port: where it listens.
    """

    answer: Callable[[str], Iterable[bytes]] = lambda _: ()
    asked: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def store(self, name: str = "herd") -> Store:
        """A storage of the policy that is this server."""
        return store_at(self.endpoint, name)

    def says(self, body: bytes, head: str = "", status: str = "200 OK") -> None:
        """Answer everything with this body."""
        self.answer = lambda _: (http(body, head, status),)


def store_at(endpoint: str, name: str = "herd") -> Store:
    """A storage of the policy at a URL, with keys."""
    return Store(name=name, storage=Storage(endpoint=endpoint, allow_http=True), keys=KEYS)


def http(body: bytes, head: str = "", status: str = "200 OK") -> bytes:
    """An answer that is right as far as HTTP is concerned."""
    lines = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{head}\r\n"
    return lines.encode("latin-1") + body


def listing(entries: str, more: str = "") -> bytes:
    """A page of a listing."""
    cut = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>"
    inside = (cut if more else "") + entries
    return f"<ListBucketResult {LINES}>{inside}</ListBucketResult>".encode()


def entry(key: str, size: str = "1", time: str = "2026-11-22T05:00:00Z", etag: str = "e") -> str:
    """An object in a page."""
    return (
        f"<Contents><Key>{key}</Key><LastModified>{time}</LastModified>"
        f"<ETag>{etag}</ETag><Size>{size}</Size></Contents>"
    )


@contextlib.contextmanager
def hostile_server() -> Iterator[Hostile]:
    """Run one until the block ends."""
    state = Hostile()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            first = self.rfile.readline().decode("latin-1").strip()
            head: dict[str, str] = {}
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                head[name.lower()] = value.strip()
            # What is left unread would reset the connection.
            body = self.rfile.read(int(head.get("content-length", "0")))
            state.asked.append(first)
            state.bodies.append(body)
            state.heads.append(head)
            with contextlib.suppress(OSError):
                for piece in state.answer(first):
                    self.wfile.write(piece)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
