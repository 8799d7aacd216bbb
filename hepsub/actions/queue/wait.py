"""-wait: until every job of a cluster has ended, with its state and exit code."""

from __future__ import annotations

import os

from msgspec import Struct
from msgspec.structs import asdict

from hepsub.actions.lineage import lineage_of
from hepsub.actions.queue.cluster import stderr_of
from hepsub.actions.queue.ends import Clock, await_ends, patiently
from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.actions.queue.spools import collect_one
from hepsub.actions.returned.place import place_outputs
from hepsub.actions.submit.documents import SubmissionDocument
from hepsub.actions.submit.judge import Judged, judge, judge_late
from hepsub.actions.submit.result import Submission
from hepsub.batch import JobStatus, State, end_text
from hepsub.bundle.bundle import read_bundle, why_of_another
from hepsub.bundle.logs import place_logs
from hepsub.errors import Interrupted, JobsFailed, NotDone
from hepsub.jobid import SubmissionRef
from hepsub.journal import Entry
from hepsub.result import Problem, Result
from hepsub.session import Session

_NAMED = 10


class WaitedDocument(SubmissionDocument, frozen=True, kw_only=True):
    """The JSON of hep_sub -wait.

    Attributes:
        ended: the jobs as they ended, or are on hold.
        failed: how many did not end with exit code 0.
        unknown: how many are neither in the queue nor in the history.
    """

    ended: tuple[JobDocument, ...]
    failed: int
    unknown: int


class Waited(Struct, frozen=True, kw_only=True):
    """A submission, and how its jobs ended.

    Attributes:
        jobs: its jobs, those that are still in the queue included.
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

    def document(self) -> WaitedDocument:
        """The submission and its jobs' ends as they stand under `result` in JSON."""
        return WaitedDocument(
            **asdict(self.submission.document()),
            ended=tuple(job_document(job, self.submission.submitted.pool) for job in self.jobs),
            failed=len(self.failed()),
            unknown=self.unknown(),
        )


def wait(session: Session, submission: Submission, clock: Clock) -> Result:
    """Wait until every job has ended or is on hold, then put outputs that HTCondor returned into their paths.

    Ctrl-C cancels the waiting, not the jobs.
    """
    try:
        with session.interrupts.allowed():
            jobs, left = _await_all(session, submission.submitted, clock)
    except KeyboardInterrupt:
        cluster = submission.submitted.cluster
        meant = session.meant(submission.submitted)
        problem = Problem(
            code="interrupted",
            message=f"waiting was interrupted; the jobs of cluster {cluster} go on",
            remedy=f"hep_q -i {meant} shows them, hep_rm {meant} removes them",
        )
        waited = Waited(submission=submission, jobs=(), interrupted=True)
        return Result(value=waited, problems=(problem,), exit_code=Interrupted.exit_code)
    waited = Waited(submission=submission, jobs=jobs)
    notes = bring_home(session, submission.submitted)
    failed = waited.failed()
    problems = [_left(session, submission, left)] if left else []
    code = NotDone.exit_code if left else 0
    if failed or waited.unknown():
        problems.append(_failure(session, submission, failed, waited.unknown()))
        code = JobsFailed.exit_code
    return Result(value=waited, notes=notes, problems=tuple(problems), exit_code=code)


def _left(session: Session, submission: Submission, trouble: str) -> Problem:
    """What jobs left that could not be fetched from their schedd."""
    meant = session.meant(submission.submitted)
    return Problem(code="spool", message=trouble, remedy=f"hep_fetch {meant} tries it again")


def bring_home(session: Session, ref: SubmissionRef) -> tuple[str, ...]:
    """Move outputs that HTCondor returned to their paths; a sentence for each that could not be moved.

    The bundle on the disk says where: with -once the plan may have been an earlier command's.
    """
    if not ref.uuid:
        return ()
    directory = session.bundles / ref.uuid
    bundle = read_bundle(directory)
    if bundle is None:
        another = why_of_another(directory)
        return (another,) if another else ()
    if bundle.request.staging.shared:
        return ()
    return (*place_outputs(bundle, ref.cluster), *place_logs(bundle, ref.cluster))


def _await_all(
    session: Session, ref: SubmissionRef, clock: Clock
) -> tuple[tuple[JobStatus, ...], str]:
    """How the jobs ended, or stay in the queue; and why something could not be fetched."""
    procs = range(ref.number)
    await_ends(session, ref, procs, clock)
    left = collect_one(session, ref)
    lineage = lineage_of(_own_entries(session, ref), ref, procs)

    def look(first: bool) -> tuple[Judged, ...]:  # noqa: FBT001 (as judge_late asks it)
        return patiently(lambda: judge(session, lineage, thorough=first), clock)

    judged = judge_late(look, clock.sleep)
    return tuple(each.status for each in judged if each.status is not None), left


def _own_entries(session: Session, ref: SubmissionRef) -> list[Entry]:
    """What the journal has of one submission, whatever became of its jobs later."""
    return [each for each in session.journal.entries() if each.ref.uuid == ref.uuid]


def _where(stderr: str) -> str:
    return f" (stderr: {stderr})" if stderr and os.path.isfile(stderr) else ""


def _failure(
    session: Session, submission: Submission, failed: tuple[JobStatus, ...], unknown: int
) -> Problem:
    stderr = stderr_of(session, submission.submitted)
    named = ", ".join(f"{job.job} {end_text(job)}{_where(stderr(job))}" for job in failed[:_NAMED])
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    more += f"{' and ' if failed else ''}the end of {unknown} is not known" if unknown else ""
    meant = session.meant(submission.submitted)
    return Problem(
        code=JobsFailed.code,
        message=f"{len(failed) + unknown} of {submission.submitted.number} job(s) did not end with 0: {named}{more}",
        remedy=f"hep_q -i {meant} -why tells what to do about the ones on hold"
        if any(job.state is State.HELD for job in failed)
        else f"hep_sub -resubmit {meant} -failed runs them again, when that is mended",
    )
