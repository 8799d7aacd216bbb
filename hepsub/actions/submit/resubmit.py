"""hep_sub -resubmit: jobs of an earlier submission run again, and everything but HTCondor's ids knows them as before.

What is exactly once in it: all that matters is done under a lock that belongs to the first submission; the journal
says which jobs a new cluster has before its schedd is asked for it; and an intent of which nothing more is noted is
looked up at the schedd before anything else is done.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import by_submission
from hepsub.actions.submit.choose import Chosen, Wanted, choose, first_of, meant_jobs
from hepsub.actions.submit.judge import Judged, Verdict
from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.respell import Changes, respelled
from hepsub.actions.submit.submit import make, planned, recovered
from hepsub.batch import Act, Selection, State
from hepsub.documents import Malformed
from hepsub.errors import Interrupted, NotDone
from hepsub.job import JobSpec
from hepsub.jobid import Again, JobId, SubmissionRef, procs_brief
from hepsub.orders import Order
from hepsub.plan.draft import Reading
from hepsub.plan.environment import inheritable
from hepsub.plan.location import FilePlace, absolute
from hepsub.plan.model import Plan
from hepsub.plan.template import parse_template, values_of
from hepsub.result import Result
from hepsub.session import Session

_NAMED = 3
_LOCK = "\0resubmit "
"""No key after -once begins so."""


class Prepared(Struct, frozen=True, kw_only=True):
    """What is submitted.

    Attributes:
        session: the session as it was when the jobs were submitted first: directory and variables.
        spec: what is asked for now.
        known: the items of the jobs.
        chosen: the jobs.
        since: when the latest of their submissions was, in seconds since the epoch.
        notes: what the user should know.
    """

    session: Session
    spec: JobSpec
    known: Reading
    chosen: Chosen
    since: float
    notes: tuple[str, ...]


def resubmit(
    session: Session,
    wanted: Wanted,
    changes: Changes,
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """Run jobs again as one new cluster; jobs on hold among them are removed first.

    Args:
        session: the session.
        wanted: which jobs.
        changes: what is different this time.
        tell: told at once of what was done for earlier submissions.

    Raises:
        Interrupted: the user pressed Ctrl-C; nothing was submitted, or it was taken back.
        NotDone: nothing can be run again, or not all that was named.
        HepsubError: nothing was submitted.
    """
    with session.interrupts.scope():
        try:
            return _resubmit(session, wanted, changes, tell)
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted; nothing was submitted") from error


def _resubmit(
    session: Session, wanted: Wanted, changes: Changes, tell: Callable[[str], None]
) -> Result:
    stores = functools.cache(session.open_stores)
    finished = recovered(session, stores, tell)  # it may free jobs, or complete their cluster
    ref, procs = meant_jobs(session, wanted)
    with session.journal.locked(key_of(session, ref)):
        ready = _prepare(session, wanted, changes, ref, procs)
        there = ready.session
        plan, facts = planned(there, stores, ready.spec, keeps=True, known=ready.known)
        plan = replace(plan, notes=(*_notes(ready, plan), *plan.notes))
        schedd = there.schedd(plan.route.pool, plan.route.schedd)

        def remove_held() -> None:
            _remove_held(session, ready.chosen.jobs)

        return make(
            there, stores, ready.spec, plan, facts.outputs, schedd, finished, before=remove_held
        )


def preview_again(session: Session, wanted: Wanted, changes: Changes) -> Result:
    """Show what would be submitted; nothing is removed, and nothing written but what became of interrupted commands.

    Raises:
        HepsubError: as `resubmit`.
    """
    ref, procs = meant_jobs(session, wanted)
    # An intent of a command that is at it is no interrupted one.
    with session.journal.locked(key_of(session, ref)):
        ready = _prepare(session, wanted, changes, ref, procs)
    return preview(ready.session, ready.spec, ready.known, lambda plan: tuple(_notes(ready, plan)))


def key_of(session: Session, ref: SubmissionRef) -> str:
    """By what jobs of a submission are locked against whoever else would run them again."""
    return f"{_LOCK}{first_of(session, ref)}"


def _prepare(
    session: Session,
    wanted: Wanted,
    changes: Changes,
    ref: SubmissionRef,
    procs: Sequence[int],
) -> Prepared:
    return prepared(session, choose(session, wanted, ref, procs), changes)


def prepared(session: Session, chosen: Chosen, changes: Changes) -> Prepared:
    """What is submitted to run jobs again.

    Args:
        session: the session.
        chosen: the jobs.
        changes: what is different this time.

    Raises:
        NotDone: what they were made from is not known any more, or cannot be had.
    """
    orders = {
        each: _order(session, each, runs[0].when)
        for each, runs in by_submission(job.run for job in chosen.jobs).items()
    }
    newest = max((job.run for job in chosen.jobs), key=lambda run: run.when)
    order = orders[newest.ref]
    if not Path(order.cwd).is_dir():
        raise NotDone(
            f"nothing was submitted: the directory {order.cwd} is not there any more, where the jobs run",
            remedy="put it back, or submit new jobs",
        )
    again = replace(chosen.lineage.first, procs=tuple(job.earlier for job in chosen.jobs))
    there = _as_then(session, order)
    spec = respelled(order, again, session.policy, _with_values(session, changes), chosen.jobs)
    memory = spec.resources.memory_mb or session.policy.defaults.memory
    return Prepared(
        session=there,
        spec=spec,
        known=_items_of(chosen.jobs, orders, again),
        chosen=chosen,
        since=newest.when,
        notes=(*_memory_note(chosen.jobs, memory), *_walltime_note(chosen.jobs, changes)),
    )


def _with_values(session: Session, changes: Changes) -> Changes:
    """The changes, with today's values of the variables that were named without one."""
    own = session.situation.environment
    named = tuple(
        (name, own.get(name) if value is None else value) for name, value in changes.variables
    )
    return replace(changes, variables=named)


def _order(session: Session, ref: SubmissionRef, when: float) -> Order:
    """What a submission was made from.

    Raises:
        NotDone: it was not kept, or cannot be read.
    """
    trouble = f"neither is it in {session.orders.directory} any more, nor did every version of hepsub keep it"
    try:
        found = session.orders.find(ref.uuid, when) if ref.uuid else None
    except Malformed as error:
        found, trouble = None, str(error)
    if found is None:
        raise NotDone(
            f"nothing was submitted: what cluster {ref.cluster} was made from is not known ({trouble})",
            remedy="submit new jobs; -first N and -list make them as these were",
        )
    return found


def _as_then(session: Session, order: Order) -> Session:
    """The session in the directory and with the variables of that time; what belongs to a login is today's."""
    own = session.situation.environment
    inherited = inheritable(own)
    todays = {name: value for name, value in own.items() if name not in inherited}
    situation = replace(
        session.situation,
        cwd=Path(order.cwd),
        environment=todays | dict(order.environment),
        own_programs=frozenset(),
        own_environment="",
    )
    return replace(session, situation=situation)


def _items_of(jobs: Sequence[Judged], orders: dict[SubmissionRef, Order], again: Again) -> Reading:
    """The items of the jobs, as they were read from the list once."""
    items: list[str] = []
    ends: list[int] = []
    several = False
    for job in jobs:
        order = orders[job.run.ref]
        several = several or bool(order.ends)
        items += values_of(job.run.proc, 0, order.items, order.ends).items
        ends.append(len(items))
    return Reading(items=tuple(items), ends=tuple(ends) if several else (), again=again)


def _remove_held(session: Session, jobs: Sequence[Judged]) -> None:
    """Remove the jobs on hold that run again, and see that none of them can go on.

    Raises:
        NotDone: one of them is still there, or was released meanwhile.
        HepsubError: its schedd cannot be asked.
    """
    held = [job.run for job in jobs if job.verdict is Verdict.HELD]
    for ref, runs in by_submission(held).items():
        schedd = session.schedd(ref.pool, ref.schedd)
        ids = tuple(JobId(cluster=ref.cluster, first=run.proc, last=run.proc) for run in runs)
        meant = Selection(ids=ids, uuid=ref.uuid)
        schedd.act(Act.REMOVE, replace(meant, states=(State.HELD,)))
        # The whole cluster is looked at: what the removal meant is not believed twice.
        there = schedd.queue(Selection(ids=ref.ids, uuid=ref.uuid), session.situation.now).jobs
        wanted = {run.proc for run in runs}
        left = [job for job in there if job.proc in wanted]
        if alive := [job.job for job in left if job.state is not State.REMOVED]:
            raise NotDone(
                f"nothing was submitted: {', '.join(alive[:_NAMED])} could not be removed from hold",
                remedy=f"hep_q -i {session.meant(ref)} shows how it stands; then try again",
            )


# ---- what the user should know -------------------------------------------------------------------


def _notes(ready: Prepared, plan: Plan) -> Iterator[str]:
    first, jobs = ready.chosen.lineage.first, ready.chosen.jobs
    procs = procs_brief(job.earlier for job in jobs)
    yield (
        f"{first.cluster}.{procs} run again: %{{ProcId}}, items, outputs and _CONDOR_IHEP_JOB_ID are as they were;"
        " only HTCondor's own ids are new, from 0"
    )
    held = [job.run.job for job in jobs if job.verdict is Verdict.HELD]
    if held:
        more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
        yield f"{', '.join(held[:_NAMED])}{more}, on hold until now, are removed"
    yield from ready.chosen.notes
    yield from ready.notes
    yield from _changed_note(ready, plan)


def _memory_note(jobs: Sequence[Judged], memory: int) -> Iterator[str]:
    outgrown = [job for job in jobs if job.more_memory]
    if not outgrown:
        return
    peak = max(job.status.memory_mb for job in outgrown if job.status is not None)
    asked = max(job.status.requested_mb for job in outgrown if job.status is not None)
    yield (
        f"each job asks for {memory} MB now: {len(outgrown)} of them had outgrown theirs"
        f" (asked for {asked} MB, used up to {peak:.0f} MB); -mem says otherwise"
    )


def _walltime_note(jobs: Sequence[Judged], changes: Changes) -> Iterator[str]:
    outrun = sum(job.has_outrun for job in jobs)
    if outrun and changes.walltime is None:
        yield f"{outrun} of them outran their walltime, and have the same again: -wt gives more"


def _changed_note(ready: Prepared, plan: Plan) -> Iterator[str]:
    if changed := changed_files(ready, plan):
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        yield (
            f"changed since that submission, and taken as it is now: {', '.join(changed[:_NAMED])}{more}"
        )


def changed_files(ready: Prepared, plan: Plan) -> list[str]:
    """What was changed on this machine since the jobs were submitted: they would get it as it is now."""
    values = plan.jobs()
    cwd = ready.session.situation.cwd
    script = parse_template(absolute(ready.spec.script, cwd))
    paths = dict.fromkeys(script.fill_all(values))
    if plan.staging is not None and plan.staging.inputs:
        rows = plan.staging.carried_by(values).inputs
        paths |= {
            each.place.path: None
            for row in rows
            for each in row
            if isinstance(each.place, FilePlace)
        }
    return [path for path in paths if _changed_at(path) > ready.since]


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_ctime
    except (OSError, ValueError):
        return 0
