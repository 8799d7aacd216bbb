"""Calls in processes of their own, side by side: HTCondor's bindings stop all threads of a process while they wait.

They hear no Ctrl-C then, either, and wait up to two minutes for a daemon that takes connections and says nothing
(tried: 25.14.1).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_AT_ONCE = 8
_PIECE = 2**16


class Lost(Struct, frozen=True):
    """A call that has no answer, because it failed or its process did; and what is known of that, for people."""

    why: str


class _Call(Struct, kw_only=True, eq=False):
    """A call that is under way in a process; `end` is by time.monotonic."""

    process: int
    pipe: int
    end: float
    answer: list[bytes] = field(default_factory=list)


def side_by_side(calls: Mapping[K, Callable[[], T]], within_s: float) -> dict[K, T | Lost]:
    """What functions return, by name, each called in a process of its own; without those that did not end in time.

    What a function changes is lost with its process; what it returns has to be of a type that pickle knows.
    """
    waiting, under_way, done = list(calls.items()), dict[K, _Call](), dict[K, T | Lost]()
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or under_way:
                while waiting and len(under_way) < _AT_ONCE:
                    name, call = waiting.pop(0)
                    try:
                        under_way[name] = _start(call, within_s)
                    except OSError as error:
                        done[name] = Lost(f"no process could be made for it: {error.strerror}")
                        continue
                    selector.register(under_way[name].pipe, selectors.EVENT_READ, name)
                if under_way:
                    done |= _look(selector, under_way)
        finally:
            for each in under_way.values():
                _end(each)
    return done


def _start(call: Callable[[], Any], within_s: float) -> _Call:
    reading, writing = os.pipe()
    try:
        process = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if process:
        os.close(writing)
        return _Call(process=process, pipe=reading, end=time.monotonic() + within_s)
    code = 1
    try:
        os.close(reading)
        _send(writing, call)
        code = 0
    finally:
        # Not sys.exit: what the caller has in its buffers, its `finally` and its exit handlers would be done twice.
        os._exit(code)


def _send(pipe: int, call: Callable[[], Any]) -> None:
    try:
        answer = pickle.dumps((True, call()))
    except Exception as error:  # noqa: BLE001 (it is the caller's to know, whatever it is)
        answer = pickle.dumps((False, f"{type(error).__name__}: {error}"))
    with open(pipe, "wb") as file:
        file.write(answer)


def _look(selector: selectors.BaseSelector, under_way: dict[K, _Call]) -> dict[K, Any]:
    """What was answered by those that have ended now; they are under way no more, and nor are those that are late."""
    answered: dict[K, Any] = {}
    first = min(each.end for each in under_way.values())
    for key, _ in selector.select(max(0.0, first - time.monotonic())):
        piece = os.read(key.fd, _PIECE)
        if piece:
            under_way[key.data].answer.append(piece)
            continue
        call = _leave(selector, under_way, key.data)
        answered[key.data] = _value(b"".join(call.answer))
    for name in [name for name, each in under_way.items() if each.end <= time.monotonic()]:
        _leave(selector, under_way, name)
    return answered


def _leave(selector: selectors.BaseSelector, under_way: dict[K, _Call], name: K) -> _Call:
    call = under_way.pop(name)
    selector.unregister(call.pipe)
    _end(call)
    return call


def _end(call: _Call) -> None:
    # SIGKILL, for the bindings hear nothing else while they wait; one that has answered is about to end anyway.
    with contextlib.suppress(ProcessLookupError):
        os.kill(call.process, signal.SIGKILL)
    os.waitpid(call.process, 0)
    os.close(call.pipe)


def _value(answer: bytes) -> Any:  # noqa: ANN401 (whatever was returned)
    try:
        succeeded, value = pickle.loads(answer)  # noqa: S301 (this program wrote it, in a process of its own)
    except (EOFError, pickle.UnpicklingError):
        succeeded, value = False, "its process ended without an answer"
    return value if succeeded else Lost(value)
