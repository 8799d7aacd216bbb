"""Ctrl-C is raised or noted, as what is being done needs it; tried with the signal itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from hepsub.interrupts import Interrupts


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """After each test SIGINT does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    yield
    left, _ = signal.getsignal(signal.SIGINT), signal.signal(signal.SIGINT, before)
    assert left is before


def press() -> None:
    """Press Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def test_without_hold_it_interrupts_at_once() -> None:
    """As in every Python program."""
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.scope():
        press()
    assert not interrupts.noted


def test_held_back_it_is_noted_and_interrupts_nothing() -> None:
    """However often it is pressed; whoever takes it has it."""
    interrupts = Interrupts()
    with interrupts.scope():
        interrupts.hold()
        press()
        press()
        assert interrupts.take()
        assert not interrupts.take()


def test_what_nobody_acted_upon_is_raised_at_the_end() -> None:
    """Not where an inner scope ends: the outer one may still print."""
    interrupts, reached = Interrupts(), []

    def work() -> None:
        with interrupts.scope():
            with interrupts.scope():
                interrupts.hold()
                press()
            reached.append("after the inner")
            press()
            reached.append("at the end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["after the inner", "at the end"]


def test_an_error_is_not_replaced_by_it() -> None:
    """What went wrong is told."""
    interrupts = Interrupts()

    def work() -> None:
        with interrupts.scope():
            interrupts.hold()
            press()
            raise ValueError("trouble")

    with pytest.raises(ValueError, match="trouble"):
        work()
    assert not interrupts.noted


def test_a_loop_looks_at_it_before_each_turn() -> None:
    """10,000 manifests are not written to their end first."""
    interrupts, done = Interrupts(), []

    def work() -> None:
        for number in interrupts.checked(range(5)):
            done.append(number)
            if number == 2:
                press()

    with interrupts.scope():
        interrupts.hold()
        with pytest.raises(KeyboardInterrupt):
            work()
        assert interrupts.take()
    assert done == [0, 1, 2]


def test_waiting_can_be_interrupted_between_two_parts_that_cannot() -> None:
    """Also by what was pressed before; and afterwards it is held back as before."""
    interrupts = Interrupts()
    with interrupts.scope():
        interrupts.hold()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            press()
        press()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            raise AssertionError("reached")
        press()
        assert interrupts.take()


def test_where_it_is_ignored_it_stays_ignored() -> None:
    """`hep_sub … &` in a script: sh starts it with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts = Interrupts()
        with interrupts.scope():
            interrupts.hold()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            press()
        assert not interrupts.noted
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_holds_nothing_back() -> None:
    """Python handles signals in the first thread only; a program's own threads may submit."""
    found = []

    def submit() -> None:
        interrupts = Interrupts()
        with interrupts.scope():
            interrupts.hold()
            found.append(interrupts.usual)

    thread = threading.Thread(target=submit)
    thread.start()
    thread.join()
    assert found == [None]
