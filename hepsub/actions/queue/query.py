"""hep_q: the queue, filtered, with its counts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct, convert
from msgspec.structs import replace

from hepsub.actions.reach import Reach, Target
from hepsub.batch import JobStatus, Queue, Selection, State, Unmade
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId
from hepsub.result import Result, failures
from hepsub.session import Session


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
    """A job in JSON: as `JobStatus`, with null for what says nothing.

    Attributes:
        id: `cluster.proc`.
        state: the letter that hep_q shows.
        exit_signal: the signal that ended it; null when none did.
    """

    id: str
    pool: str
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

    pool: str
    schedd: str
    cluster: int
    owner: str
    first: int
    number: int
    paused: bool


class ListingDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_q.

    Attributes:
        unmade: jobs that do not exist yet, because their schedd makes them as they are needed.
        counts: how many jobs there are, those that are still to be made included.
    """

    jobs: tuple[JobDocument, ...]
    unmade: tuple[UnmadeDocument, ...]
    counts: Counted


class Listing(Struct, frozen=True, kw_only=True):
    """The jobs found.

    Attributes:
        unmade: procs of factories that do not exist yet; they count as idle.
        pool: the pool that was asked.
    """

    jobs: tuple[JobStatus, ...]
    unmade: tuple[Unmade, ...]
    reasons: bool
    pool: str

    def counts(self) -> Counted:
        """Jobs by state, and in all."""
        by_state = Counter(job.state for job in self.jobs)
        by_state[State.IDLE] += sum(each.number for each in self.unmade)
        # HepJob's line has no word for it.
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

    def _unmade(self, unmade: Unmade) -> UnmadeDocument:
        named = replace(unmade, pool=unmade.pool or self.pool)
        return convert(named, UnmadeDocument, from_attributes=True)

    def document(self) -> ListingDocument:
        """The listing as it stands under `result` in JSON."""
        return ListingDocument(
            jobs=tuple(job_document(job, self.pool) for job in self.jobs),
            unmade=tuple(self._unmade(each) for each in self.unmade),
            counts=self.counts(),
        )


def query(session: Session, wanted: Filter, reach: Reach | None = None) -> Result[Listing]:
    """List the jobs that match; a schedd that does not answer is a problem, not the end.

    Raises:
        PoolUnreachable: the pool cannot be asked.
        AmbiguousJob: an id belongs to two schedds.
    """
    reach = reach or Reach(session=session, asked=wanted.pool)
    queues: list[Queue] = []
    errors: list[HepsubError] = []
    for target in _targets(reach, wanted):
        try:
            queues.append(target.queue(session.situation.now, brief=wanted.brief))
        except HepsubError as error:
            errors.append(error)
    errors += reach.absent()
    # One job may be meant by several of them; else nothing is compared, for 20,000 jobs.
    if wanted.ids:
        jobs = tuple(dict.fromkeys(job for queue in queues for job in queue.jobs))
    else:
        jobs = tuple(itertools.chain.from_iterable(queue.jobs for queue in queues))
    listing = Listing(
        jobs=jobs,
        unmade=tuple(dict.fromkeys(each for queue in queues for each in queue.unmade)),
        reasons=wanted.reasons,
        pool=reach.pool,
    )
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    # A schedd that did not answer may have them.
    notes = () if problems else tuple(_unknown(session, wanted, listing))
    return Result(value=listing, notes=notes, problems=problems, exit_code=exit_code)


def _unknown(session: Session, wanted: Filter, listing: Listing) -> Iterator[str]:
    """A sentence for each id that neither the queue nor the journal knows; scripts poll jobs that have ended."""
    if wanted.owner or wanted.states or not wanted.ids:
        return
    from hepsub.actions.submissions import submitted_to

    there = {job.cluster for job in listing.jobs} | {each.cluster for each in listing.unmade}
    for each in wanted.ids:
        missing = each.cluster not in there or (
            each.first is not None
            and not any(each.holds(job.cluster, job.proc) for job in listing.jobs)
            and all(unmade.cluster != each.cluster for unmade in listing.unmade)
        )
        if missing and not submitted_to(session, each):
            yield f"no job {each} is in the queue; hep_history {each} tells whether there was one"


def _targets(reach: Reach, wanted: Filter) -> list[Target]:
    selection = Selection(owner=wanted.owner, states=wanted.states)
    if not wanted.ids:
        return reach.everything(selection)
    # What is in no queue is no error: HepJob shows an empty table, and scripts poll until it is.
    return [target for _, target, _ in reach.each(wanted.ids, selection) if target is not None]


def job_document(job: JobStatus, pool: str) -> JobDocument:
    """A job as it stands in JSON; it is in the pool that was asked where it names none."""
    return JobDocument(
        id=job.id,
        pool=job.pool or pool,
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
        hold_subcode=job.hold_subcode if job.hold_code else None,  # 0 is one of them
        hold_reason=job.hold_reason or None,
        host=job.host or None,
        exit_code=job.exit_code,
        exit_signal=job.exit_signal,
        ended=job.ended or None,
        remove_reason=job.remove_reason or None,
    )
