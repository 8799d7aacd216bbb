"""hep_wait: until jobs have ended, submitted at any time; one that was run again counts as it is now."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from hepsub.actions.lineage import Lineage
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.latest import (
    LatestEnds,
    at,
    await_latest,
    latest_runs,
    lineages_of,
    not_all_well,
)
from hepsub.actions.queue.onward import judge_onward
from hepsub.actions.queue.remains import remains_of
from hepsub.actions.queue.wait import bring_home
from hepsub.actions.submissions import find_submissions
from hepsub.actions.submit.judge import Judged, Verdict
from hepsub.batch import JobStatus
from hepsub.errors import HepsubError, Interrupted, JobsFailed, NotDone, TimeOver, UnknownJob
from hepsub.jobid import JobId, SubmissionRef
from hepsub.result import Problem, Result
from hepsub.session import Session


class WaitedJob(Struct, frozen=True, kw_only=True):
    """A job that was waited for, in JSON.

    Attributes:
        job: `cluster.proc` by which it was submitted first.
        run: `cluster.proc` of its latest run; another one where it was resubmitted.
        pool: the pool's name in the policy.
        state: `succeeded` (also with 85, when its outputs are in their places), `failed` (removed ones, too), `held`,
            `at-home` (its program ended with 0, and its outputs came home, and are not in their places yet), `left`
            (what it saved is still with its schedd), `unknown` or `alive`.
        reason: how it ended, in a few words.
        exit_code: null for one that ended without, or has not ended.
        exit_signal: the signal that ended it; null when none did.
        run_seconds: how long it ran; null where that is not known.
        stderr: its standard error; null where that is not known.
    """

    job: str
    run: str
    pool: str
    schedd: str
    state: str
    reason: str
    exit_code: int | None
    exit_signal: int | None
    run_seconds: float | None
    stderr: str | None


class WaitedJobs(Struct, frozen=True, kw_only=True):
    """Jobs that were waited for; its fields are its JSON.

    Attributes:
        failed: how many ended otherwise than with exit code 0, or are on hold.
        unknown: how many are neither in the queue nor in the history.
        alive: how many go on.
        interrupted: whether the user stopped waiting.
        timed_out: whether the time was over.
    """

    jobs: tuple[WaitedJob, ...]
    failed: int
    unknown: int
    alive: int
    interrupted: bool = False
    timed_out: bool = False


class _Over(Exception):
    """The time is over."""


def wait_for(
    session: Session,
    ids: Iterable[JobId],
    pool: str | None,
    clock: Clock,
    limit_s: float | None = None,
) -> Result[WaitedJobs]:
    """Wait until each of some jobs has ended or is on hold, then put outputs that HTCondor returned into their paths.

    Ctrl-C, and the end of the time, end the waiting, not the jobs.

    Args:
        session: the session.
        ids: clusters, jobs and ranges.
        pool: name or alias of a pool; None for any that the user submitted to, else the default one.
        clock: time.
        limit_s: in seconds; None for no limit.

    Raises:
        UnknownJob, AmbiguousJob: an id is none of a job that is known.
        HepsubError: what became of them cannot be asked.
    """
    asked = [(each.ref, each.procs) for each in find_submissions(session, ids, pool)]
    if empty := [ref for ref, procs in asked if not procs]:
        raise UnknownJob(
            f"nobody knows how many jobs cluster {empty[0].cluster} has",
            remedy=f"name them: hep_wait {session.meant(empty[0])}.0-9",
        )
    timed = _limited(clock, limit_s)
    now = at(session, clock)
    # What follows a wait is not stopped by Ctrl-C half way: outputs are on their way into their paths.
    try:
        with session.interrupts.allowed():
            ends = await_latest(now, asked, timed)
    except KeyboardInterrupt:
        return _stopped(session, lineages_of(session, asked), interrupted=True)
    except _Over:
        return _stopped(now(), lineages_of(session, asked), interrupted=False)
    ended = ends.ended().items()
    notes = tuple(note for ref, runs in ended for note in bring_home(session, ref, runs))
    return _result(session, ends, notes)


def _limited(clock: Clock, limit_s: float | None) -> Clock:
    """The clock that raises `_Over` when the time is over."""
    if limit_s is None:
        return clock
    end = clock.now() + limit_s

    def sleep(seconds: float) -> None:
        left = end - clock.now()
        if left <= 0:
            raise _Over
        clock.sleep(min(seconds, left))

    return Clock(sleep=sleep, progress=clock.progress, now=clock.now)


def _stopped(
    session: Session, lineages: Sequence[Lineage], *, interrupted: bool
) -> Result[WaitedJobs]:
    """What is so far, when nobody waits any longer."""
    meant = ", ".join(dict.fromkeys(session.meant(run.ref) for run in latest_runs(lineages)))
    remedy = f"hep_q -i {meant.replace(',', '')} shows them; hep_wait waits again"
    if interrupted:  # at once: who pressed Ctrl-C waits for no schedd
        problem = Problem(
            code=Interrupted.code,
            message=f"waiting was interrupted; the jobs of cluster {meant} go on",
            remedy=remedy,
        )
        nothing = WaitedJobs(jobs=(), failed=0, unknown=0, alive=0, interrupted=True)
        return Result(value=nothing, problems=(problem,), exit_code=Interrupted.exit_code)
    try:
        judged = tuple(judge_onward(session, each) for each in lineages)
    except HepsubError as error:  # which is no reason to end otherwise
        value = WaitedJobs(jobs=(), failed=0, unknown=0, alive=0, timed_out=True)
        stand = f"how the jobs of cluster {meant} stand cannot be asked now: {error.message}"
    else:
        value = _value(session, lineages, judged, timed_out=True)
        stand = f"{value.alive} of {len(value.jobs)} job(s) of cluster {meant} go on"
    problem = Problem(code=TimeOver.code, message=f"the time is over, and {stand}", remedy=remedy)
    return Result(value=value, problems=(problem,), exit_code=TimeOver.exit_code)


def _result(session: Session, ends: LatestEnds, notes: tuple[str, ...]) -> Result[WaitedJobs]:
    lineages, left = ends.lineages, ends.left
    value = _value(session, lineages, ends.judged)
    if not (value.failed or value.unknown or value.alive):
        code = NotDone.exit_code if left else 0
        return Result(value=value, notes=notes, problems=left, exit_code=code)
    bad = [job for job in value.jobs if job.state not in ("succeeded", "unknown")]
    # What to do is told of the clusters in which something is to be done, not of all that were named.
    troubled = [
        lineage
        for lineage, some in zip(lineages, ends.judged, strict=True)
        if any(each.verdict is not Verdict.SUCCEEDED for each in some)
    ]
    meant = list(dict.fromkeys(session.meant(run.ref) for run in latest_runs(troubled)))
    problem = not_all_well(
        [f"{job.job} {told(job)}" for job in bad],
        value.unknown,
        len(value.jobs),
        held=" ".join(meant) if any(job.state in ("held", "alive") for job in bad) else "",
        again=meant[0],
        at_home=not value.unknown and all(job.state == "at-home" for job in bad),
    )
    problems = (*left, problem)
    return Result(value=value, notes=notes, problems=problems, exit_code=JobsFailed.exit_code)


def told(job: WaitedJob) -> str:
    """How a job ended, and where its stderr is."""
    now = f"(now {job.run}) " if job.run != job.job else ""
    where = f" (stderr: {job.stderr})" if job.stderr is not None else ""
    return f"{now}{job.reason}{where}"


def _value(
    session: Session,
    lineages: Sequence[Lineage],
    judged: Sequence[Sequence[Judged]],
    *,
    timed_out: bool = False,
) -> WaitedJobs:
    # Each reads a bundle's request.
    log_of = functools.cache(lambda ref: remains_of(session, ref).stderr)
    jobs = tuple(
        _job(log_of, lineage, each)
        for lineage, some in zip(lineages, judged, strict=True)
        for each in some
    )
    states = [job.state for job in jobs]
    unknown, alive = states.count("unknown"), states.count("alive")
    return WaitedJobs(
        jobs=jobs,
        failed=len(states) - states.count("succeeded") - unknown - alive,
        unknown=unknown,
        alive=alive,
        timed_out=timed_out,
    )


def _job(
    log_of: Callable[[SubmissionRef], Callable[[JobStatus], str]], lineage: Lineage, each: Judged
) -> WaitedJob:
    status, run = each.status, each.run
    failed = each.verdict in (Verdict.FAILED, Verdict.HELD, Verdict.AT_HOME, Verdict.LEFT)
    log = log_of(run.ref)(status) if failed and status is not None else ""
    return WaitedJob(
        job=lineage.named(each.earlier),
        run=run.job,
        pool=run.ref.pool,
        schedd=run.ref.schedd,
        state=each.verdict.name.lower().replace("_", "-"),
        reason=each.said,
        exit_code=status.exit_code if status is not None else None,
        exit_signal=status.exit_signal if status is not None else None,
        run_seconds=status.run_seconds if status is not None else None,
        stderr=log if log and os.path.isfile(log) else None,  # it may have to be fetched first
    )
