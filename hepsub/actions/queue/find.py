"""The jobs that an id of the command line means: in the queue, and of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.queue.counted import alive_number, keeps_ended
from hepsub.actions.queue.ended import Ended, Submitted, keep_left, look_back
from hepsub.actions.reach import Reach, Target, only
from hepsub.actions.submissions import check_range, submitted_to
from hepsub.batch import ClusterCounts, Selection, State, clusters_of
from hepsub.errors import HepsubError, PoolUnreachable, UnknownJob, UnknownSchedd
from hepsub.jobid import JobId, SubmissionRef
from hepsub.journal import Entry
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_MOST = 1_000_000


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
        procs: the ProcIds that are meant of those that the id names; None for all of them.
    """

    job: JobId
    entry: Entry
    target: Target | None
    counts: ClusterCounts | None
    past: Ended
    meant: str
    cluster: str
    option: str
    procs: frozenset[int] | None = None

    def has(self, proc: int) -> bool:
        """Whether a job that the id names is meant."""
        return self.procs is None or proc in self.procs


def find_jobs(reach: Reach, job: JobId, errors: list[HepsubError]) -> Found:
    """The jobs that an id means, in the queue and of the past; errors gets why a schedd could not be asked.

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
    check_range(job, entry.ref, str(entry.ref.cluster))
    silent: HepsubError | None = None
    counts: ClusterCounts | None = None
    # The queue before the past: a job that ends between the two is in both, and not in neither.
    try:
        counts = _in_queue(session, target, job) if target is not None else None
    except HepsubError as error:
        if ref is None:
            raise
        silent, target = error, None  # what is kept of them is told all the same
    past = _past(session, target, job, entry, counts, errors, known=ref is not None)
    if target is not None and counts is not None and counts.states.get(State.REMOVED):
        try:
            past = _with_leaving(session, target, job, past)
        except HepsubError as error:
            errors.append(error)
    if silent is not None:
        if not past.jobs:
            raise silent
        errors.append(silent)
    if counts is None and not past.jobs and ref is None:
        raise UnknownJob(
            f"nobody knows {job}: neither a queue, nor a history, nor what hepsub keeps",
            remedy="hep_history lists your jobs that have ended; -p names another pool",
        )
    # As the next command takes it: with its schedd where -p would be needed else.
    cluster = target.spelled(job.cluster) if target is not None else session.meant(entry.ref)
    if not cluster.isdigit():  # of another pool, which its jobs say
        jobs = {proc: replace(each, pool=entry.ref.pool) for proc, each in past.jobs.items()}
        past = replace(past, jobs=jobs)
    procs = str(without_schedd(job)).removeprefix(str(job.cluster))
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


def without_schedd(job: JobId) -> JobId:
    """An id as its own schedd is asked for it."""
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
    """The schedd of the one submission that is noted, where it can be asked: no queue has the job, its history may."""
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
    return session.journal.find(ref.uuid) or Entry(ref=_with_number(session, ref), when=0)


def _with_number(session: Session, ref: SubmissionRef) -> SubmissionRef:
    """A submission whose bundle alone is there, with the number of its jobs."""
    from hepsub.bundle.bundle import find_bundle

    bundle = find_bundle(session.bundles, ref)
    return replace(ref, number=bundle.request.number) if bundle is not None else ref


def _in_queue(session: Session, target: Target, job: JobId) -> ClusterCounts | None:
    """The jobs that are in the queue, counted; those of a whole cluster are counted by the schedd."""
    now, ids = session.situation.now, (without_schedd(job),)
    if job.first is None:
        counts = target.schedd.count_clusters(Selection(ids=ids), now)
    else:
        counts = clusters_of(target.schedd.queue(Selection(ids=ids), now))
    marked = target.marked(counts)
    return marked[0] if marked else None


def _with_leaving(session: Session, target: Target, job: JobId, past: Ended) -> Ended:
    """What has ended, with the jobs that were removed and have still to leave the queue."""
    wanted = Selection(ids=(without_schedd(job),), states=(State.REMOVED,))
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
        keep_left(session, schedd, [entry.ref], errors)
    alive = alive_number(counts)
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
    # What is kept may do: only else the whole cluster is looked at, for one of 10,000 jobs.
    wanted = len(procs) - alive
    kept = session.ended.read(entry.ref.uuid).jobs
    found = {proc: kept[proc] for proc in procs if proc in kept}
    if wanted <= len(found):
        return Ended(jobs=found)
    whole = 0
    if schedd is not None:
        try:
            counts = schedd.count_clusters(Selection(ids=entry.ref.ids), session.situation.now)
        except HepsubError as error:
            errors.append(error)
            return Ended(jobs=found, unknown=wanted - len(found))
        whole = alive_number(counts[0] if counts else None)
    submitted = Submitted(ref=entry.ref, when=entry.when, ended=max(0, entry.ref.number - whole))
    ended = look_back(session, schedd, [submitted], errors, spooled=spooled, thorough=True)
    jobs = {proc: each for proc, each in ended[entry.ref.uuid].jobs.items() if proc in procs}
    return Ended(jobs=jobs, unknown=max(0, wanted - len(jobs)))


def _history(schedd: BatchSystem | None, job: JobId, errors: list[HepsubError]) -> Ended:
    """The jobs that have ended of a cluster that hepsub did not submit, as its schedd tells."""
    if schedd is None:
        return Ended(jobs={})
    try:
        past = schedd.history(Selection(ids=(without_schedd(job),)), _MOST)
    except HepsubError as error:
        errors.append(error)
        return Ended(jobs={})
    return Ended(jobs={each.proc: each for each in sorted(past, key=lambda each: each.proc)})
