"""hep_sub -resubmit: jobs of an earlier submission run again, under the names that they had."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import by_submission
from hepsub.actions.submit.choose import Chosen, Wanted, check_alone, choose, first_of, meant_jobs
from hepsub.actions.submit.judge import Judged, Verdict
from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.removal import Removal
from hepsub.actions.submit.respell import (
    Changes,
    changed_since,
    memory_note,
    respelled,
    walltime_note,
)
from hepsub.actions.submit.result import Preview, Submission
from hepsub.actions.submit.submit import make, planned, recovered
from hepsub.documents import Malformed
from hepsub.errors import HepsubError, Interrupted, NotDone
from hepsub.job import JobSpec
from hepsub.jobid import Again, SubmissionRef, procs_brief, procs_text
from hepsub.orders import Order
from hepsub.plan.draft import Reading
from hepsub.plan.environment import inheritable
from hepsub.plan.location import absolute
from hepsub.plan.model import Plan
from hepsub.plan.template import values_of
from hepsub.result import Result
from hepsub.session import Session
from hepsub.survey.survey import is_directory
from hepsub.terminal import few

_NAMED = 3
_LOCK = "\0resubmit "
"""No key after -once begins so: no word on a command line has a NUL."""


class Prepared(Struct, frozen=True, kw_only=True):
    """What is submitted.

    Attributes:
        session: the session as it was when the jobs were submitted first: directory and variables.
        spec: what is asked for now.
        known: the items of the jobs.
        chosen: the jobs.
        since: when the latest of their submissions was, in seconds since the epoch.
        notes: what the user should know.
        changed: whether more than their memory is different this time, by the user's word.
    """

    session: Session
    spec: JobSpec
    known: Reading
    chosen: Chosen
    since: float
    notes: tuple[str, ...]
    changed: bool


def resubmit(
    session: Session,
    wanted: Wanted,
    changes: Changes,
    tell: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Result[Submission]:
    """Run jobs again as one new cluster; jobs on hold among them are removed first.

    Args:
        session: the session.
        wanted: which jobs.
        changes: what is different this time.
        tell: told at once of what was done for earlier submissions.
        sleep: waits so many seconds, for what a schedd has still to write down.

    Raises:
        Interrupted: the user pressed Ctrl-C; nothing was submitted, or it was taken back.
        NotDone: nothing can be run again, or not all that was named.
        HepsubError: nothing was submitted.
    """
    with session.interrupts.scope():
        try:
            return _resubmit(session, wanted, changes, tell, sleep)
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted; nothing was submitted") from error


def _resubmit(
    session: Session,
    wanted: Wanted,
    changes: Changes,
    tell: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Result[Submission]:
    stores = functools.cache(session.open_stores)
    finished = recovered(session, stores, tell)  # it may free jobs, or complete their cluster
    ref, procs = meant_jobs(session, wanted)
    # All that matters is done under a lock that belongs to the first submission; the journal says which jobs a new
    # cluster has before its schedd is asked for it; and an intent of which nothing more is noted is looked up at the
    # schedd before anything else is done. So each job runs once more, and not twice.
    with session.journal.locked(key_of(session, ref)):
        ready = prepared(session, choose(session, wanted, ref, procs, sleep), changes)
        there, chosen = ready.session, ready.chosen
        plan, facts = planned(there, stores, ready.spec, keeps=True, known=ready.known)
        plan = replace(plan, notes=(*_notes(ready, plan), *plan.notes))
        schedd = there.schedd(plan.route.pool, plan.route.schedd)
        removal = Removal(session=session, jobs=chosen.jobs)
        try:
            return make(
                there,
                stores,
                ready.spec,
                plan,
                facts.outputs,
                schedd,
                finished,
                before=removal.carry_out,
                alone=lambda uuid: check_alone(session, chosen, uuid),
            )
        except (HepsubError, KeyboardInterrupt) as error:
            if not removal.meant:
                raise
            told = (
                error
                if isinstance(error, HepsubError)
                else Interrupted("interrupted; nothing was submitted")
            )
            told.add(removal.sentence(), _to_go_on(wanted, ready))
            raise told from error


def _to_go_on(wanted: Wanted, ready: Prepared) -> str:
    """What to type when jobs were removed from hold, and not submitted."""
    only = f" -only {procs_text(wanted.only)}" if wanted.only is not None else ""
    outgrown = any(job.more_memory for job in ready.chosen.jobs)
    memory = f" -mem {ready.spec.resources.memory_mb}" if outgrown else ""
    failed = " -failed" if wanted.failed or not wanted.are_named else ""
    more = ", with the other options of this command" if ready.changed else ""
    return f"hep_sub -resubmit {wanted.job}{only}{failed}{memory} runs them again{more}"


def preview_again(
    session: Session,
    wanted: Wanted,
    changes: Changes,
    sleep: Callable[[float], None] = time.sleep,
) -> Result[Preview]:
    """Show what would be submitted; nothing is removed, and nothing written but what became of interrupted commands.

    Raises:
        HepsubError: as `resubmit`.
    """
    ref, procs = meant_jobs(session, wanted)
    # An intent of a command that is at it is no interrupted one.
    with session.journal.locked(key_of(session, ref)):
        ready = prepared(session, choose(session, wanted, ref, procs, sleep), changes)
    shown = preview(ready.session, ready.spec, ready.known, lambda plan: tuple(_notes(ready, plan)))
    held = (job.run.job for job in ready.chosen.jobs if job.verdict is Verdict.HELD)
    return replace(shown, value=replace(shown.value, removes=tuple(held)))


def key_of(session: Session, ref: SubmissionRef) -> str:
    """By what jobs of a submission are locked against whoever else would run them again."""
    return f"{_LOCK}{first_of(session, ref)}"


def prepared(session: Session, chosen: Chosen, changes: Changes) -> Prepared:
    """What is submitted to run jobs again.

    Raises:
        NotDone: what they were made from is not known any more, or cannot be had.
    """
    orders = {
        each: _order(session, each, runs[0].when)
        for each, runs in by_submission(job.run for job in chosen.jobs).items()
    }
    # Some may have run again before, with more memory: they are submitted together, as the latest ones were.
    newest = max((job.run for job in chosen.jobs), key=lambda run: run.when)
    order = orders[newest.ref]
    if not is_directory(order.cwd):
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
        notes=(*memory_note(chosen.jobs, memory), *walltime_note(chosen.jobs, changes)),
        changed=replace(changes, memory_mb=None) != Changes(),
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
    """The session in the directory and with the variables of that time."""
    # What jobs never inherit is today's: secrets, which were not kept, and what belongs to a login (ticket, agent).
    own = session.situation.environment
    inherited = inheritable(own)
    todays = {name: value for name, value in own.items() if name not in inherited}
    situation = replace(
        session.situation,
        cwd=Path(order.cwd),
        environment=todays | dict(order.environment),
        own_programs=frozenset(),  # they were left out before the variables were kept
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
    columns = next((order.columns for order in orders.values()), None)
    return Reading(
        items=tuple(items), ends=tuple(ends) if several else (), columns=columns, again=again
    )


# ---- what the user should know -------------------------------------------------------------------


def _notes(ready: Prepared, plan: Plan) -> Iterator[str]:
    first, jobs = ready.chosen.lineage.first, ready.chosen.jobs
    procs = procs_brief(job.earlier for job in jobs)
    yield (
        f"{first.cluster}.{procs} run again: %{{ProcId}}, items, outputs and _CONDOR_IHEP_JOB_ID are as they were;"
        " only the batch system's own ids are new, from 0"
    )
    held = [job.run.job for job in jobs if job.verdict is Verdict.HELD]
    if held:
        yield f"{few(held, _NAMED)}, on hold until now, are removed"
    yield from ready.chosen.notes
    yield from ready.notes
    if changed := changed_files(ready, plan):
        yield f"changed since that submission, and taken as it is now: {few(changed, _NAMED)}"


def changed_files(ready: Prepared, plan: Plan) -> list[str]:
    """What was changed on this machine since the jobs were submitted: they would get it as it is now."""
    script = absolute(ready.spec.script, ready.session.situation.cwd)
    return changed_since(script, ready.since, plan)
