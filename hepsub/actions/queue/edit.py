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
from hepsub.batch import Queue, Selection, State
from hepsub.batch_edit import Edit
from hepsub.errors import HepsubError, NotDone, NotYetMade, PoolError, UnknownJob
from hepsub.jobid import JobId
from hepsub.plan.accounting import choose_walltime, classes_for
from hepsub.policy.model import Policy
from hepsub.result import Result, failures
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch import JobStatus, Unmade
    from hepsub.batch_system import BatchSystem

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
    """Which class, and how many seconds, are meant by a class or a duration, for each accounting group.

    Args:
        asked: as it was written.
        policy: what the site decided.
    """

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
    number = 0
    for target, meant in _targets(reach, ids, errors):
        later = LaterRuns()
        if meant is not None:
            named = reach.pool if pool is not None else None
            later = later_runs_of(session, meant, named, target.schedd.name)
        try:
            found = _edit(session, target, meant, wanted)
        except UnknownJob as error:
            errors.append(later.add_to(error, "hep_edit with"))
            continue
        except HepsubError as error:
            errors.append(error)
            continue
        notes += [f"{'; '.join(later.said)}: hep_edit changes it there"] if later.said else []
        changes += found
        number += sum(each.number for each in found if each.what == wanted.words[0])
    problems, exit_code = failures([*errors, *reach.errors], NotDone.exit_code)
    value = Edited(number=number, changes=tuple(changes))
    return Result(value=value, notes=tuple(notes), problems=problems, exit_code=exit_code)


def _targets(
    reach: Reach, ids: tuple[JobId, ...], errors: list[HepsubError]
) -> list[tuple[Target, JobId | None]]:
    if not ids:
        mine = reach.everything(Selection(owner=reach.session.situation.user))
        return [(each, None) for each in mine]
    found: list[tuple[Target, JobId | None]] = []
    for each in ids:
        try:
            target = reach.find(each)
        except UnknownJob as error:
            errors.append(error)
            continue
        found += [(target, each)] if target is not None else []
    return found


def _edit(session: Session, target: Target, meant: JobId | None, wanted: Edit) -> list[Change]:
    now = session.situation.now
    before = target.queue(now)
    if meant is not None:
        _check(before, meant, wanted)
    jobs = [job for job in before.jobs if job.state in _EDITABLE]
    if not jobs and not before.unmade:
        return []
    made = replace(target.selection, states=_EDITABLE) if jobs else None
    _edit_jobs(target.schedd, made, wanted, before)
    # What a class means depends on the jobs' group; so the schedd is asked what it is now.
    after = before
    if wanted.walltime is not None:
        after = Queue(jobs=())
        with contextlib.suppress(HepsubError):  # it was changed all the same
            after = target.queue(now)
    times = {job.job: job.walltime_s for job in after.jobs}
    times |= {str(each.cluster): each.walltime_s for each in after.unmade}
    told: list[_Told] = [(job.cluster, 1, job, times.get(job.job)) for job in jobs]
    told += [
        (each.cluster, each.number, each, times.get(str(each.cluster))) for each in before.unmade
    ]
    return [
        change
        for what in wanted.words
        for change in _changes(
            what, told, wanted, lambda cluster: str(meant or target.spelled(cluster))
        )
    ]


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
        value = new.get(what)
        counted[cluster, old, limit if value is None else value] += number
    for (cluster, old, value), number in sorted(
        counted.items(), key=lambda each: (each[0][0], each[0][1] or 0)
    ):
        memory = what == "memory"
        yield Change(
            meant=named(cluster),
            number=number,
            what=what,
            old=old,
            new=value,
            old_mb=old if memory else None,
            new_mb=value if memory else None,
        )


def _edit_jobs(schedd: BatchSystem, made: Selection | None, wanted: Edit, before: Queue) -> None:
    """Change what exists and what is still to be made; a refusal because of other people's jobs is said so."""
    try:
        schedd.edit(made, wanted, tuple(each.cluster for each in before.unmade))
    except PoolError as error:
        owners = ", ".join(sorted({job.owner for job in before.jobs}))
        raise NotDone(
            f"the {wanted} was not changed: the jobs belong to {owners} ({error.message})",
            remedy="only the owner and the administrators may do that",
        ) from error


def _check(before: Queue, meant: JobId, wanted: Edit) -> None:
    if before.unmade and meant.first is not None:
        raise NotYetMade(
            f"{meant}: the schedd has not made this proc yet",
            remedy=f"hep_edit with {meant.cluster} changes the whole cluster",
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
