"""What is asked for when jobs run again: as it was, with the names of that time, and what is different now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.submit.judge import Judged
from hepsub.job import EnvironmentRequest, FileRequest, JobSpec, Placement, Remote
from hepsub.jobid import Again
from hepsub.orders import Order
from hepsub.plan.location import FilePlace
from hepsub.plan.model import Plan
from hepsub.plan.template import Name, parse_template
from hepsub.policy.model import Policy


class Changes(Struct, frozen=True, kw_only=True):
    """What is different when jobs run again; None, or empty, for what is not.

    Attributes:
        memory_mb: memory in MB (2**20 bytes); None for what the jobs had, or need.
        walltime: a walltime class or a duration.
        cpus: cores.
        disk_mb: disk in MB (2**20 bytes).
        priority: HTCondor's JobPrio among the user's own jobs.
        site: the remote site.
        remote: whether resources outside the local cluster are wanted.
        variables: names and values that the jobs get besides; None for the submitter's own value.
        credentials: credentials that go along besides.
        check_objects: whether inputs, and what is at the places of outputs, are looked for.
    """

    memory_mb: int | None = None
    walltime: str | None = None
    cpus: int | None = None
    disk_mb: int | None = None
    priority: int | None = None
    site: str | None = None
    remote: Remote = Remote.UNSAID
    variables: tuple[tuple[str, str | None], ...] = ()
    credentials: tuple[str, ...] = ()
    check_objects: bool = True


def respelled(
    order: Order, again: Again, policy: Policy, changes: Changes, jobs: Sequence[Judged]
) -> JobSpec:
    """What is asked for when jobs that ended like this run again.

    Args:
        order: what was asked for.
        again: the jobs in their first submission, whose ids stay in all texts but the names of logs.
        policy: what the site decided.
        changes: what is different.
        jobs: the jobs, as they ended.
    """
    old = order.spec
    had = old.resources
    # hep_edit may have given them more since, which the order does not know.
    wanted = max((job.more_memory for job in jobs), default=0)
    asked = max((job.status.requested_mb for job in jobs if job.status is not None), default=0)
    memory = max(had.memory_mb or policy.defaults.memory, asked, wanted)
    left = old.slurm is not None and had.memory_mb is None and not wanted  # to Slurm, as then
    named = tuple((name, value and _said(value, again)) for name, value in old.environment.named)
    return replace(
        old,
        script=_said(old.script, again),
        arguments=tuple(_said(each, again) for each in old.arguments),
        inputs=tuple(_said_file(each, again) for each in old.inputs),
        outputs=tuple(_said_file(each, again) for each in old.outputs),
        number=None if old.list_file is not None else len(again.procs),
        # Logs have the new cluster's id in their names: the old ones say why the jobs failed.
        stdout=order.stdout,
        stderr=order.stderr,
        priority=old.priority if changes.priority is None else changes.priority,
        resources=replace(
            had,
            memory_mb=changes.memory_mb or (None if left else memory),
            walltime=changes.walltime or had.walltime,
            cpus=changes.cpus or had.cpus,
            disk_mb=changes.disk_mb or had.disk_mb,
        ),
        placement=_placed(old.placement, changes),
        environment=_environment(replace(old.environment, named=named), changes),
        credentials=tuple(dict.fromkeys((*old.credentials, *changes.credentials))),
        check_objects=old.check_objects and changes.check_objects,
        once=None,
    )


def _environment(old: EnvironmentRequest, changes: Changes) -> EnvironmentRequest:
    """The variables that were named, those that are named now in their place."""
    new = {name for name, _ in changes.variables}
    kept = tuple(pair for pair in old.named if pair[0] not in new)
    return replace(old, named=(*kept, *changes.variables))


def _placed(old: Placement, changes: Changes) -> Placement:
    """Where they run: a word about sites replaces all that was said of them before."""
    if changes.site is None and changes.remote is Remote.UNSAID:
        return old
    return replace(old, site=changes.site, remote=changes.remote)


def _said_file(each: FileRequest, again: Again) -> FileRequest:
    return replace(
        each,
        name=_said(each.name, again),
        url=_said(each.url, again),
        whole=_said(each.whole, again),
    )


def _said(text: str, again: Again) -> str:
    """A text in which the first submission's ids are no names any more."""
    known = {
        f"%{{{Name.CLUSTER.value}}}": str(again.cluster),
        f"%{{{Name.UUID.value}}}": again.uuid,
    }
    parts = parse_template(text).parts
    words = (part if isinstance(part, str) else f"%{{{part.value}}}" for part in parts)
    return "".join(known.get(word, word) for word in words)


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
