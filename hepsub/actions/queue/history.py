"""hep_history: jobs that left the queue, how they ended and why."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.elsewhere import Elsewhere, gathered, recent
from hepsub.actions.lineage import link_notes
from hepsub.actions.queue.ended import has_succeeded, keep_seen, was_removed
from hepsub.actions.queue.failures import Failure, failure_of, groups_of
from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.actions.queue.usage import Usage, usage_of
from hepsub.actions.reach import Reach, Target
from hepsub.actions.submissions import submitted_to
from hepsub.batch import JobStatus, Selection
from hepsub.errors import HepsubError, PoolError, PoolUnreachable
from hepsub.jobid import JobId, SubmissionRef, same_schedd
from hepsub.result import Result, failures
from hepsub.session import Session


class Summary(Struct, frozen=True, kw_only=True):
    """How the jobs of a cluster ended that are listed, and what they used.

    Attributes:
        id: what means the cluster on a command line.
        number: how many there are.
        done: those that ended with 0.
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
) -> Result:
    """List jobs that left the queue.

    Args:
        session: the session.
        ids: clusters and procs; empty for all of the owner.
        owner: login name; empty for everybody.
        most: the most jobs to list.
        pool: name of a pool of the policy; None for the default one, and others where the user had jobs.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    noted = {each: submitted_to(session, each) for each in ids}
    found: list[JobStatus] = []
    errors: list[HepsubError] = []
    wanted = Selection(owner="" if ids else owner)
    for target in _targets(reach, wanted, noted, errors):
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
    found += _forgotten(reach, noted, found)
    found.sort(key=lambda job: (-job.ended, -job.cluster, job.proc))
    shown = found[:most]
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    value = Past(jobs=tuple(shown), pool=reach.pool, summary=_summaries(shown) if ids else ())
    refs = itertools.chain.from_iterable(each.values() for each in noted.values())
    notes = tuple(link_notes(session.journal.entries(), (ref.uuid for ref in refs))) if ids else ()
    return Result(value=value, notes=notes, problems=problems, exit_code=exit_code)


def _targets(
    reach: Reach,
    wanted: Selection,
    noted: Mapping[JobId, Mapping[str, SubmissionRef]],
    errors: list[HepsubError],
) -> list[Target]:
    """The schedds that may tell; none where the pool is away, but something is noted of what is asked for."""
    try:
        return reach.everything(wanted, _elsewhere(reach, noted))
    except PoolUnreachable as error:
        if not any(noted.values()):
            raise
        errors.append(error)
        return []


def _forgotten(
    reach: Reach, noted: Mapping[JobId, Mapping[str, SubmissionRef]], found: Sequence[JobStatus]
) -> Iterator[JobStatus]:
    """The jobs that are asked for, and of which no history tells any more; what it does tell is kept."""
    session, pools = reach.session, {reach.pool, *reach.far_pools()}
    for ref in dict.fromkeys(ref for each in noted.values() for ref in each.values()):
        if ref.pool not in pools:
            continue
        told = [job for job in found if (job.schedd, job.cluster) == (ref.schedd, ref.cluster)]
        keep_seen(session, ref, told)
        procs = {job.proc for job in told}
        ids = [each for each, own in noted.items() if ref in own.values()]
        for proc, job in session.ended.read(ref.uuid).jobs.items():
            if proc not in procs and any(each.holds(ref.cluster, proc) for each in ids):
                yield replace(job, pool="" if ref.pool == reach.pool else ref.pool)


def _summaries(jobs: Iterable[JobStatus]) -> tuple[Summary, ...]:
    clusters: dict[str, list[JobStatus]] = {}
    for job in sorted(jobs, key=lambda job: (job.cluster, job.proc)):
        clusters.setdefault(job.id.rpartition(".")[0], []).append(job)
    return tuple(_summary(meant, own) for meant, own in clusters.items())


def _summary(meant: str, jobs: Sequence[JobStatus]) -> Summary:
    bad = [job for job in jobs if not has_succeeded(job)]
    return Summary(
        id=meant,
        number=len(jobs),
        done=len(jobs) - len(bad),
        failures=tuple(failure_of(group, meant) for group in groups_of(bad)),
        usage=usage_of([job for job in jobs if not was_removed(job)], meant),
    )


def _elsewhere(
    reach: Reach, noted: Mapping[JobId, Mapping[str, SubmissionRef]]
) -> tuple[Elsewhere, ...]:
    """The schedds of other pools that may tell of what has ended: where the ids were submitted, else lately."""
    pools = reach.far_pools()
    if not noted:
        return recent(reach.session, pools)
    refs = itertools.chain.from_iterable(each.values() for each in noted.values())
    return gathered(ref for ref in refs if ref.pool in pools)
