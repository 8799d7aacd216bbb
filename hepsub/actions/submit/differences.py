"""What is not as it was when jobs run again: what they ask for, and what they are given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from hepsub.actions.submit.judge import Judged
from hepsub.actions.submit.respell import Changes
from hepsub.plan.location import FilePlace
from hepsub.plan.model import Plan
from hepsub.plan.template import parse_template
from hepsub.terminal import few

_NAMED = 3


def memory_note(jobs: Sequence[Judged], memory: int) -> Iterator[str]:
    """How much memory they ask for, where some of them had outgrown theirs."""
    outgrown = [job for job in jobs if job.more_memory]
    if not outgrown:
        return
    peak = max(job.status.memory_mb for job in outgrown if job.status is not None)
    asked = max(job.status.requested_mb for job in outgrown if job.status is not None)
    yield (
        f"each job asks for {memory} MB now: {len(outgrown)} of them had outgrown theirs"
        f" (asked for {asked} MB, used up to {peak:.0f} MB); -mem says otherwise"
    )


def walltime_note(jobs: Sequence[Judged], changes: Changes) -> Iterator[str]:
    """That some of them need more time, where nothing was said of it."""
    outrun = sum(job.has_outrun for job in jobs)
    if outrun and changes.walltime is None:
        yield f"{outrun} of them outran their walltime, and have the same again: -wt gives more"


def changed_note(changed: Sequence[str]) -> Iterator[str]:
    """That files are taken as they are now."""
    if changed:
        yield f"changed since that submission, and taken as it is now: {few(changed, _NAMED)}"


def changed_since(script: str, since: float, plan: Plan) -> list[str]:
    """What was changed on this machine since the jobs were submitted.

    Args:
        script: the program, as a template.
        since: when that was, in seconds since the epoch.
        plan: what is decided now.
    """
    values = plan.jobs()
    paths = dict.fromkeys(parse_template(script).fill_all(values))
    if plan.staging is not None and plan.staging.inputs:
        rows = plan.staging.carried_by(values).inputs
        paths |= {
            each.place.path: None
            for row in rows
            for each in row
            if isinstance(each.place, FilePlace)
        }
    return [path for path in paths if _changed_at(path) > since]


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_ctime
    except (OSError, ValueError):
        return 0
