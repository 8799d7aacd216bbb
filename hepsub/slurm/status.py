"""A job of Slurm's in hepsub's words: as squeue shows it, or as it noted its own end. Pure."""

from __future__ import annotations

import os.path
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hepsub.batch import ClusterCounts, JobStatus, State
from hepsub.slurm.ends import End
from hepsub.slurm.notes import NO_BUNDLE, NO_DIRECTORY, NO_LOG, NOT_STARTED
from hepsub.slurm.rows import REQUEUED, Row
from hepsub.slurm.slips import Slip
from hepsub.slurm.tasks import number_of
from hepsub.units import duration_text

_NOT_THERE = {
    NO_DIRECTORY: "the directory that hep_sub was called in: call it on a file system that the nodes share",
    NO_BUNDLE: "hepsub's bundle: bundle_dir in [staging] has to be on a file system that the nodes share",
}
_CANCELLED: Final = "cancelled"
_WHY: Final = {
    "TIMEOUT": "it ran longer than its walltime of {walltime}",
    "OUT_OF_MEMORY": "it used more memory than the {memory} MB that it asked for",
    "NODE_FAIL": "its node {node} failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "another job took its place",
    "DEADLINE": "its deadline was over",
}
_NOT_STARTED: Final = 53
"""What Slurm shows as the signal of a job that it could not start, its log above all (tried on 22.05 and 24.11)."""
_LAST_SIGNAL: Final = 64
_TIMER_S: Final = 90
"""So much earlier or later than its walltime a job may be ended: Slurm looks every half a minute or so."""


def status_of(schedd: str, row: Row, slip: Slip | None, end: End | None = None) -> JobStatus:
    """A job in hepsub's words; of a program that ended by itself its own note says more than Slurm does.

    Args:
        schedd: who tells of it.
        row: the job.
        slip: what is kept of its submission.
        end: how its program ended, as the job itself noted.
    """
    code, signal = row.exit_code, row.exit_signal
    if end is not None and end.code != code:
        end = None  # of an earlier run: this one could not note its own
    # For Slurm the batch script ended, always with a code; its shell knows that a signal had ended the program.
    if end is not None and row.slurm_state in ("COMPLETED", "FAILED"):
        code, signal = _ended_with(end)
    if signal is not None and (signal == _NOT_STARTED or signal > _LAST_SIGNAL):
        signal = None
    return JobStatus(
        schedd=schedd,
        cluster=row.cluster,
        proc=row.proc,
        owner=row.owner,
        submitted=row.submitted,
        run_seconds=row.run_seconds,
        state=row.state,
        priority=-row.nice,
        memory_mb=row.peak_mb,
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
        remove_reason=_why_ended(row, slip, end),
        cpu_seconds=row.cpu_seconds,
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


def noted_status(
    schedd: str, slip: Slip, proc: int, end: End | None, removed: float = 0
) -> JobStatus:
    """A job that Slurm has forgotten.

    Args:
        schedd: who tells of it.
        slip: what is kept of its submission.
        proc: ProcId.
        end: how its program ended, as the job itself noted; None where it never ran, or was killed.
        removed: when hep_rm removed it, in seconds since the epoch; 0 where it did not.
    """
    code, signal = _ended_with(end) if end is not None else (None, None)
    why = _why_noted(slip, proc, end)
    was_removed = bool(removed) or why == _CANCELLED
    return JobStatus(
        schedd=schedd,
        cluster=slip.cluster,
        proc=proc,
        owner=slip.owner,
        submitted=slip.submitted,
        run_seconds=max(0.0, end.ended - end.began) if end is not None else 0,
        state=State.REMOVED if was_removed else State.COMPLETED,
        priority=0,
        memory_mb=0,
        requested_mb=slip.memory_mb,
        command=slip.command,
        arguments=(),
        name=slip.name,
        host=end.host if end is not None else "",
        exit_code=None if was_removed else code,
        exit_signal=None if was_removed else signal,
        ended=end.ended if end is not None else removed,
        remove_reason="by hep_rm" if removed else why,
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


def _why_ended(row: Row, slip: Slip | None, end: End | None) -> str:
    """Why a job ended otherwise than by its program; empty for one that did not."""
    if row.state is State.REMOVED:
        return f"cancelled by {row.cancelled_by}" if row.cancelled_by else _CANCELLED
    if words := _WHY.get(row.slurm_state):
        limit = duration_text(row.limit_s)
        return words.format(walltime=limit, memory=row.memory_mb, node=row.nodes)
    told = NO_LOG if row.exit_signal == _NOT_STARTED else end.told if end is not None else ""
    return _not_started(slip, row.proc, told) if told in NOT_STARTED else ""


def _why_noted(slip: Slip, proc: int, end: End | None) -> str:
    if end is None or not end.told:
        return ""
    if end.told in NOT_STARTED:
        return _not_started(slip, proc, end.told)
    # Of a short job half its time is enough: else whoever cancelled it would be said to have let it run too long.
    least = max(slip.walltime_s - _TIMER_S, slip.walltime_s / 2)
    if slip.walltime_s and end.ended - end.began >= least:
        return _WHY["TIMEOUT"].format(walltime=duration_text(slip.walltime_s))
    return _CANCELLED


def _not_started(slip: Slip | None, proc: int, told: str) -> str:
    if told in _NOT_THERE:
        return f"it was not started, for its node does not have {_NOT_THERE[told]}"
    # The same words for all jobs whose logs are in one directory: they failed in the same way.
    logs = slip.logs_of(proc) if slip is not None else ()
    where = " or ".join(dict.fromkeys(os.path.dirname(log) for log in logs if log))
    return (
        f"it was not started, for its node cannot write its logs{where and f' in {where}'} (-o, -e)"
    )
