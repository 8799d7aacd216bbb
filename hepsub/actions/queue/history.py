"""hep_history: jobs that left the queue, how they ended and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.elsewhere import Elsewhere, gathered, recent_refs
from hepsub.actions.lineage import Later, later_runs, link_notes
from hepsub.actions.queue.ended import is_of, keep_seen, was_removed, with_settled
from hepsub.actions.queue.failures import Failure, failure_of, groups_of
from hepsub.actions.queue.kept import entries_of, forgotten_ends
from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.actions.queue.runs import runs_elsewhere, with_later_runs
from hepsub.actions.queue.usage import Usage, usage_of
from hepsub.actions.reach import Reach, Target
from hepsub.actions.submissions import submitted_to
from hepsub.batch import JobStatus, Selection, has_succeeded
from hepsub.errors import HepsubError, PoolError, PoolUnreachable, UnknownJob
from hepsub.jobid import JobId, SubmissionRef, same_schedd
from hepsub.result import Result, failures
from hepsub.session import Session

_Noted: TypeAlias = Mapping[JobId, Mapping[str, SubmissionRef]]
"""What the user submitted under each id, by schedd."""


class Summary(Struct, frozen=True, kw_only=True):
    """How the jobs of a cluster ended that are listed, and what they used.

    Attributes:
        id: what means the cluster on a command line.
        number: how many there are.
        done: those that ended with 0, or whose outputs came into their places later (exit code 85).
        failures: the others, by the reason.
    """

    id: str
    number: int = field(name="jobs")
    done: int
    failures: tuple[Failure, ...]
    usage: Usage | None


class PastDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_history.

    Attributes:
        jobs: those that left the queue, the latest first.
        summary: a word for each cluster, where ids were given.
    """

    jobs: tuple[JobDocument, ...]
    summary: tuple[Summary, ...]


class Past(Struct, frozen=True, kw_only=True):
    """Jobs that left the queue, the latest first.

    Attributes:
        pool: the pool that was asked.
        summary: a word for each cluster; none where no id was given.
    """

    jobs: tuple[JobStatus, ...]
    pool: str
    summary: tuple[Summary, ...] = ()

    def document(self) -> PastDocument:
        """The jobs as they stand under `result` in JSON."""
        jobs = tuple(job_document(job, self.pool) for job in self.jobs)
        return PastDocument(jobs=jobs, summary=self.summary)


def history(
    session: Session, ids: tuple[JobId, ...], owner: str, most: int, pool: str | None
) -> Result[Past]:
    """List jobs that left the queue.

    Args:
        session: the session.
        ids: clusters and procs; empty for all of the owner.
        owner: login name; empty for everybody.
        most: so many jobs at most.
        pool: name of a pool of the policy; None for the default one, and others where the user had jobs.

    Raises:
        PoolUnreachable: the pool cannot be asked, and nothing was submitted to it that is meant.
    """
    reach = Reach(session=session, asked=pool)
    named, ids = ids, with_later_runs(session, ids) if ids else ids
    noted = {each: submitted_to(session, each) for each in ids}
    found: list[JobStatus] = []
    errors: list[HepsubError] = []
    wanted = Selection(owner="" if ids else owner)
    # What is kept here is the user's own: it says nothing of bob's jobs.
    own_ones = () if ids or owner not in ("", session.situation.user) else entries_of(reach)
    targets = _targets(reach, wanted, noted, errors, known=bool(own_ones or any(noted.values())))
    for target in targets:
        # What the user submitted is meant where it was submitted, another id everywhere.
        own = tuple(
            each
            for each in ids
            if (not each.schedd or same_schedd(each.schedd, target.schedd.name))
            and (target.schedd.name in noted[each] or not (noted[each] or target.pool))
        )
        if ids and not own:
            continue
        selection = replace(target.selection, ids=own) if ids else target.selection
        try:
            found += target.marked(target.schedd.history(selection, most))
        except HepsubError as error:
            errors.append(error)
    # Also while all histories answer: a schedd keeps what ended for days or for megabytes, hepsub for 100 days.
    found += _forgotten(reach, noted, found)
    found += forgotten_ends(reach, own_ones, found, targets, most)
    refs = list(_refs(noted))
    own_refs = (entry.ref for entry in reversed(own_ones))  # of one number the later one counts
    found = list(with_settled(session, (*own_refs, *refs), found))
    found.sort(key=lambda job: (-job.ended, -job.cluster, job.proc))
    shown = found[:most]
    notes = () if reach.errors else _nothing_of(named, noted, found, errors)
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    summary = _summaries(session, shown, named, noted) if ids else ()
    value = Past(jobs=tuple(shown), pool=reach.pool, summary=summary)
    linked = link_notes(session.journal.entries(), (ref.uuid for ref in refs)) if ids else ()
    return Result(value=value, notes=(*notes, *linked), problems=problems, exit_code=exit_code)


def _nothing_of(
    ids: Iterable[JobId],
    noted: _Noted,
    found: Sequence[JobStatus],
    errors: list[HepsubError],
) -> tuple[str, ...]:
    """What to say of ids of which no job has ended; one that nobody knows is an error."""
    there = {(job.cluster, job.proc) for job in found}
    notes: list[str] = []
    for each in ids:
        if any(each.holds(cluster, proc) for cluster, proc in there):
            continue
        number = max((ref.number for ref in noted[each].values()), default=0)
        if not noted[each] and not errors:
            errors.append(
                UnknownJob(
                    f"nobody knows {each}: neither a history, nor what hepsub keeps",
                    remedy="hep_history lists your jobs that have ended; -p names another pool",
                )
            )
        elif number and each.last is not None and each.last >= number:
            errors.append(
                UnknownJob(
                    f"{each}: cluster {each.cluster} has {number} job(s)",
                    remedy=f"hep_history {replace(each, first=None, last=None)} tells of all of them",
                )
            )
        elif noted[each]:
            notes.append(
                f"no job of {each} is known to have ended; hep_sub status {each} tells more"
            )
    return tuple(notes)


def _targets(
    reach: Reach,
    wanted: Selection,
    noted: _Noted,
    errors: list[HepsubError],
    *,
    known: bool,
) -> list[Target]:
    """The schedds that may tell; none where the pool is away, but something is known of what is asked for."""
    try:
        return reach.everything(wanted, _elsewhere(reach, noted))
    except PoolUnreachable as error:
        if not known:
            raise
        errors.append(error)
        return []


def _forgotten(reach: Reach, noted: _Noted, found: Sequence[JobStatus]) -> Iterator[JobStatus]:
    """The jobs that are asked for, and of which no history tells any more; what it does tell is kept."""
    session, pools = reach.session, {reach.pool, *reach.far_pools()}
    times = {entry.ref.uuid: entry.when for entry in session.journal.entries()}
    for ref in dict.fromkeys(_refs(noted)):
        if ref.pool not in pools:
            continue
        told = [job for job in found if (job.schedd, job.cluster) == (ref.schedd, ref.cluster)]
        when = times.get(ref.uuid, 0)
        keep_seen(session, ref, (job for job in told if is_of(job.submitted, when)))
        procs = {job.proc for job in told}
        ids = [each for each, own in noted.items() if ref in own.values()]
        for proc, job in session.ended.read(ref.uuid).jobs.items():
            if proc not in procs and any(each.holds(ref.cluster, proc) for each in ids):
                yield replace(job, pool="" if ref.pool == reach.pool else ref.pool)


def _summaries(
    session: Session,
    jobs: Iterable[JobStatus],
    ids: Iterable[JobId],
    noted: _Noted,
) -> tuple[Summary, ...]:
    """A word for each cluster that was named; a job that was run again counts as its latest run."""
    entries = session.journal.entries()
    later = later_runs(entries)
    heads: dict[tuple[str, int], str] = {}
    superseded: set[tuple[str, int, int]] = set()
    # 13.1 that runs again as 14.0 is a job of 13, which was named; 14 by itself would have a line of its own.
    for each in ids:
        for ref in noted[each].values():
            for run in runs_elsewhere(entries, ref, each):
                heads.setdefault((run.ref.schedd, run.ref.cluster), session.meant(ref))
    for ref in _refs(noted):
        procs = later.get(ref.uuid, Later()).procs
        superseded |= {(ref.schedd, ref.cluster, proc) for proc in procs}
    clusters: dict[str, list[JobStatus]] = {}
    for job in sorted(jobs, key=lambda job: (job.cluster, job.proc)):
        if (job.schedd, job.cluster, job.proc) not in superseded:
            own = job.id.rpartition(".")[0]
            clusters.setdefault(heads.get((job.schedd, job.cluster), own), []).append(job)
    return tuple(_summary(meant, own) for meant, own in clusters.items())


def _summary(meant: str, jobs: Sequence[JobStatus]) -> Summary:
    bad = [job for job in jobs if not has_succeeded(job)]
    by_cluster: dict[str, list[JobStatus]] = {}
    for job in bad:
        by_cluster.setdefault(job.id.rpartition(".")[0], []).append(job)
    return Summary(
        id=meant,
        number=len(jobs),
        done=len(jobs) - len(bad),
        failures=tuple(
            failure_of(group, cluster)
            for cluster, own in by_cluster.items()
            for group in groups_of(own)
        ),
        usage=usage_of([job for job in jobs if not was_removed(job)]),
    )


def _elsewhere(reach: Reach, noted: _Noted) -> tuple[Elsewhere, ...]:
    """The schedds of other pools that may tell of what has ended: where the ids were submitted, else lately."""
    pools = reach.far_pools()
    if not noted:
        return gathered(recent_refs(reach.session, pools))
    return gathered(ref for ref in _refs(noted) if ref.pool in pools)


def _refs(noted: _Noted) -> Iterator[SubmissionRef]:
    return (ref for each in noted.values() for ref in each.values())
