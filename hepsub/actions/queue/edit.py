"""hep_edit: the memory of waiting and held jobs, old → new."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.reach import Reach, Target
from hepsub.batch import Queue, Selection, State
from hepsub.errors import HepsubError, NotDone, NotYetMade, PoolError, UnknownJob
from hepsub.jobid import JobId
from hepsub.result import Result, failures
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_EDITABLE = (State.IDLE, State.HELD)


class Change(Struct, frozen=True, kw_only=True):
    """Jobs whose memory was changed.

    Attributes:
        meant: the id as it was given, or the cluster.
        old_mb: RequestMemory before, in MB.
        new_mb: RequestMemory now, in MB.
    """

    meant: str = field(name="target")
    number: int = field(name="jobs")
    old_mb: int
    new_mb: int


class Edited(Struct, frozen=True, kw_only=True):
    """All changes of one command; its fields are its JSON."""

    number: int = field(name="jobs")
    changes: tuple[Change, ...]


def edit(session: Session, ids: tuple[JobId, ...], memory_mb: int, pool: str | None) -> Result:
    """Change the memory of the jobs named, or without ids of all the user's own.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    changes: list[Change] = []
    errors: list[HepsubError] = []
    for target, wanted in _targets(reach, ids, errors):
        try:
            changes += _edit(session, target, wanted, memory_mb)
        except HepsubError as error:
            errors.append(error)
    problems, exit_code = failures([*errors, *reach.errors], NotDone.exit_code)
    value = Edited(number=sum(each.number for each in changes), changes=tuple(changes))
    return Result(value=value, problems=problems, exit_code=exit_code)


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


def _edit(session: Session, target: Target, wanted: JobId | None, memory_mb: int) -> list[Change]:
    before = target.queue(session.situation.now)
    if wanted is not None:
        _check(before, wanted)
    olds = Counter((job.cluster, job.requested_mb) for job in before.jobs if job.state in _EDITABLE)
    made = replace(target.selection, states=_EDITABLE) if olds else None
    for each in before.unmade:
        olds[each.cluster, each.requested_mb] += each.number
    if olds:
        _edit_memory(target.schedd, made, memory_mb, before)
    return [
        Change(
            meant=str(wanted or target.spelled(cluster)),
            number=number,
            old_mb=old,
            new_mb=memory_mb,
        )
        for (cluster, old), number in sorted(olds.items())
    ]


def _edit_memory(
    schedd: BatchSystem, made: Selection | None, memory_mb: int, before: Queue
) -> None:
    """Change what exists and what is still to be made; a refusal because of other people's jobs is said so."""
    try:
        schedd.edit_memory(made, memory_mb, tuple(each.cluster for each in before.unmade))
    except PoolError as error:
        owners = ", ".join(sorted({job.owner for job in before.jobs}))
        raise NotDone(
            f"the memory was not changed: the jobs belong to {owners} ({error.message})",
            remedy="only the owner and the administrators may do that",
        ) from error


def _check(before: Queue, wanted: JobId) -> None:
    if before.unmade and wanted.first is not None:
        raise NotYetMade(
            f"{wanted}: the schedd has not made this proc yet",
            remedy=f"hep_edit -m MB {wanted.cluster} changes the whole cluster",
        )
    if not before.jobs and not before.unmade:
        raise UnknownJob(
            f"{wanted} is not in the queue",
            remedy=f"hep_history {wanted} tells of jobs that have ended",
        )
    if not before.unmade and all(job.state not in _EDITABLE for job in before.jobs):
        states = "/".join(sorted({job.state.value for job in before.jobs}))
        raise NotDone(
            f"{wanted}: the memory of a job in state {states} cannot be changed",
            remedy=f"hep_hold {wanted}, hep_edit, then hep_release: the job begins anew",
        )
