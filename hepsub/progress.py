"""How far it is what takes long: actions tell it, and do not know whether anybody looks."""

from __future__ import annotations

import _thread  # not threading, which is one more module at each start: a lock is all that is needed
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Step:
    """Something that takes long; all threads may tell how far it is.

    Attributes:
        what: in words; names of files and servers may be a part of it. Empty: it is not shown.
        done: how much of it is done.
        total: how much there is to do; 0 for not known.
        in_bytes: whether that counts bytes, and not things.
        began: when it was begun, by time.monotonic.
    """

    __slots__ = ("_lock", "_progress", "began", "done", "in_bytes", "total", "what")

    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self._progress, self._lock = progress, _thread.allocate_lock()
        self.what, self.done, self.total, self.in_bytes = what, 0, total, False
        self.began = time.monotonic()

    def advance(self, number: int = 1) -> None:
        """So much more of it is done."""
        with self._lock:
            self.done += number
        self._progress.changed()

    def counted(self, things: Iterable[T]) -> Iterator[T]:
        """These things, each counted when the next one is asked for."""
        for each in things:
            yield each
            self.advance()

    def see(self, what: str, done: int = 0, total: int = 0, *, in_bytes: bool = False) -> None:
        """It is something else now, or in other words; these are for those who look."""
        self.what, self.done, self.total, self.in_bytes = what, done, total, in_bytes
        self._progress.changed()

    def say(self, what: str) -> None:
        """The same, for those who do not look as well: they are told each of these sentences."""
        if self._progress.show is None:
            self._progress.tell(what)
        self.see(what)


class Progress:
    """What a command is at; the innermost step that is under way counts.

    Attributes:
        show: is given what is under way at each change, and None where nothing is.
        tell: is given what was said in words, where nothing is shown.
    """

    __slots__ = ("_behind", "_lock", "_steps", "show", "tell")

    def __init__(
        self,
        show: Callable[[Step | None], None] | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.show, self.tell = show, tell
        self._lock = _thread.allocate_lock()
        self._behind: list[Step] = []
        self._steps: list[Step] = []

    @contextlib.contextmanager
    def step(self, what: str = "", total: int = 0, *, behind: bool = False) -> Iterator[Step]:
        """Something that may take long is done within this block.

        Args:
            what: in words; empty where these come later, if at all.
            total: how much there is to do; 0 for not known.
            behind: whether it is shown only while nothing else is under way.
        """
        step = Step(self, what, total)
        # Threads work side by side: what began first may end first, so this is a list, and no stack.
        steps = self._behind if behind else self._steps
        with self._lock:
            steps.append(step)
        self.changed()
        try:
            yield step
        finally:
            with self._lock:
                steps.remove(step)
            self.changed()

    def changed(self) -> None:
        """Show what is under way now."""
        if self.show is None:
            return
        with self._lock:
            under_way = (*self._behind[-1:], *self._steps)
        self.show(next((each for each in reversed(under_way) if each.what), None))


NOBODY = Progress()
"""Nobody looks."""
