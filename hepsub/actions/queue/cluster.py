"""hep_sub status 13: what became of the jobs of a cluster, why some failed, and what they used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.queue.ended import (
    Ended,
    Submitted,
    has_succeeded,
    keep_seen,
    look_back,
    was_removed,
)
from hepsub.actions.queue.failures import (
    Failure,
    failure_of,
    groups_of,
    last_stderr,
    ranges,
)
from hepsub.actions.queue.status import (
    ClusterStatus,
    Later,
    alive_number,
    keeps_ended,
    later_runs,
    living_status,
    over_status,
)
from hepsub.actions.queue.usage import Usage, usage_of
from hepsub.actions.reach import Reach, Target, only
from hepsub.actions.submissions import submitted_to
from hepsub.batch import ClusterCounts, JobStatus, Selection, State, clusters_of
from hepsub.errors import HepsubError, PoolError, PoolUnreachable, UnknownJob, UnknownSchedd
from hepsub.jobid import JobId, SubmissionRef
from hepsub.journal import Entry
from hepsub.result import Result, failures
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_MOST = 1_000_000
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


class Found(Struct, frozen=True, kw_only=True):
    """The jobs that an id means.

    Attributes:
        job: the id.
        entry: the submission, with its UUID where that is known.
        target: the schedd that has, or had, them; None for one that cannot be asked.
        counts: those in the queue, counted; None for none.
        past: those that have ended.
        meant: what means them on a command line.
        cluster: what means the whole cluster.
        option: what has to stand behind a command for the pool; empty for the default one.
    """

    job: JobId
    entry: Entry
    target: Target | None
    counts: ClusterCounts | None
    past: Ended
    meant: str
    cluster: str
    option: str


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


def find_jobs(reach: Reach, job: JobId, errors: list[HepsubError]) -> Found:
    """The jobs that an id means, in the queue and of the past.

    Args:
        reach: the schedds that can be meant.
        job: the id.
        errors: gets why a schedd, or its history, could not be asked.

    Raises:
        UnknownJob: nobody knows them.
        AmbiguousJob: the id belongs to two schedds.
        PoolUnreachable: the pool cannot be asked, and nothing is kept of them.
    """
    session = reach.session
    pools = {reach.pool, *reach.far_pools()}
    noted = {n: r for n, r in submitted_to(session, job).items() if r.pool in pools}
    target = _target(reach, job, noted, errors)
    name = target.schedd.name if target is not None else only(job, list(noted)) or ""
    ref = noted.get(name)
    entry = _entry(session, ref, job, name, reach.pool)
    counts = _in_queue(session, target, job) if target is not None else None
    past = _past(session, target, job, entry, counts, errors, known=ref is not None)
    if target is not None and counts is not None and counts.states.get(State.REMOVED):
        past = _with_leaving(session, target, job, past)
    if counts is None and not past.jobs and ref is None:
        raise UnknownJob(
            f"nobody knows {job}: neither a queue, nor a history, nor what hepsub keeps",
            remedy="hep_history lists your jobs that have ended; -p names another pool",
        )
    cluster = target.spelled(job.cluster) if target is not None else session.meant(entry.ref)
    procs = str(_bare(job)).removeprefix(str(job.cluster))
    return Found(
        job=job,
        entry=entry,
        target=target,
        counts=counts,
        past=past,
        meant=f"{cluster}{procs}",
        cluster=cluster,
        option=reach.option,
    )


def _bare(job: JobId) -> JobId:
    return replace(job, schedd="")


def _target(
    reach: Reach, job: JobId, noted: dict[str, SubmissionRef], errors: list[HepsubError]
) -> Target | None:
    """Where an id is looked for; None where that cannot be asked, but something is noted of it."""
    try:
        return reach.find(job)
    except (PoolUnreachable, UnknownSchedd, UnknownJob) as error:
        if not noted:
            raise
        if not isinstance(error, UnknownJob):
            errors.append(error)
        return _history_of(reach, noted)


def _history_of(reach: Reach, noted: dict[str, SubmissionRef]) -> Target | None:
    """The schedd of the one submission that is noted, where it can be asked."""
    try:
        found = [each for each in reach.here() if each.name in noted]
    except HepsubError:
        return None
    return Target(schedd=found[0], selection=Selection()) if len(found) == 1 else None


def _entry(
    session: Session, ref: SubmissionRef | None, job: JobId, schedd: str, pool: str
) -> Entry:
    """What is noted of a submission; without its UUID and its number where nothing is."""
    if ref is None:
        bare = SubmissionRef(uuid="", pool=pool, schedd=schedd, cluster=job.cluster)
        return Entry(ref=bare, when=0)
    noted = {each.ref.uuid: each for each in session.journal.entries()}
    return noted.get(ref.uuid) or Entry(ref=_with_number(session, ref), when=0)


def _with_number(session: Session, ref: SubmissionRef) -> SubmissionRef:
    """A submission whose bundle alone is there, with the number of its jobs."""
    from hepsub.bundle.bundle import read_bundle

    bundle = read_bundle(session.bundles / ref.uuid)
    return replace(ref, number=bundle.request.number) if bundle is not None else ref


def _in_queue(session: Session, target: Target, job: JobId) -> ClusterCounts | None:
    """The jobs that are in the queue, counted; those of a whole cluster are counted by the schedd."""
    now, ids = session.situation.now, (_bare(job),)
    if job.first is None:
        counts = target.schedd.count_clusters(Selection(ids=ids), now)
    else:
        counts = clusters_of(target.schedd.queue(Selection(ids=ids), now))
    marked = target.marked(counts)
    return marked[0] if marked else None


def _with_leaving(session: Session, target: Target, job: JobId, past: Ended) -> Ended:
    """What has ended, with the jobs that were removed and have still to leave the queue."""
    wanted = Selection(ids=(_bare(job),), states=(State.REMOVED,))
    leaving = target.schedd.queue(wanted, session.situation.now).jobs
    jobs = {**past.jobs, **{each.proc: each for each in leaving}}
    unknown = max(0, past.unknown - (len(jobs) - len(past.jobs)))
    return replace(past, jobs=dict(sorted(jobs.items())), unknown=unknown)


def _past(
    session: Session,
    target: Target | None,
    job: JobId,
    entry: Entry,
    counts: ClusterCounts | None,
    errors: list[HepsubError],
    *,
    known: bool,
) -> Ended:
    """The jobs that have ended, of those that are meant."""
    schedd = target.schedd if target is not None else None
    if not known:
        return _history(schedd, job, errors)
    spooled = keeps_ended(session, entry.ref.pool)
    if schedd is not None and counts is not None and counts.states.get(State.COMPLETED):
        left = schedd.queue(
            Selection(ids=entry.ref.ids, states=(State.COMPLETED,)), session.situation.now
        )
        keep_seen(session, entry.ref, left.jobs)
    alive = alive_number(counts) if counts is not None else 0
    if job.first is not None:
        return _some(session, schedd, job, entry, alive, errors, spooled=spooled)
    ended = max(0, entry.ref.number - alive)
    submitted = Submitted(ref=entry.ref, when=entry.when, ended=ended)
    if not ended:
        return Ended(jobs={})
    return look_back(session, schedd, [submitted], errors, spooled=spooled, thorough=True)[
        entry.ref.uuid
    ]


def _some(
    session: Session,
    schedd: BatchSystem | None,
    job: JobId,
    entry: Entry,
    alive: int,
    errors: list[HepsubError],
    *,
    spooled: bool,
) -> Ended:
    """The jobs of a range that have ended."""
    procs = range(job.first or 0, min((job.last or 0) + 1, entry.ref.number or 1 << 31))
    wanted = len(procs) - alive
    kept = session.ended.read(entry.ref.uuid).jobs
    found = {proc: kept[proc] for proc in procs if proc in kept}
    if wanted <= len(found):
        return Ended(jobs=found)
    whole = 0
    if schedd is not None:
        counts = schedd.count_clusters(Selection(ids=entry.ref.ids), session.situation.now)
        whole = alive_number(counts[0]) if counts else 0
    submitted = Submitted(ref=entry.ref, when=entry.when, ended=max(0, entry.ref.number - whole))
    ended = look_back(session, schedd, [submitted], errors, spooled=spooled, thorough=True)
    jobs = {proc: each for proc, each in ended[entry.ref.uuid].jobs.items() if proc in procs}
    return Ended(jobs=jobs, unknown=max(0, wanted - len(jobs)))


def _history(schedd: BatchSystem | None, job: JobId, errors: list[HepsubError]) -> Ended:
    """The jobs that have ended of a cluster that hepsub did not submit, as its schedd tells."""
    if schedd is None:
        return Ended(jobs={})
    try:
        past = schedd.history(Selection(ids=(_bare(job),)), _MOST)
    except HepsubError as error:
        errors.append(error)
        return Ended(jobs={})
    return Ended(jobs={each.proc: each for each in sorted(past, key=lambda each: each.proc)})


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
    selection = Selection(ids=(_bare(found.job),), states=(State.HELD,))
    groups: dict[tuple[int, int, int], list[JobStatus]] = {}
    for job in target.marked(target.schedd.queue(selection, now).jobs):
        groups.setdefault((job.hold_code, job.hold_subcode, job.requested_mb), []).append(job)
    for group in groups.values():
        ids = ranges(found.cluster, (job.proc for job in group))
        meant = found.meant if len(groups) == 1 or len(ids) > _MANY_IDS else " ".join(ids)
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
