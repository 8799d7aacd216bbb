"""Small objects: one thread keeps some requests under way, each on its own connection, and takes the answers in turn.

That hides the delays of a network as many threads would, which spend their time waiting for Python's lock:
16 of them took twice as long for 5,000 objects (benchmarks/fetch.py). What is unusual in any way is left to a
download of its own (large_object), which tries again and knows the words.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hepsub.errors import HepsubError
from hepsub.storage.connect import Connection
from hepsub.storage.http import ConnectionPool
from hepsub.storage.response import BROKEN, Response
from hepsub.storage.signing import signed_headers
from hepsub.storage.workers import AT_ONCE, StopAsked

if TYPE_CHECKING:
    from hepsub.storage.download import Download, Progress
    from hepsub.storage.store import Store

_LARGEST = 2**18


def is_small(size: int) -> bool:
    """Whether an object of so many bytes comes like this."""
    # An empty one needs no request at all: its download finds nothing missing.
    return 0 < size <= _LARGEST


@dataclass(slots=True, kw_only=True)
class SmallObjects:
    """Fetches small objects; the fields are those of `RangedDownload`."""

    pool: ConnectionPool
    stores: Callable[[str, bool], Store]
    progress: Progress
    stop: threading.Event
    _in_vain: int = 0
    """So many did not come, one after the other."""

    def fetch(self, downloads: Iterable[Download]) -> Iterator[Download]:
        """Fetch them; those that are here, one by one.

        Raises:
            StopAsked: the user wants no more.
        """
        under_way: deque[tuple[Download, Connection]] = deque()
        try:
            for download in downloads:
                if self.stop.is_set():
                    raise StopAsked
                connection = self._send(download) if self._in_vain < AT_ONCE else None
                if connection is not None:
                    under_way.append((download, connection))
                # Answers are taken in turn: the oldest has had the time of 15 others to arrive.
                if len(under_way) >= AT_ONCE and self._receive(*(first := under_way.popleft())):
                    yield first[0]
            while under_way and self._in_vain < AT_ONCE:
                if self._receive(*(first := under_way.popleft())):
                    yield first[0]
        finally:
            # With an answer that nobody reads they are of no use to the next one.
            for _, connection in under_way:
                connection.close()

    def _send(self, download: Download) -> Connection | None:
        headers = {"if-match": f'"{download.etag}"'} if download.etag else {}
        place = download.place
        try:
            store = self.stores(place.storage, False)  # noqa: FBT003 (a callback)
            url = store.url(place.bucket, place.key)
            connection = self.pool.take(store, url)
        except HepsubError:
            return None
        used = connection.is_open
        try:
            connection.send("GET", url, {**signed_headers(store, "GET", url, {}), **headers})
        except (*BROKEN, ValueError):
            connection.close()
            if not used:  # the rest shall not wait for the same, one after the other
                self._in_vain = AT_ONCE
            return None
        return connection

    def _receive(self, download: Download, connection: Connection) -> bool:
        response = None
        try:
            response = connection.receive("GET")
            body = response.read_whole(download.size)
        except BROKEN as error:
            # Who waited half a minute for one does not wait for the others in turn.
            self._in_vain += AT_ONCE if isinstance(error, TimeoutError) else 1
            return False
        finally:
            self.pool.give_back(connection, response)
        if not _is_right(download, response, body) or not _is_written(download, body):
            self._in_vain += 1
            return False
        self._in_vain = 0
        self.progress.move(len(body))
        return True


def _is_right(download: Download, response: Response, body: bytes) -> bool:
    if response.status != 200 or len(body) != download.size:
        return False
    if download.md5:
        return hashlib.md5(body, usedforsecurity=False).hexdigest() == download.md5
    return response.is_of(download.etag)


def _is_written(download: Download, body: bytes) -> bool:
    try:
        with download.destination.open_part() as part:
            if part.size:
                os.ftruncate(part.descriptor, 0)
            if os.pwrite(part.descriptor, body, 0) < len(body):
                return False
            part.finish(download.modified)
    except OSError:
        return False
    return True
