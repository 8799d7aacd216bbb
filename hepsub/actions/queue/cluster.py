"""hep_sub status 13: what became of the jobs of a cluster, why some failed, and what they used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.lineage import Later
from hepsub.actions.queue.counted import (
    ClusterStatus,
    alive_number,
    cluster_status,
    keeps_ended,
    none_queued,
    together,
)
from hepsub.actions.queue.ended import was_removed
from hepsub.actions.queue.failures import (
    Failure,
    failure_of,
    groups_of,
    last_stderr,
    meaning,
    ranges,
)
from hepsub.actions.queue.find import Found, without_schedd
from hepsub.actions.queue.runs import find_runs
from hepsub.actions.queue.usage import Usage, usage_of
from hepsub.actions.reach import Reach
from hepsub.batch import SAVED_AT_HOME, JobStatus, Selection, State, has_succeeded
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId, SubmissionRef
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
    path_of = stderr_of(session, found.entry.ref)
    bad = [job for job in found.past.jobs.values() if not has_succeeded(job)]
    failed = groups_of(job for job in bad if not was_removed(job))
    removed = groups_of(job for job in bad if was_removed(job))
    yield from _held(session, found, path_of, errors)
    yield from (_failed(session, found, each, path_of) for each in failed)
    yield from (failure_of(each, found.cluster) for each in removed)


def _failed(
    session: Session,
    found: Found,
    group: Sequence[JobStatus],
    path_of: Callable[[JobStatus], str],
) -> Failure:
    stderr = last_stderr(group, found.cluster, path_of)
    said = next((job for job in group if stderr and stderr.job.endswith(f".{job.proc}")), group[0])
    message = complaint_of(session, found.entry.ref, said.proc)
    failure = failure_of(group, found.cluster, stderr, message)
    return replace(failure, next_command=settling(session, found, group[0]))


def settling(session: Session, found: Found, job: JobStatus) -> str | None:
    """The command that puts what a job has left at home in its place; None for one that failed otherwise."""
    if job.exit_code != SAVED_AT_HOME:
        return None
    from hepsub.bundle.bundle import find_bundle
    from hepsub.bundle.report import report_of

    report = report_of(find_bundle(session.bundles, found.entry.ref), job.proc)
    if report is None or not report.owes_marker:
        return None
    return f"hep_fetch -push {found.cluster}{found.option}"


def complaint_of(session: Session, ref: SubmissionRef, proc: int) -> str:
    """What the report of a job complains of; empty where it does not, or none came home."""
    from hepsub.bundle.bundle import find_bundle
    from hepsub.bundle.report import report_of

    report = report_of(find_bundle(session.bundles, ref), proc)
    return report.complaint if report is not None else ""


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
    path_of: Callable[[JobStatus], str],
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
            advice = target.schedd.explain(first, meant, now)
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
            stderr=last_stderr(group, found.cluster, path_of),
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


def stderr_of(session: Session, ref: SubmissionRef) -> Callable[[JobStatus], str]:
    """Where the standard error of each job of a submission goes, by the user's own name for it; empty for not known."""
    from hepsub.bundle.bundle import find_bundle

    bundle = find_bundle(session.bundles, ref)
    if bundle is None or not bundle.request.stderr:
        # A schedd that sees none of this host's directories names no file of them: it would be shown what it likes.
        return (lambda _: "") if keeps_ended(session, ref.pool) else lambda job: job.stderr
    request = bundle.request
    return lambda job: str(request.logs(job.proc, ref.cluster)[-1])
