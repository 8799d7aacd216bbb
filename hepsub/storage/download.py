"""Objects become files, many at once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from hepsub.errors import HepsubError
from hepsub.plan.location import ObjectPlace
from hepsub.storage.destination import Destination
from hepsub.storage.http import (
    AccessRefused,
    ConnectionPool,
    PermanentFailure,
    TemporaryFailure,
    check,
)
from hepsub.storage.large_object import RangedDownload
from hepsub.storage.response import BROKEN
from hepsub.storage.small_objects import SmallObjects, is_small
from hepsub.storage.store import Store
from hepsub.storage.workers import AT_ONCE, run_all

_READ_TRIES = 3
_RANGES_AT_ONCE = 4
"""Of one object, where there are few: more streams fill no line that four do not."""


class Download(Struct, frozen=True, kw_only=True):
    """An object that shall become a file.

    Attributes:
        etag: without quotes; empty for unknown.
        md5: the one that it has to have, in hex; empty for unknown.
        modified: when it was written, in seconds since the epoch; 0 for unknown.
    """

    place: ObjectPlace
    size: int
    etag: str
    md5: str
    modified: float
    destination: Destination


class DownloadResult(Struct, frozen=True, kw_only=True):
    """What became of a download: there, or why not, in words."""

    download: Download
    trouble: str = ""


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far the transfers are, of so many bytes and files; written by all of them.

    Attributes:
        moved: bytes that are here.
        done: files that are here, or cannot come.
    """

    size: int
    number: int
    moved: int = 0
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def move(self, number: int) -> None:
        """So many bytes came; negative when they have to come again."""
        with self._lock:
            self.moved += number

    def end(self) -> None:
        """One more file needs nothing any more."""
        with self._lock:
            self.done += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloader:
    """Fetches objects.

    Attributes:
        stores: gives a storage by its name, with keys that are good now; called by many threads.
            Its second argument asks for new keys, because the ones given last were refused.
    """

    stores: Callable[[str, bool], Store]
    pause: Callable[[float], None] = time.sleep

    def fetch(
        self,
        downloads: Sequence[Download],
        watch: Callable[[Progress], None],
        told: Callable[[DownloadResult], None] = lambda _: None,
    ) -> tuple[DownloadResult, ...]:
        """Fetch them, many at once; what became of each, in their order.

        Args:
            downloads: what to fetch.
            watch: is told how far it is, some times a second, by the calling thread.
            told: is told of each that is here, or cannot come, at once, by any thread.

        Raises:
            KeyboardInterrupt: the user stopped it; what had come of each file is in NAME.part.
        """
        results: dict[int, DownloadResult] = {}
        progress = Progress(size=sum(each.size for each in downloads), number=len(downloads))
        with contextlib.closing(ConnectionPool()) as pool:

            def arrive(number: int, trouble: str) -> None:
                results[number] = DownloadResult(download=downloads[number], trouble=trouble)
                progress.end()
                told(results[number])

            def small(_: int, stop: threading.Event) -> None:
                numbers = {id(each): n for n, each in enumerate(downloads) if is_small(each.size)}
                objects = SmallObjects(pool=pool, stores=self.stores, progress=progress, stop=stop)
                for each in objects.fetch(downloads[number] for number in numbers.values()):
                    arrive(numbers[id(each)], "")

            # By a thread as well, which Ctrl-C can leave. What it does not bring is large, or unusual.
            run_all(1, small, lambda: watch(progress))
            rest = [number for number in range(len(downloads)) if number not in results]
            ranges = max(1, min(_RANGES_AT_ONCE, AT_ONCE // max(1, len(rest))))

            def one(number: int, stop: threading.Event) -> None:
                download = RangedDownload(
                    download=downloads[rest[number]],
                    pool=pool,
                    stores=self.stores,
                    pause=self.pause,
                    progress=progress,
                    stop=stop,
                    at_once=ranges,
                )
                arrive(rest[number], download.run())

            run_all(len(rest), one, lambda: watch(progress))
        watch(progress)
        return tuple(results[number] for number in range(len(downloads)))

    def read(self, places: Sequence[ObjectPlace], most: int) -> Mapping[ObjectPlace, bytes]:
        """The contents of small objects; those that cannot be read, or are larger, are left out."""
        found: dict[ObjectPlace, bytes] = {}
        with contextlib.closing(ConnectionPool()) as pool:

            def one(number: int, _: threading.Event) -> None:
                content = self._read(pool, places[number], most)
                if content is not None:
                    found[places[number]] = content

            run_all(len(places), one, lambda: None)
        return found

    def _read(self, pool: ConnectionPool, place: ObjectPlace, most: int) -> bytes | None:
        for _ in range(_READ_TRIES):
            with contextlib.suppress(
                TemporaryFailure, AccessRefused, PermanentFailure, HepsubError, *BROKEN
            ):
                store = self.stores(place.storage, False)  # noqa: FBT003 (a callback)
                with pool.ask(store, store.url(place.bucket, place.key)) as response:
                    check(response)
                    content = response.read_whole(most)
                    # A body that ends with its connection may have been cut off.
                    if str(len(content)) == response.header("content-length"):
                        return content
        return None
