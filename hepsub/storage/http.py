"""HTTP connections to storages that are kept open, for GETs of signed URLs by many threads.

A client call of botocore, or a request of its HTTP session, costs several times what a small object does;
so a request is a few lines on a socket of http.client. Proxies and authorities are the ones that botocore would
take: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; ca_file of the policy, AWS_CA_BUNDLE or ca_bundle of ~/.aws/config,
REQUESTS_CA_BUNDLE, else those that botocore brings along.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hepsub.errors import StorageUnreachable
from hepsub.storage.answer import Again, Answer
from hepsub.storage.signing import host_of
from hepsub.storage.store import Store

BROKEN = (http.client.HTTPException, OSError)
"""What a connection that breaks raises."""

_CONNECT_S = 5
_READ_S = 30


@dataclass(slots=True)
class Line:
    """A connection to an endpoint.

    Attributes:
        connection: how it is made.
        origin: scheme, host and port of the endpoint.
        headers: what a proxy wants with each request.
        whole: whether requests name the whole URL, as a plain proxy wants it.
    """

    connection: http.client.HTTPConnection
    origin: str
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has been used, and may be used again."""
        return self.connection.sock is not None

    def send(self, url: str, headers: Mapping[str, str]) -> None:
        """Send the head of a GET."""
        if self.connection.sock is None:
            self.connection.timeout = _CONNECT_S
            self.connection.connect()
            self._socket.settimeout(_READ_S)
        target = url if self.whole else url[len(self.origin) :]
        host = host_of(url)
        fields = {"Host": host, "Accept-Encoding": "identity", **self.headers, **headers}
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        text = "\r\n".join(lines)
        if text.count("\n") >= len(lines) or not text.isascii():
            raise http.client.InvalidURL("a URL or an ETag with control characters")
        self._socket.sendall(f"{text}\r\n\r\n".encode("ascii"))

    def receive(self) -> Answer:
        """The beginning of the answer."""
        answer = Answer(self._socket, method="GET")
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        return answer

    @property
    def _socket(self) -> Any:  # noqa: ANN401 (it may be a proxy's, or TLS's)
        return self.connection.sock

    def ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Send a GET, and give the beginning of the answer."""
        used = self.is_open
        for again in (used, False):
            try:
                self.send(url, headers)
                return self.receive()
            except BROKEN:
                self.connection.close()
                # The server closes connections that nobody needed for a while: that is no failure.
                if not again:
                    raise
        raise AssertionError


@dataclass(slots=True)
class Lines:
    """Connections to the endpoints of storages; `close` has to be called at the end."""

    _free: dict[str, list[Line]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def get(
        self, store: Store, url: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[Answer]:
        """The beginning of the answer to a GET, whatever its status; its body is read within the block.

        Raises:
            Again: there was no answer.
            StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
        """
        line = self.take(store, url)
        answer: Answer | None = None
        try:
            try:
                answer = line.ask(url, headers or {})
            except BROKEN as error:
                raise Again(
                    f"the storage {store.name} does not answer ({type(error).__name__})"
                ) from error
            yield answer
        finally:
            self.give_back(line, answer)

    def take(self, store: Store, url: str) -> Line:
        """A connection to the server of a storage's URL, which nobody else uses.

        Raises:
            StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
        """
        origin = url[: url.index("/", url.index("://") + 3)]
        with self._lock:
            free = self._free.get(origin)
            if free:
                return free.pop()
        return _open_line(origin, store.storage.ca_file)

    def give_back(self, line: Line, answer: Answer | None) -> None:
        """Keep a connection for others, if its last answer was read to the end; else close it."""
        if answer is None or answer.will_close or not answer.isclosed():
            line.connection.close()
            if answer is not None:
                answer.close()
            return
        with self._lock:
            self._free.setdefault(line.origin, []).append(line)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            for line in [line for free in self._free.values() for line in free]:
                line.connection.close()
            self._free.clear()


def _open_line(origin: str, authorities: str) -> Line:
    scheme, host = origin.split("://")
    proxy = urlsplit(_proxy(origin, scheme))
    if not proxy.hostname:
        return Line(_connection(scheme, host, authorities), origin)
    if proxy.scheme not in ("http", ""):
        raise StorageUnreachable(
            f"{origin}: a proxy that is itself reached by {proxy.scheme} is not supported",
            remedy="name one with http:// in HTTPS_PROXY and HTTP_PROXY, or the storage's host in NO_PROXY",
        )
    headers = _proxy_authorization(proxy.username, proxy.password)
    address = f"{proxy.hostname}:{proxy.port or 80}"
    if scheme == "http":
        return Line(http.client.HTTPConnection(address), origin, headers, whole=True)
    connection = _connection(scheme, address, authorities)
    parts = urlsplit(origin)
    connection.set_tunnel(parts.hostname or "", parts.port or 443, headers)
    return Line(connection, origin)


def _connection(scheme: str, address: str, authorities: str) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(address)
    return http.client.HTTPSConnection(address, context=_trust(authorities))


def _proxy(origin: str, scheme: str) -> str:
    from botocore.utils import get_environ_proxies

    found = str(get_environ_proxies(origin).get(scheme) or "")
    return found if not found or "://" in found else f"http://{found}"


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@functools.cache
def _trust(named: str) -> ssl.SSLContext:
    import botocore.session
    from botocore.httpsession import get_cert_path

    named = named or botocore.session.get_session().get_config_variable("ca_bundle")
    path = named or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(verify=True)
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise StorageUnreachable(
            f"the authorities in {path} cannot be read: {error.strerror or error}",
            remedy="correct ca_file in the policy, AWS_CA_BUNDLE, or ca_bundle in ~/.aws/config",
        ) from error
