"""HTTP to storages: signed requests without a body, over connections that are kept, by many threads.

urllib3 keeps the connections, goes through proxies and checks certificates; what an answer may be is bounded here. A
client call of botocore costs several times what a small object does. Proxies and authorities are the ones that
botocore would take: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; ca_file of the policy, AWS_CA_BUNDLE or ca_bundle of
~/.aws/config, REQUESTS_CA_BUNDLE, else those that botocore brings along.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import os
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from msgspec import Struct
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.util import SKIP_HEADER, make_headers

from hepsub.errors import StorageUnreachable
from hepsub.storage.bounds import LARGEST_OBJECT
from hepsub.storage.signing import query_text, signed_headers

if TYPE_CHECKING:
    from hepsub.storage.store import Store

BROKEN = (HTTPError, http.client.HTTPException, OSError)
"""What a connection that breaks raises."""

_CONNECT_S = 5
_READ_S = 30
_BODY_S = 60.0
_KEPT = 32
_AGAIN = (408, 425, 429)
_REFUSED = (400, 401, 403)
_MOST_LINES = 300
_SOME = 2**16
_LENGTH = re.compile(r"[0-9]{1,15}")
_SECONDS = re.compile(r"[0-9]{1,9}")


class TemporaryFailure(Exception):
    """It failed in a way that may pass.

    Attributes:
        why: the name of what was raised, or what the storage calls its trouble.
        after: how long to wait at least, in seconds.
    """

    def __init__(self, text: str, *, why: str = "", after: float = 0.0) -> None:
        super().__init__(text)
        self.why = why or text
        self.after = after


class PermanentFailure(Exception):
    """It failed, and trying again would change nothing."""


class AccessRefused(Exception):
    """The keys, or the signature, are not accepted."""


class Response(Struct, frozen=True, kw_only=True):
    """A response; its body is read within the block that gave it.

    Attributes:
        status: its code.
        headers: by name, in any case.
    """

    status: int
    headers: Mapping[str, str]
    _raw: urllib3.BaseHTTPResponse

    @property
    def is_encrypted(self) -> bool:
        """Whether the store encrypts the object in a way that makes its ETag no MD5 (S3 API: Object, ETag)."""
        return (
            "kms" in self.headers.get("x-amz-server-side-encryption", "")
            or "x-amz-server-side-encryption-customer-algorithm" in self.headers
        )

    def read(self, most: int) -> bytes:
        """What has come of the body, so many bytes at the most; nothing at its end.

        Raises:
            HTTPError, HTTPException, OSError: the connection broke, or the body is cut off.
        """
        return self._raw.read1(most)

    def read_whole(self, most: int) -> bytes:
        """The body.

        Args:
            most: so many bytes are believed.

        Raises:
            HTTPError, HTTPException: it is larger, or is cut off.
            OSError: the connection broke, or it does not come to its end within a minute.
        """
        parts: list[bytes] = []
        left, deadline = most, time.monotonic() + _BODY_S
        while part := self.read(_SOME):
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise ProtocolError("its body is too large")
            if time.monotonic() > deadline:
                raise TimeoutError("its body does not come to an end")
        return b"".join(parts)

    def check(self) -> None:
        """Nothing, for a response with the object in it.

        Raises:
            TemporaryFailure, PermanentFailure, AccessRefused: it is none.
        """
        status = self.status
        if status in (200, 206):
            return
        if status in _REFUSED:
            raise AccessRefused(f"the storage refuses it ({status})")
        if may_pass(status):
            after = self.headers.get("retry-after", "")
            wait = float(after) if _SECONDS.fullmatch(after) else 0.0
            raise TemporaryFailure(f"the storage answers {status}", after=wait)
        if status == 404:
            raise PermanentFailure("it is not there any more")
        if status == 412:
            raise PermanentFailure("it was replaced while it was fetched; run this again")
        raise PermanentFailure(f"the storage answers {status}")


class ConnectionPool:
    """Connections to the endpoints of storages; `close` has to be called at the end."""

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def ask(
        self,
        store: Store,
        url: str,
        *,
        method: str = "GET",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Response]:
        """The beginning of the answer to a signed request, whatever its status.

        Args:
            store: whose keys sign it.
            url: without a query.
            method: one without a body.
            query: not quoted yet.
            headers: more of them.

        Raises:
            TemporaryFailure: there was no answer.
            StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
        """
        server = self._server(store, url)
        signed = signed_headers(store, method, url, query or {})
        raw = None
        try:
            try:
                raw = server.ask(method, url, query, {**signed, **(headers or {})})
                _check_length(raw)
            except (*BROKEN, ValueError) as error:
                why = what_broke(error)
                text = f"the storage {store.name} does not answer ({why})"
                raise TemporaryFailure(text, why=why) from error
            yield Response(status=raw.status, headers=raw.headers, _raw=raw)
        finally:
            if raw is not None:
                _let_go(raw)

    def _server(self, store: Store, url: str) -> _Server:
        origin = url[: url.index("/", url.index("://") + 3)]
        with self._lock:
            if origin not in self._servers:
                self._servers[origin] = _open_server(origin, store.storage.ca_file)
            return self._servers[origin]

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            for server in self._servers.values():
                server.pool.close()
            self._servers.clear()


def may_pass(status: int) -> bool:
    """Whether a status tells of trouble that may pass."""
    return status in _AGAIN or status >= 500


def _let_go(raw: urllib3.BaseHTTPResponse) -> None:
    """Read what is left where it is known to be little, so that the connection serves others; else close it.

    A response that was read to its end has given it back already.
    """
    left = raw.length_remaining
    if left == 0 or (raw.status >= 300 and left is not None and left <= _SOME):
        with contextlib.suppress(*BROKEN):
            raw.read1(_SOME)
    raw.close()


def what_broke(error: BaseException) -> str:
    """The name of what was raised first, which others then wrapped."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return type(error).__name__


def _check_length(raw: urllib3.BaseHTTPResponse) -> None:
    """Refuse a length that urllib3 would take for none, or for another one.

    Raises:
        ProtocolError: no object has it.
    """
    said = raw.headers.get("content-length")
    if said is not None and (_LENGTH.fullmatch(said) is None or int(said) > LARGEST_OBJECT):
        raise ProtocolError("a length that no object has")


class _Server(Struct, frozen=True, kw_only=True):
    """An endpoint, or the proxy on the way to it.

    Attributes:
        pool: connections to it.
        origin: scheme, host and port of the endpoint.
        whole: whether requests name the whole URL, as a plain proxy wants it.
    """

    pool: HTTPConnectionPool
    origin: str
    whole: bool

    def ask(
        self, method: str, url: str, query: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        target = url if self.whole else url[len(self.origin) :]
        if query:
            target = f"{target}?{query_text(query)}"
        try:
            return self._open(method, target, headers)
        except ProtocolError:
            # The server closes connections that nobody needed for a while: that is no failure.
            return self._open(method, target, headers)

    def _open(
        self, method: str, target: str, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        return self.pool.urlopen(
            method,
            target,
            headers={"User-Agent": SKIP_HEADER, **headers},
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )


def _open_server(origin: str, authorities: str) -> _Server:
    scheme = origin.partition(":")[0]
    proxy = _proxy(origin, scheme)
    options: dict[str, Any] = {
        "maxsize": _KEPT,
        "timeout": urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        "ssl_context": _trust(authorities) if scheme == "https" else None,
    }
    manager = urllib3.PoolManager(**options)
    if proxy:
        manager = _through(proxy, origin, options)
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    pool = manager.connection_from_url(origin)
    return _Server(pool=pool, origin=origin, whole=bool(proxy) and scheme == "http")


def _through(proxy: str, origin: str, options: Mapping[str, Any]) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    if parts.scheme != "http":
        raise StorageUnreachable(
            f"{origin}: a proxy that is itself reached by {parts.scheme} is not supported",
            remedy="name one with http:// in HTTPS_PROXY and HTTP_PROXY, or the storage's host in NO_PROXY",
        )
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    headers = make_headers(proxy_basic_auth=pair)
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)


def _proxy(origin: str, scheme: str) -> str:
    from botocore.utils import get_environ_proxies

    found = str(get_environ_proxies(origin).get(scheme) or "")
    return found if not found or "://" in found else f"http://{found}"


@functools.cache
def _trust(named: str) -> ssl.SSLContext:
    import botocore.exceptions
    import botocore.session
    from botocore.httpsession import get_cert_path

    try:
        named = named or botocore.session.get_session().get_config_variable("ca_bundle")
    except botocore.exceptions.BotoCoreError as error:  # AWS_PROFILE names one that is not there
        raise StorageUnreachable(
            f"which authorities ~/.aws/config names cannot be read ({type(error).__name__})",
            remedy="correct AWS_PROFILE, or name ca_file in the policy",
        ) from error
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


# ---- what http.client reads without bounds ----------------------------------------------------


class _Bounded(io.BufferedReader):
    """What came, for http.client, which would read lines for ever, and a chunk of a size below zero to the end."""

    _lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self._lines += 1
        if self._lines > _MOST_LINES:
            raise http.client.HTTPException("line after line, and no answer")
        return super().readline(size)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise http.client.HTTPException("a chunk without a size")
        self._lines = 0
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        if size < 0:
            raise http.client.HTTPException("a chunk without a size")
        self._lines = 0
        return super().read1(size)


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **more: Any) -> None:  # noqa: ANN401 (http.client's)
        super().__init__(sock, *args, **more)
        self.fp = _Bounded(self.fp.detach())


class _Plain(HTTPConnection):
    response_class = _BoundedResponse


class _Tls(HTTPSConnection):
    response_class = _BoundedResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls
