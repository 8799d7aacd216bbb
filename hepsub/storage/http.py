"""HTTP to storages: signed requests, with a small body or none, over connections that are kept, by many threads.

A client call of botocore costs ten times what a small object does, a request of urllib3 or http.client several times.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hepsub.documents import Malformed
from hepsub.storage.connect import Connection, open_connection
from hepsub.storage.response import BROKEN, Response
from hepsub.storage.signing import query_text, signed_headers
from hepsub.storage.trouble import garbled, refused, unreachable

if TYPE_CHECKING:
    from hepsub.storage.store import Store

T = TypeVar("T")

_AGAIN = (408, 425, 429)
_REFUSED = (400, 401, 403)
"""400, too: keys that have ended are called ExpiredToken, and that is one (S3 API, "Error responses")."""
_SOME = 2**16
_SECONDS = re.compile(r"[0-9]{1,9}")
_TRIES = 3
_PAUSE_S = 0.5


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


class Denied(Exception):
    """The store says no; these words are its code for that, or the status."""


def check(response: Response) -> None:
    """Nothing, for a response with the object in it.

    Raises:
        TemporaryFailure, PermanentFailure, AccessRefused: it is none.
    """
    status = response.status
    if status in (200, 206):
        return
    if status in _REFUSED:
        raise AccessRefused(f"the storage refuses it ({status})")
    if may_pass(status):
        after = response.header("retry-after")
        wait = float(after) if _SECONDS.fullmatch(after) else 0.0
        raise TemporaryFailure(f"the storage answers {status}", after=wait)
    if status == 404:
        raise PermanentFailure("it is not there any more")
    if status == 412:
        raise PermanentFailure("it was replaced while it was fetched; run this again")
    raise PermanentFailure(f"the storage answers {status}")


def may_pass(status: int) -> bool:
    """Whether a status tells of trouble that may pass."""
    return status in _AGAIN or status >= 500


def check_done(response: Response, code: str = "") -> None:
    """Nothing, for a success; a failure may have a code, the store's own word for it.

    Raises:
        TemporaryFailure, Denied: it is none.
    """
    why = code or str(response.status)
    if may_pass(response.status):
        raise TemporaryFailure(why)
    # A redirection, too: what is signed is for this host, and SigV4 signs the host.
    if response.status >= 300:
        raise Denied(why)


def insist(store: Store, what: object, one: Callable[[], T]) -> T:
    """Ask a store for a place, and again where that may help.

    Raises:
        StorageRefused: it says no.
        StorageUnreachable: it does not answer, or with something else.
    """
    try:
        return persist(store, one)
    except Denied as error:
        raise refused(store.name, what, str(error)) from error


def persist(store: Store, one: Callable[[], T]) -> T:
    """Ask a store, and again where that may help.

    Raises:
        Denied: it says no.
        StorageUnreachable: it does not answer, or with something else.
    """
    for number in range(_TRIES):
        time.sleep(_PAUSE_S * (2**number - 1))
        try:
            return one()
        except Malformed as error:
            trouble = garbled(store.name, store.storage, error)
        except TemporaryFailure as error:
            trouble = unreachable(store.name, store.storage, error.why)
        except BROKEN as error:
            trouble = unreachable(store.name, store.storage, type(error).__name__)
    raise trouble


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
        body: bytes = b"",
    ) -> Iterator[Response]:
        """The beginning of the answer to a request, signed with the store's keys, whatever its status.

        The URL is without its query, which is not quoted yet; further headers are not signed.

        Raises:
            TemporaryFailure: there was no answer.
            StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
        """
        connection = self.take(store, url)
        fields = {**signed_headers(store, method, url, query or {}, body), **(headers or {})}
        response = None
        try:
            try:
                whole = f"{url}?{query_text(query)}" if query else url
                response = connection.ask(method, whole, fields, body)
            except (*BROKEN, ValueError) as error:
                why = type(error).__name__
                text = f"the storage {store.name} does not answer ({why})"
                raise TemporaryFailure(text, why=why) from error
            yield response
        finally:
            self.give_back(connection, response)

    def take(self, store: Store, url: str) -> Connection:
        """A connection to the server of a storage's URL, which nobody else uses.

        Raises:
            StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
        """
        origin = url[: url.index("/", url.index("://") + 3)]
        with self._lock:
            free = self._free.get(origin)
            if free:
                return free.pop()
        authorities = store.storage.ca_file
        if authorities and not os.path.isfile(authorities):
            raise unreachable(store.name, store.storage, "")  # which names the file
        return open_connection(origin, authorities)

    def give_back(self, connection: Connection, response: Response | None) -> None:
        """Keep a connection for others, if its last response was read to the end or nearly; else close it."""
        if response is not None and _is_over(response):
            with self._lock:
                self._free.setdefault(connection.origin, []).append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            for connection in [each for free in self._free.values() for each in free]:
                connection.close()
            self._free.clear()


def _is_over(response: Response) -> bool:
    """Whether the next response may follow this one."""
    if response.is_last:
        return False
    # Errors have a document that nobody asked for; to read it is cheaper than another connection, with TLS.
    if response.left and response.left <= _SOME and response.status >= 300:
        try:
            response.read_whole(_SOME)
        except BROKEN:
            return False
    # More than was announced would be taken for the beginning of the next response.
    return response.is_read and response.incoming.is_empty
