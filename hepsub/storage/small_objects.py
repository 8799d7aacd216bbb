"""Small objects: one thread keeps some requests under way, each on its own connection, and takes the answers in turn.

That hides the delays of a network as many threads would, which spend their time waiting for Python's lock:
16 of them took twice as long for 5,000 objects (benchmarks/fetch.py). What is unusual in any way is left to an
errand of its own, which tries again and knows the words.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hepsub.errors import HepsubError
from hepsub.storage.answer import Answer
from hepsub.storage.http import BROKEN, Line, Lines
from hepsub.storage.signing import sign_get
from hepsub.storage.workers import AT_ONCE, StopAsked

if TYPE_CHECKING:
    from hepsub.storage.download import Download, Meter
    from hepsub.storage.store import Store

_LARGEST = 2**18


def is_small(size: int) -> bool:
    """Whether an object of so many bytes comes like this; an empty one needs no request."""
    return 0 < size <= _LARGEST


@dataclass(slots=True, kw_only=True)
class Relay:
    """Fetches small objects.

    Attributes:
        lines: connections.
        stores: gives a storage with keys that are good now.
        meter: is told what came.
        stop: set when the user wants no more.
    """

    lines: Lines
    stores: Callable[[str, bool], Store]
    meter: Meter
    stop: threading.Event
    _in_vain: int = field(default=0)
    """So many did not come, one after the other."""

    def fetch(self, downloads: Iterable[Download]) -> Iterator[Download]:
        """Fetch them; those that are here, one by one.

        Raises:
            StopAsked: the user wants no more.
        """
        under_way: deque[tuple[Download, Line]] = deque()
        for download in downloads:
            if self.stop.is_set():
                raise StopAsked
            line = self._ask(download) if self._in_vain < AT_ONCE else None
            if line is not None:
                under_way.append((download, line))
            if len(under_way) >= AT_ONCE and self._receive(*under_way[0]):
                yield under_way[0][0]
            if len(under_way) >= AT_ONCE:
                under_way.popleft()
        yield from (download for download, line in under_way if self._receive(download, line))

    def _ask(self, download: Download) -> Line | None:
        headers = {"If-Match": f'"{download.etag}"'} if download.etag else {}
        try:
            store = self.stores(download.place.storage, False)  # noqa: FBT003 (a callback)
            url = sign_get(store, download.place)
            line = self.lines.take(store, url)
        except HepsubError:
            return None
        used = line.is_open
        try:
            line.send(url, headers)
        except BROKEN:
            self.lines.give_back(line, None)
            if not used:  # the rest shall not wait for the same, one after the other
                self._in_vain = AT_ONCE
            return None
        return line

    def _receive(self, download: Download, line: Line) -> bool:
        answer = None
        try:
            answer = line.receive()
            body = answer.read_whole(download.size)
        except BROKEN as error:
            self._in_vain += AT_ONCE if isinstance(error, TimeoutError) else 1
            return False
        finally:
            self.lines.give_back(line, answer)
        if not _is_right(download, answer, body) or not _is_written(download, body):
            self._in_vain += 1
            return False
        self._in_vain = 0
        self.meter.move(len(body))
        return True


def _is_right(download: Download, answer: Answer, body: bytes) -> bool:
    if answer.status != 200 or len(body) != download.size:
        return False
    if download.md5:
        return hashlib.md5(body, usedforsecurity=False).hexdigest() == download.md5
    said = answer.head.get("etag", "").strip('"')
    return not said or not download.etag or said == download.etag


def _is_written(download: Download, body: bytes) -> bool:
    try:
        with download.landing.open_part() as part:
            if part.size:
                os.ftruncate(part.descriptor, 0)
            if os.pwrite(part.descriptor, body, 0) < len(body):
                return False
            part.finish(download.modified)
    except OSError:
        return False
    return True
