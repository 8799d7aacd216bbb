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
from hepsub.storage.answer import Again, Never, Refused, check
from hepsub.storage.crew import AT_ONCE, do_all
from hepsub.storage.errand import Errand
from hepsub.storage.landing import Landing
from hepsub.storage.lines import BROKEN, Lines
from hepsub.storage.relay import Relay, is_small
from hepsub.storage.s3 import Store
from hepsub.storage.signature import sign_get

_READ_TRIES = 3
_PIECES_AT_ONCE = 4
"""Of one object, where there are few: more streams fill no line that four do not."""


class Download(Struct, frozen=True, kw_only=True):
    """An object that shall become a file.

    Attributes:
        place: the object.
        size: its size in bytes.
        etag: its ETag, without quotes; empty for unknown.
        md5: the MD5 that it has to have, in hex; empty for unknown.
        modified: when it was written, in seconds since the epoch; 0 for unknown.
        landing: the file.
    """

    place: ObjectPlace
    size: int
    etag: str
    md5: str
    modified: float
    landing: Landing


class Arrival(Struct, frozen=True, kw_only=True):
    """What became of a download: there, or why not, in words."""

    download: Download
    trouble: str = ""


@dataclass(slots=True, kw_only=True)
class Meter:
    """How far the transfers are; written by all of them.

    Attributes:
        size: bytes in all.
        number: files in all.
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
class Courier:
    """Fetches objects.

    Attributes:
        stores: gives a storage by its name, with keys that are good now; called by many threads.
            Its second argument asks for new keys, because the ones given last were refused.
        pause: sleeps for so many seconds.
    """

    stores: Callable[[str, bool], Store]
    pause: Callable[[float], None] = time.sleep

    def fetch(
        self,
        downloads: Sequence[Download],
        watch: Callable[[Meter], None],
        told: Callable[[Arrival], None] = lambda _: None,
    ) -> tuple[Arrival, ...]:
        """Fetch them, many at once; what became of each, in their order.

        Args:
            downloads: what to fetch.
            watch: is told how far it is, some times a second, by the calling thread.
            told: is told of each that is here, or cannot come, at once, by any thread.

        Raises:
            KeyboardInterrupt: the user stopped it; what had come of each file is in NAME.part.
        """
        lines = Lines()
        haul = _Haul(courier=self, downloads=downloads, lines=lines, told=told)
        try:
            do_all(1, haul.bring_small, lambda: watch(haul.meter))
            rest = [number for number in range(len(downloads)) if number not in haul.arrived]
            pieces = max(1, min(_PIECES_AT_ONCE, AT_ONCE // max(1, len(rest))))

            def one(number: int, stop: threading.Event) -> None:
                haul.bring(rest[number], stop, pieces)

            do_all(len(rest), one, lambda: watch(haul.meter))
        finally:
            lines.close()
        watch(haul.meter)
        return tuple(haul.arrived[number] for number in range(len(downloads)))

    def read(self, places: Sequence[ObjectPlace], most: int) -> Mapping[ObjectPlace, bytes]:
        """The contents of small objects; those that cannot be read, or are larger, are left out."""
        found: dict[ObjectPlace, bytes] = {}
        lines = Lines()

        def one(number: int, stop: threading.Event) -> None:
            del stop
            content = self._read(lines, places[number], most)
            if content is not None:
                found[places[number]] = content

        try:
            do_all(len(places), one, lambda: None)
        finally:
            lines.close()
        return found

    def _read(self, lines: Lines, place: ObjectPlace, most: int) -> bytes | None:
        for _ in range(_READ_TRIES):
            with contextlib.suppress(Again, Refused, Never, HepsubError, *BROKEN):
                store = self.stores(place.storage, False)  # noqa: FBT003 (a callback)
                with lines.get(store, sign_get(store, place)) as answer:
                    check(answer)
                    content = answer.read(most + 1)
                    length = answer.head.get("content-length", "")
                    if str(len(content)) == length:
                        return content
        return None


@dataclass(slots=True, kw_only=True)
class _Haul:
    """Downloads under way, and those that have arrived, by their numbers."""

    courier: Courier
    downloads: Sequence[Download]
    lines: Lines
    told: Callable[[Arrival], None]
    arrived: dict[int, Arrival] = field(default_factory=dict)
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        size = sum(each.size for each in self.downloads)
        self.meter = Meter(size=size, number=len(self.downloads))

    def bring_small(self, _: int, stop: threading.Event) -> None:
        """Bring the small ones, as far as nothing is unusual."""
        numbers = {id(each): n for n, each in enumerate(self.downloads) if is_small(each.size)}
        small = [self.downloads[number] for number in numbers.values()]
        relay = Relay(lines=self.lines, stores=self.courier.stores, meter=self.meter, stop=stop)
        for each in relay.fetch(small):
            self._arrive(numbers[id(each)], "")

    def bring(self, number: int, stop: threading.Event, pieces: int) -> None:
        """Bring one, whatever happens on the way."""
        errand = Errand(
            download=self.downloads[number],
            lines=self.lines,
            stores=self.courier.stores,
            pause=self.courier.pause,
            meter=self.meter,
            stop=stop,
            at_once=pieces,
        )
        self._arrive(number, errand.run())

    def _arrive(self, number: int, trouble: str) -> None:
        self.arrived[number] = Arrival(download=self.downloads[number], trouble=trouble)
        self.meter.end()
        self.told(self.arrived[number])
