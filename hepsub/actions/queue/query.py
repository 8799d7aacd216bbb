"""hep_q: the queue, filtered, with its counts."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from hepsub.batch import JobStatus, Queue, Selection, State, Unmade
from hepsub.errors import HepsubError, PoolError, UnknownJob
from hepsub.jobid import JobId
from hepsub.result import Result, failures
from hepsub.session import Session, does_not_answer

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem


class Filter(Struct, frozen=True, kw_only=True):
    """Which jobs are shown.

    Attributes:
        pool: name of a pool of the policy; None for the default one.
        owner: login name; empty for everybody.
        ids: clusters and procs; empty for all.
        states: any of these; empty for all.
        brief: whether no more is asked of a job than the table shows.
    """

    pool: str | None = None
    owner: str = ""
    ids: tuple[JobId, ...] = ()
    states: tuple[State, ...] = ()
    reasons: bool = False
    brief: bool = False


class Counted(Struct, frozen=True, kw_only=True):
    """How many jobs there are, in all and by state; those that are still to be made are idle."""

    jobs: int
    completed: int
    removed: int
    idle: int
    running: int
    held: int
    suspended: int


class JobDocument(Struct, frozen=True, kw_only=True):
    """A job in JSON: as `JobStatus`, with null for what says nothing."""

    id: str
    schedd: str
    cluster: int
    proc: int
    owner: str
    submitted: float
    run_seconds: float
    cpu_seconds: float
    state: State
    priority: int
    memory_mb: float
    requested_mb: int
    command: str
    arguments: tuple[str, ...]
    name: str | None
    hold_code: int | None
    hold_subcode: int | None
    hold_reason: str | None
    host: str | None
    exit_code: int | None
    exit_signal: int | None
    ended: float | None
    remove_reason: str | None


class UnmadeDocument(Struct, frozen=True, kw_only=True):
    """Procs of a factory in JSON: as `Unmade`."""

    schedd: str
    cluster: int
    owner: str
    first: int
    number: int
    paused: bool


class ListingDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_q."""

    jobs: tuple[JobDocument, ...]
    unmade: tuple[UnmadeDocument, ...]
    counts: Counted


class Listing(Struct, frozen=True, kw_only=True):
    """The jobs found.

    Attributes:
        unmade: procs of factories that do not exist yet; they count as idle.
    """

    jobs: tuple[JobStatus, ...]
    unmade: tuple[Unmade, ...]
    reasons: bool

    def counts(self) -> Counted:
        """Jobs by state, and in all."""
        by_state = Counter(job.state for job in self.jobs)
        by_state[State.IDLE] += sum(each.number for each in self.unmade)
        by_state[State.RUNNING] += by_state.pop(State.TRANSFERRING, 0)
        return Counted(
            jobs=by_state.total(),
            completed=by_state[State.COMPLETED],
            removed=by_state[State.REMOVED],
            idle=by_state[State.IDLE],
            running=by_state[State.RUNNING],
            held=by_state[State.HELD],
            suspended=by_state[State.SUSPENDED],
        )

    def document(self) -> ListingDocument:
        """The listing as it stands under `result` in JSON."""
        return ListingDocument(
            jobs=tuple(job_document(job) for job in self.jobs),
            unmade=convert(self.unmade, tuple[UnmadeDocument, ...], from_attributes=True),
            counts=self.counts(),
        )


def query(session: Session, wanted: Filter) -> Result:
    """List the jobs that match; a schedd that does not answer is a problem, not the end.

    Raises:
        PoolUnreachable: the pool cannot be asked.
        AmbiguousJob: an id belongs to two schedds.
    """
    pool = session.pool_name(wanted.pool)
    queues: list[Queue] = []
    errors: list[HepsubError] = []
    schedds = session.schedds(pool)
    for schedd, selection in _selections(session, pool, schedds, wanted):
        try:
            queues.append(schedd.queue(selection, session.situation.now, brief=wanted.brief))
        except HepsubError as error:
            errors.append(error)
    errors += [does_not_answer(name) for name in session.absent(pool, schedds)]
    if wanted.ids:  # one job may be meant by several of them
        jobs = tuple(dict.fromkeys(job for queue in queues for job in queue.jobs))
    else:
        jobs = tuple(itertools.chain.from_iterable(queue.jobs for queue in queues))
    listing = Listing(
        jobs=jobs,
        unmade=tuple(dict.fromkeys(each for queue in queues for each in queue.unmade)),
        reasons=wanted.reasons,
    )
    problems, exit_code = failures(errors, PoolError.exit_code)
    return Result(value=listing, problems=problems, exit_code=exit_code)


def _selections(
    session: Session, pool: str, schedds: tuple[BatchSystem, ...], wanted: Filter
) -> list[tuple[BatchSystem, Selection]]:
    if not wanted.ids:
        everything = Selection(owner=wanted.owner, states=wanted.states)
        return [(schedd, everything) for schedd in schedds]
    from hepsub.actions.submissions import find_schedds  # which looks into bundles as well

    found = []
    for each in wanted.ids:
        try:
            targets = find_schedds(session, pool, [each])
        except UnknownJob:  # an id that is in no queue: HepJob shows an empty table
            continue
        found += [
            (t.schedd, Selection(ids=t.ids, owner=wanted.owner, states=wanted.states))
            for t in targets
        ]
    return found


def job_document(job: JobStatus) -> JobDocument:
    """A job as it stands in JSON."""
    return JobDocument(
        id=job.job,
        schedd=job.schedd,
        cluster=job.cluster,
        proc=job.proc,
        owner=job.owner,
        submitted=job.submitted,
        run_seconds=job.run_seconds,
        cpu_seconds=round(job.cpu_seconds, 3),
        state=job.state,
        priority=job.priority,
        memory_mb=job.memory_mb,
        requested_mb=job.requested_mb,
        command=job.command,
        arguments=job.arguments,
        name=job.name or None,
        hold_code=job.hold_code or None,
        hold_subcode=job.hold_subcode if job.hold_code else None,
        hold_reason=job.hold_reason or None,
        host=job.host or None,
        exit_code=job.exit_code,
        exit_signal=job.exit_signal,
        ended=job.ended or None,
        remove_reason=job.remove_reason or None,
    )
