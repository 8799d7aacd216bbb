"""Many errands at once, by threads that Ctrl-C does not have to wait for."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

AT_ONCE = 16
_WATCH_S = 0.1
_STOP_S = 3.0


class StopAsked(Exception):
    """The user wants no more."""


def do_all(
    number: int, one: Callable[[int, threading.Event], None], watch: Callable[[], None]
) -> None:
    """Do the errands 0 … number - 1, some at once.

    Args:
        number: how many there are.
        one: does one; it raises StopAsked soon after the event was set.
        watch: is called some times a second, by the calling thread.

    Raises:
        BaseException: what an errand raised; or KeyboardInterrupt, after the errands were told to stop.
    """
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    for each in range(number):
        left.put(each)
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                one(left.get_nowait(), stop)
        except (queue.Empty, StopAsked):
            return
        except BaseException as error:  # noqa: BLE001 (raised again by the calling thread)
            failed.append(error)
            stop.set()

    # Daemons: one that hangs in a network call must not keep the process alive.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, number))]
    try:
        for thread in threads:
            thread.start()
        _watch(threads, watch)
    except BaseException:
        stop.set()
        end = time.monotonic() + _STOP_S
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        raise
    if failed:
        raise failed[0]


def _watch(threads: list[threading.Thread], watch: Callable[[], None]) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(_WATCH_S)
            watch()
