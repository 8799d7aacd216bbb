"""Wakes the runner, or starts one where there is work and none alive, with its lengths of time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from hepsub.local.directory import Place
from hepsub.local.record import FREE, holder

_PROGRAM = Path(__file__).with_name("__main__.py")
_LOG_LIMIT = 1_000_000
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Jobs get what their plan says; the runner itself needs nothing of the user's environment."""


class Timing(Struct, frozen=True, kw_only=True):
    """Lengths of time, in seconds; tests shorten them.

    Attributes:
        grace_s: between SIGTERM and SIGKILL for a job that is stopped.
        linger_s: how long the runner stays when there is nothing to do.
        turn_s: how long it sleeps when nobody wakes it.
        retry_s: how long it starts nothing after a run could not begin.
        history_s: how long jobs that left the queue are remembered.
        traces_s: how long files of runs that never began are kept.
    """

    grace_s: float = 10
    linger_s: float = 5
    turn_s: float = 1
    retry_s: float = 5
    history_s: float = 30 * 86400
    traces_s: float = 86400

    def text(self) -> str:
        """The lengths as one word of a command line."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def read(text: str) -> Timing:
        """The lengths from such a word."""
        return msgspec.json.decode(text, type=Timing)


USUAL = Timing()


def ensure_runner(place: Place, timing: Timing) -> None:
    """Wake the runner, or start one; should that fail, the next command tries again."""
    # Two commands may start one each: the second finds the lock taken, and ends.
    if holder(place.lock) != FREE:
        wake(place.wake)
        return
    with contextlib.suppress(OSError):
        _start(place, timing)


def wake(fifo: Path) -> None:
    """Wake the runner, if there is one."""
    with contextlib.suppress(OSError):  # nobody listens, or is about to wake up anyway
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"\0")
        finally:
            os.close(descriptor)


def _start(place: Place, timing: Timing) -> None:
    log = _open_log(place.log)
    try:
        subprocess.run(
            [sys.executable, "-I", "-X", "utf8", _PROGRAM, place.directory, timing.text()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(log)


def _open_log(path: Path) -> int:
    """The runner's log, begun anew when it has grown large; nowhere when the disk does not let us."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > _LOG_LIMIT:
            path.unlink()
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
