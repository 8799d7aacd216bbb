"""The submissions that job ids mean: by the journal, by the bundles where it is gone, else by the schedds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import by_submission, lineage_of
from hepsub.actions.reach import only
from hepsub.batch import SPOOLED_WITHIN_S, JobStatus, Selection
from hepsub.bundle.bundle import Bundle, read_bundle, why_of_another
from hepsub.bundle.directory import is_being_made
from hepsub.bundle.notes import read_placed
from hepsub.bundle.root import finished_bundles, kept_bundles
from hepsub.errors import NotDone, UnknownJob, UnknownPool
from hepsub.jobid import JobId, SubmissionRef, same_schedd
from hepsub.plan.model import delivery_for
from hepsub.session import Session


class SelectedJobs(Struct, frozen=True, kw_only=True):
    """Jobs of one submission.

    Attributes:
        ref: the submission.
        bundle: what travelled with it; None when nothing did, or it is gone.
        procs: the jobs that are meant.
        meant: what means the submission on a command line.
    """

    ref: SubmissionRef
    bundle: Bundle | None
    procs: tuple[int, ...]
    meant: str


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
        check_range(each, jobs.ref, jobs.meant)
        procs = {*jobs.procs, *procs_of(each, jobs.ref)}
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


def is_spooled(session: Session, pool: str) -> bool:
    """Whether what jobs of a pool leave behind stays with their schedd until it is fetched."""
    rules = session.policy.pool.get(session.policy.pool_now(pool))
    return rules is not None and delivery_for(rules).collected


def may_be_sent(session: Session, uuid: str, job: JobStatus, now: float) -> bool:
    """Whether somebody may be about to send the schedd of a job what it waits for on hold.

    Args:
        session: the session.
        uuid: the job's submission; empty for not known.
        job: the job.
        now: seconds since the epoch.
    """
    if now - job.submitted <= SPOOLED_WITHIN_S:
        return True
    # Large files over a slow line take longer; who sends them has the bundle locked until they are there.
    return bool(uuid) and is_being_made(session.bundles / uuid)


def _bundled(session: Session) -> Iterator[SubmissionRef]:
    """The submissions whose bundles are there, the oldest first."""
    ended = (read_placed(each) for each in finished_bundles(session.bundles))
    dated: list[tuple[float, SubmissionRef]] = []
    for each in (*kept_bundles(session.bundles), *(each for each in ended if each)):
        ref = replace(each.ref, pool=session.policy.pool_now(each.ref.pool))
        with contextlib.suppress(FileNotFoundError):  # hep_auth renew has dropped it meanwhile
            dated.append((each.directory.stat().st_mtime, ref))
    yield from (ref for _, ref in sorted(dated, key=lambda one: one[0]))


def _submission_of(job: JobId, session: Session, pool: str | None) -> SubmissionRef:
    known = submitted_to(session, job, pool) or _remembered(job, session, pool)
    schedd = only(job, list(known))
    if schedd is None:
        raise UnknownJob(
            f"nobody knows {job}: neither the journal, nor a bundle in {session.bundles}, nor a schedd",
            remedy="hep_history lists your jobs that have ended; -p names another pool",
        )
    return known[schedd]


def _remembered(job: JobId, session: Session, pool: str | None) -> dict[str, SubmissionRef]:
    """What schedds know of the user's jobs, in the queue or the history: their ads name the submission."""
    # The whole cluster: the job may have ended while others of it are in the queue. Of the user's own alone, because
    # outputs of others are none of theirs.
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
        raise NotDone(
            another, remedy=f"hep_fetch {session.meant(ref)} of that version brings its outputs"
        )
    number = bundle.request.number if bundle is not None else ref.number
    whole = replace(ref, number=number)
    return SelectedJobs(ref=whole, bundle=bundle, procs=(), meant=session.meant(ref))


def procs_of(job: JobId, ref: SubmissionRef) -> range:
    """The ProcIds that an id means in its submission."""
    if job.first is None or job.last is None:
        return range(ref.number)
    return range(job.first, min(job.last + 1, ref.number or job.last + 1))


def check_range(job: JobId, ref: SubmissionRef, meant: str) -> None:
    """See that jobs are of their cluster, if it is known how many it has; `meant` means all of them.

    Raises:
        UnknownJob: some are not.
    """
    if ref.number and job.last is not None and job.last >= ref.number:
        raise UnknownJob(
            f"{job}: cluster {ref.cluster} has {ref.number} job(s), the last one is"
            f" {ref.cluster}.{ref.number - 1}",
            remedy=f"{meant} means all of them",
        )


def followed(session: Session, submissions: Iterable[SelectedJobs]) -> tuple[SelectedJobs, ...]:
    """The latest runs of jobs, instead of earlier ones that hep_sub -resubmit has made up for."""
    entries = session.journal.entries()
    found: dict[tuple[str, int], SelectedJobs] = {}
    for each in submissions:
        runs = lineage_of(entries, each.ref, each.procs).runs.values()
        for ref, own in by_submission(runs).items():
            same = ref.uuid == each.ref.uuid
            jobs = found.get((ref.schedd, ref.cluster)) or (
                replace(each, procs=()) if same else _selected(session, ref)
            )
            procs = {*jobs.procs, *(run.proc for run in own)}
            found[ref.schedd, ref.cluster] = replace(jobs, procs=tuple(sorted(procs)))
    return tuple(found.values())
