"""hep_sub status -state: one word for programs that manage workflows."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import Run, lineage_of
from hepsub.actions.queue.ended import Ended
from hepsub.actions.queue.ends import goes_on
from hepsub.actions.queue.find import Found
from hepsub.actions.queue.onward import are_anew, sent_on
from hepsub.actions.queue.runs import find_runs
from hepsub.actions.reach import Reach
from hepsub.actions.submissions import procs_of
from hepsub.batch import RUNNING, Selection, State, has_succeeded
from hepsub.errors import HepsubError, UnknownJob
from hepsub.jobid import JobId
from hepsub.journal import Entry
from hepsub.result import Result
from hepsub.session import Session

_LOOKS = 10
_PAUSE_S = 0.5
"""A schedd writes its history a moment after a job left the queue."""


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
) -> Result[JobState]:
    """One word for a job, or for all jobs of a cluster together; one that was run again counts as its latest run.

    Raises:
        UnknownJob: nobody knows it, or how it ended.
        AmbiguousJob: the id belongs to two schedds.
        HepsubError: the schedd cannot be asked.
    """
    for look in range(_LOOKS):
        noted = _run_again(session)
        errors: list[HepsubError] = []
        reach = Reach(session=session, asked=pool)
        parts = find_runs(reach, job, errors)
        word = _of_all([_word(session, each) for each in parts if each.procs is None or each.procs])
        # What was removed may have been submitted anew between two looks at the journal. Other submissions do not
        # count: a workflow manager makes them all the time while it asks.
        if word in (Word.FAILED, None) and _run_again(session) != noted:
            continue
        troubles = (*errors, *reach.errors)
        if word is Word.FAILED and troubles and any(each.past.unknown for each in parts):
            word = None  # the others may run where nobody answers, which is another word
        if word is not None:
            return Result(value=JobState(id=str(job), state=word))
        if troubles:
            raise troubles[0]
        if look + 1 < _LOOKS:
            sleep(_PAUSE_S)
    raise UnknownJob(
        f"nobody knows how {job} ended: its schedd has forgotten it, and no report came home",
        remedy=f"hep_sub status {job} tells what is known of it",
    )


def _run_again(session: Session) -> list[Entry]:
    """The submissions that run earlier jobs again."""
    return [each for each in session.journal.entries() if each.again is not None]


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
        if any(counts.states.get(state) for state in RUNNING):
            return Word.RUNNING
        if counts.states.get(State.IDLE) or counts.unmade:
            return Word.WAITING
    ended = _of_ended(found.past)
    if ended is not Word.SUCCESS and _is_submitted_anew(session, found):
        return Word.WAITING
    if counts is not None and counts.states.get(State.HELD):
        return _of_held(session, found)
    return ended


def _is_submitted_anew(session: Session, found: Found) -> bool:
    """Whether some of the jobs that have ended, or are to be removed, are on their way into another cluster."""
    ref = found.entry.ref
    if not ref.uuid:
        return False
    procs = [proc for proc in procs_of(found.job, ref) if found.has(proc)]
    lineage = lineage_of(session.journal.entries(), ref, procs)
    own = {each: run for each, run in lineage.runs.items() if run.ref.uuid == ref.uuid}
    return are_anew(session, replace(lineage, runs=own), found.past.jobs)


def _of_held(session: Session, found: Found) -> Word:
    """A job on hold does not go on by itself, unless its files are still on their way, or it is to leave its site."""
    now, target, ref = session.situation.now, found.target, found.entry.ref
    if target is None:
        return Word.FAILED
    ids = (JobId(cluster=found.job.cluster, first=found.job.first, last=found.job.last),)
    held = target.schedd.queue(Selection(ids=ids, states=(State.HELD,)), now).jobs
    mine = [job for job in held if found.has(job.proc)]
    jobs = [job for job in mine if not goes_on(session, ref.uuid, job, now)]
    if not jobs:
        return Word.WAITING
    run = Run(ref=ref, proc=jobs[0].proc, when=found.entry.when)
    sent = sent_on(session, run, jobs)
    return Word.WAITING if all(job.proc in sent for job in jobs) else Word.FAILED


def _of_ended(past: Ended) -> Word | None:
    if not all(map(has_succeeded, past.jobs.values())):
        return Word.FAILED
    return Word.SUCCESS if past.jobs and not past.unknown else None
