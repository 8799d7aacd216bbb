"""Ctrl-C: raised at once, as Python does it, or noted while something must not be left half done."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
_Handler = Callable[[int, FrameType | None], object] | int


class Interrupts:
    """SIGINT of this process.

    Attributes:
        noted: whether the user pressed Ctrl-C and nobody has acted upon it yet.
        depth: how many scopes are open.
        usual: what SIGINT did before it was held back; None while it is not.
    """

    __slots__ = ("depth", "noted", "usual")

    def __init__(self) -> None:
        self.noted = False
        self.depth = 0
        self.usual: _Handler | None = None

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Until the outermost of these blocks ends, `hold` is of force.

        Raises:
            KeyboardInterrupt: at the end, one that was noted and that nobody has acted upon.
        """
        self.depth += 1
        try:
            yield
        except BaseException:
            self._leave()  # what went wrong is told instead
            raise
        if self._leave():
            raise KeyboardInterrupt

    def hold(self) -> None:
        """From now on Ctrl-C is noted, and interrupts nothing.

        In another thread than the first one, and where it is ignored, it interrupts nothing anyway.
        """
        import threading  # which click's help does without

        if self.usual is not None or threading.current_thread() is not threading.main_thread():
            return
        usual = signal.getsignal(signal.SIGINT)
        # None: a library in C has set it, which Python cannot put back.
        if usual is None or usual is signal.SIG_IGN:
            return
        signal.signal(signal.SIGINT, self._note)
        self.usual = usual

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Let Ctrl-C interrupt within this block, also one that was noted before it.

        Raises:
            KeyboardInterrupt: the user pressed Ctrl-C.
        """
        held = self.usual is not None
        self._restore()
        try:
            if self.take():
                raise KeyboardInterrupt
            yield
        finally:
            if held:
                self.hold()

    def check(self) -> None:
        """Let a Ctrl-C that was noted interrupt here.

        Raises:
            KeyboardInterrupt: there was one.
        """
        if self.noted:
            raise KeyboardInterrupt

    def checked(self, things: Iterable[T]) -> Iterator[T]:
        """These things, with a look at Ctrl-C before each.

        Raises:
            KeyboardInterrupt: there was one.
        """
        for each in things:
            self.check()
            yield each

    def take(self) -> bool:
        """Whether there was a Ctrl-C; whoever asks acts upon it."""
        noted, self.noted = self.noted, False
        return noted

    def _leave(self) -> bool:
        """Whether the outermost scope ended with a Ctrl-C that was noted."""
        self.depth -= 1
        if self.depth:
            return False
        self._restore()
        return self.take()

    def _restore(self) -> None:
        usual, self.usual = self.usual, None
        if usual is not None:
            signal.signal(signal.SIGINT, usual)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.noted = True
