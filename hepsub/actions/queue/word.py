"""hep_sub status -state: one word for programs that manage workflows."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

from msgspec import Struct

from hepsub.actions.queue.ended import Ended, has_succeeded
from hepsub.actions.queue.find import Found
from hepsub.actions.queue.runs import find_runs
from hepsub.actions.reach import Reach
from hepsub.batch import SPOOLED_WITHIN_S, SPOOLING, ClusterCounts, Selection, State
from hepsub.errors import HepsubError, UnknownJob
from hepsub.jobid import JobId
from hepsub.result import Result
from hepsub.session import Session

_LOOKS = 10
_PAUSE_S = 0.5
"""A schedd writes its history a moment after a job left the queue."""
_RUNNING = (State.RUNNING, State.TRANSFERRING, State.SUSPENDED)


class Word(enum.Enum):
    """How it stands with a job, or with all jobs of a cluster."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


class JobState(Struct, frozen=True, kw_only=True):
    """How it stands with a job or cluster; its fields are its JSON.

    Attributes:
        id: as it was asked for.
        state: the word.
    """

    id: str
    state: Word


def job_state(
    session: Session, job: JobId, pool: str | None, sleep: Callable[[float], None]
) -> Result:
    """One word for a job, or for all jobs of a cluster together; one that was run again counts as its latest run.

    Raises:
        UnknownJob: nobody knows it, or how it ended.
        AmbiguousJob: the id belongs to two schedds.
        HepsubError: the schedd cannot be asked.
    """
    for look in range(_LOOKS):
        errors: list[HepsubError] = []
        reach = Reach(session=session, asked=pool)
        parts = find_runs(reach, job, errors)
        word = _of_all([_word(session, each) for each in parts if each.procs is None or each.procs])
        if word is not None:
            return Result(value=JobState(id=str(job), state=word))
        if errors or reach.errors:
            raise (*errors, *reach.errors)[0]
        if look + 1 < _LOOKS:
            sleep(_PAUSE_S)
    raise UnknownJob(
        f"nobody knows how {job} ended: its schedd has forgotten it, and no report came home",
        remedy=f"hep_sub status {job} tells what is known of it",
    )


def _of_all(words: Sequence[Word | None]) -> Word | None:
    """The word for jobs in several clusters; None where it is not known how all jobs ended that have."""
    for each in (Word.RUNNING, Word.WAITING, Word.FAILED, None):
        if each in words:
            return each
    return Word.SUCCESS


def _word(session: Session, found: Found) -> Word | None:
    """The word; None where it is not known how all jobs ended that have."""
    counts = found.counts
    if counts is not None:
        if any(counts.states.get(state) for state in _RUNNING):
            return Word.RUNNING
        if counts.states.get(State.IDLE) or counts.unmade:
            return Word.WAITING
        if counts.states.get(State.HELD):
            return _of_held(session, found, counts)
    return _of_ended(found.past)


def _of_held(session: Session, found: Found, counts: ClusterCounts) -> Word:
    """A job on hold does not go on by itself, unless its files are still on their way."""
    now = session.situation.now
    if found.target is None or now - counts.submitted > SPOOLED_WITHIN_S:
        return Word.FAILED
    ids = (JobId(cluster=found.job.cluster, first=found.job.first, last=found.job.last),)
    jobs = found.target.schedd.queue(Selection(ids=ids, states=(State.HELD,)), now).jobs
    waits = all(job.hold_code == SPOOLING for job in jobs if found.has(job.proc))
    return Word.WAITING if waits else Word.FAILED


def _of_ended(past: Ended) -> Word | None:
    if not all(map(has_succeeded, past.jobs.values())):
        return Word.FAILED
    return Word.SUCCESS if past.jobs and not past.unknown else None
