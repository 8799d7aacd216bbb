"""-wait: until every job of a cluster has ended, with its state and exit code; one that was run again counts as now."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import asdict, replace

from hepsub.actions.lineage import Run
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.latest import at, await_latest, not_all_well
from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.actions.queue.remains import remains_of
from hepsub.actions.returned.place import place_outputs
from hepsub.actions.submit.documents import SubmissionDocument
from hepsub.actions.submit.judge import Judged, Verdict
from hepsub.actions.submit.result import Submission
from hepsub.batch import JobStatus, State, end_text, has_succeeded
from hepsub.bundle.bundle import read_bundle, why_of_another
from hepsub.bundle.logs import place_logs
from hepsub.errors import Interrupted, JobsFailed, NotDone
from hepsub.jobid import SubmissionRef
from hepsub.result import Problem, Result
from hepsub.session import Session


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
        return tuple(job for job in self.jobs if not has_succeeded(job))

    def document(self) -> WaitedDocument:
        """The submission and its jobs' ends as they stand under `result` in JSON."""
        return WaitedDocument(
            **asdict(self.submission.document()),
            ended=tuple(job_document(job, self.submission.submitted.pool) for job in self.jobs),
            failed=len(self.failed()),
            unknown=self.unknown(),
        )


def wait(session: Session, submission: Submission, clock: Clock) -> Result[Waited]:
    """Wait until every job has ended or is on hold, then put outputs that HTCondor returned into their paths.

    Ctrl-C cancels the waiting, not the jobs.
    """
    ref = submission.submitted
    asked = [(ref, range(ref.number))]
    try:
        with session.interrupts.allowed():
            ends = await_latest(at(session, clock), asked, clock)
    except KeyboardInterrupt:
        meant = session.meant(ref)
        problem = Problem(
            code=Interrupted.code,
            message=f"waiting was interrupted; the jobs of cluster {ref.cluster} go on",
            remedy=f"hep_q -i {meant} shows them, hep_rm {meant} removes them",
        )
        waited = Waited(submission=submission, jobs=(), interrupted=True)
        return Result(value=waited, problems=(problem,), exit_code=Interrupted.exit_code)
    [judged] = ends.judged
    waited = Waited(submission=submission, jobs=tuple(_statuses(ref, judged)))
    ended = ends.ended().items()
    notes = tuple(note for each, runs in ended for note in bring_home(session, each, runs))
    problems, code = [*ends.left], NotDone.exit_code if ends.left else 0
    if waited.failed() or waited.unknown():
        problems.append(_failure(session, ref, judged))
        code = JobsFailed.exit_code
    return Result(value=waited, notes=notes, problems=tuple(problems), exit_code=code)


def _statuses(ref: SubmissionRef, judged: Iterable[Judged]) -> Iterator[JobStatus]:
    """What is known of jobs, with the pool of those that ran again in another one."""
    for each in judged:
        if each.status is not None:
            elsewhere = each.run.ref.pool != ref.pool  # where its id needs the schedd
            yield replace(each.status, pool=each.run.ref.pool) if elsewhere else each.status


def bring_home(session: Session, ref: SubmissionRef, ended: Iterable[Run]) -> tuple[str, ...]:
    """Move outputs of ended jobs that HTCondor returned to their paths; a sentence for each that could not be moved."""
    if not ref.uuid:
        return ()
    # The bundle on the disk says where: with -once the plan may have been an earlier command's.
    directory = session.bundles / ref.uuid
    bundle = read_bundle(directory)
    if bundle is None:
        another = why_of_another(directory)
        return (another,) if another else ()
    if bundle.request.staging.shared:
        return ()
    procs = [run.proc for run in ended]
    return (*place_outputs(bundle, ref.cluster, procs), *place_logs(bundle, ref.cluster))


def _failure(session: Session, ref: SubmissionRef, judged: Sequence[Judged]) -> Problem:
    # Each reads a bundle's request.
    log_of = functools.cache(lambda run_of: remains_of(session, run_of).stderr)
    told: list[str] = []
    held: dict[str, None] = {}
    for each in judged:
        job = each.status
        if job is None or has_succeeded(job):
            continue
        log = log_of(each.run.ref)(job)
        where = f" (stderr: {log})" if log and os.path.isfile(log) else ""
        told.append(f"{job.job} {end_text(job)}{where}")
        if job.state is State.HELD:
            held[session.meant(each.run.ref)] = None
    verdicts = {each.verdict for each in judged} - {Verdict.SUCCEEDED}
    return not_all_well(
        told,
        sum(each.status is None for each in judged),
        ref.number,
        held=" ".join(held),
        again=session.meant(ref),
        at_home=verdicts == {Verdict.AT_HOME},
    )
