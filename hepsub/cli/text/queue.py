"""HepJob's queue table: fixed columns, parsed by scripts for years."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.queue.query import Listing
from hepsub.batch import JobStatus
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
    return f"{counts['jobs']} jobs; " + ", ".join(f"{counts[name]} {name}" for name in _COUNTS)


def _rows(listing: Listing) -> Iterator[str]:
    for job in listing.jobs:
        yield _row(job)
        if listing.reasons and job.hold_reason:
            yield f"    {job.hold_reason} (code {job.hold_code}/{job.hold_subcode})"


def _row(job: JobStatus) -> str:
    row = _ROW % (
        job.job,
        job.owner,
        clock_text(job.submitted) if job.submitted else _NO_DATE,
        run_time_text(job.run_seconds),
        job.state.value,
        job.priority,
        f"{job.memory_mb:.1f}",
        " ".join([job.command, *job.arguments]),
    )
    return row.rstrip()
