"""Which jobs hep_sub -resubmit runs again: those that failed, or those that were named, and none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import Lineage, lineage_of
from hepsub.actions.submissions import find_submissions
from hepsub.actions.submit.commit import settle
from hepsub.actions.submit.judge import Judged, Verdict, judge, judge_late
from hepsub.errors import NotDone, UsageError
from hepsub.jobid import JobId, SubmissionRef, procs_brief, ranges
from hepsub.session import Session
from hepsub.terminal import few

_AGAIN = (Verdict.FAILED, Verdict.HELD)
"""What is known to have failed."""
_NAMED = 5
_LOOK = "they may have done their work: look, and add -unknown to run "


class Wanted(Struct, frozen=True, kw_only=True):
    """Which jobs are to run again.

    Attributes:
        job: a cluster, or some of its jobs.
        pool: name or alias of the pool; None for any.
        only: their ProcIds; None for all that `job` means.
        failed: whether those among them that did not fail are passed over, and not refused.
        unknown: whether those are among them of which nobody knows how they ended.
    """

    job: JobId
    pool: str | None = None
    only: tuple[int, ...] | None = None
    failed: bool = False
    unknown: bool = False

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """How a job has to stand to be run again."""
        return (*_AGAIN, Verdict.UNKNOWN) if self.unknown else _AGAIN

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
        found = ranges((job.cluster, proc) for proc in set(self.only))
        return tuple(replace(each, schedd=job.schedd) for each in found)


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
    noted = session.journal.find(ref.uuid)
    return noted.again.uuid if noted is not None and noted.again is not None else ref.uuid


def choose(
    session: Session,
    wanted: Wanted,
    ref: SubmissionRef,
    procs: Sequence[int],
    sleep: Callable[[float], None],
) -> Chosen:
    """The jobs that run again, of some of a submission's; `sleep` waits for a history that is a moment late.

    Raises:
        NotDone: none of them may run again, or one that was named may not.
        SubmissionUncertain: nobody can tell whether some of them were submitted again already.
        HepsubError: a schedd cannot be asked.
    """
    lineage = settled_lineage(session, ref, procs)
    judged = judge_late(lambda first: judge(session, lineage, thorough=first), sleep)
    jobs = tuple(each for each in judged if each.verdict in wanted.verdicts)
    others = [each for each in judged if each.verdict not in wanted.verdicts]
    # Who named a job wants that one: to run the rest alone would be a surprise.
    if others and wanted.are_named:
        raise _refusal(lineage, others)
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
        # what cannot be written now must not be taken for nothing by the next reading
        session.journal.append(settle(session, entry))
    return lineage_of(session.journal.entries(), ref, procs)


def check_alone(session: Session, chosen: Chosen, uuid: str) -> None:
    """See that nobody but the submission with this UUID is about to run the same jobs again.

    Raises:
        NotDone: somebody is, or has done so since.
    """
    # There is a lock against that; but not every file system keeps it between hosts. Each host notes its own intent
    # first and then looks for the other's: at least one of the two sees both, and gives up.
    entries = [each for each in session.journal.entries() if each.ref.uuid != uuid]
    run = next(iter(chosen.lineage.runs.values()))
    first = SubmissionRef(uuid=chosen.lineage.first.uuid, pool=run.ref.pool, schedd=run.ref.schedd)
    now = lineage_of(entries, first, [each.earlier for each in chosen.jobs])
    moved = [
        job.earlier for job in chosen.jobs if now.runs[job.earlier].ref.uuid != job.run.ref.uuid
    ]
    if moved or now.uncertain:
        hosts = {host for each in now.uncertain for host in session.journal.writers(each.ref.uuid)}
        where = f" on {', '.join(sorted(hosts))}" if hosts else ""
        raise NotDone(
            f"nothing was submitted: another hep_sub{where} runs some of these jobs again at this moment",
            remedy="hep_sub status shows what became of it",
        )


def _refusal(lineage: Lineage, refused: Sequence[Judged]) -> NotDone:
    named = few([_told(lineage, each) for each in refused], _NAMED)
    remedy = "-failed passes over all that did not fail; hep_rm ends a job that goes on"
    if {each.verdict for each in refused} == {Verdict.UNKNOWN}:
        remedy = f"{_LOOK}such jobs again all the same"
    return NotDone(f"nothing was submitted: {named}", remedy=remedy)


def _told(lineage: Lineage, each: Judged) -> str:
    name = lineage.named(each.earlier)
    now = f" (now {each.run.job})" if each.run.ref.uuid != lineage.first.uuid else ""
    return f"{name}{now} {each.said}"


def _counted(others: Sequence[Judged]) -> str:
    counts = Counter(each.said for each in others if each.verdict is not Verdict.UNKNOWN)
    return ", ".join(f"{number} {said}" for said, number in counts.items())


def _nothing(session: Session, lineage: Lineage, others: Sequence[Judged]) -> NotDone:
    verdicts = {each.verdict for each in others}
    remedy = f"{_LOOK}them again all the same"
    meant = session.meant(next(iter(lineage.runs.values())).ref)
    if Verdict.ALIVE in verdicts:
        remedy = f"hep_wait {meant} waits for those that go on"
    elif Verdict.LEFT in verdicts:
        remedy = f"hep_fetch {meant} brings the outputs"
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
        " a report; -unknown runs such jobs again, too",
    )
