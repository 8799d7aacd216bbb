"""hep_sub status 13: what became of the jobs of a cluster, why some failed, and what they used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.queue.counted import (
    ClusterStatus,
    Later,
    alive_number,
    keeps_ended,
    later_runs,
    living_status,
    over_status,
)
from hepsub.actions.queue.ended import (
    has_succeeded,
    was_removed,
)
from hepsub.actions.queue.failures import (
    Failure,
    failure_of,
    groups_of,
    last_stderr,
    ranges,
)
from hepsub.actions.queue.find import Found, find_jobs, without_schedd
from hepsub.actions.queue.usage import Usage, usage_of
from hepsub.actions.reach import Reach
from hepsub.batch import JobStatus, Selection, State
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId, SubmissionRef
from hepsub.result import Result, failures
from hepsub.session import Session

if TYPE_CHECKING:
    pass

_MANY_IDS = 10
"""A command that names more ranges is no command that anybody types."""


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


def reports(session: Session, ids: Sequence[JobId], pool: str | None) -> Result:
    """Tell of the jobs named in full.

    Raises:
        UnknownJob: nobody knows one of them.
        AmbiguousJob: an id belongs to two schedds.
        PoolUnreachable: the pool cannot be asked, and nothing is kept of them.
    """
    reach = Reach(session=session, asked=pool)
    errors: list[HepsubError] = []
    found = [find_jobs(reach, each, errors) for each in dict.fromkeys(ids)]
    told = tuple(_report(session, each, errors) for each in found)
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    value = ClusterReports(pool=reach.pool, clusters=told, now=session.situation.now)
    return Result(value=value, problems=problems, exit_code=exit_code)


def _report(session: Session, found: Found, errors: list[HepsubError]) -> ClusterReport:
    status = status_of(session, found)
    path_of = stderr_of(session, found.entry.ref)
    jobs = list(found.past.jobs.values())
    bad = [job for job in jobs if not has_succeeded(job) and not was_removed(job)]
    gone = [job for job in jobs if was_removed(job)]
    cluster = found.cluster
    told = [
        *_held(session, found, path_of, errors),
        *(_failed(session, found, each, path_of) for each in groups_of(bad)),
        *(failure_of(each, cluster) for each in groups_of(gone)),
    ]
    ran = [job for job in jobs if not was_removed(job)]
    return ClusterReport(
        **{name: getattr(status, name) for name in ClusterStatus.__struct_fields__},
        failures=tuple(told),
        usage=usage_of(ran, cluster),
        commands=tuple(_commands(session, status, found)),
    )


def _failed(
    session: Session,
    found: Found,
    group: Sequence[JobStatus],
    path_of: Callable[[JobStatus], str],
) -> Failure:
    stderr = last_stderr(group, found.cluster, path_of)
    said = next((job for job in group if stderr and stderr.job.endswith(f".{job.proc}")), group[0])
    message = complaint_of(session, found.entry.ref, said.proc)
    return failure_of(group, found.cluster, stderr, message)


def complaint_of(session: Session, ref: SubmissionRef, proc: int) -> str:
    """What the report of a job complains of; empty where it does not, or none came home."""
    from hepsub.bundle.bundle import read_bundle
    from hepsub.bundle.report import report_at
    from hepsub.documents import Malformed

    bundle = read_bundle(session.bundles / ref.uuid) if ref.uuid else None
    if bundle is None:
        return ""
    try:
        with bundle.open_returned(proc) as tree:
            report = report_at(tree) if tree is not None else None
    except (OSError, Malformed):
        return ""
    return report.complaint if report is not None else ""


def status_of(session: Session, found: Found) -> ClusterStatus:
    """The jobs that an id means, counted."""
    entry, counts, job = found.entry, found.counts, found.job
    if job.first is not None or not entry.ref.number:
        alive = alive_number(counts) if counts is not None else 0
        number = alive + len(found.past.jobs) + found.past.unknown + found.past.never_made
        entry = replace(entry, ref=replace(entry.ref, number=number))
    later = _later(session, found)
    if counts is None:
        status = over_status(entry, found.past, found.meant, later)
    else:
        status = living_status(session, counts, entry, found.past, entry.ref.pool, later)
    submitted = next((each.submitted for each in found.past.jobs.values()), 0.0)
    return replace(status, id=found.meant, submitted=status.submitted or submitted)


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
    for job in target.marked(target.schedd.queue(selection, now).jobs):
        groups.setdefault((job.hold_code, job.hold_subcode, job.requested_mb), []).append(job)
    for group in groups.values():
        ids = ranges(found.cluster, (job.proc for job in group))
        # hep_edit of the cluster would change its idle jobs, too.
        all_of_it = len(group) == sum(counts.states.values())
        meant = found.meant if all_of_it or len(ids) > _MANY_IDS else " ".join(ids)
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


def _commands(session: Session, status: ClusterStatus, found: Found) -> Iterator[str]:
    known, seen = bool(found.entry.ref.uuid), status.next_command or ""
    if known and status.failed and not _later(session, found).has_all(found.past):
        yield f"hep_sub -resubmit {found.cluster} -failed{found.option}"
    if seen.startswith("hep_fetch"):
        yield f"{seen}{found.option}"


def _later(session: Session, found: Found) -> Later:
    return later_runs(session).get(found.entry.ref.uuid, Later())


def stderr_of(session: Session, ref: SubmissionRef) -> Callable[[JobStatus], str]:
    """Where the standard error of each job of a submission goes, by the user's own name for it; empty for not known."""
    from hepsub.bundle.bundle import read_bundle

    bundle = read_bundle(session.bundles / ref.uuid) if ref.uuid else None
    if bundle is None or not bundle.request.stderr:
        # A schedd that sees none of this host's directories names no file of them: it would be shown what it likes.
        return (lambda _: "") if keeps_ended(session, ref.pool) else lambda job: job.stderr
    request = bundle.request
    return lambda job: str(request.logs(job.proc, ref.cluster)[-1])
