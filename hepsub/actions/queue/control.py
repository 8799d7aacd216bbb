"""hep_rm, hep_hold, hep_release: act on jobs, and tell exactly what was done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.reach import Meant, Reach, Target
from hepsub.batch import ACTIVE, Act, ActCount, Counts, JobStatus, Selection, State
from hepsub.errors import HepsubError, NotDone, NotYetMade, UnknownJob
from hepsub.jobid import JobId
from hepsub.result import Result, failures
from hepsub.session import Session

_COMMANDS = {Act.REMOVE: "hep_rm", Act.HOLD: "hep_hold", Act.RELEASE: "hep_release"}
DONE_WORDS = {Act.REMOVE: "removed", Act.HOLD: "held", Act.RELEASE: "released"}
_FROM = {
    Act.REMOVE: (*ACTIVE, State.HELD, State.COMPLETED),
    Act.HOLD: ACTIVE,
    Act.RELEASE: (State.HELD,),
}
"""The states from which an act leads somewhere."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What was done to the jobs behind one word of the command line.

    Attributes:
        meant: the id as it was given, or the schedd for all of the user's jobs.
        number: how many jobs were acted upon, those that a factory has still to make included.
    """

    meant: str = field(name="target")
    number: int = field(name="jobs")


class Control(Struct, frozen=True, kw_only=True):
    """What was done, id by id; its fields are its JSON.

    Attributes:
        number: how many jobs were acted upon.
    """

    act: Act = field(name="action")
    number: int = field(name="jobs")
    outcomes: tuple[Outcome, ...] = field(name="targets")


def control(
    session: Session, act: Act, ids: tuple[JobId, ...], pool: str | None
) -> Result[Control]:
    """Act on the jobs named, or without ids on all of the user's own.

    Jobs that run again in another cluster stay as they are there, which is said; those that hep_auth renew has still to
    submit there are not submitted when they are removed.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    outcomes: list[Outcome] = []
    errors: list[HepsubError] = []
    notes: list[str] = []
    meant = reach.meant(ids)
    if act is Act.REMOVE and not ids:
        from hepsub.actions.queue.halt import halt_all

        try:
            notes += _halted_note(halt_all(session, {reach.pool, *reach.far_pools()}), "")
        except HepsubError as error:
            errors.append(error)
    for each in meant:
        try:
            outcomes += _carry_out(reach, act, each, notes, errors)
        except HepsubError as error:
            errors.append(error)
    problems, exit_code = failures([*errors, *reach.errors], NotDone.exit_code)
    number = sum(each.number for each in outcomes)
    value = Control(act=act, number=number, outcomes=tuple(outcomes))
    return Result(value=value, notes=tuple(notes), problems=problems, exit_code=exit_code)


def _carry_out(
    reach: Reach, act: Act, each: Meant, notes: list[str], errors: list[HepsubError]
) -> Iterator[Outcome]:
    """Act on what one word means; what is said besides goes to the notes, what could not be done to the errors."""
    from hepsub.actions.queue.runs import later_runs_of

    session, (job, target, unknown) = reach.session, each
    if job is None:
        if target is not None:
            yield _act(session, act, _spared(session, target), "", notes)[0]
        return
    schedd = target.schedd.name if target is not None else ""
    pool = reach.pool if reach.asked is not None else None
    halted = 0
    if act is Act.REMOVE:
        # Before the queue is touched: a round that saw the removed jobs first would submit them anew.
        try:
            halted = _halted(session, job, pool, target)
        except HepsubError as error:
            errors.append(error)
    notes += _halted_note(halted, f" of {job}")
    later = later_runs_of(session, job, pool, schedd)
    command = _COMMANDS[act]
    outcome: Outcome | None = None
    shortfall: HepsubError | None = unknown
    if target is not None:
        try:
            outcome, shortfall = _act(session, act, target, str(job), notes, besides=halted)
        except UnknownJob as error:
            shortfall = error
    if shortfall is None or halted:
        notes += [f"{'; '.join(later.said)}: {later.command(command)}"] if later.said else []
    else:
        errors.append(later.add_to(shortfall, command))
    if outcome is not None or halted:
        yield Outcome(meant=str(job), number=halted + (outcome.number if outcome else 0))


def _halted(session: Session, job: JobId, pool: str | None, target: Target | None) -> int:
    """How many jobs are not submitted anew that were on their way; those that are still in the queue do not count."""
    from hepsub.actions.queue.halt import halt

    procs = halt(session, job, pool, target.schedd.name if target is not None else "")
    if procs and target is not None:
        with contextlib.suppress(HepsubError):  # they are halted, whether they are counted or not
            there = target.queue(session.situation.now).jobs
            procs -= {each.proc for each in there if each.state is not State.REMOVED}
    return len(procs)


def _halted_note(number: int, whose: str) -> tuple[str, ...]:
    if not number:
        return ()
    return (
        f"{number} job(s){whose} were on their way to another pool, and are not submitted there",
    )


def _spared(session: Session, target: Target) -> Target:
    """The jobs but those that have ended where what they left stays in the queue with them until it is fetched."""
    from hepsub.actions.queue.counted import keeps_ended

    if not target.pool and not keeps_ended(session, target.schedd.pool):
        return target
    # Who removes all of their jobs wants none to go on: outputs of those that succeeded are not to be lost by it.
    return replace(target, selection=replace(target.selection, states=(*ACTIVE, State.HELD)))


def _act(
    session: Session, act: Act, target: Target, meant: str, notes: list[str], *, besides: int = 0
) -> tuple[Outcome, HepsubError | None]:
    """Act on the jobs of an id, or of none; what of a range is not there is told, all else that is said is a note.

    Raises:
        UnknownJob, NotYetMade, NotDone: not all of it could be done.
    """
    schedd, selection = target.schedd, target.selection
    named = meant or schedd.name
    if not meant and not schedd.has_factories(selection):
        # No job was named of which it could be told that it was not met: so one call does, without counting first.
        counts = schedd.act(act, selection)
        notes += _lost_runs(named, counts)
        return Outcome(meant=named, number=counts.done), None
    before = schedd.count(selection)
    _check_made(before, selection, meant, act)
    ready = sum(before.states.get(state, 0) for state in _FROM[act])
    unmade = _unmade_number(before, act)
    if not ready and not unmade:
        if meant:
            jobs = schedd.queue(selection, session.situation.now).jobs
            raise _nothing_to_do(jobs, act, meant)
        return Outcome(meant=named, number=0), None
    counts = schedd.act(act, selection)
    notes += _lost_runs(named, counts)
    if counts.denied:
        jobs = schedd.queue(selection, session.situation.now).jobs
        owner = next((job.owner for job in jobs if job.state in _FROM[act]), "somebody else")
        raise NotDone(
            f"{meant}: not {DONE_WORDS[act]}, the job belongs to {owner}",
            remedy="only the owner and the administrators may do that",
        )
    done = min(counts.done, ready) + unmade  # a factory's own ad is counted there too
    outcome = Outcome(meant=named, number=done)
    if meant and not done:
        return outcome, NotDone(
            f"{meant}: {ready} job(s) were not {DONE_WORDS[act]}; they changed their state meanwhile",
            remedy="hep_q shows what they do now",
        )
    return outcome, _shortfall(selection, before.total() + besides, meant)


def _lost_runs(named: str, counts: ActCount) -> Iterator[str]:
    """What to say where the batch system holds running jobs by giving up their runs, as Slurm does."""
    if counts.runs_ended:
        yield f"{named}: {counts.runs_ended} job(s) ran; their runs are lost, and begin anew when released"


def _shortfall(selection: Selection, found: int, meant: str) -> HepsubError | None:
    """What to say when a range names more jobs than there are."""
    wanted = sum(each.width() or 0 for each in selection.ids)
    if found >= wanted:
        return None
    return UnknownJob(
        f"{meant}: {wanted - found} of {wanted} are not in the queue",
        remedy=f"hep_history {meant} tells of jobs that have ended",
    )


def _check_made(before: Counts, selection: Selection, meant: str, act: Act) -> None:
    """HTCondor can act on a factory's procs one by one only when they exist."""
    named = [each for each in selection.ids if each.first is not None]
    if named and before.unmade:
        first = before.unmade[0].first
        raise NotYetMade(
            f"{meant}: the schedd makes the procs of cluster {named[0].cluster} as they are needed, and"
            f" has made none from {first} on",
            remedy=f"{_COMMANDS[act]} {replace(named[0], first=None, last=None)} acts on the whole cluster",
        )


def _unmade_number(before: Counts, act: Act) -> int:
    if act is Act.REMOVE:
        return sum(each.number for each in before.unmade)
    held = act is Act.RELEASE
    return sum(each.number for each in before.unmade if each.paused is held)


def _nothing_to_do(jobs: tuple[JobStatus, ...], act: Act, meant: str) -> HepsubError:
    if not jobs:
        return UnknownJob(
            f"{meant} is not in the queue",
            remedy=f"hep_history {meant} tells of jobs that have ended",
        )
    states = "/".join(sorted({job.state.value for job in jobs}))
    return NotDone(
        f"{meant}: not {DONE_WORDS[act]}, its state is {states}",
        remedy=f"hep_q -i {meant} shows it",
    )
