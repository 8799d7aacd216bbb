"""hep_edit: the memory of waiting and held jobs, old → new."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hepsub.actions.submissions import find_schedds
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
    name = session.pool_name(pool)
    changes: list[Change] = []
    errors: list[HepsubError] = []
    for schedd, wanted in _targets(session, name, ids, errors):
        try:
            changes += _edit(session, schedd, wanted, memory_mb)
        except HepsubError as error:
            errors.append(error)
    problems, exit_code = failures(errors, NotDone.exit_code)
    value = Edited(number=sum(each.number for each in changes), changes=tuple(changes))
    return Result(value=value, problems=problems, exit_code=exit_code)


def _targets(
    session: Session, pool: str, ids: tuple[JobId, ...], errors: list[HepsubError]
) -> list[tuple[BatchSystem, JobId | None]]:
    if not ids:
        return [(schedd, None) for schedd in session.schedds(pool)]
    found: list[tuple[BatchSystem, JobId | None]] = []
    for each in ids:
        try:
            found += [(target.schedd, each) for target in find_schedds(session, pool, [each])]
        except UnknownJob as error:
            errors.append(error)
    return found


def _edit(
    session: Session, schedd: BatchSystem, wanted: JobId | None, memory_mb: int
) -> list[Change]:
    ids = () if wanted is None else (wanted,)
    owner = session.situation.user if wanted is None else ""
    before = schedd.queue(Selection(ids=ids, owner=owner), session.situation.now)
    if wanted is not None:
        _check(before, wanted)
    olds = Counter((job.cluster, job.requested_mb) for job in before.jobs if job.state in _EDITABLE)
    made = Selection(ids=ids, owner=owner, states=_EDITABLE) if olds else None
    for each in before.unmade:
        olds[each.cluster, each.requested_mb] += each.number
    if olds:
        _edit_memory(schedd, made, memory_mb, before)
    return [
        Change(meant=str(wanted or cluster), number=number, old_mb=old, new_mb=memory_mb)
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
