"""What a running job is at, as its wrapper told last: words that the job itself could have written. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from hepsub.units import duration_text

LONGEST_STAGE = 400
"""Characters of such a text; a host's name has 253 at the most (RFC 1035)."""
_SKEW_S = 300
"""So far clocks may be apart, as for Kerberos (RFC 4120, 5 minutes by custom)."""
_TOLD = re.compile(
    r"(fetching inputs|running|uploading outputs) ([0-9]{1,10})"
    r"(?: ([A-Za-z0-9.:\[\]_-]{1,262}) ([0-9]{1,10}))?"
)


class Stage(Struct, frozen=True, kw_only=True):
    """What a running job is at.

    Attributes:
        what: `fetching inputs`, `running` or `uploading outputs`.
        since: when it began, in seconds since the epoch, by the clock of the worker node.
        store: host and port of the store that does not answer; empty where all do.
        away: since when it does not; 0 for none.
    """

    what: str
    since: float
    store: str = ""
    away: float = 0.0

    def text(self, now: float) -> str:
        """The stage in words; empty where the payload runs, and nothing is wrong."""
        if not self.store:
            is_usual = self.what == "running"
            return "" if is_usual else f"{self.what} since {_ago(self.since, now)}"
        away = f"the store {self.store} does not answer since {_ago(self.away, now)}"
        return f"{self.what} since {_ago(self.since, now)}, {away}"


def read_stage(told: str, started: float = 0.0) -> Stage | None:
    """A stage from what the wrapper told (worker/README.md); None for anything else.

    Args:
        told: the text.
        started: when the job was started, in seconds since the epoch: what was told earlier was of another run.
    """
    found = _TOLD.fullmatch(told) if len(told) <= LONGEST_STAGE else None
    if found is None or int(found[2]) < started - _SKEW_S:
        return None
    return Stage(
        what=found[1], since=float(found[2]), store=found[3] or "", away=float(found[4] or 0)
    )


def in_words(told: str, now: float) -> str:
    """What a wrapper told, for people; empty where it is nothing that needs to be said."""
    stage = read_stage(told)
    return stage.text(now) if stage is not None else ""


def kind_of(told: str) -> tuple[str, str]:
    """What wrappers told alike that are at the same, whenever it began."""
    stage = read_stage(told)
    return (stage.what, stage.store) if stage is not None else ("", "")


def _ago(moment: float, now: float) -> str:
    return duration_text(max(1.0, now - moment))
