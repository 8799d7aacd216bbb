"""-wait: until every job of a cluster has ended, with its state and exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from hepsub.actions.queue.query import job_document
from hepsub.actions.returned.place import place_outputs
from hepsub.actions.session import Session
from hepsub.actions.submit.result import Submission
from hepsub.batch import SPOOLING, BatchSystem, JobStatus, Queue, Selection, State
from hepsub.bundle.directory import read_bundle, why_of_another
from hepsub.errors import Interrupted, JobsFailed, PoolUnreachable, UnknownSchedd
from hepsub.jobid import JobId
from hepsub.result import Json, Problem, Result

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_SLOWDOWN = 1.3
_HISTORY_PAUSES = 20
"""The schedd writes its history a moment after a job left the queue."""
_NAMED = 10


class Clock(Struct, frozen=True, kw_only=True):
    """Time, as far as waiting needs it: sleep so many seconds, and tell of progress."""

    sleep: Callable[[float], None]
    progress: Callable[[str], None]


class Waited(Struct, frozen=True, kw_only=True):
    """A submission, and how its jobs ended.

    Attributes:
        submission: the cluster.
        jobs: its jobs, those that are still in the queue (on hold) included.
        interrupted: whether the user stopped waiting.
    """

    submission: Submission
    jobs: tuple[JobStatus, ...]
    interrupted: bool = False

    def unknown(self) -> int:
        """How many jobs are neither in the queue nor in the history."""
        return 0 if self.interrupted else self.submission.submitted.number - len(self.jobs)

    def failed(self) -> tuple[JobStatus, ...]:
        """The jobs that did not end with exit code 0."""
        return tuple(
            job for job in self.jobs if job.state is not State.COMPLETED or job.exit_code != 0
        )

    def document(self) -> dict[str, Json]:
        """The submission with `ended` added, as it stands under `result` in JSON."""
        return {
            **self.submission.document(),
            "ended": [job_document(job) for job in self.jobs],
            "failed": len(self.failed()),
            "unknown": self.unknown(),
        }


def wait(session: Session, submission: Submission, clock: Clock) -> Result:
    """Wait until every job has ended, or can only go on with the user's help (on hold).

    Ctrl-C ends the waiting, not the jobs.
    """
    try:
        with session.interrupts.allowed():
            jobs = _await_all(session, submission, clock)
    except KeyboardInterrupt:
        cluster = submission.submitted.cluster
        problem = Problem(
            code="interrupted",
            message=f"waiting was interrupted; the jobs of cluster {cluster} go on",
            remedy=f"hep_q -i {cluster} shows them, hep_rm {cluster} removes them",
        )
        waited = Waited(submission=submission, jobs=(), interrupted=True)
        return Result(value=waited, problems=(problem,), exit_code=Interrupted.exit_code)
    waited = Waited(submission=submission, jobs=jobs)
    notes = _bring_home(session, submission)
    failed = waited.failed()
    if not failed and not waited.unknown():
        return Result(value=waited, notes=notes)
    return Result(
        value=waited,
        notes=notes,
        problems=(_failure(submission, failed, waited.unknown()),),
        exit_code=JobsFailed.exit_code,
    )


def _bring_home(session: Session, submission: Submission) -> tuple[str, ...]:
    """Put outputs that came home where the user wants them; what could not be, in words.

    The bundle knows, not the plan: with -once the submission may be one of an earlier command.
    """
    directory = session.bundles / submission.submitted.uuid
    bundle = read_bundle(directory)
    if bundle is None:
        another = why_of_another(directory)
        return (another,) if another else ()
    if bundle.request.staging.shared:
        return ()
    cluster = submission.submitted.cluster
    return (*place_outputs(bundle, cluster), *bundle.place_logs(cluster))


def _await_all(session: Session, submission: Submission, clock: Clock) -> tuple[JobStatus, ...]:
    cluster = Selection(ids=(JobId(cluster=submission.submitted.cluster),))
    pause, told = _FIRST_PAUSE_S, ""
    while True:
        schedd, queue = _ask(session, submission, cluster, clock)
        told = _tell(queue, submission, told, clock)
        if not queue.unmade and all(_needs_nobody(job) for job in queue.jobs):
            if session.policy.pool[submission.pool].spool:
                schedd.fetch(cluster)
            return _ended(schedd, cluster, queue, submission.submitted.number, clock)
        clock.sleep(pause)
        pause = min(pause * _SLOWDOWN, _LONGEST_PAUSE_S)


def _needs_nobody(job: JobStatus) -> bool:
    """Whether waiting longer would change nothing; a job whose files are still on their way is not stuck."""
    if job.state is State.HELD:
        return job.hold_code != SPOOLING
    return job.state in (State.COMPLETED, State.REMOVED)


def _ask(
    session: Session, submission: Submission, cluster: Selection, clock: Clock
) -> tuple[BatchSystem, Queue]:
    """The queue; a schedd that is away is asked again, the jobs go on without it."""
    pause = 2.0
    while True:
        try:
            schedd = session.schedd(submission.pool, submission.submitted.schedd)
            return schedd, schedd.queue(cluster, session.situation.now)
        except (PoolUnreachable, UnknownSchedd) as error:
            clock.progress(f"{error.message}; asking again in {pause:.0f} s")
            clock.sleep(pause)
            pause = min(pause * 2, 60.0)


def _tell(queue: Queue, submission: Submission, told: str, clock: Clock) -> str:
    counts = Counter(job.state for job in queue.jobs)
    idle = counts[State.IDLE] + sum(each.number for each in queue.unmade)
    left = sum(counts[state] for state in (State.RUNNING, State.TRANSFERRING, State.SUSPENDED))
    held = counts[State.HELD]
    ended = submission.submitted.number - idle - left - held
    now = f"cluster {submission.submitted.cluster}: {idle} idle, {left} running, {held} held, {ended} ended"
    if now != told:
        clock.progress(now)
    return now


def _ended(
    schedd: BatchSystem, cluster: Selection, queue: Queue, number: int, clock: Clock
) -> tuple[JobStatus, ...]:
    """The jobs' ends from the history, plus those that stay in the queue on hold."""
    held = tuple(job for job in queue.jobs if job.state is State.HELD)
    past: tuple[JobStatus, ...] = ()
    for _ in range(_HISTORY_PAUSES):
        past = schedd.history(cluster, number)
        if len(past) + len(held) >= number:
            break
        clock.sleep(_FIRST_PAUSE_S)
    return tuple(sorted((*past, *held), key=lambda job: job.proc))


def _failure(submission: Submission, failed: tuple[JobStatus, ...], unknown: int) -> Problem:
    named = ", ".join(f"{job.job} {end_text(job)}" for job in failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    more += f"{' and ' if failed else ''}the end of {unknown} is not known" if unknown else ""
    cluster = submission.submitted.cluster
    return Problem(
        code=JobsFailed.code,
        message=f"{len(failed) + unknown} of {submission.submitted.number} job(s) did not end with 0: {named}{more}",
        remedy=f"hep_q -i {cluster} -why tells what to do about the ones on hold"
        if any(job.state is State.HELD for job in failed)
        else f"look at their stderr; hep_history {cluster} tells how each ended",
    )


def end_text(job: JobStatus) -> str:
    """How a job ended, in a few words."""
    if job.state is State.HELD:
        return f"is on hold ({job.hold_reason})"
    if job.state is State.REMOVED:
        return "was removed"
    if job.exit_signal is not None:
        return f"was ended by signal {job.exit_signal}"
    if job.exit_code is None:
        return "has no exit code"
    return f"ended with exit code {job.exit_code}"
