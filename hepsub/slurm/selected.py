"""Which of Slurm's jobs, and of the submissions that are kept, a selection means. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hepsub.batch import JobStatus, Selection
from hepsub.jobid import JobId
from hepsub.slurm.rows import Row
from hepsub.slurm.slips import Slip


def clusters_in(ids: Iterable[JobId]) -> list[int]:
    """The clusters that ids are of."""
    return sorted({each.cluster for each in ids})


def is_row_meant(row: Row, selection: Selection) -> bool:
    """Whether a selection means a job that Slurm knows."""
    if selection.ids and not any(each.holds(row.cluster, row.proc) for each in selection.ids):
        return False
    if selection.states and row.state not in selection.states:
        return False
    if selection.once and row.once != selection.once:
        return False
    return not selection.uuid or row.uuid == selection.uuid


def is_slip_meant(slip: Slip, selection: Selection) -> bool:
    """Whether a selection may mean jobs of a submission that is kept."""
    if selection.ids and slip.cluster not in clusters_in(selection.ids):
        return False
    if selection.owner and slip.owner != selection.owner:
        return False
    if selection.once and slip.once != selection.once:
        return False
    return not selection.uuid or slip.uuid == selection.uuid


def is_job_meant(job: JobStatus, selection: Selection) -> bool:
    """Whether a selection means a job."""
    if selection.ids and not any(each.holds(job.cluster, job.proc) for each in selection.ids):
        return False
    return not selection.states or job.state in selection.states
