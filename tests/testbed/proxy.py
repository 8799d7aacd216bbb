"""A proxy on loopback in front of an S3 server, which does wrong what it is told to.

Heads pass unchanged, so that a signature made for the proxy's own address holds at the server.
"""

import contextlib
import itertools
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from tests.testbed import faults
from tests.testbed.connection import Connection
from tests.testbed.faults import Fault, Rule
from tests.testbed.http1 import Head
from tests.testbed.s3 import S3Server

HOST = "127.0.0.1"
NO_SERVER = "no server"


@dataclass(frozen=True)
class Request:
    """What came and what was answered: never the query, which may hold a signature."""

    at: float
    method: str
    path: str
    status: int = 0
    fault: str = ""


class FaultProxy:
    """The proxy and its rules; `server` is the S3 server as seen through it."""

    def __init__(self, server: S3Server) -> None:
        self.upstream = (HOST, server.port)
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._requests: dict[int, Request] = {}
        self._numbers = itertools.count()
        self._sockets: set[socket.socket] = set()
        self._listener = _Listener(self)
        self.endpoint = f"http://{HOST}:{self._listener.server_address[1]}"
        self.server = server.at(self.endpoint)

    def __enter__(self) -> Self:
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._listener.shutdown()
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._listener.server_close()

    # ---- for the test -----------------------------------------------------------------------

    def inject(
        self,
        fault: Fault,
        *,
        method: str = "",
        path: str = "",
        query: str = "",
        first: int = 1,
        last: int | None = None,
        chance: float = 1,
        seed: int = 0,
    ) -> Rule:
        """Let a fault happen to requests whose method is this and where the patterns are found.

        It happens from the `first` to the `last` of them, each time or by `chance` (of a generator
        with the `seed`). Each rule counts its own requests; of those due, the oldest acts.
        """
        rule = Rule(fault, method, path, query, first, last, chance, seed)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget the rules and the requests."""
        with self._lock:
            self._rules.clear()
            self._requests.clear()

    def requests(self, method: str = "", path: str = "") -> list[Request]:
        """Return the requests so far, in the order in which they came; `path` is a pattern."""
        with self._lock:
            return [
                request
                for request in self._requests.values()
                if method in {"", request.method} and re.search(path, request.path)
            ]

    # ---- for its connections ----------------------------------------------------------------

    def arrived(self, head: Head) -> tuple[int, Fault | None]:
        """Record a request, and return its number and what shall happen to it."""
        with self._lock:
            matching = [
                rule for rule in self._rules if rule.matches(head.method, head.path, head.query)
            ]
            due = [rule for rule in matching if rule.is_due()]
            fault = due[0].fault if due else None
            if due:
                due[0].hits += 1
            number = next(self._numbers)
            self._requests[number] = Request(
                time.monotonic(), head.method, head.path, fault=faults.name(fault)
            )
        return number, fault

    def answered(self, number: int, status: int) -> None:
        """Record the status that is about to be sent."""
        with self._lock:
            if number in self._requests:
                self._requests[number] = replace(self._requests[number], status=status)

    def failed(self, number: int) -> None:
        """Record that the server is away."""
        with self._lock:
            if number in self._requests:
                self._requests[number] = replace(self._requests[number], fault=NO_SERVER)

    @contextlib.contextmanager
    def watched(self, connected: socket.socket) -> Iterator[None]:
        """Let the end of the proxy end this connection too."""
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets.add(connected)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(connected)


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__((HOST, 0), _Handler)

    def shutdown_request(self, request: object) -> None:
        """Do nothing: a connection closes itself, gently or not."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        proxy = self.server.proxy
        with proxy.watched(self.request):
            Connection(proxy, self.request).serve()
