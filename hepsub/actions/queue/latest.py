"""Wait until the latest runs of jobs have ended; what is run again meanwhile counts as it is then."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import Lineage, Run, by_submission, lineage_of
from hepsub.actions.queue.ends import Clock, await_ends, goes_on, patiently
from hepsub.actions.queue.onward import judge_onward
from hepsub.actions.queue.spools import collect_one
from hepsub.actions.submit.judge import Judged, Verdict, judge_late
from hepsub.errors import JobsFailed
from hepsub.jobid import SubmissionRef
from hepsub.result import Problem
from hepsub.session import Session
from hepsub.terminal import few

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_NAMED = 10
Asked = Sequence[tuple[SubmissionRef, Sequence[int]]]
"""Submissions, and ProcIds in each."""


class LatestEnds(Struct, frozen=True, kw_only=True):
    """How jobs ended, or stay on hold.

    Attributes:
        lineages: the jobs, submission by submission as they were asked for.
        judged: how the latest run of each stands, likewise.
        left: why what some left with their schedds could not be fetched.
    """

    lineages: list[Lineage]
    judged: tuple[tuple[Judged, ...], ...]
    left: tuple[Problem, ...]

    def ended(self) -> dict[SubmissionRef, list[Run]]:
        """The latest runs that have ended, by their submissions: one on hold may bring its outputs home once more."""
        jobs = (job for some in self.judged for job in some)
        return by_submission(job.run for job in jobs if job.verdict is not Verdict.HELD)


def lineages_of(session: Session, asked: Asked) -> list[Lineage]:
    """The runs of jobs, as the journal has them now."""
    entries = session.journal.entries()
    return [lineage_of(entries, ref, procs) for ref, procs in asked]


def latest_runs(lineages: Iterable[Lineage]) -> Iterator[Run]:
    """The latest run of each job."""
    return (run for each in lineages for run in each.runs.values())


def await_latest(now: Callable[[], Session], asked: Asked, clock: Clock) -> LatestEnds:
    """Wait until the latest run of each job has ended, or is on hold, and nothing runs it again by itself.

    Raises:
        HepsubError: what became of them cannot be asked.
    """
    pause = _FIRST_PAUSE_S
    while True:
        found = lineages_of(now(), asked)
        for ref, runs in by_submission(latest_runs(found)).items():
            await_ends(now(), ref, frozenset(run.proc for run in runs), clock)
        left = _collected(now(), found)  # what came home tells how jobs ended
        judged = _judged(now, found, clock)
        jobs = [job for some in judged for job in some]
        if lineages_of(now(), asked) != found or any(_is_going_on(now(), job) for job in jobs):
            # Something was resubmitted or released meanwhile.
            pause = _FIRST_PAUSE_S
            continue
        onward = Counter(job.onward for job in jobs if job.onward)
        if not onward:
            return LatestEnds(lineages=found, judged=judged, left=left)
        clock.progress("; ".join(f"{number} job(s): {why}" for why, number in onward.items()))
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _collected(session: Session, lineages: Sequence[Lineage]) -> tuple[Problem, ...]:
    """Fetch what ended jobs left with their schedds; what could not be."""
    return tuple(
        Problem(
            code="spool", message=trouble, remedy=f"hep_fetch {session.meant(ref)} tries it again"
        )
        for ref in by_submission(latest_runs(lineages))
        if (trouble := collect_one(session, ref))
    )


def _judged(
    now: Callable[[], Session], lineages: Sequence[Lineage], clock: Clock
) -> tuple[tuple[Judged, ...], ...]:
    """How all of them ended; the history may be a moment behind the queue, and a schedd away."""

    def look(first: bool) -> tuple[Judged, ...]:  # noqa: FBT001 (as judge_late asks it)
        asked = (judge_onward(now(), each, thorough=first) for each in lineages)
        return tuple(job for jobs in asked for job in jobs)

    # All are looked at together: each lineage by itself would have the pauses for its history one after the other.
    judged = iter(judge_late(lambda first: patiently(lambda: look(first), clock), clock.sleep))
    return tuple(tuple(itertools.islice(judged, len(each.runs))) for each in lineages)


def _is_going_on(session: Session, job: Judged) -> bool:
    """Whether a job that had ended, or was on hold, goes on now."""
    runs = job.verdict is Verdict.ALIVE and not job.onward
    uuid, now = job.run.ref.uuid, session.situation.now
    return runs and (job.status is None or goes_on(session, uuid, job.status, now))


def not_all_well(
    bad: Sequence[str], unknown: int, number: int, *, held: str, again: str, at_home: bool
) -> Problem:
    """What to say of jobs that did not end with 0.

    Args:
        bad: those that are known, each with how it ended.
        unknown: how many there are of which that is not known.
        number: how many jobs were waited for.
        held: what means those on hold on a command line; empty where none is.
        again: what means all of them.
        at_home: whether nothing is to be done but to put into their places what came home.
    """
    if held:
        remedy = f"hep_q -i {held} -why tells what to do about the ones on hold"
    elif at_home:
        remedy = (
            f"hep_fetch -push {again} puts their outputs in their places, when the store answers"
        )
    else:
        remedy = f"hep_sub -resubmit {again} -failed runs them again, when that is mended"
    said = [few(bad, _NAMED)] if bad else []
    said += [f"the end of {unknown} is not known"] if unknown else []
    return Problem(
        code=JobsFailed.code,
        message=f"{len(bad) + unknown} of {number} job(s) did not end with 0: {' and '.join(said)}",
        remedy=remedy,
    )


def at(session: Session, clock: Clock) -> Callable[[], Session]:
    """The session as it is while time passes, from now on."""
    began = clock.now()

    def now() -> Session:
        moment = session.situation.now + clock.now() - began
        return replace(session, situation=replace(session.situation, now=moment))

    return now
