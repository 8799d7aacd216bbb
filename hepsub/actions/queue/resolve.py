"""Which schedd a job id belongs to: the journal knows, else the schedds are asked."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hepsub.batch import BatchSystem, Queue, Selection
from hepsub.errors import AmbiguousJob, UnknownJob, UnknownSchedd
from hepsub.jobid import JobId, same_schedd, short_name
from hepsub.session import Session
from hepsub.suggest import did_you_mean


class Target(Struct, frozen=True):
    """Job ids, and the schedd they belong to."""

    schedd: BatchSystem
    ids: tuple[JobId, ...]


def resolve(session: Session, pool: str, ids: Iterable[JobId]) -> tuple[Target, ...]:
    """Find the schedd of each id.

    Raises:
        AmbiguousJob: more than one schedd knows an id.
        UnknownJob: none of several schedds knows it.
        UnknownSchedd: the id names a schedd that the pool does not have.
    """
    schedds = session.schedds(pool)
    found: dict[str, list[JobId]] = {}
    for each in ids:
        found.setdefault(_schedd_of(each, session, schedds).name, []).append(each)
    return tuple(
        Target(schedd, tuple(found[schedd.name])) for schedd in schedds if schedd.name in found
    )


def _schedd_of(job: JobId, session: Session, schedds: tuple[BatchSystem, ...]) -> BatchSystem:
    named = [each for each in schedds if not job.schedd or same_schedd(job.schedd, each.name)]
    if not named:
        names = [short_name(each.name) for each in schedds]
        raise UnknownSchedd(
            f"{job}: the pool has no schedd '{job.schedd}'", remedy=did_you_mean(job.schedd, names)
        )
    if len(named) == 1:
        return named[0]
    noted = session.journal.schedds_of(job)
    candidates = [each for each in named if each.name in noted] or _asked(job, session, named)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise UnknownJob(
            f"no schedd has a job {job} in its queue",
            remedy=f"hep_history {job} tells of jobs that have ended",
        )
    spelled = " or ".join(f"{short_name(each.name)}:{job}" for each in candidates)
    raise AmbiguousJob(
        f"{job} is a job on {len(candidates)} schedds", remedy=f"say which one: {spelled}"
    )


def _asked(job: JobId, session: Session, schedds: list[BatchSystem]) -> list[BatchSystem]:
    """The schedds that have the cluster in their queue; the user's own go before other people's."""
    answers = {
        each.name: each.queue(Selection(ids=(JobId(cluster=job.cluster),)), session.situation.now)
        for each in schedds
    }
    having = [each for each in schedds if _owners(answers[each.name])]
    own = [each for each in having if session.situation.user in _owners(answers[each.name])]
    return own or having


def _owners(queue: Queue) -> frozenset[str]:
    return frozenset([job.owner for job in queue.jobs] + [rest.owner for rest in queue.unmade])
