"""Which submissions job ids mean, and where their bundles are: the journal knows, else bundles, else schedds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.session import Session
from hepsub.batch import Selection
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import (
    Placed,
    finished_bundles,
    kept_bundles,
    read_bundle,
    read_placed,
    why_of_another,
)
from hepsub.errors import AmbiguousJob, NotDone, UnknownJob
from hepsub.jobid import JobId, same_schedd, short_name


class Found(Struct, frozen=True, kw_only=True):
    """A submission that is meant.

    Attributes:
        pool: the pool's name in the policy.
        schedd: full name of its schedd.
        cluster: ClusterId.
        uuid: its UUID.
        number: how many jobs it has; 0 for unknown.
        bundle: what travelled with it; None when nothing did, or it is gone.
        procs: the jobs that are meant.
    """

    pool: str
    schedd: str
    cluster: int
    uuid: str
    number: int
    bundle: Bundle | None = None
    procs: tuple[int, ...] = ()

    @property
    def ids(self) -> tuple[JobId, ...]:
        """The whole cluster, for its schedd."""
        return (JobId(cluster=self.cluster),)


def find_submissions(session: Session, ids: Iterable[JobId], pool: str | None) -> tuple[Found, ...]:
    """The submissions that ids mean, each once.

    Args:
        session: the session.
        ids: clusters, jobs and ranges.
        pool: name of a pool of the policy; None for any that the journal knows, else the default one.

    Raises:
        AmbiguousJob: an id belongs to two schedds.
        UnknownJob: nobody knows it.
        NotDone: another version of hepsub wrote its bundle, in a form of its own.
    """
    found: dict[tuple[str, int], Found] = {}
    for each in ids:
        one = _find(session, each, pool)
        before = found.get((one.schedd, one.cluster))
        procs = {*(before.procs if before is not None else ()), *_procs(each, one)}
        found[one.schedd, one.cluster] = replace(one, procs=tuple(sorted(procs)))
    return tuple(found.values())


def _find(session: Session, job: JobId, pool: str | None) -> Found:
    for candidates in (_noted, _kept, _asked):
        found = candidates(session, job, pool)
        if len({each.schedd for each in found}) > 1:
            spelled = " or ".join(f"{short_name(each.schedd)}:{job}" for each in found)
            raise AmbiguousJob(
                f"{job} is a job on {len(found)} schedds", remedy=f"say which one: {spelled}"
            )
        if found:
            return _with_bundle(session, found[-1])
    raise UnknownJob(
        f"nobody knows {job}: neither the journal, nor a bundle in {session.bundles}, nor a schedd",
        remedy="hep_history lists your jobs that have ended; -p names another pool",
    )


def _noted(session: Session, job: JobId, pool: str | None) -> list[Found]:
    """What the journal knows; of two clusters of one number on a schedd the later one."""
    latest = {
        entry.schedd: Found(
            pool=entry.pool,
            schedd=entry.schedd,
            cluster=entry.cluster,
            uuid=entry.uuid,
            number=entry.number,
        )
        for entry in session.journal.entries()
        if entry.cluster == job.cluster and _may_be(entry.pool, entry.schedd, job, pool)
    }
    return list(latest.values())


def _kept(session: Session, job: JobId, pool: str | None) -> list[Found]:
    """What bundles know, where there is no journal any more."""
    ended = [read_placed(each) for each in finished_bundles(session.bundles)]
    placed: list[Placed] = [*kept_bundles(session.bundles), *(each for each in ended if each)]
    latest = {
        each.schedd: Found(
            pool=each.pool,
            schedd=each.schedd,
            cluster=each.cluster,
            uuid=each.directory.name,
            number=0,
        )
        for each in sorted(placed, key=lambda one: one.directory.stat().st_mtime)
        if each.cluster == job.cluster and _may_be(each.pool, each.schedd, job, pool)
    }
    return list(latest.values())


def _asked(session: Session, job: JobId, pool: str | None) -> list[Found]:
    """What schedds know: the ads of jobs name their submissions."""
    name = session.pool_name(pool)
    wanted = Selection(ids=(JobId(cluster=job.cluster),), owner=session.situation.user)
    return [
        Found(
            pool=name,
            schedd=each.schedd,
            cluster=each.cluster,
            uuid=each.uuid,
            number=each.number,
        )
        for schedd in session.schedds(name)
        if not job.schedd or same_schedd(job.schedd, schedd.name)
        for each in schedd.find(wanted)
    ]


def _may_be(pool: str, schedd: str, job: JobId, asked: str | None) -> bool:
    return (asked is None or asked == pool) and (not job.schedd or same_schedd(job.schedd, schedd))


def _with_bundle(session: Session, found: Found) -> Found:
    directory = session.bundles / found.uuid
    bundle = read_bundle(directory) if found.uuid else None
    if bundle is None and found.uuid and (another := why_of_another(directory)):
        raise NotDone(
            another, remedy=f"hep_fetch {found.cluster} of that version brings its outputs"
        )
    number = bundle.request.number if bundle is not None else found.number
    return replace(found, bundle=bundle, number=number)


def _procs(job: JobId, found: Found) -> Sequence[int]:
    if job.first is None or job.last is None:
        return range(found.number)
    if found.number and job.last >= found.number:
        raise UnknownJob(
            f"{job}: cluster {found.cluster} has {found.number} job(s), the last one is"
            f" {found.cluster}.{found.number - 1}",
            remedy=f"hep_fetch {found.cluster} means all of them",
        )
    return range(job.first, job.last + 1)
