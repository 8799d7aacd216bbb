"""How each job stands that may have to run again: only one that has ended for certain, and did not succeed, may."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import Lineage, Run, by_submission
from hepsub.actions.submissions import is_spooled, may_be_sent
from hepsub.actions.submit.stored import stored_ends
from hepsub.batch import (
    SAVED_AT_HOME,
    SPOOLING,
    JobStatus,
    Selection,
    State,
    end_text,
    has_succeeded,
    memory_to_ask_for,
)
from hepsub.bundle.bundle import Bundle, find_bundle
from hepsub.bundle.report import report_of
from hepsub.condor.attributes import SUBMITTED_ON_HOLD
from hepsub.condor.holds import is_about_memory, is_about_walltime
from hepsub.ended import CLOCKS_S, Asked, Kept
from hepsub.jobid import SubmissionRef
from hepsub.session import Session

_KILLED = 9
_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""A schedd writes its history a moment after a job left the queue."""
_NEARLY = 0.9
"""Who is killed with so much of its memory in use may have been killed for it."""
_ACTING = {
    State.IDLE: "is idle",
    State.RUNNING: "is running",
    State.TRANSFERRING: "is sending its outputs",
    State.SUSPENDED: "is suspended",
    State.REMOVED: "is being removed",
}


class Verdict(enum.Enum):
    """How a job stands, in the words that say it where its schedd has none that say more."""

    ALIVE = "goes on, or may still"
    SUCCEEDED = "ended with 0"
    AT_HOME = "ended with 0, and its outputs came home"
    FAILED = "ended otherwise, or was removed"
    HELD = "is on hold, and stays so"
    LEFT = "has ended, and its outputs are still with its schedd"
    UNKNOWN = "left the queue, and nobody knows how it ended"


_SAYS_MORE = (Verdict.AT_HOME, Verdict.LEFT, Verdict.UNKNOWN)
"""Those that tell more than the exit code, which is 85 for all that was saved."""


class Judged(Struct, frozen=True, kw_only=True):
    """A job, and how its latest run stands.

    Attributes:
        earlier: its ProcId in its first submission.
        run: the run.
        verdict: how it stands.
        status: what its schedd says of it; None for nothing.
        onward: why it goes on although its run does not, in a few words; empty where that is not so.
    """

    earlier: int
    run: Run
    verdict: Verdict
    status: JobStatus | None
    onward: str = ""

    @property
    def said(self) -> str:
        """How it stands, in a few words."""
        if self.onward:
            return self.onward
        if self.status is None or self.verdict in _SAYS_MORE:
            return str(self.verdict.value)
        if self.verdict is Verdict.ALIVE:
            return _ACTING.get(self.status.state, "waits for its files")
        return end_text(self.status)

    @property
    def is_leaving(self) -> bool:
        """Whether it may be otherwise a moment later, by itself."""
        removed = self.status is not None and self.status.state is State.REMOVED
        leaves = removed and self.verdict is Verdict.ALIVE and not self.onward
        return self.verdict is Verdict.UNKNOWN or leaves

    @property
    def more_memory(self) -> int:
        """What it should ask for, in MB, having outgrown its memory; 0 where it did not."""
        job = self.status
        if job is None or not _has_outgrown(job):
            return 0
        return memory_to_ask_for(job.memory_mb, job.requested_mb)

    @property
    def has_outrun(self) -> bool:
        """Whether it is on hold because its walltime was over."""
        job = self.status
        return job is not None and is_about_walltime(job.hold_code, job.hold_subcode)


def _has_outgrown(job: JobStatus) -> bool:
    if job.state is State.HELD:
        return is_about_memory(job.hold_code, job.hold_subcode)
    if job.state is State.REMOVED:  # as pools do whose SYSTEM_PERIODIC_REMOVE says so
        return job.memory_mb > job.requested_mb > 0
    # The kernel's OOM killer sends SIGKILL; a shell around the program makes 137 of it.
    killed = job.exit_signal == _KILLED or job.exit_code == 128 + _KILLED
    return killed and job.memory_mb >= _NEARLY * job.requested_mb > 0


def judge(session: Session, lineage: Lineage, *, thorough: bool = True) -> tuple[Judged, ...]:
    """How the latest runs of jobs stand, by their schedds, and by what they reported; what is learnt is kept.

    Args:
        session: the session.
        lineage: the jobs.
        thorough: whether a history is read that did not know more the last time: it may be gigabytes.

    Raises:
        HepsubError: a schedd cannot be asked: nobody knows then what may run twice.
    """
    earlier = {(run.ref.uuid, run.proc): proc for proc, run in lineage.runs.items()}
    found: list[Judged] = []
    for ref, runs in by_submission(lineage.runs.values()).items():
        bundle = find_bundle(session.bundles, ref)
        queued, kept = _asked(session, ref, runs, bundle, thorough=thorough)
        for run in runs:
            if run.proc in queued:
                status = queued[run.proc]
                status = kept.told(status) if status is not None else None
                verdict = _of_queued(session, ref, status, bundle)
            else:
                status = kept.jobs.get(run.proc)
                settled = run.proc in kept.settled
                verdict = _of_past(status, bundle, run.proc, settled=settled)
            number = earlier[ref.uuid, run.proc]
            found.append(Judged(earlier=number, run=run, verdict=verdict, status=status))
    return tuple(sorted(found, key=lambda each: each.earlier))


def judge_late(
    look: Callable[[bool], tuple[Judged, ...]], sleep: Callable[[float], None]
) -> tuple[Judged, ...]:
    """How jobs stand, as `look` finds it (thoroughly or not) when their schedds have had some seconds to write it."""
    found = look(True)  # noqa: FBT003 (its one argument)
    for pause in _PAUSES_S:
        if not any(each.is_leaving for each in found):
            break
        sleep(pause)
        found = look(False)  # noqa: FBT003 (its one argument)
    return found


def _asked(
    session: Session,
    ref: SubmissionRef,
    runs: Sequence[Run],
    bundle: Bundle | None,
    *,
    thorough: bool,
) -> tuple[dict[int, JobStatus | None], Kept]:
    """What a schedd has of jobs in its queue (None for those it has still to make), and what is known of the past."""
    schedd = session.schedd(ref.pool, ref.schedd)
    wanted = Selection(ids=ref.ids, uuid=ref.uuid)
    queue = schedd.queue(wanted, session.situation.now)
    queued: dict[int, JobStatus | None] = {job.proc: job for job in queue.jobs}
    for rest in queue.unmade:
        queued |= dict.fromkeys(rest.procs)
    kept = session.ended.read(ref.uuid)  # also what the schedd has forgotten
    missing = [run.proc for run in runs if run.proc not in queued and run.proc not in kept.jobs]
    ended = ref.number - len(queued)
    if missing and (thorough or not kept.is_final(ended)):
        when = min(run.when for run in runs)
        most = max(ref.number, len(runs))
        # The latest come first: a history is read backwards, and no further than to the submission.
        told = schedd.history(wanted, most, max(0.0, when - CLOCKS_S))
        new = {job.proc: kept.told(job) for job in reversed(told) if job.proc not in kept.jobs}
        forgotten = [proc for proc in missing if proc not in new]
        if forgotten and bundle is not None and bundle.request.in_script:
            new |= {job.proc: job for job in stored_ends(session, bundle, ref, forgotten)}
        lacking = ref.number and any(proc not in new for proc in missing)
        asked = Asked(asked=session.situation.now, ended=ended) if lacking else None
        if ref.uuid:
            session.ended.keep(ref.uuid, (job for job in new.values() if job.ended), asked)
        kept = replace(kept, jobs={**kept.jobs, **new})
    return queued, kept


def _of_queued(
    session: Session, ref: SubmissionRef, job: JobStatus | None, bundle: Bundle | None
) -> Verdict:
    if job is None:
        return Verdict.ALIVE
    if job.state is State.COMPLETED:  # it stays there until what it left was fetched
        collected = is_spooled(session, ref.pool)
        left = collected and job.exit_code == SAVED_AT_HOME and not job.settled
        return Verdict.LEFT if left else _of_past(job, bundle, job.proc, settled=job.settled)
    if job.state is not State.HELD:
        return Verdict.ALIVE
    now = session.situation.now
    on_its_way = job.hold_code == SPOOLING and may_be_sent(session, ref.uuid, job, now)
    return Verdict.ALIVE if on_its_way or job.hold_code == SUBMITTED_ON_HOLD else Verdict.HELD


def _of_past(job: JobStatus | None, bundle: Bundle | None, proc: int, *, settled: bool) -> Verdict:
    if has_succeeded(job) if job is not None else settled:
        return Verdict.SUCCEEDED
    if job is not None and job.exit_code != SAVED_AT_HOME:
        return Verdict.FAILED
    report = report_of(bundle, proc)
    if report is None:
        return Verdict.UNKNOWN if job is None else Verdict.FAILED
    if report.is_complete:
        return Verdict.SUCCEEDED
    return Verdict.AT_HOME if report.owes_marker else Verdict.FAILED
