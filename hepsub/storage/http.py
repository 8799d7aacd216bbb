"""HTTP to storages: signed requests without a body, over connections that are kept, by many threads.

A client call of botocore costs ten times what a small object does, urllib3 twice what http.client does; and what an
answer may be is bounded here.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.storage.bounds import LARGEST_OBJECT
from hepsub.storage.connect import BROKEN, Connection, open_connection
from hepsub.storage.signing import query_text, signed_headers
from hepsub.storage.trouble import unreachable

if TYPE_CHECKING:
    from hepsub.storage.store import Store

_BODY_S = 60.0
_AGAIN = (408, 425, 429)
_REFUSED = (400, 401, 403)
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
        raw: that of http.client.
    """

    status: int
    raw: http.client.HTTPResponse

    def header(self, name: str) -> str:
        """The field of this name, in any case; empty for none."""
        return self.raw.headers.get(name, "")

    @property
    def is_encrypted(self) -> bool:
        """Whether the store encrypts the object in a way that makes its ETag no MD5 (S3 API: Object, ETag)."""
        return (
            "kms" in self.header("x-amz-server-side-encryption")
            or "x-amz-server-side-encryption-customer-algorithm" in self.raw.headers
        )

    def read(self, most: int) -> bytes:
        """What has come of the body, so many bytes at the most; nothing at its end.

        Raises:
            HTTPException, OSError: the connection broke, or the body is cut off.
        """
        if self.raw.length == 0:
            self.raw.close()
            return b""
        content = self.raw.read1(most)
        if not content and self.raw.length:
            raise http.client.IncompleteRead(b"", self.raw.length)
        return content

    def read_whole(self, most: int) -> bytes:
        """The body.

        Args:
            most: so many bytes are believed.

        Raises:
            HTTPException: it is larger, or is cut off.
            OSError: the connection broke, or it does not come to its end within a minute.
        """
        parts: list[bytes] = []
        left, deadline = most, time.monotonic() + _BODY_S
        while part := self.read(_SOME):
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise http.client.HTTPException("its body is too large")
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
            after = self.header("retry-after")
            wait = float(after) if _SECONDS.fullmatch(after) else 0.0
            raise TemporaryFailure(f"the storage answers {status}", after=wait)
        if status == 404:
            raise PermanentFailure("it is not there any more")
        if status == 412:
            raise PermanentFailure("it was replaced while it was fetched; run this again")
        raise PermanentFailure(f"the storage answers {status}")


@dataclass(slots=True)
class ConnectionPool:
    """Connections to the endpoints of storages; `close` has to be called at the end."""

    _free: dict[str, list[Connection]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
        connection = self._take(store, url)
        fields = {**signed_headers(store, method, url, query or {}), **(headers or {})}
        response = None
        try:
            try:
                whole = f"{url}?{query_text(query)}" if query else url
                raw = connection.ask(method, whole, fields)
                response = Response(status=raw.status, raw=raw)
                _check_length(response)
            except (*BROKEN, ValueError) as error:
                why = type(error).__name__
                text = f"the storage {store.name} does not answer ({why})"
                raise TemporaryFailure(text, why=why) from error
            yield response
        finally:
            self._give_back(connection, response)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            for connection in [each for free in self._free.values() for each in free]:
                connection.client.close()
            self._free.clear()

    def _take(self, store: Store, url: str) -> Connection:
        origin = url[: url.index("/", url.index("://") + 3)]
        with self._lock:
            free = self._free.get(origin)
            if free:
                return free.pop()
        authorities = store.storage.ca_file
        if authorities and not Path(authorities).is_file():
            raise unreachable(store.name, store.storage, "")
        return open_connection(origin, authorities)

    def _give_back(self, connection: Connection, response: Response | None) -> None:
        """Keep a connection for others, if its last answer was read to the end or nearly; else close it."""
        if response is None or not _is_over(response):
            connection.client.close()
            return
        with self._lock:
            self._free.setdefault(connection.origin, []).append(connection)


def _is_over(response: Response) -> bool:
    """Whether nothing is left of an answer; what is known to be little is read."""
    left = response.raw.length
    try:
        if left == 0 or (left is not None and left <= _SOME and response.status >= 300):
            response.read_whole(_SOME)
    except BROKEN:
        return False
    return response.raw.isclosed()


def may_pass(status: int) -> bool:
    """Whether a status tells of trouble that may pass."""
    return status in _AGAIN or status >= 500


def _check_length(response: Response) -> None:
    """Refuse a length that http.client would take for none, or for another one.

    Raises:
        HTTPException: no object has it.
    """
    said = response.raw.headers.get("content-length")
    if said is not None and (_LENGTH.fullmatch(said) is None or int(said) > LARGEST_OBJECT):
        raise http.client.HTTPException("a length that no object has")
