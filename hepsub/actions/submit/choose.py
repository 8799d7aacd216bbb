"""Which jobs hep_sub -resubmit runs again: those that failed, or those that were named, and none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from hepsub.actions.lineage import Lineage, lineage_of
from hepsub.actions.submissions import find_submissions
from hepsub.actions.submit.commit import look_up
from hepsub.actions.submit.judge import Judged, Verdict, judge
from hepsub.errors import HepsubError, NotDone, UsageError
from hepsub.jobid import JobId, SubmissionRef, procs_brief, procs_text
from hepsub.journal import NO_CLUSTER, Entry
from hepsub.session import Session

_AGAIN = (Verdict.FAILED, Verdict.HELD)
"""What is run again without being named: what is known to have failed."""
_NAMED_AGAIN = (*_AGAIN, Verdict.UNKNOWN)
_NAMED = 5


class Wanted(Struct, frozen=True, kw_only=True):
    """Which jobs are to run again.

    Attributes:
        job: a cluster, or some of its jobs.
        pool: name or alias of the pool; None for any.
        only: their ProcIds; None for all that `job` means.
        failed: whether those among them that did not fail are passed over, and not refused.
    """

    job: JobId
    pool: str | None = None
    only: tuple[int, ...] | None = None
    failed: bool = False

    @property
    def are_named(self) -> bool:
        """Whether each of them was named."""
        return not self.failed and (self.only is not None or self.job.first is not None)

    def ids(self) -> tuple[JobId, ...]:
        """The jobs that are meant.

        Raises:
            UsageError: they are named twice.
        """
        job = self.job
        if self.only is None:
            return (job,)
        if job.first is not None:
            raise UsageError(
                f"both {job} and -only say which jobs", remedy=f"-resubmit {job.cluster} -only …"
            )
        parts = procs_text(self.only).split(",")
        ends = [(int(part.split("-")[0]), int(part.split("-")[-1])) for part in parts]
        return tuple(
            JobId(cluster=job.cluster, first=first, last=last, schedd=job.schedd)
            for first, last in ends
        )


class Chosen(Struct, frozen=True, kw_only=True):
    """The jobs that run again.

    Attributes:
        lineage: all that were meant.
        jobs: those that run again, by their first ProcIds.
        notes: what to say of the others.
    """

    lineage: Lineage
    jobs: tuple[Judged, ...]
    notes: tuple[str, ...]


def meant_jobs(session: Session, wanted: Wanted) -> tuple[SubmissionRef, tuple[int, ...]]:
    """The submission that is meant, and ProcIds in it.

    Raises:
        UnknownJob, AmbiguousJob: it is none of the user's, or more than one.
    """
    [found] = find_submissions(session, wanted.ids(), wanted.pool)
    return found.ref, found.procs


def first_of(session: Session, ref: SubmissionRef) -> str:
    """The submission that had the jobs of a submission first: what locks them against another hep_sub."""
    noted = next((each for each in session.journal.entries() if each.ref.uuid == ref.uuid), None)
    return noted.again.uuid if noted is not None and noted.again is not None else ref.uuid


def choose(session: Session, wanted: Wanted, ref: SubmissionRef, procs: Sequence[int]) -> Chosen:
    """The jobs that run again.

    Args:
        session: the session.
        wanted: which are wanted.
        ref: their submission.
        procs: their ProcIds in it.

    Raises:
        NotDone: none of them may run again, or one that was named may not.
        SubmissionUncertain: nobody can tell whether some of them were submitted again already.
        HepsubError: a schedd cannot be asked.
    """
    lineage = settled_lineage(session, ref, procs)
    judged = judge(session, lineage)
    if wanted.are_named:
        jobs = tuple(each for each in judged if each.verdict in _NAMED_AGAIN)
        if refused := [each for each in judged if each.verdict not in _NAMED_AGAIN]:
            raise _refusal(lineage, refused)
        return Chosen(lineage=lineage, jobs=jobs, notes=_unknown_note(lineage, jobs))
    jobs = tuple(each for each in judged if each.verdict in _AGAIN)
    others = [each for each in judged if each.verdict not in _AGAIN]
    if not jobs:
        raise _nothing(session, lineage, others)
    return Chosen(lineage=lineage, jobs=jobs, notes=_left_note(lineage, others))


def settled_lineage(session: Session, ref: SubmissionRef, procs: Sequence[int]) -> Lineage:
    """The runs of jobs of a submission; of those that were interrupted it is known whether they exist.

    Raises:
        SubmissionUncertain: nobody can tell.
    """
    lineage = lineage_of(session.journal.entries(), ref, procs)
    if not lineage.uncertain:
        return lineage
    for entry in lineage.uncertain:
        _settle(session, entry)
    return lineage_of(session.journal.entries(), ref, procs)


def _settle(session: Session, entry: Entry) -> None:
    """Note what became of a submission that was interrupted.

    Raises:
        SubmissionUncertain: nobody can tell.
    """
    cause = HepsubError("an earlier hep_sub was interrupted")
    seen = look_up(session, entry.ref, cause=cause)
    # what cannot be written now must not be taken for nothing by the next reading
    session.journal.append(entry.with_cluster(seen.cluster if seen else NO_CLUSTER))


def _refusal(lineage: Lineage, refused: Sequence[Judged]) -> NotDone:
    more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
    named = ", ".join(_told(lineage, each) for each in refused[:_NAMED])
    return NotDone(
        f"nothing was submitted: {named}{more}",
        remedy="-failed passes over all that did not fail; hep_rm ends a job that goes on",
    )


def _told(lineage: Lineage, each: Judged) -> str:
    name = lineage.named(each.earlier)
    now = f" (now {each.run.job})" if each.run.ref.uuid != lineage.first.uuid else ""
    return f"{name}{now} {each.said}"


def _counted(others: Sequence[Judged]) -> str:
    counts = Counter(each.said for each in others if each.verdict is not Verdict.UNKNOWN)
    return ", ".join(f"{number} {said}" for said, number in counts.items())


def _nothing(session: Session, lineage: Lineage, others: Sequence[Judged]) -> NotDone:
    verdicts = {each.verdict for each in others}
    remedy = "-only names jobs that shall run again whatever became of them"
    meant = session.meant(next(iter(lineage.runs.values())).ref)
    if Verdict.ALIVE in verdicts:
        remedy = f"hep_wait {meant} waits for those that go on"
    elif Verdict.AT_HOME in verdicts:
        remedy = f"hep_fetch -push {meant} puts the outputs in their places"
    elif Verdict.UNKNOWN not in verdicts:
        remedy = "nothing is left to be done"
    told = [_counted(others), *_unknown_note(lineage, others)]
    return NotDone(
        f"nothing was submitted: no job of cluster {lineage.first.cluster} that is meant has failed:"
        f" {'; '.join(each for each in told if each)}",
        remedy=remedy,
    )


def _left_note(lineage: Lineage, others: Sequence[Judged]) -> tuple[str, ...]:
    counted = _counted(others)
    left = (f"not run again: {counted}",) if counted else ()
    return (*left, *_unknown_note(lineage, others))


def _unknown_note(lineage: Lineage, judged: Sequence[Judged]) -> tuple[str, ...]:
    procs = [each.earlier for each in judged if each.verdict is Verdict.UNKNOWN]
    if not procs:
        return ()
    return (
        f"of {lineage.first.cluster}.{procs_brief(procs)} nobody knows how they ended: neither the schedd's history nor"
        " a report; -only names them to run them again",
    )
