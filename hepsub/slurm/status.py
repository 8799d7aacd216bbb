"""A job of Slurm's in hepsub's words: as squeue shows it, or as it noted its own end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hepsub.batch import ClusterCounts, JobStatus, State
from hepsub.slurm.rows import REQUEUED, Row
from hepsub.slurm.slips import End, Slip
from hepsub.slurm.tasks import number_of


def status_of(schedd: str, row: Row, slip: Slip | None, end: End | None = None) -> JobStatus:
    """A job in hepsub's words; of a program that ended by itself its own note says more than Slurm does."""
    code, signal = row.exit_code, row.exit_signal
    if end is not None and row.slurm_state in ("COMPLETED", "FAILED"):
        code, signal = _ended_with(end)
    return JobStatus(
        schedd=schedd,
        cluster=row.cluster,
        proc=row.proc,
        owner=row.owner,
        submitted=row.submitted,
        run_seconds=row.run_seconds,
        state=row.state,
        priority=-row.nice,
        memory_mb=0,
        requested_mb=row.memory_mb,
        command=slip.command if slip else row.name,
        arguments=(),
        name=slip.name if slip else row.name,
        hold_code=1 if row.state is State.HELD else 0,
        hold_reason=_hold_reason(row) if row.state is State.HELD else "",
        host=row.nodes,
        exit_code=None if row.state is State.REMOVED else code,
        exit_signal=signal,
        ended=row.ended,
        remove_reason=_removed(row),
        cores=row.cpus,
        walltime_s=row.limit_s,
        stderr=slip.logs_of(row.proc)[1] if slip else "",
    )


def counted(
    schedd: str, rows: Iterable[Row], kept: Mapping[str, Slip]
) -> tuple[ClusterCounts, ...]:
    """The clusters of jobs that have not ended, by id, their jobs counted.

    Args:
        schedd: who tells of them.
        rows: the jobs.
        kept: what is kept of their submissions, by UUID.
    """
    clusters: dict[int, list[Row]] = {}
    for row in rows:
        clusters.setdefault(row.cluster, []).append(row)
    return tuple(
        _counted(schedd, cluster, those, kept.get(those[0].uuid))
        for cluster, those in sorted(clusters.items())
    )


def _counted(schedd: str, cluster: int, rows: Sequence[Row], slip: Slip | None) -> ClusterCounts:
    states = Counter[State]()
    for row in rows:
        states[row.state] += number_of(row.tasks)
    first = status_of(schedd, rows[0], slip)
    return ClusterCounts(
        schedd=schedd,
        cluster=cluster,
        name=first.name or first.command,
        submitted=first.submitted,
        states=states,
        hold_reason=next((_hold_reason(row) for row in rows if row.state is State.HELD), ""),
    )


def noted_status(schedd: str, slip: Slip, proc: int, end: End) -> JobStatus:
    """A job that Slurm has forgotten, as it noted its own end."""
    code, signal = _ended_with(end)
    return JobStatus(
        schedd=schedd,
        cluster=slip.cluster,
        proc=proc,
        owner=slip.owner,
        submitted=slip.submitted,
        run_seconds=max(0.0, end.ended - end.began),
        state=State.COMPLETED,
        priority=0,
        memory_mb=0,
        requested_mb=slip.memory_mb,
        command=slip.command,
        arguments=(),
        name=slip.name,
        host=end.host,
        exit_code=code,
        exit_signal=signal,
        ended=end.ended,
        cores=slip.cpus,
        walltime_s=slip.walltime_s,
        stderr=slip.logs_of(proc)[1],
    )


def _ended_with(end: End) -> tuple[int | None, int | None]:
    """Exit code and signal, of what the shell says (POSIX: more than 128 where a signal ended it)."""
    return (None, end.code - 128) if 128 < end.code < 193 else (end.code, None)


def _hold_reason(row: Row) -> str:
    if row.reason in ("JobHeldUser", REQUEUED):
        return "held by its user"
    return "held by an administrator" if row.reason == "JobHeldAdmin" else f"Slurm: {row.reason}"


def _removed(row: Row) -> str:
    return "cancelled" if row.state is State.REMOVED else ""
