"""Calls in processes of their own: at once, each for a limited time."""

from __future__ import annotations

import errno
import functools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hepsub.apart import Lost, side_by_side
from hepsub.errors import NotDone


def test_what_they_return_and_nothing_else(tmp_path: Path) -> None:
    """By name, large values too; what they change stays with them."""
    changed: list[int] = []

    def change(number: int) -> str:
        changed.append(number)
        (tmp_path / str(number)).write_text(str(os.getpid()))
        return str(number) * 2**18

    calls = {number: functools.partial(change, number) for number in range(20)}
    assert side_by_side(calls, 60) == {number: str(number) * 2**18 for number in range(20)}
    assert changed == []
    processes = {file.read_text() for file in tmp_path.iterdir()}
    assert len(processes) == 20
    assert str(os.getpid()) not in processes
    assert side_by_side(dict[str, Callable[[], int]](), 1) == {}


def test_they_run_at_once() -> None:
    """Each waits for the other one's word."""
    ours, theirs = socket.socketpair()

    def meet(mine: socket.socket) -> bytes:
        mine.sendall(b"x")
        return mine.recv(1)

    met = side_by_side({"a": lambda: meet(ours), "b": lambda: meet(theirs)}, 60)
    assert met == {"a": b"x", "b": b"x"}
    ours.close()
    theirs.close()


def test_one_that_waits_too_long_is_ended(tmp_path: Path) -> None:
    """The others' answers are there, and no process is left."""

    def wait() -> int:
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(600)
        return 1

    assert side_by_side({"a": wait, "b": lambda: 2}, 1) == {"b": 2}
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def fail() -> int:
    """Fail as a program does."""
    raise NotDone("no")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (fail, "NotDone: no"),
        (lambda: os._exit(3), "its process ended without an answer"),
        (lambda: lambda: 1, "Error: "),
    ],
)
def test_a_failure_takes_no_other_answer_away(call: Callable[[], object], said: str) -> None:
    """Also one that cannot tell of itself, or answers what nobody can send."""
    answers = side_by_side({"a": call, "b": lambda: 2}, 60)
    assert answers["b"] == 2
    lost = answers["a"]
    assert isinstance(lost, Lost)
    assert said in lost.why


def test_a_process_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user may have no more of them; no pipe stays open."""

    def fork() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    monkeypatch.setattr(os, "fork", fork)
    why = "no process could be made for it: Resource temporarily unavailable"
    assert side_by_side({"a": fail, "b": fail}, 60) == {"a": Lost(why), "b": Lost(why)}
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
