"""How the jobs stand whose outputs are wanted: the queue, then the history; and the waiting for their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from hepsub.actions.queue.wait import Clock
from hepsub.actions.session import Session
from hepsub.actions.submissions import Found
from hepsub.batch import SPOOLING, BatchSystem, JobStatus, Queue, Selection, State
from hepsub.errors import HepsubError, PoolUnreachable, UnknownPool, UnknownSchedd

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_SLOWDOWN = 1.3


def job_states(
    session: Session, found: Found, procs: Collection[int]
) -> tuple[dict[int, JobStatus], str]:
    """The jobs by their procs, as far as the schedd knows them; and why it could not be asked."""
    if not procs:
        return {}, ""
    try:
        schedd = _schedd(session, found)
        queue = schedd.queue(Selection(ids=found.ref.ids), session.situation.now)
        states = {job.proc: job for job in queue.jobs} | _unmade(queue)
        if any(proc not in states for proc in procs):
            past = schedd.history(Selection(ids=found.ref.ids), max(found.ref.number, len(procs)))
            states = {job.proc: job for job in past} | states
    except HepsubError as error:
        return {}, f"{error.message}; what became of the jobs is not known"
    return {proc: states[proc] for proc in procs if proc in states}, ""


def collect_spooled(session: Session, found: Found) -> str:
    """Fetch what ended jobs left with a schedd that sees none of this host; what could not be, in words."""
    if found.ref.pool not in session.policy.pool or not session.policy.pool[found.ref.pool].spool:
        return ""
    # Not by owner: the schedd may know the user by another name.
    wanted = Selection(ids=found.ref.ids, states=(State.COMPLETED,))
    try:
        schedd = _schedd(session, found)
        if schedd.queue(wanted, session.situation.now).jobs:
            schedd.fetch(Selection(ids=found.ref.ids))
    except HepsubError as error:
        return f"what the jobs left at {found.ref.schedd} could not be fetched: {error.message}"
    return ""


def await_ends(session: Session, submissions: Iterable[Found], clock: Clock) -> None:
    """Wait until each of the jobs that are meant has ended, or can only go on with the user's help.

    Raises:
        KeyboardInterrupt: the user waits no longer.
    """
    for found in submissions:
        pause, told = _FIRST_PAUSE_S, ""
        while True:
            queue = _queue(session, found, clock)
            told = _tell(found, queue, told, clock)
            if not _unended(found, queue):
                break
            clock.sleep(pause)
            pause = min(pause * _SLOWDOWN, _LONGEST_PAUSE_S)


def _queue(session: Session, found: Found, clock: Clock) -> Queue:
    """The queue; a schedd that is away is asked again, the jobs go on without it."""
    pause = 2.0
    while True:
        try:
            schedd = _schedd(session, found)
            return schedd.queue(Selection(ids=found.ref.ids), session.situation.now)
        except (PoolUnreachable, UnknownSchedd) as error:
            clock.progress(f"{error.message}; asking again in {pause:.0f} s")
            clock.sleep(pause)
            pause = min(pause * 2, 60.0)


def _schedd(session: Session, found: Found) -> BatchSystem:
    if found.ref.pool not in session.policy.pool:
        raise UnknownPool(f"the policy knows no pool {found.ref.pool} any more")
    return session.schedd(found.ref.pool, found.ref.schedd)


def _unended(found: Found, queue: Queue) -> set[int]:
    waiting = {job.proc for job in queue.jobs if not _needs_nobody(job)} | set(_unmade(queue))
    return waiting & set(found.procs)


def _needs_nobody(job: JobStatus) -> bool:
    if job.state is State.HELD:
        return job.hold_code != SPOOLING
    return job.state in (State.COMPLETED, State.REMOVED)


def _tell(found: Found, queue: Queue, told: str, clock: Clock) -> str:
    wanted = set(found.procs)
    states = [job for job in queue.jobs if job.proc in wanted]
    counts = Counter(job.state for job in states)
    unmade = len(set(_unmade(queue)) & wanted)
    idle, held = counts[State.IDLE] + unmade, counts[State.HELD]
    ended = len(wanted) - len(states) - unmade + counts[State.COMPLETED] + counts[State.REMOVED]
    running = len(wanted) - idle - held - ended
    now = f"cluster {found.ref.cluster}: {idle} idle, {running} running, {held} held, {ended} ended"
    if now != told:
        clock.progress(now)
    return now


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
        for proc in range(rest.first, rest.first + rest.number)
    }
