"""What job ids mean: one rule for every command that takes them.

What the user submitted counts first: the journal knows, and the bundles where it is gone. Else the schedds are
asked. An id that may mean jobs of more than one schedd is refused, and both are spelled out: `schedd07:13`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Queue, Selection
from hepsub.bundle.bundle import Bundle, read_bundle, why_of_another
from hepsub.bundle.notes import read_placed
from hepsub.bundle.root import finished_bundles, kept_bundles
from hepsub.errors import AmbiguousJob, NotDone, UnknownJob, UnknownPool, UnknownSchedd
from hepsub.jobid import JobId, SubmissionRef, same_schedd, short_name
from hepsub.session import Session
from hepsub.suggest import did_you_mean

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem


class Target(Struct, frozen=True):
    """Job ids, and the schedd they belong to."""

    schedd: BatchSystem
    ids: tuple[JobId, ...]


class SelectedJobs(Struct, frozen=True, kw_only=True):
    """Jobs of one submission.

    Attributes:
        ref: the submission.
        bundle: what travelled with it; None when nothing did, or it is gone.
        procs: the jobs that are meant.
    """

    ref: SubmissionRef
    bundle: Bundle | None
    procs: tuple[int, ...]


def find_schedds(session: Session, pool: str, ids: Iterable[JobId]) -> tuple[Target, ...]:
    """The schedds of a pool that job ids belong to.

    Args:
        session: the session.
        pool: the pool's name in the policy.
        ids: clusters, jobs and ranges; where only one schedd can be meant, nobody asks whether it knows them.

    Raises:
        AmbiguousJob: more than one schedd knows an id.
        UnknownJob: none of several schedds knows it.
        UnknownSchedd: the id names a schedd that the pool does not have.
    """
    schedds = session.schedds(pool)
    found: dict[str, list[JobId]] = {}
    for each in ids:
        found.setdefault(_schedd_of(each, session, schedds), []).append(each)
    return tuple(
        Target(schedd, tuple(found[schedd.name])) for schedd in schedds if schedd.name in found
    )


def find_submissions(
    session: Session, ids: Iterable[JobId], pool: str | None
) -> tuple[SelectedJobs, ...]:
    """The submissions that job ids mean, each once, also long after they left the queue.

    Args:
        session: the session.
        ids: clusters, jobs and ranges.
        pool: name or alias of a pool; None for any that the user submitted to, else the default one.

    Raises:
        AmbiguousJob: an id belongs to two schedds.
        UnknownJob: nobody knows it.
        NotDone: another version of hepsub wrote its bundle, in a form of its own.
    """
    if pool is not None:
        with contextlib.suppress(UnknownPool):  # what was submitted there has a bundle all the same
            pool = session.pool_name(pool)
    found: dict[SubmissionRef, SelectedJobs] = {}
    for each in ids:
        ref = _submission_of(each, session, pool)
        jobs = found.get(ref) or _selected(session, ref)
        procs = {*jobs.procs, *_procs(each, jobs.ref)}
        found[ref] = replace(jobs, procs=tuple(sorted(procs)))
    return tuple(found.values())


def submitted_to(session: Session, job: JobId, pool: str | None = None) -> dict[str, SubmissionRef]:
    """What the user submitted under an id, by schedd; of two clusters of one number the later one.

    Args:
        session: the session.
        job: the id; the schedd that it may name counts.
        pool: the pool's name in the policy; None for any.
    """

    def meant(refs: Iterable[SubmissionRef]) -> dict[str, SubmissionRef]:
        return {
            ref.schedd: ref
            for ref in refs
            if ref.cluster == job.cluster
            and (pool is None or pool == ref.pool)
            and (not job.schedd or same_schedd(job.schedd, ref.schedd))
        }

    return meant(entry.ref for entry in session.journal.entries()) or meant(_bundled(session))


def _bundled(session: Session) -> Iterator[SubmissionRef]:
    """The submissions whose bundles are there, the oldest first."""
    ended = (read_placed(each) for each in finished_bundles(session.bundles))
    placed = [*kept_bundles(session.bundles), *(each for each in ended if each)]
    for each in sorted(placed, key=lambda one: one.directory.stat().st_mtime):
        yield each.ref


def _only(job: JobId, schedds: Sequence[str]) -> str | None:
    """The one schedd that may be meant; None for none.

    Raises:
        AmbiguousJob: there are more.
    """
    if len(schedds) > 1:
        short = {short_name(each) for each in schedds}
        names = schedds if len(short) < len(schedds) else [short_name(each) for each in schedds]
        spelled = " or ".join(f"{each}:{job}" for each in names)
        raise AmbiguousJob(
            f"{job} is a job on {len(schedds)} schedds", remedy=f"say which one: {spelled}"
        )
    return schedds[0] if schedds else None


def _schedd_of(job: JobId, session: Session, schedds: Sequence[BatchSystem]) -> str:
    named = [each for each in schedds if not job.schedd or same_schedd(job.schedd, each.name)]
    if not named:
        names = [short_name(each.name) for each in schedds]
        raise UnknownSchedd(
            f"{job}: the pool has no schedd '{job.schedd}'", remedy=did_you_mean(job.schedd, names)
        )
    if len(named) == 1:
        return named[0].name
    noted = submitted_to(session, job)
    found = [each.name for each in named if each.name in noted] or _queueing(job, session, named)
    schedd = _only(job, found)
    if schedd is None:
        raise UnknownJob(
            f"no schedd has a job {job} in its queue",
            remedy=f"hep_history {job} tells of jobs that have ended",
        )
    return schedd


def _queueing(job: JobId, session: Session, schedds: Sequence[BatchSystem]) -> list[str]:
    """The schedds that have the cluster in their queue; the user's own go before other people's."""
    wanted, now = Selection(ids=(JobId(cluster=job.cluster),)), session.situation.now
    owners = {each.name: _owners(each.queue(wanted, now)) for each in schedds}
    having = [name for name, those in owners.items() if those]
    return [name for name in having if session.situation.user in owners[name]] or having


def _owners(queue: Queue) -> frozenset[str]:
    return frozenset([job.owner for job in queue.jobs] + [rest.owner for rest in queue.unmade])


def _submission_of(job: JobId, session: Session, pool: str | None) -> SubmissionRef:
    known = submitted_to(session, job, pool) or _remembered(job, session, pool)
    schedd = _only(job, list(known))
    if schedd is None:
        raise UnknownJob(
            f"nobody knows {job}: neither the journal, nor a bundle in {session.bundles}, nor a schedd",
            remedy="hep_history lists your jobs that have ended; -p names another pool",
        )
    return known[schedd]


def _remembered(job: JobId, session: Session, pool: str | None) -> dict[str, SubmissionRef]:
    """What schedds know of the user's jobs, in the queue or the history: their ads name the submission."""
    wanted = Selection(ids=(JobId(cluster=job.cluster),), owner=session.situation.user)
    return {
        each.schedd: each
        for schedd in session.schedds(session.pool_name(pool))
        if not job.schedd or same_schedd(job.schedd, schedd.name)
        for each in schedd.find(wanted)
    }


def _selected(session: Session, ref: SubmissionRef) -> SelectedJobs:
    """None of the jobs of a submission yet, and what its bundle tells of their number."""
    directory = session.bundles / ref.uuid
    bundle = read_bundle(directory) if ref.uuid else None
    if bundle is None and ref.uuid and (another := why_of_another(directory)):
        raise NotDone(another, remedy=f"hep_fetch {ref.cluster} of that version brings its outputs")
    number = bundle.request.number if bundle is not None else ref.number
    return SelectedJobs(ref=replace(ref, number=number), bundle=bundle, procs=())


def _procs(job: JobId, ref: SubmissionRef) -> range:
    if job.first is None or job.last is None:
        return range(ref.number)
    if ref.number and job.last >= ref.number:
        raise UnknownJob(
            f"{job}: cluster {ref.cluster} has {ref.number} job(s), the last one is"
            f" {ref.cluster}.{ref.number - 1}",
            remedy=f"hep_fetch {ref.cluster} means all of them",
        )
    return range(job.first, job.last + 1)
