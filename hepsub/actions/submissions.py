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
from hepsub.jobid import JobId, SubmissionRef, same_schedd, short_name


class Found(Struct, frozen=True, kw_only=True):
    """A submission that is meant.

    Attributes:
        ref: where it is.
        bundle: what travelled with it; None when nothing did, or it is gone.
        procs: the jobs that are meant.
    """

    ref: SubmissionRef
    bundle: Bundle | None = None
    procs: tuple[int, ...] = ()


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
        where = (one.ref.schedd, one.ref.cluster)
        before = found.get(where)
        procs = {*(before.procs if before is not None else ()), *_procs(each, one)}
        found[where] = replace(one, procs=tuple(sorted(procs)))
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


def _noted(session: Session, job: JobId, pool: str | None) -> list[SubmissionRef]:
    """What the journal knows; of two clusters of one number on a schedd the later one."""
    latest = {
        entry.ref.schedd: entry.ref
        for entry in session.journal.entries()
        if _may_be(entry.ref, job, pool)
    }
    return list(latest.values())


def _kept(session: Session, job: JobId, pool: str | None) -> list[SubmissionRef]:
    """What bundles know, where there is no journal any more."""
    ended = [read_placed(each) for each in finished_bundles(session.bundles)]
    placed: list[Placed] = [*kept_bundles(session.bundles), *(each for each in ended if each)]
    latest = {
        each.ref.schedd: each.ref
        for each in sorted(placed, key=lambda one: one.directory.stat().st_mtime)
        if _may_be(each.ref, job, pool)
    }
    return list(latest.values())


def _asked(session: Session, job: JobId, pool: str | None) -> list[SubmissionRef]:
    """What schedds know: the ads of jobs name their submissions."""
    name = session.pool_name(pool)
    wanted = Selection(ids=(JobId(cluster=job.cluster),), owner=session.situation.user)
    return [
        each
        for schedd in session.schedds(name)
        if not job.schedd or same_schedd(job.schedd, schedd.name)
        for each in schedd.find(wanted)
    ]


def _may_be(ref: SubmissionRef, job: JobId, pool: str | None) -> bool:
    return (
        ref.cluster == job.cluster
        and (pool is None or pool == ref.pool)
        and (not job.schedd or same_schedd(job.schedd, ref.schedd))
    )


def _with_bundle(session: Session, ref: SubmissionRef) -> Found:
    directory = session.bundles / ref.uuid
    bundle = read_bundle(directory) if ref.uuid else None
    if bundle is None and ref.uuid and (another := why_of_another(directory)):
        raise NotDone(another, remedy=f"hep_fetch {ref.cluster} of that version brings its outputs")
    number = bundle.request.ref.number if bundle is not None else ref.number
    return Found(ref=replace(ref, number=number), bundle=bundle)


def _procs(job: JobId, found: Found) -> Sequence[int]:
    if job.first is None or job.last is None:
        return range(found.ref.number)
    if found.ref.number and job.last >= found.ref.number:
        raise UnknownJob(
            f"{job}: cluster {found.ref.cluster} has {found.ref.number} job(s), the last one is"
            f" {found.ref.cluster}.{found.ref.number - 1}",
            remedy=f"hep_fetch {found.ref.cluster} means all of them",
        )
    return range(job.first, job.last + 1)
