"""What became of jobs that have ended: kept from earlier, else from the schedd's history, else from their reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import SAVED_AT_HOME, JobStatus, Selection, State
from hepsub.ended import CLOCKS_S, Asked, Kept
from hepsub.errors import HepsubError
from hepsub.jobid import SubmissionRef
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem
    from hepsub.bundle.report import Report
    from hepsub.bundle.request import BundleRequest

_ANOTHER_S = 86400.0
"""A job that was submitted so much earlier or later is of another cluster of the same number."""
_REPORTS = 2000
"""So many reports are read for one submission."""


class Submitted(Struct, frozen=True, kw_only=True):
    """A submission, and how many of its jobs have ended.

    Attributes:
        when: when it was submitted, in seconds since the epoch; 0 for not known.
        ended: how many of its jobs are in the queue no more, or there as ended ones.
        since: what ended before this moment need not be looked for.
    """

    ref: SubmissionRef
    when: float
    ended: int
    since: float = 0

    @property
    def beginning(self) -> float:
        """Before this moment none of its jobs has ended that is looked for; 0 for not known."""
        return max(self.when, self.since) if self.when else 0.0


class Ended(Struct, frozen=True, kw_only=True):
    """The jobs of a submission that have ended.

    Attributes:
        jobs: those of which it is known how, by ProcId.
        unknown: how many more there are.
        never_made: how many were removed before their schedd had made them.
    """

    jobs: Mapping[int, JobStatus]
    unknown: int = 0
    never_made: int = 0

    @property
    def latest(self) -> float:
        """When the last of them ended, in seconds since the epoch; 0 for not known."""
        return max((job.ended for job in self.jobs.values()), default=0.0)


def was_removed(job: JobStatus) -> bool:
    """Whether somebody, or a rule, took it out of the queue before it had ended by itself."""
    return job.state is State.REMOVED


def look_back(
    session: Session,
    schedd: BatchSystem | None,
    submitted: Sequence[Submitted],
    errors: list[HepsubError],
    *,
    spooled: bool = False,
    thorough: bool = False,
) -> dict[str, Ended]:
    """What became of the jobs of submissions to one schedd, by UUID; what is learnt is kept.

    Args:
        session: the session.
        schedd: the schedd; None for one that cannot be asked.
        submitted: the submissions.
        errors: gets why the schedd's history could not be asked.
        spooled: whether ended jobs stay in the queue until what they left is fetched.
        thorough: whether a schedd is asked that did not know more the last time.
    """
    kept = {each.ref.uuid: session.ended.read(each.ref.uuid) for each in submitted}
    final = {each.ref.uuid for each in submitted if kept[each.ref.uuid].is_final(each.ended)}
    short = [
        each
        for each in submitted
        if each.ended > len(kept[each.ref.uuid].jobs) and (thorough or each.ref.uuid not in final)
    ]
    found: dict[str, Kept] = dict(kept)
    if short and schedd is not None:
        try:
            found |= _asked(schedd, short, kept, whole=spooled)
        except HepsubError as error:
            errors.append(error)
        else:
            _keep(session, short, kept, found)
            final |= {each.ref.uuid for each in short}
    return {
        each.ref.uuid: _ended(session, each, found[each.ref.uuid], all_known=each.ref.uuid in final)
        for each in submitted
    }


def _asked(
    schedd: BatchSystem, short: Sequence[Submitted], kept: Mapping[str, Kept], *, whole: bool
) -> dict[str, Kept]:
    """What the history of a schedd adds to what is kept: first of late, then back to the submissions."""
    found = {each.ref.uuid: kept[each.ref.uuid] for each in short}
    if whole or not all(each.when for each in short):
        # A job whose files are fetched days later enters the history only then, with the end that it had: going
        # backwards one would stop at it, in front of what ended after it.
        return _added(schedd, short, found, 0)
    # A history is read backwards, ad by ad: of a week's 100,000 jobs a look at the last minutes costs a few.
    late = min(max(each.beginning, kept[each.ref.uuid].latest) for each in short) - CLOCKS_S
    found = _added(schedd, short, found, late)
    left = [each for each in short if each.ended > len(found[each.ref.uuid].jobs)]
    early = min((each.beginning for each in left), default=late) - CLOCKS_S
    return found | _added(schedd, left, found, early) if early < late else found


def _added(
    schedd: BatchSystem, short: Sequence[Submitted], kept: Mapping[str, Kept], since: float
) -> dict[str, Kept]:
    ids = tuple(job for each in short for job in each.ref.ids)
    past = schedd.history(Selection(ids=ids), sum(each.ended for each in short), max(0.0, since))
    wanted = {each.ref.cluster: each for each in short}
    jobs = {each.ref.uuid: dict(kept[each.ref.uuid].jobs) for each in short}
    for job in past:
        each = wanted.get(job.cluster)
        if each is not None and is_of(job.submitted, each.when):
            jobs[each.ref.uuid].setdefault(job.proc, job)  # the latest comes first
    return {uuid: replace(kept[uuid], jobs=found) for uuid, found in jobs.items()}


def is_of(submitted: float, when: float) -> bool:
    """Whether jobs are not of an earlier or later cluster with the number of one that was submitted then."""
    # ClusterIds begin anew when a spool is lost, and histories go on.
    known = when > 0 and submitted > 0
    return not known or abs(submitted - when) < _ANOTHER_S


def _keep(
    session: Session,
    short: Iterable[Submitted],
    before: Mapping[str, Kept],
    found: Mapping[str, Kept],
) -> None:
    for each in short:
        uuid = each.ref.uuid
        jobs = found[uuid].jobs
        new = [job for proc, job in jobs.items() if proc not in before[uuid].jobs]
        lacking = each.ended > len(jobs)
        asked = Asked(asked=session.situation.now, ended=each.ended) if lacking else None
        session.ended.keep(uuid, new, asked)


def with_settled(
    session: Session, refs: Iterable[SubmissionRef], jobs: Iterable[JobStatus]
) -> Iterator[JobStatus]:
    """Jobs as histories tell of them, with what was put in its place since; of one number the later one counts."""
    submitted = {(ref.schedd, ref.cluster): ref.uuid for ref in refs}
    read = cache(session.ended.read)
    for job in jobs:
        uuid = submitted.get((job.schedd, job.cluster), "")
        yield read(uuid).told(job) if job.exit_code == SAVED_AT_HOME and uuid else job


def keep_seen(session: Session, ref: SubmissionRef, jobs: Iterable[JobStatus]) -> None:
    """Keep jobs of a submission that were seen to have ended, those that are kept already excepted."""
    ended = [job for job in jobs if job.state in (State.COMPLETED, State.REMOVED) and job.ended]
    if ref.uuid and ended:
        known = session.ended.read(ref.uuid).jobs
        session.ended.keep(ref.uuid, [job for job in ended if job.proc not in known])


def keep_left(
    session: Session,
    schedd: BatchSystem,
    refs: Sequence[SubmissionRef],
    errors: list[HepsubError],
) -> None:
    """Keep how jobs ended that are still in the queue, such as those whose files have to be fetched."""
    if not refs:
        return
    wanted = Selection(ids=tuple(job for ref in refs for job in ref.ids), states=(State.COMPLETED,))
    try:
        jobs = schedd.queue(wanted, session.situation.now).jobs
    except HepsubError as error:
        errors.append(error)
        return
    for ref in refs:
        keep_seen(session, ref, (job for job in jobs if job.cluster == ref.cluster))


def _ended(session: Session, each: Submitted, kept: Kept, *, all_known: bool) -> Ended:
    """What is known, with the reports of jobs of which nobody else tells; where all is known, what is not never was."""
    found = {proc: kept.told(job) for proc, job in kept.jobs.items()}
    never_made = _never_made(each, found) if all_known else 0
    if not never_made and each.ended > len(found):
        found |= {job.proc: kept.told(job) for job in _reported(session, each, found)}
    unknown = max(0, each.ended - len(found) - never_made)
    return Ended(jobs=dict(sorted(found.items())), unknown=unknown, never_made=never_made)


def _never_made(each: Submitted, known: Mapping[int, JobStatus]) -> int:
    """How many jobs were removed with their cluster before their schedd had made them: no history tells of these."""
    # A schedd makes them in the order of their ProcIds: so all that it made is known, and the last of it was removed.
    whole = each.ended >= each.ref.number > len(known) > 0
    if not whole or max(known) != len(known) - 1 or not was_removed(known[max(known)]):
        return 0
    return each.ref.number - len(known)


def _reported(
    session: Session, each: Submitted, known: Mapping[int, JobStatus]
) -> Iterator[JobStatus]:
    """The jobs of a submission whose reports came home, of those that are not known."""
    from hepsub.bundle.bundle import find_bundle
    from hepsub.bundle.report import report_of

    bundle = find_bundle(session.bundles, each.ref)
    if bundle is None:
        return
    if each.ended < bundle.request.number:
        return  # some are in the queue, and it is not known which: a report may be of an earlier run
    asked = (proc for proc in range(bundle.request.number) if proc not in known)
    for _, proc in zip(range(_REPORTS), asked, strict=False):
        if (report := report_of(bundle, proc)) is not None:
            yield _job_of(session, each, report, proc, bundle.request)


def _job_of(
    session: Session, each: Submitted, report: Report, proc: int, request: BundleRequest
) -> JobStatus:
    """A job as its report tells of it: a job can write what it likes there, and does so about itself."""
    from hepsub.plan.template import parse_template

    program = parse_template(request.executable).fill(request.values(proc, each.ref.cluster))
    payload = report.payload
    signal = payload.signal if payload is not None else None
    return JobStatus(
        schedd=each.ref.schedd,
        cluster=each.ref.cluster,
        proc=proc,
        owner=session.situation.user,
        submitted=each.when,
        run_seconds=max(0.0, report.ended_at - report.started_at),
        state=State.COMPLETED,
        priority=0,
        memory_mb=0,
        requested_mb=0,
        command=program.rpartition("/")[2],
        arguments=(),
        host=report.host,
        exit_code=None if signal else report.job_exit_code,
        exit_signal=signal,
        ended=report.ended_at,
    )
