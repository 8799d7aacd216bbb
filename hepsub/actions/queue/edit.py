"""hep_edit: what waiting and held jobs ask for, old → new."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.queue.runs import LaterRuns, later_runs_of
from hepsub.actions.reach import Reach, Target
from hepsub.batch import Queue, State
from hepsub.batch_edit import Edit
from hepsub.errors import HepsubError, NotDone, NotYetMade, PoolError, UnknownJob
from hepsub.jobid import JobId
from hepsub.plan.accounting import choose_walltime, classes_for
from hepsub.policy.model import Policy
from hepsub.result import Result, failures
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch import JobStatus, Unmade

_EDITABLE = (State.IDLE, State.HELD)
_ASPECTS = {
    "memory": "requested_mb",
    "cores": "cores",
    "priority": "priority",
    "walltime": "walltime_s",
}
"""What a schedd tells of its jobs: what can be changed → the attribute of a job's status."""


class Change(Struct, frozen=True, kw_only=True):
    """Jobs of which one thing was changed.

    Attributes:
        meant: the id as it was given, or the cluster.
        what: `memory`, `cores`, `disk`, `priority` or `walltime`.
        old: before, in MB (2**20 bytes) or seconds; null for not known.
        new: now, likewise; null for not known, which is changed all the same.
        old_mb: `old` of memory; null for anything else.
        new_mb: `new` of memory; null for anything else.
    """

    meant: str = field(name="target")
    number: int = field(name="jobs")
    what: str
    old: int | None
    new: int | None
    old_mb: int | None = None
    new_mb: int | None = None


class Edited(Struct, frozen=True, kw_only=True):
    """All changes of one command; its fields are its JSON."""

    number: int = field(name="jobs")
    changes: tuple[Change, ...]


def walltime_chosen(asked: str, policy: Policy) -> Callable[[str], tuple[str, int]]:
    """Which class, and how many seconds, are meant by a class or a duration, for each accounting group."""

    def chosen(group: str) -> tuple[str, int]:
        found = choose_walltime(asked, classes_for(policy, group))
        return found.name, found.limit

    return chosen


def edit(
    session: Session, ids: tuple[JobId, ...], wanted: Edit, pool: str | None
) -> Result[Edited]:
    """Change what the jobs named ask for, or without ids all of the user's own.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    changes: list[Change] = []
    errors: list[HepsubError] = []
    notes: list[str] = []
    for job, target, unknown in reach.meant(ids):
        if target is None and unknown is None:
            continue  # its pool cannot be asked, which is said
        later, error = LaterRuns(), unknown
        if job is not None:
            named = reach.pool if pool is not None else None
            later = later_runs_of(session, job, named, target.schedd.name if target else "")
        if target is not None:
            try:
                changes += _edit(session, target, job, wanted)
            except UnknownJob as trouble:
                error = trouble
            except HepsubError as trouble:
                errors.append(trouble)
                continue
        if error is not None:
            errors.append(later.add_to(error, "hep_edit with"))
        elif later.said:
            notes.append(f"{'; '.join(later.said)}: hep_edit changes it there")
    problems, exit_code = failures([*errors, *reach.errors], NotDone.exit_code)
    # Each job stands there once for each thing that was changed of it.
    number = sum(each.number for each in changes if each.what == wanted.words[0])
    value = Edited(number=number, changes=tuple(changes))
    return Result(value=value, notes=tuple(notes), problems=problems, exit_code=exit_code)


def _edit(session: Session, target: Target, meant: JobId | None, wanted: Edit) -> Iterator[Change]:
    """Change what jobs of one schedd ask for.

    Raises:
        UnknownJob, NotYetMade, NotDone: nothing of it can be changed.
    """
    now = session.situation.now
    before = target.queue(now)
    if meant is not None:
        _check(before, meant, wanted)
    jobs = [job for job in before.jobs if job.state in _EDITABLE]
    if not jobs and not before.unmade:
        return
    # By state: what has started since it was looked at runs with what it got.
    made = replace(target.selection, states=_EDITABLE) if jobs else None
    try:
        target.schedd.edit(made, wanted, tuple(each.cluster for each in before.unmade))
    except PoolError as error:
        # HTCondor says the same of what it does not let one change and where nothing matches any more ("Unable to edit
        # jobs matching constraint"; tried: 25.14.1). Only the queue tells which of them it was.
        after = target.queue(now)
        waiting = [job for job in after.jobs if job.state in _EDITABLE]
        if not waiting and not after.unmade:
            if meant is not None:
                _check(after, meant, wanted)
            return
        owners = {job.owner for job in waiting} | {each.owner for each in after.unmade}
        if owners <= {session.situation.user}:
            raise
        raise NotDone(
            f"the {wanted} was not changed: the jobs belong to {', '.join(sorted(owners))} ({error.message})",
            remedy="only the owner and the administrators may do that",
        ) from error
    times = _walltimes(target, now) if wanted.walltime is not None else {}
    told: list[_Told] = [(job.cluster, 1, job, times.get(job.job)) for job in jobs]
    told += [
        (each.cluster, each.number, each, times.get(str(each.cluster))) for each in before.unmade
    ]
    for what in wanted.words:
        yield from _changes(
            what, told, wanted, lambda cluster: str(meant or target.spelled(cluster))
        )


def _walltimes(target: Target, now: float) -> dict[str, int]:
    """How long jobs may run now, in seconds, and the jobs of clusters that are still to be made."""
    # What a class means depends on the jobs' group: so only their schedd knows what they have got.
    after = Queue(jobs=())
    with contextlib.suppress(HepsubError):  # it was changed all the same
        after = target.queue(now)
    times = {job.job: job.walltime_s for job in after.jobs}
    return times | {str(each.cluster): each.walltime_s for each in after.unmade}


_Told = tuple[int, int, "JobStatus | Unmade", int | None]
"""A cluster, how many jobs of it are alike, one of these as it was, and its walltime now; None for not known."""


def _changes(
    what: str, told: list[_Told], wanted: Edit, named: Callable[[int], str]
) -> Iterator[Change]:
    """One change, for the jobs of each cluster that had the same before."""
    new = {
        "memory": wanted.memory_mb,
        "cores": wanted.cpus,
        "disk": wanted.disk_mb,
        "priority": wanted.priority,
    }
    counted: Counter[tuple[int, int | None, int | None]] = Counter()
    for cluster, number, was, limit in told:
        old = getattr(was, _ASPECTS[what]) if what in _ASPECTS else None
        counted[cluster, old, limit if what == "walltime" else new[what]] += number
    memory = what == "memory"
    for (cluster, old, value), number in sorted(
        counted.items(), key=lambda each: (each[0][0], each[0][1] or 0)
    ):
        yield Change(
            meant=named(cluster),
            number=number,
            what=what,
            old=old,
            new=value,
            old_mb=old if memory else None,
            new_mb=value if memory else None,
        )


def _check(before: Queue, meant: JobId, wanted: Edit) -> None:
    if before.unmade and meant.first is not None:
        raise NotYetMade(
            f"{meant}: the schedd has not made this proc yet",
            remedy=f"hep_edit with {replace(meant, first=None, last=None)} changes the whole cluster",
        )
    if not before.jobs and not before.unmade:
        raise UnknownJob(
            f"{meant} is not in the queue",
            remedy=f"hep_history {meant} tells of jobs that have ended",
        )
    if not before.unmade and all(job.state not in _EDITABLE for job in before.jobs):
        states = "/".join(sorted({job.state.value for job in before.jobs}))
        raise NotDone(
            f"{meant}: the {wanted} of a job in state {states} cannot be changed",
            remedy=f"hep_hold {meant}, hep_edit, then hep_release: the job begins anew",
        )
