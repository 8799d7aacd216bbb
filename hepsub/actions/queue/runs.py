"""The jobs that an id means, as they run now: one that hep_sub -resubmit ran again counts as its latest run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import Later, Run, by_submission, lineage_of
from hepsub.actions.queue.counted import alive_number, without
from hepsub.actions.queue.ended import Ended
from hepsub.actions.queue.find import Found, find_jobs
from hepsub.actions.reach import Reach, Target
from hepsub.actions.submissions import procs_of, submitted_to
from hepsub.batch import ClusterCounts, Queue, Selection, clusters_of
from hepsub.errors import HepsubError
from hepsub.jobid import JobId, SubmissionRef, procs_brief, procs_text
from hepsub.journal import Entry
from hepsub.session import Session

_RANGES = 10
"""Of more ranges the whole cluster is named: a command that nobody reads does more harm than what else it shows."""


def find_runs(reach: Reach, job: JobId, errors: list[HepsubError]) -> tuple[Found, ...]:
    """The jobs that an id means, the latest run of each, submission by submission; first that of the id.

    Raises:
        UnknownJob, AmbiguousJob, PoolUnreachable: as `find_jobs`, which also says what goes to the errors.
    """
    found = find_jobs(reach, job, errors)
    ref = found.entry.ref
    if not ref.uuid:
        return (found,)  # the journal does not have it, so it has no word of later runs either
    entries = reach.session.journal.entries()
    lineage = lineage_of(entries, ref, procs_of(job, ref))
    runs = by_submission(lineage.runs.values())
    own = {run.proc for each, some in runs.items() if each.uuid == ref.uuid for run in some}
    others = {each: some for each, some in runs.items() if each.uuid != ref.uuid}
    if not others:
        return (found,)
    return (
        _kept(found, own),
        *(_later(reach, each, some, errors) for each, some in others.items()),
    )


def with_later_runs(session: Session, ids: Iterable[JobId]) -> tuple[JobId, ...]:
    """Ids, and those of later runs of the jobs that they mean."""
    return reaching_later(Reach(session=session, asked=None), ids)[1]


def reaching_later(reach: Reach, ids: Iterable[JobId]) -> tuple[Reach, tuple[JobId, ...]]:
    """What reaches the later runs of the jobs that ids mean, too, in whatever pools; and these ids and theirs."""
    entries = reach.session.journal.entries()
    found: dict[JobId, None] = {}
    pools: set[str] = set()
    for job in ids:
        found[job] = None
        for ref in submitted_to(reach.session, job).values():
            runs = runs_elsewhere(entries, ref, job)
            pools |= {run.ref.pool for run in runs}
            found |= dict.fromkeys(_ids_of(runs))
    return reach.also(pools), tuple(found)


def runs_elsewhere(entries: Iterable[Entry], ref: SubmissionRef, job: JobId) -> tuple[Run, ...]:
    """The latest runs of the jobs that an id means, of those that run again in another cluster."""
    lineage = lineage_of(entries, ref, procs_of(job, ref))
    return tuple(run for run in lineage.runs.values() if run.ref.uuid != ref.uuid)


class LaterRuns(Struct, frozen=True, kw_only=True):
    """Where jobs run again that an id means.

    Attributes:
        said: a sentence for each cluster.
        ids: what means them there on a command line without -p.
    """

    said: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def command(self, name: str) -> str:
        """A command that means them."""
        return f"{name} {' '.join(self.ids)}"

    def add_to(self, error: HepsubError, name: str) -> HepsubError:
        """An error about jobs that are not in the queue, with where they are, and the command that means them there."""
        if not self.said:
            return error
        message = f"{error.message}: {'; '.join(self.said)}"
        return type(error)(message, remedy=self.command(name))


def later_runs_of(session: Session, job: JobId, pool: str | None, schedd: str) -> LaterRuns:
    """Where the jobs run again that an id means.

    Args:
        session: the session.
        job: the id.
        pool: their pool's name in the policy; None for any.
        schedd: full name of the schedd that the id means; empty for any.
    """
    entries = session.journal.entries()
    said, ids = list[str](), list[str]()
    for ref in submitted_to(session, job, pool).values():
        if not ref.uuid or schedd not in ("", ref.schedd):
            continue
        procs = procs_of(job, ref)
        lineage = lineage_of(entries, ref, procs)
        own = dict(zip(lineage.first.procs, procs, strict=True))
        earlier = {run: own[first] for first, run in lineage.runs.items()}
        for there, runs in by_submission(lineage.runs.values()).items():
            if there.uuid == ref.uuid:
                continue
            before = f"{ref.cluster}.{procs_brief(earlier[run] for run in runs)}"
            now = f"{session.meant(there)}.{procs_brief(run.proc for run in runs)}"
            said.append(f"{before} run{'s' if len(runs) == 1 else ''} again as {now}")
            # In the default pool the number alone is what people type.
            home = there.pool == session.policy.default_pool()
            ids += [str(replace(each, schedd="") if home else each) for each in _ids_of(runs)]
    return LaterRuns(said=tuple(said), ids=tuple(ids))


def _ids_of(runs: Iterable[Run]) -> Iterator[JobId]:
    """What means jobs: ranges, or the whole cluster where these would be many."""
    for ref, some in by_submission(runs).items():
        ranges = procs_text(run.proc for run in some).split(",")
        if len(some) == ref.number or len(ranges) > _RANGES:
            yield JobId(cluster=ref.cluster, schedd=ref.schedd)
            continue
        for each in ranges:
            first, _, last = each.partition("-")
            yield JobId(
                cluster=ref.cluster, first=int(first), last=int(last or first), schedd=ref.schedd
            )


def _kept(found: Found, own: set[int]) -> Found:
    """The jobs of the id's own cluster that were not run again; it may have none."""
    # Those that run again count where they do, with what is known of them there.
    gone = frozenset(procs_of(found.job, found.entry.ref)).difference(own)
    return replace(
        found,
        entry=replace(found.entry, ref=replace(found.entry.ref, number=len(own))),
        past=without(found.past, Later(procs=gone)),
        procs=frozenset(own),
    )


def _later(
    reach: Reach, ref: SubmissionRef, runs: Collection[Run], errors: list[HepsubError]
) -> Found:
    """Jobs that run again, in the cluster where they do; where that cannot be asked for, nothing is known of them."""
    procs = frozenset(run.proc for run in runs)
    try:
        found = find_jobs(
            reach.also([ref.pool]), JobId(cluster=ref.cluster, schedd=ref.schedd), errors
        )
    except HepsubError as error:
        errors.append(error)
        return _unasked(reach, ref, runs)
    if len(procs) == ref.number:
        return found
    # Of 13.1 one job of the later cluster is meant, which runs others of 13 again, too.
    counts = found.counts
    if counts is not None and found.target is not None:
        counts = _counted(reach, found.target, ref, procs, errors)
    jobs_of_past = {proc: job for proc, job in found.past.jobs.items() if proc in procs}
    unknown = max(0, len(procs) - alive_number(counts) - len(jobs_of_past))
    return replace(
        found,
        entry=replace(found.entry, ref=replace(found.entry.ref, number=len(procs))),
        counts=counts,
        past=replace(found.past, jobs=jobs_of_past, unknown=unknown, never_made=0),
        procs=procs,
    )


def _unasked(reach: Reach, ref: SubmissionRef, runs: Collection[Run]) -> Found:
    """Jobs whose schedd tells nothing."""
    meant = reach.session.meant(ref)
    return Found(
        job=JobId(cluster=ref.cluster, schedd=ref.schedd),
        entry=Entry(ref=replace(ref, number=len(runs)), when=min(run.when for run in runs)),
        target=None,
        counts=None,
        past=Ended(jobs={}, unknown=len(runs)),
        meant=meant,
        cluster=meant,
        option=reach.option,
        procs=frozenset(run.proc for run in runs),
    )


def _counted(
    reach: Reach,
    target: Target,
    ref: SubmissionRef,
    procs: Collection[int],
    errors: list[HepsubError],
) -> ClusterCounts | None:
    """Those of some jobs that are in the queue."""
    try:
        queue = target.schedd.queue(Selection(ids=ref.ids), reach.session.situation.now)
    except HepsubError as error:
        errors.append(error)
        return None
    # A schedd that counts says nothing of single jobs: so they are looked at.
    jobs = tuple(job for job in queue.jobs if job.proc in procs)
    unmade = tuple(
        replace(rest, number=number)
        for rest in queue.unmade
        if (number := sum(proc in procs for proc in rest.procs))
    )
    return next(iter(target.marked(clusters_of(Queue(jobs=jobs, unmade=unmade)))), None)
