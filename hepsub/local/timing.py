"""The embedded pool's lengths of time."""

from __future__ import annotations

import json

from msgspec import Struct, to_builtins


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
        return json.dumps(to_builtins(self), separators=(",", ":"))

    @staticmethod
    def read(text: str) -> Timing:
        """The lengths from such a word."""
        return Timing(**json.loads(text))


USUAL = Timing()
