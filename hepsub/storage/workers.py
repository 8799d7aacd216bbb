"""Many tasks at once, by threads that Ctrl-C does not have to wait for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

AT_ONCE = 16
"""Enough for the delays of a network; Python itself is quicker with fewer."""
_WATCH_S = 0.1
_STOP_S = 3.0


class StopAsked(Exception):
    """The user wants no more."""


def run_all(
    number: int,
    one: Callable[[int, threading.Event], None],
    watch: Callable[[], None],
    at_once: int = AT_ONCE,
) -> None:
    """Run the tasks 0 … number - 1, some at once.

    Args:
        number: how many there are.
        one: does one; it raises StopAsked soon after the event was set.
        watch: is called some times a second, by the calling thread.
        at_once: how many are done at once.

    Raises:
        BaseException: what a task raised; or KeyboardInterrupt, after the tasks were told to stop.
    """
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    for each in range(number):
        left.put(each)
    stop = threading.Event()
    failed: list[BaseException] = []
    workers = _Workers(min(at_once, number))

    def work() -> None:
        try:
            while not stop.is_set():
                one(left.get_nowait(), stop)
        except (queue.Empty, StopAsked):
            return
        except BaseException as error:  # noqa: BLE001 (raised again by the calling thread)
            failed.append(error)
            stop.set()
        finally:
            workers.leave()

    try:
        workers.start(work)
        while not workers.has_left(_WATCH_S):
            watch()
    except BaseException:
        stop.set()
        workers.has_left(_STOP_S)  # so long a task may take to leave its files in order
        raise
    if failed:
        raise failed[0]


class _Workers:
    """Threads, counted by themselves."""

    # Not by `join`: Python 3.11 takes a thread for ended when ^C interrupts that (bpo-45274).

    def __init__(self, number: int) -> None:
        self._number = number
        self._news = threading.Condition()

    def start(self, work: Callable[[], None]) -> None:
        # Daemons: one that hangs in a network call must not keep the process alive.
        for _ in range(self._number):
            threading.Thread(target=work, daemon=True).start()

    def leave(self) -> None:
        with self._news:
            self._number -= 1
            self._news.notify_all()

    def has_left(self, seconds: float) -> bool:
        """Whether all of them have ended, after so long at the most."""
        with self._news:
            return self._news.wait_for(lambda: self._number <= 0, seconds)
