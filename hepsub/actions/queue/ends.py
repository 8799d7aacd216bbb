"""How jobs stand and end: the queue, then the history; waiting for their end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from hepsub.actions.submissions import may_be_sent
from hepsub.batch import (
    ACTIVE,
    RUNNING,
    SPOOLING,
    Advice,
    JobStatus,
    Queue,
    Selection,
    State,
)
from hepsub.condor.attributes import SUBMITTED_ON_HOLD
from hepsub.errors import HepsubError, PoolUnreachable, UnknownPool, UnknownSchedd
from hepsub.jobid import SubmissionRef
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

T = TypeVar("T")

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_SLOWDOWN = 1.3
_AWAY_S, _LONGEST_AWAY_S = 2.0, 60.0
"""While a schedd is away it is asked more rarely: all who wait for it ask when it comes back."""


class Clock(Struct, frozen=True, kw_only=True):
    """Time, as far as waiting needs it: sleep so many seconds, tell of progress, and how late it is."""

    sleep: Callable[[float], None]
    progress: Callable[[str], None]
    now: Callable[[], float] = time.monotonic


def await_ends(session: Session, ref: SubmissionRef, procs: Collection[int], clock: Clock) -> None:
    """Wait until each of some jobs has ended, or can only go on with the user's help (on hold).

    The clock is told how many are where when that changes.

    Raises:
        UnknownPool: the policy has the pool no more.
        KeyboardInterrupt: the user waits no longer.
    """
    pause, told, moment = _FIRST_PAUSE_S, "", session.situation.now
    with session.progress.step("") as step:

        def tell(trouble: str) -> None:
            clock.progress(trouble)
            step.see(trouble)

        while True:
            queue = patiently(lambda: _queue(session, ref)[1], clock, tell)
            now, ended = _progress(ref, queue, procs)
            step.see(now, ended, len(procs))
            if now != told:
                clock.progress(now)
                told = now
            if not _unmade_among(queue, procs) and not any(
                job.proc in procs and goes_on(session, ref.uuid, job, moment) for job in queue.jobs
            ):
                return
            clock.sleep(pause)
            moment += pause
            pause = min(pause * _SLOWDOWN, _LONGEST_PAUSE_S)


def goes_on(session: Session, uuid: str, job: JobStatus, now: float) -> bool:
    """Whether a job of a submission will do something by itself; one whose files are on their way is not stuck."""
    # HTCondor holds what has no files yet, hep_sub what has no bundle yet; both release it themselves.
    if job.state is State.HELD:
        waits = job.hold_code in (SPOOLING, SUBMITTED_ON_HOLD)
        return waits and may_be_sent(session, uuid, job, now)
    return job.state in ACTIVE


def without_files(session: Session, uuid: str, job: JobStatus, meant: str) -> Advice | None:
    """What to say of a job whose files nobody sends any more; None for any other."""
    if job.hold_code != SPOOLING or may_be_sent(session, uuid, job, session.situation.now):
        return None
    # Tried on 25.14: a schedd that dies as it takes them forgets that it had them.
    return Advice(
        sentence="its files have not reached its schedd, and nobody sends them any more: it can never start",
        next_command=f"hep_rm {meant}, and submit it again",
    )


def _queue(session: Session, ref: SubmissionRef) -> tuple[BatchSystem, Queue]:
    """The schedd of a submission, connected anew because it may come back at another address, and its queue."""
    schedd = schedd_of(session, ref)
    return schedd, schedd.queue(Selection(ids=ref.ids), session.situation.now)


def patiently(ask: Callable[[], T], clock: Clock, tell: Callable[[str], None] | None = None) -> T:
    """What a schedd answers; one that is away, or restarts, is asked again until it does: the jobs go on without it.

    Args:
        ask: asks it.
        clock: sleeps.
        tell: is told why; None for the clock.

    Raises:
        HepsubError: as `ask`, but for a schedd that does not answer.
    """
    pause = _AWAY_S
    while True:
        try:
            return ask()
        except (PoolUnreachable, UnknownSchedd) as error:
            (tell or clock.progress)(f"{error.message}; asking again in {pause:.0f} s")
            clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_AWAY_S)


def schedd_of(session: Session, ref: SubmissionRef) -> BatchSystem:
    """The schedd of a submission.

    Raises:
        UnknownPool: the policy has its pool no more.
        HepsubError: it cannot be found.
    """
    if session.policy.pool_now(ref.pool) not in session.policy.pool:
        raise UnknownPool(f"the policy knows no pool {ref.pool} any more")
    return session.schedd(ref.pool, ref.schedd)


def _progress(ref: SubmissionRef, queue: Queue, procs: Collection[int]) -> tuple[str, int]:
    """How many of some jobs are where, and how many have ended."""
    counts = Counter(job.state for job in queue.jobs if job.proc in procs)
    idle = counts[State.IDLE] + _unmade_among(queue, procs)
    running = sum(counts[state] for state in RUNNING)
    held = counts[State.HELD]
    ended = len(procs) - idle - running - held
    said = f"cluster {ref.cluster}: {idle} idle, {running} running, {held} held, {ended} ended"
    return said, ended


def _unmade_among(queue: Queue, procs: Collection[int]) -> int:
    """How many of some jobs their schedd has not made yet."""
    return sum(proc in procs for rest in queue.unmade for proc in rest.procs)


def job_states(
    session: Session, ref: SubmissionRef, procs: Collection[int]
) -> tuple[dict[int, JobStatus], str]:
    """Jobs by their procs, as far as their schedd knows them; and why it could not be asked."""
    if not procs:
        return {}, ""
    try:
        schedd, queue = _queue(session, ref)
        states = {job.proc: job for job in queue.jobs} | _unmade(queue)
        if any(proc not in states for proc in procs):
            from hepsub.actions.queue.ended import is_of

            # The queue goes first: a job that ends between the two is in both, and not in neither.
            past = schedd.history(Selection(ids=ref.ids), max(ref.number, len(procs)))
            # By time, and not by UUID: Slurm's accounting keeps comments only where it is set up to.
            entries = session.journal.entries()
            when = next((each.when for each in entries if each.ref.uuid == ref.uuid), 0.0)
            own = {job.proc: job for job in past if is_of(job.submitted, when)}
            states = own | states
    except HepsubError as error:
        return {}, f"{error.message}; what became of the jobs is not known"
    return {proc: states[proc] for proc in procs if proc in states}, ""


def _unmade(queue: Queue) -> dict[int, JobStatus]:
    """The jobs that a schedd has not made yet: idle ones."""
    return {
        proc: JobStatus(
            schedd=rest.schedd,
            cluster=rest.cluster,
            proc=proc,
            owner=rest.owner,
            submitted=0,
            run_seconds=0,
            state=State.IDLE,
            priority=0,
            memory_mb=0,
            requested_mb=rest.requested_mb,
            command="",
            arguments=(),
        )
        for rest in queue.unmade
        for proc in rest.procs
    }
