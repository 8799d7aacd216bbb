"""The ranges in which a large object comes, some at once, and how far it is here without a gap."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

RANGE = 16 * 2**20
"""Large enough that a request for each costs nothing, small enough that a gap is made up for soon."""
_MOST = 10_000
"""As many as S3 knows itself; those of larger objects are larger."""
_AHEAD = 2
"""A range is not begun before all but so many times the ranges at once are complete before it."""
_LEAVE_S = 2.0
_LOOK_S = 0.2


@dataclass(slots=True, kw_only=True)
class ByteRange:
    """Bytes `begin` to `end` of an object, of which those before `came` are in the file."""

    begin: int
    end: int
    came: int


@dataclass(slots=True, kw_only=True)
class Ranges:
    """The ranges of an object that are not here yet, in their order.

    Attributes:
        came: how much was here before.
        at_once: how many come at once.
        halt: set when no more is wanted of this object.
    """

    came: int
    left: list[ByteRange]
    at_once: int
    halt: threading.Event = field(default_factory=threading.Event)
    _next: int = 0
    _failed: BaseException | None = None
    _news: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, came: int, at_once: int) -> Ranges:
        """The ranges of an object of so many bytes; one, where `at_once` is 0 or the rest is small."""
        if at_once == 0 or size - came <= RANGE:
            left = [ByteRange(begin=0, end=size, came=came)] if came < size else []
            return cls(came=came, left=left, at_once=1)
        length = max(RANGE, -(-size // _MOST))
        begins = range(came, size, length)
        left = [ByteRange(begin=at, end=min(at + length, size), came=at) for at in begins]
        return cls(came=came, left=left, at_once=at_once)

    @property
    def contiguous(self) -> int:
        """How much of the object is here without a gap, in bytes."""
        for span in self.left:
            if span.came < span.end:
                return span.came
        return self.left[-1].end if self.left else self.came

    @property
    def brought(self) -> int:
        """How much of the object is here, in bytes."""
        before = self.left[0].begin if self.left else self.came
        return before + sum(span.came - span.begin for span in self.left)

    def bring(self, descriptor: int, one: Callable[[int, ByteRange], None]) -> None:
        """Bring them into a file: one right now, several by other threads, which `wait_for` waits for.

        Args:
            descriptor: of the file.
            one: brings one; it raises something soon after `halt` was set.
        """
        if len(self.left) < 2:
            for span in self.left:
                one(descriptor, span)
            return
        number = min(self.at_once, len(self.left))
        # Daemons, as all workers are; one that stays behind must not write to a number that another file has by then,
        # so each has a descriptor of its own.
        self._threads = [
            threading.Thread(target=self._work, args=(os.dup(descriptor), one), daemon=True)
            for _ in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, done: int) -> int:
        """Wait until more than so many bytes are here without a gap, and give how many there are.

        Raises:
            BaseException: what bringing a range raised.
        """
        with self._news:
            while True:
                if self._failed is not None:
                    raise self._failed
                if (contiguous := self.contiguous) > done:
                    return contiguous
                self._news.wait(_LOOK_S)

    def end(self, descriptor: int, *, leave: bool) -> None:
        """Wait for the threads, not for long where this process ends soon, and cut off what lies behind a gap."""
        self.halt.set()
        with self._news:
            self._news.notify_all()
        for thread in self._threads:
            thread.join(_LEAVE_S if leave else None)
        # The next command goes on at the file's end.
        if os.fstat(descriptor).st_size > self.contiguous:
            os.ftruncate(descriptor, self.contiguous)

    def _work(self, descriptor: int, one: Callable[[int, ByteRange], None]) -> None:
        try:
            while (span := self._take()) is not None:
                one(descriptor, span)
                with self._news:
                    self._news.notify_all()
        except BaseException as error:  # noqa: BLE001 (raised again by wait_for)
            with self._news:
                self._failed = self._failed or error
                self.halt.set()
                self._news.notify_all()
        finally:
            os.close(descriptor)

    def _take(self) -> ByteRange | None:
        """The next range, when it is its turn; None when there is none."""
        with self._news:
            while self._next < len(self.left) and not self.halt.is_set():
                before = self._next - _AHEAD * self.at_once
                if before < 0 or self.left[before].end <= self.contiguous:
                    self._next += 1
                    return self.left[self._next - 1]
                self._news.wait(_LOOK_S)
        return None
