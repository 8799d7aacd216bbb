"""hep_q -why: why jobs are where they are, in words, with the next command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hepsub.actions.query import Filter, Listing, query
from hepsub.actions.session import Session
from hepsub.batch import BatchSystem, JobStatus, Selection, State
from hepsub.condor.holds import Hold, explain_hold
from hepsub.condor.match import ClassAd, Clause, Matching, match
from hepsub.jobid import JobId, parse_job_id
from hepsub.result import Json, Result
from hepsub.units import duration_text

_JUST_SUBMITTED_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why some jobs are where they are.

    Attributes:
        jobs: the ids that it holds for.
        state: their state.
        sentence: the cause.
        details: what the sentence rests on, one line each.
        next_command: what to do; empty when nothing is to be done.
    """

    jobs: tuple[str, ...]
    state: State
    sentence: str
    details: tuple[str, ...] = ()
    next_command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """Explanations, jobs with the same one together."""

    explanations: tuple[Explanation, ...]

    def document(self) -> dict[str, Json]:
        """The explanations as they stand under `result` in JSON."""
        return {
            "explanations": [
                {
                    "jobs": list(each.jobs),
                    "state": each.state.value,
                    "sentence": each.sentence,
                    "details": list(each.details),
                    "next": each.next_command or None,
                }
                for each in self.explanations
            ]
        }


def why(session: Session, wanted: Filter) -> Result:
    """Explain the jobs that match; jobs that are alike are looked at once.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    listed = query(session, wanted)
    listing = listed.value
    assert isinstance(listing, Listing)  # noqa: S101 (what query returns)
    schedds = {schedd.name: schedd for schedd in session.schedds(session.pool_name(wanted.pool))}
    found = [_explain(group, schedds[group[0].schedd], session) for group in _alike(listing.jobs)]
    found += [
        _unmade(each.cluster, each.first, each.number, paused=each.paused)
        for each in listing.unmade
    ]
    return Result(
        value=Explanations(explanations=tuple(found)),
        problems=listed.problems,
        exit_code=listed.exit_code,
    )


def _alike(jobs: Iterable[JobStatus]) -> list[list[JobStatus]]:
    groups: dict[tuple[object, ...], list[JobStatus]] = {}
    for job in jobs:
        peak = job.memory_mb if job.state is State.HELD else 0
        key = (
            job.schedd,
            job.cluster,
            job.state,
            job.hold_code,
            job.hold_subcode,
            job.requested_mb,
            peak,
        )
        groups.setdefault(key, []).append(job)
    return list(groups.values())


def _explain(group: list[JobStatus], schedd: BatchSystem, session: Session) -> Explanation:
    first = group[0]
    ids = tuple(job.job for job in group)
    if first.state is State.HELD:
        return _held(first, ids, _ad(schedd, first))
    if first.state is State.IDLE:
        return _idle(first, ids, _ad(schedd, first), schedd, session.situation.now)
    sentence = {
        State.RUNNING: f"it runs on {first.host} since {duration_text(first.run_seconds)}",
        State.REMOVED: "it was removed and is about to leave the queue",
        State.COMPLETED: "it has ended and is about to leave the queue",
        State.SUSPENDED: f"it is suspended on {first.host}",
        State.TRANSFERRING: f"its outputs are on their way home from {first.host}",
    }[first.state]
    return Explanation(jobs=ids, state=first.state, sentence=sentence)


def _ad(schedd: BatchSystem, job: JobStatus) -> ClassAd:
    one = JobId(cluster=job.cluster, first=job.proc, last=job.proc)
    return next(iter(schedd.ads(Selection(ids=(one,)))), None)


def _held(job: JobStatus, ids: tuple[str, ...], ad: ClassAd) -> Explanation:
    cluster = str(parse_job_id(job.job).cluster)
    value = ad.eval if ad is not None else (lambda _: "")
    advice = explain_hold(
        Hold(
            job=job.job if len(ids) == 1 else cluster,
            code=job.hold_code,
            subcode=job.hold_subcode,
            reason=job.hold_reason,
            executable=str(value("Cmd")),
            stdout=str(value("Out")),
            memory_mb=job.requested_mb,
            used_mb=round(job.memory_mb),
            walltime_s=_number(value("HepSub_WalltimeLimit")),
        )
    )
    return Explanation(
        jobs=ids,
        state=job.state,
        sentence=advice.sentence,
        details=(f"HTCondor: {job.hold_code}/{job.hold_subcode} {job.hold_reason}",),
        next_command=advice.next_command,
    )


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _idle(
    job: JobStatus,
    ids: tuple[str, ...],
    ad: ClassAd,
    schedd: BatchSystem,
    now: float,
) -> Explanation:
    if ad is None:
        return Explanation(
            jobs=ids, state=job.state, sentence="it has just left the queue, or started"
        )
    matching = match(ad, schedd.slots())
    sentence, next_command = _idle_sentence(matching, job, waited=now - job.submitted)
    counts = tuple(
        f"{clause.offered} of {matching.slots} slots offer {clause.words}"
        for clause in sorted(matching.clauses, key=lambda clause: clause.offered)
    )
    return Explanation(
        jobs=ids, state=job.state, sentence=sentence, details=counts, next_command=next_command
    )


def _idle_sentence(matching: Matching, job: JobStatus, waited: float) -> tuple[str, str]:
    if not matching.slots:
        return "the pool has no worker node at the moment", ""
    refused = [clause for clause in matching.clauses if not clause.offered]
    if refused:
        wanted = " and ".join(clause.words for clause in refused)
        return f"no machine of the pool offers {wanted}: as it is, it can never start", _mend(
            refused, job
        )
    if not matching.possible:
        rarest = min(matching.clauses, key=lambda clause: clause.offered)
        return (
            "each of its requirements is met somewhere, but no machine meets them all; the rarest is"
            f" {rarest.words}",
            _mend([rarest], job),
        )
    if waited < _JUST_SUBMITTED_S:
        return (
            f"it was submitted {duration_text(waited)} ago; {matching.possible} slot(s) could run it",
            "",
        )
    if not matching.free:
        return f"{matching.possible} slot(s) could run it, but all of them are busy now", ""
    return (
        f"{matching.free} slot(s) could run it now; it waits for its turn (other users or your other jobs go first)",
        "",
    )


def _mend(refused: list[Clause], job: JobStatus) -> str:
    if any("memory" in clause.words for clause in refused):
        return f"hep_edit -m MB {job.job} with less memory, if the job can do with it"
    return f"hep_rm {job.job}, and submit it with other options"


def _unmade(cluster: int, first: int, number: int, *, paused: bool) -> Explanation:
    sentence = (
        "the cluster is on hold, so the schedd makes no more of its jobs"
        if paused
        else "the schedd makes these jobs as the ones before them start"
    )
    return Explanation(
        jobs=(f"{cluster}.{first}-{first + number - 1}",),
        state=State.IDLE,
        sentence=sentence,
        next_command=f"hep_release {cluster}" if paused else "",
    )
