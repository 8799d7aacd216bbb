"""One object becomes one file: whole or not at all, going on where it was.

The file is NAME.part until size and checksum are right. A large object comes in ranges, some at once, each
by its own request; its checksum is computed from the file, on another core, as far as it is there without
a gap.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hepsub.errors import HepsubError
from hepsub.storage.destination import PartFile, obstacle_text
from hepsub.storage.http import (
    AccessRefused,
    ConnectionPool,
    PermanentFailure,
    TemporaryFailure,
    check,
)
from hepsub.storage.ranges import ByteRange, Ranges
from hepsub.storage.response import BROKEN, Response
from hepsub.storage.workers import StopAsked

if TYPE_CHECKING:
    from hepsub.storage.download import Download, Progress
    from hepsub.storage.store import Store

_CHUNK = 2**18
_TRIES = 6
"""So many failures in a row, none of them with progress, are the end."""
_SPOILT_TRIES = 3
_LONGEST_PAUSE_S = 10.0
_HOLE_NEAR = 2**20
"""A file system tells where a hole begins only by the block."""


class _NoRanges(Exception):
    """The server gives whole objects only."""


@dataclass(slots=True, kw_only=True)
class RangedDownload:
    """One object on its way.

    Attributes:
        stores: gives a storage with keys that are good now; True asks for new ones.
        stop: set when the user wants no more.
        at_once: how many ranges of it may come at once.
    """

    download: Download
    pool: ConnectionPool
    stores: Callable[[str, bool], Store]
    pause: Callable[[float], None]
    progress: Progress
    stop: threading.Event
    at_once: int
    _etag_is_md5: bool = True
    _ranges: Ranges = field(init=False)

    def run(self) -> str:
        """Bring it, and give why it is not here, in words, or nothing.

        Raises:
            StopAsked: the user wants no more.
        """
        try:
            with self.download.destination.open_part() as part:
                self._fill(part)
                part.finish(self.download.modified)
        except PermanentFailure as trouble:
            return str(trouble)
        except HepsubError as trouble:
            return trouble.message
        except OSError as trouble:
            return f"it cannot be written: {obstacle_text(trouble)}"
        return ""

    def _fill(self, part: PartFile) -> None:
        """Bring the whole object into the file."""
        came, at_once = self._believed(part), self.at_once
        for _ in range(_SPOILT_TRIES):
            try:
                md5 = self._bring(part.descriptor, came, at_once)
            except _NoRanges:  # nor will it have any the next time
                at_once = 0
                md5 = self._bring(part.descriptor, 0, at_once)
            if not self._md5_told or md5 == self._md5_told:
                return
            self.progress.move(-self.download.size)
            os.ftruncate(part.descriptor, 0)
            came = 0
        raise PermanentFailure(f"its contents were not those of the object, {_SPOILT_TRIES} times")

    def _believed(self, part: PartFile) -> int:
        """How much of what an earlier command left is gone on with."""
        if not part.size:
            return 0
        # Without a checksum nothing would tell whether it belongs to this object.
        if not self.download.md5 or part.size > self.download.size:
            os.ftruncate(part.descriptor, 0)
            return 0
        # Up to the first gap: that command may have been killed while several ranges came.
        try:
            hole = os.lseek(part.descriptor, 0, os.SEEK_HOLE)
        except OSError:  # a file system that does not tell
            return 0
        return part.size if hole >= part.size else max(0, hole - _HOLE_NEAR)

    def _bring(self, descriptor: int, came: int, at_once: int) -> str:
        """Bring what is missing, and give the MD5 of the whole; in one request where `at_once` is 0."""
        self.progress.move(came)
        ranges = self._ranges = Ranges.of(self.download.size, came, at_once)
        try:
            ranges.bring(descriptor, self._fetch_range)
            return self._md5(descriptor, ranges)
        except _NoRanges:
            self.progress.move(-ranges.brought)
            raise
        finally:
            ranges.end(descriptor, leave=self.stop.is_set())

    @property
    def _md5_told(self) -> str:
        """The MD5 that the object has to have; empty for unknown."""
        # That an object is encrypted, so that its ETag is none, a listing does not tell, but each response does.
        told = self.download.md5
        return told if self._etag_is_md5 or told != self.download.etag else ""

    def _md5(self, descriptor: int, ranges: Ranges) -> str:
        """The MD5 of the file, which grows meanwhile."""
        digest = hashlib.md5(usedforsecurity=False)
        buffer = memoryview(bytearray(min(_CHUNK, self.download.size)))
        done = 0
        while done < self.download.size:
            end = ranges.wait_for(done)
            while done < end:
                if self.stop.is_set():
                    raise StopAsked
                got = os.preadv(descriptor, [buffer[: end - done]], done)
                if not got:
                    raise PermanentFailure("the file here became shorter while it was written")
                digest.update(buffer[:got])
                done += got
        return digest.hexdigest()

    # ---- one range, by a thread of its own ----------------------------------------------------

    def _fetch_range(self, descriptor: int, span: ByteRange) -> None:
        failures, best, renew, renewed = 0, span.came, False, False
        while span.came < span.end:
            try:
                self._ask(descriptor, span, renew=renew)
            except TemporaryFailure as trouble:
                renew = False
                failures = 1 if span.came > best else failures + 1
                best = max(best, span.came)
                if failures >= _TRIES:
                    raise PermanentFailure(f"{trouble}, {failures} times in a row") from trouble
                self._wait(failures, trouble.after)
            except AccessRefused as trouble:
                # Keys may end more than once in a large object: what came since then tells.
                if renewed and span.came == best:
                    raise PermanentFailure(str(trouble)) from trouble
                renew = renewed = True
                best = span.came

    def _wait(self, failures: int, after: float) -> None:
        # Each at another time: what a store in trouble does not need is 16 requests at the same moment.
        pause = min(_LONGEST_PAUSE_S, 0.2 * 2**failures) * random.uniform(0.5, 1.5)  # noqa: S311
        self._stop_if_asked()
        self.pause(max(pause, min(after, 6 * _LONGEST_PAUSE_S)))
        self._stop_if_asked()

    def _ask(self, descriptor: int, span: ByteRange, *, renew: bool) -> None:
        """Ask for what is missing of a range, and take as much as comes."""
        place, size, etag = self.download.place, self.download.size, self.download.etag
        headers = {"If-Match": f'"{etag}"'} if etag else {}
        if span.came or span.end < size:
            last = span.end - 1 if span.end < size else ""
            headers["Range"] = f"bytes={span.came}-{last}"
        store = self.stores(place.storage, renew)
        with self.pool.ask(store, store.url(place.bucket, place.key), headers=headers) as response:
            check(response)
            if response.is_encrypted:
                self._etag_is_md5 = False
            if not response.is_of(etag):
                raise PermanentFailure("it was replaced while it was fetched; run this again")
            if "Range" in headers and not _continues(response, span.came):
                if span.begin or span.end < size:
                    raise _NoRanges
                # The whole object comes, and this is all that is asked for.
                self._moved(span, -span.came)
            self._take(response, descriptor, span)

    def _take(self, response: Response, descriptor: int, span: ByteRange) -> None:
        # One byte more than is missing, to see an object that has grown.
        buffer = memoryview(bytearray(min(_CHUNK, span.end - span.came + 1)))
        while True:
            self._stop_if_asked()
            left = span.end - span.came
            try:
                got = response.read_into(buffer[: left + 1])
            except BROKEN as error:
                raise TemporaryFailure(f"the connection broke ({type(error).__name__})") from error
            if not got:
                break
            if got > left:
                raise PermanentFailure(
                    "it is larger than it was when it was looked for; run this again"
                )
            _write(descriptor, buffer[:got], span.came)
            self._moved(span, got)
        if span.came < span.end:
            raise TemporaryFailure("the answer ended early")

    def _moved(self, span: ByteRange, number: int) -> None:
        span.came += number
        self.progress.move(number)

    def _stop_if_asked(self) -> None:
        if self.stop.is_set() or self._ranges.halt.is_set():
            raise StopAsked


def _continues(response: Response, offset: int) -> bool:
    """Whether a response begins where it was asked to; rclone's server says so with 200 instead of 206."""
    return response.header("content-range").startswith(f"bytes {offset}-")


def _write(descriptor: int, view: memoryview, offset: int) -> None:
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written
