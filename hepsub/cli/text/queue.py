"""HepJob's queue table: fixed columns, parsed by scripts for years."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from hepsub.actions.queue.query import Listing
from hepsub.batch import State
from hepsub.terminal import joined
from hepsub.units import clock_text, run_time_text

_ROW = "%-15s %-15s %-15s %-15s %-2s %-3s %-5s %s"
_HEADER = _ROW % ("JOBID", "OWNER", "SUBMITTED", "RUN_TIME", "ST", "PRI", "SIZE", "CMD")
_NO_DATE = "??/?? ??:??"
_COUNTS = ("completed", "removed", "idle", "running", "held", "suspended")


def text(listing: Listing) -> str:
    """The table of hep_q; four lines when there is no job."""
    rows = list(_rows(listing))
    middle = [*rows, ""] if rows else ["", ""]
    return joined([_HEADER, *middle, summary(listing)])


def summary(listing: Listing) -> str:
    """The last line."""
    counts = listing.counts()
    return f"{counts.jobs} jobs; " + ", ".join(
        f"{getattr(counts, name)} {name}" for name in _COUNTS
    )


def _rows(listing: Listing) -> Iterator[str]:
    # Jobs of a cluster have most of these in common, and there may be 20,000 of them.
    dates = cache(lambda moment: clock_text(moment) if moment else _NO_DATE)
    times = cache(run_time_text)
    letters = {state: state.value for state in State}
    for job in listing.jobs:
        words = (
            f"{job.cluster}.{job.proc}", job.owner, dates(job.submitted), times(job.run_seconds),
            letters[job.state], job.priority, f"{job.memory_mb:.1f}", " ".join((job.command, *job.arguments)),
        )  # fmt: skip
        yield (_ROW % words).rstrip()
        if listing.reasons and job.hold_reason:
            yield f"    {job.hold_reason} (code {job.hold_code}/{job.hold_subcode})"
