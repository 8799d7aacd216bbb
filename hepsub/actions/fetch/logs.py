"""The logs of jobs that failed: they are where the jobs' stdout and stderr were put, and come along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from hepsub.actions.fetch.result import JobFiles, Output
from hepsub.batch import State
from hepsub.bundle.report import Report
from hepsub.bundle.request import BundleRequest

_NOT_ENDED = (State.IDLE, State.RUNNING, State.TRANSFERRING, State.SUSPENDED)


def with_logs(job: JobFiles, request: BundleRequest, cluster: int) -> JobFiles:
    """The files of a job, with its logs where it failed or left something out."""
    if not _has_failed(job):
        return job
    taken = {each.name for each in job.outputs}
    logs = (each for each in _logs(job.proc, request, cluster) if each.name not in taken)
    return replace(job, outputs=(*job.outputs, *logs))


def stderr_of(request: BundleRequest, proc: int, cluster: int) -> Path | None:
    """Where a job's stderr is; None when it is not there."""
    path = request.logs(proc, cluster)[-1:]
    return path[0] if path and path[0].is_file() else None


def _has_failed(job: JobFiles) -> bool:
    if job.status is not None and job.status.state in _NOT_ENDED:
        return False  # what its logs hold now is not what they will hold
    return any(not each.optional for each in job.missing) or _program_failed(job.report)


def _program_failed(report: Report | None) -> bool:
    return report is not None and not report.has_succeeded


def _logs(proc: int, request: BundleRequest, cluster: int) -> Iterator[Output]:
    for path in dict.fromkeys(request.logs(proc, cluster)):
        if path.is_file():
            facts = path.stat()
            yield Output(
                proc=proc,
                name=path.name,
                source=path,
                size=facts.st_size,
                modified=facts.st_mtime,
            )
