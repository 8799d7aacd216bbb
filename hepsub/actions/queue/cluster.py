"""hep_sub status 13: what became of the jobs of a cluster, why some failed, and what they used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.lineage import Later
from hepsub.actions.queue.counted import (
    ClusterStatus,
    alive_number,
    cluster_status,
    none_queued,
    together,
)
from hepsub.actions.queue.ended import was_removed
from hepsub.actions.queue.ends import without_files
from hepsub.actions.queue.failures import (
    Failure,
    failure_of,
    groups_of,
    last_stderr,
    meaning,
    ranges,
)
from hepsub.actions.queue.find import Found, without_schedd
from hepsub.actions.queue.remains import Remains, remains_of
from hepsub.actions.queue.runs import find_runs
from hepsub.actions.queue.usage import Usage, usage_of
from hepsub.actions.reach import Reach
from hepsub.batch import JobStatus, Selection, State, has_succeeded
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId
from hepsub.result import Result, failures
from hepsub.session import Session


class ClusterReport(ClusterStatus, frozen=True, kw_only=True):
    """A cluster, or some of its jobs, in full.

    Attributes:
        failures: the jobs that failed or are on hold, by the reason.
        usage: what those used that have ended; null while none has.
        commands: what to do next.
    """

    failures: tuple[Failure, ...] = ()
    usage: Usage | None = None
    commands: tuple[str, ...] = field(default=())


class ClusterReports(Struct, frozen=True, kw_only=True):
    """Clusters in full, in the order they were asked for; its fields are its JSON.

    Attributes:
        pool: the pool that was asked; clusters of others need the names of their schedds.
        now: when that was, in seconds since the epoch.
    """

    pool: str
    clusters: tuple[ClusterReport, ...]
    now: float


def reports(session: Session, ids: Sequence[JobId], pool: str | None) -> Result[ClusterReports]:
    """Tell of the jobs named in full.

    Raises:
        UnknownJob: nobody knows one of them.
        AmbiguousJob: an id belongs to two schedds.
        PoolUnreachable: the pool cannot be asked, and nothing is kept of them.
    """
    reach = Reach(session=session, asked=pool)
    errors: list[HepsubError] = []
    found = [find_runs(reach, each, errors) for each in dict.fromkeys(ids)]
    told = tuple(_report(session, each, errors) for each in found)
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    value = ClusterReports(pool=reach.pool, clusters=told, now=session.situation.now)
    return Result(value=value, problems=problems, exit_code=exit_code)


def _report(session: Session, parts: Sequence[Found], errors: list[HepsubError]) -> ClusterReport:
    """The latest runs of jobs, in their own cluster and in others."""
    status = status_of(session, parts)
    failed = tuple(told for each in parts for told in _failures(session, each, errors))
    jobs = [job for each in parts for job in each.past.jobs.values()]
    return ClusterReport(
        **{name: getattr(status, name) for name in ClusterStatus.__struct_fields__},
        failures=failed,
        usage=usage_of([job for job in jobs if not was_removed(job)]),
        commands=tuple(_commands(status, parts, failed)),
    )


def _failures(session: Session, found: Found, errors: list[HepsubError]) -> Iterator[Failure]:
    """The jobs of one cluster that are on hold, failed, or were removed, by the reason."""
    remains = remains_of(session, found.entry.ref)
    bad = [job for job in found.past.jobs.values() if not has_succeeded(job)]
    failed = groups_of(job for job in bad if not was_removed(job))
    removed = groups_of(job for job in bad if was_removed(job))
    yield from _held(session, found, remains, errors)
    yield from (_failed(found, each, remains) for each in failed)
    yield from (failure_of(each, found.cluster) for each in removed)


def _failed(found: Found, group: Sequence[JobStatus], remains: Remains) -> Failure:
    stderr = last_stderr(group, found.cluster, remains.stderr)
    # Of one job: what it says and what its report says explain each other.
    said = next((job for job in group if stderr and stderr.job.endswith(f".{job.proc}")), group[0])
    failure = failure_of(group, found.cluster, stderr, remains.complaint(said.proc))
    return replace(failure, next_command=settling(found, group[0], remains))


def settling(found: Found, job: JobStatus, remains: Remains) -> str | None:
    """The command that puts what a job has left at home in its place; None for one that failed otherwise."""
    return f"hep_fetch -push {found.cluster}{found.option}" if remains.owes_marker(job) else None


def status_of(session: Session, parts: Sequence[Found]) -> ClusterStatus:
    """The jobs that an id means, counted, each where it runs now."""
    return together([_status_of(session, each) for each in parts])


def _status_of(session: Session, found: Found) -> ClusterStatus:
    entry, counts, past = found.entry, found.counts, found.past
    if found.procs is None and (found.job.first is not None or not entry.ref.number):
        # The number of the whole cluster says nothing of a range, and is not known of what others submitted.
        number = alive_number(counts) + len(past.jobs) + past.unknown + past.never_made
        entry = replace(entry, ref=replace(entry.ref, number=number))
    status = cluster_status(
        session,
        counts or none_queued(entry),
        entry,
        past,
        Later(),  # the parts are the latest runs: each job is in one of them
        pool=entry.ref.pool,
        meant=found.meant,
    )
    submitted = next((each.submitted for each in past.jobs.values()), 0.0)
    return replace(status, submitted=status.submitted or submitted)


def _held(
    session: Session,
    found: Found,
    remains: Remains,
    errors: list[HepsubError],
) -> Iterator[Failure]:
    """The jobs on hold, by the reason, each with what to do."""
    target, counts = found.target, found.counts
    if target is None or counts is None or not counts.states.get(State.HELD):
        return
    now = session.situation.now
    selection = Selection(ids=(without_schedd(found.job),), states=(State.HELD,))
    groups: dict[tuple[int, int, int], list[JobStatus]] = {}
    try:
        held = target.schedd.queue(selection, now).jobs
    except HepsubError as error:
        errors.append(error)
        return
    for job in target.marked(job for job in held if found.has(job.proc)):
        groups.setdefault((job.hold_code, job.hold_subcode, job.requested_mb), []).append(job)
    for group in groups.values():
        ids = ranges(found.cluster, (job.proc for job in group))
        whole = found.procs is None and len(group) == sum(counts.states.values())
        meant = meaning(ids, found.meant, whole=whole)
        first = max(group, key=lambda job: job.memory_mb)  # tells how much memory is needed
        try:
            lost = without_files(session, found.entry.ref.uuid, first, meant)
            advice = lost or target.schedd.explain(first, meant, now)
            sentence, command = advice.sentence, advice.next_command
        except HepsubError as error:
            errors.append(error)
            sentence, command = first.hold_reason, ""
        yield Failure(
            state=State.HELD,
            reason=sentence,
            exit_code=None,
            exit_signal=None,
            ids=ids,
            number=len(group),
            stderr=last_stderr(group, found.cluster, remains.stderr),
            next_command=command or None,
        )


def _commands(
    status: ClusterStatus, parts: Sequence[Found], failed: Sequence[Failure]
) -> Iterator[str]:
    first, seen = parts[0], status.next_command or ""
    again = any(each.state is State.COMPLETED and not each.next_command for each in failed)
    if first.entry.ref.uuid and again:
        yield f"hep_sub -resubmit {first.cluster} -failed{first.option}"
    if seen.startswith("hep_fetch"):
        yield f"{seen}{first.option}"
