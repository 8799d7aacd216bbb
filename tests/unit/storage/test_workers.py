"""Many tasks at once, and how they are stopped."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from hepsub.storage.workers import StopAsked, run_all


@pytest.mark.parametrize(("number", "at_once"), [(0, 4), (1, 4), (9, 4), (9, 1)])
def test_each_task_is_done_once(number: int, at_once: int) -> None:
    """By no more than so many threads."""
    done: list[int] = []
    threads: set[int] = set()

    def one(task: int, _: threading.Event) -> None:
        threads.add(threading.get_ident())
        done.append(task)

    run_all(number, one, lambda: None, at_once)
    assert sorted(done) == list(range(number))
    assert len(threads) <= min(number, at_once)


def test_ctrl_c_stops_the_workers() -> None:
    """Tasks are told to stop, have a moment to tidy up, and the interruption goes on."""
    begun: list[int] = []
    tidy: list[int] = []

    def one(number: int, stop: threading.Event) -> None:
        begun.append(number)
        assert stop.wait(10)
        time.sleep(0.2)
        tidy.append(number)
        raise StopAsked

    def watch() -> None:
        if len(begun) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_all(9, one, watch, 3)
    assert sorted(tidy) == [0, 1, 2]


def test_a_task_that_fails_stops_the_others() -> None:
    """Those that run are told, and those that wait are not begun."""
    begun: list[int] = []
    others = threading.Event()

    def one(number: int, stop: threading.Event) -> None:
        begun.append(number)
        if number == 1:
            assert others.wait(10)
            raise ZeroDivisionError
        others.set()
        assert stop.wait(10), "nobody told it"
        raise StopAsked

    with pytest.raises(ZeroDivisionError):
        run_all(9, one, lambda: None, at_once=2)
    assert sorted(begun) == [0, 1]
