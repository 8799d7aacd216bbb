"""Questions to others, all at the same time, and never for longer than a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def at_once(questions: Sequence[Callable[[], T]], limit: float) -> list[T | None]:
    """Every answer; None where it took longer.

    The threads are daemons: what hangs in a system call does not keep the command from ending.

    Args:
        questions: what is asked.
        limit: seconds after which nobody is waited for.

    Raises:
        BaseException: what a question raised.
    """
    found: dict[int, T] = {}
    raised: list[BaseException] = []

    def ask(number: int, question: Callable[[], T]) -> None:
        try:
            found[number] = question()
        except BaseException as error:  # noqa: BLE001 (raised again by the calling thread)
            raised.append(error)

    threads = [
        threading.Thread(target=ask, args=each, daemon=True) for each in enumerate(questions)
    ]
    end = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    if raised:
        raise raised[0]
    return [found.get(number) for number in range(len(questions))]
