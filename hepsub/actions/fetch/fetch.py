"""hep_fetch: the outputs of jobs, wherever they are, into CLUSTER/PROC/NAME of a directory.

One submission after the other is looked at (look), what there is of each job is decided (plan), compared with what
is on this machine (local); then everything that is missing here is brought at once (bring).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from hepsub.actions.fetch.bring import Brought, bring
from hepsub.actions.fetch.local import local_state, with_logs
from hepsub.actions.fetch.look import look
from hepsub.actions.fetch.plan import job_ranges, plan_job
from hepsub.actions.fetch.problems import problems_of
from hepsub.actions.fetch.push import push_home, waiting_at_home
from hepsub.actions.fetch.result import Fetched, FetchedCluster, Order
from hepsub.actions.queue.ends import Clock, await_ends, collect_one, is_spooled, job_states
from hepsub.actions.returned.place import left_text
from hepsub.actions.submissions import SelectedJobs, find_submissions
from hepsub.actions.submit.stage import open_stores
from hepsub.bundle.bundle import Bundle
from hepsub.errors import Interrupted, NotDone, UsageError
from hepsub.result import Problem, Result
from hepsub.session import Session
from hepsub.storage.download import Downloader, Progress
from hepsub.storage.stores import Stores

_AGAIN = "try again later: what jobs have left stays with their schedd until it was fetched"
_INTERRUPTED = Problem(
    code=Interrupted.code,
    message="interrupted; what has come of unfinished files is in NAME.part",
    remedy="the same command goes on there",
)


class _Seen(Struct, frozen=True, kw_only=True):
    """What was seen of one submission.

    Attributes:
        selected: its jobs that are meant.
        cluster: what there is of them, and how it stands here; None without a bundle.
        notes: what the user should know.
        problems: what could not be done.
    """

    selected: SelectedJobs
    cluster: FetchedCluster | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def fetch(
    session: Session, order: Order, clock: Clock, watch: Callable[[Progress], None]
) -> Result:
    """Fetch what there is, and say what there is not, and why.

    Args:
        session: the session.
        order: what the user wants.
        clock: for waiting.
        watch: is told how far the transfers are, some times a second.

    Raises:
        AmbiguousJob, UnknownJob: an id is none of a job that is known.
        UsageError: two clusters would have one directory.
    """
    submissions = find_submissions(session, order.ids, order.pool)
    _check_numbers(submissions)
    if order.wait:
        for each in submissions:
            await_ends(session, each.ref, frozenset(each.procs), clock)
    stores = open_stores(session)
    downloader = Downloader(stores=stores.refreshed)
    seen = [_see(session, order, stores, downloader, each) for each in submissions]
    clusters = [each.cluster for each in seen if each.cluster is not None]
    started = time.monotonic()
    brought = Brought(clusters=clusters)
    if not order.listing:
        brought = bring(clusters, order, downloader, watch)
    value = Fetched(
        directory=order.directory,
        clusters=tuple(brought.clusters),
        listing=order.listing,
        moved=brought.moved,
        seconds=time.monotonic() - started,
    )
    return _result(value, order, seen, interrupted=brought.interrupted)


def _see(
    session: Session, order: Order, stores: Stores, downloader: Downloader, selected: SelectedJobs
) -> _Seen:
    """Look at a submission, after its spool was emptied and what came home was pushed."""
    problems: list[Problem] = []
    notes: list[str] = []
    if trouble := collect_one(session, selected.ref):
        problems.append(Problem(code="spool", message=trouble, remedy=_AGAIN))
    bundle = selected.bundle
    if bundle is None:
        problems += _without_bundle(session, selected)
        return _Seen(selected=selected, problems=tuple(problems))
    if order.push:
        before = waiting_at_home(bundle, selected.procs)
        problems += push_home(session, stores, bundle, selected, force=order.force)
        if pushed := sorted(set(before) - set(waiting_at_home(bundle, selected.procs))):
            jobs = job_ranges(selected.ref.cluster, pushed)
            notes.append(f"{jobs}: what had come home is in its place now")
    cluster, more, troubles = _look(session, order, stores, downloader, selected, bundle)
    return _Seen(
        selected=selected,
        cluster=cluster,
        notes=(*notes, *more),
        problems=(*problems, *troubles),
    )


def _look(
    session: Session,
    order: Order,
    stores: Stores,
    downloader: Downloader,
    selected: SelectedJobs,
    bundle: Bundle,
) -> tuple[FetchedCluster, list[str], list[Problem]]:
    """What there is of a submission's jobs, and how it stands here; what to say, and what could not be seen."""
    ref = selected.ref
    scan = look(selected, bundle, stores, downloader)
    files = {job.proc: plan_job(job, scan.listing) for job in scan.jobs}
    unsure = [proc for proc, job in files.items() if job.missing or job.complete is False]
    states, trouble = job_states(session, ref, unsure)
    files |= {
        job.proc: plan_job(job, scan.listing, states[job.proc])
        for job in scan.jobs
        if job.proc in states
    }
    notes = [trouble] if trouble else []
    for job in scan.jobs:
        notes += left_text(f"{ref.cluster}.{job.proc}", job.home, job.returned)
    if not any(job.carried for job in scan.jobs) and not bundle.request.staging.brings_all:
        notes.append(f"the jobs of cluster {ref.cluster} have no outputs (-out)")
    whole = (with_logs(each, bundle.request, ref.cluster) for each in files.values())
    kept = tuple(order.part_of(each) for each in whole)
    cluster = FetchedCluster(
        cluster=ref.cluster,
        schedd=ref.schedd,
        jobs=kept,
        files=tuple(
            each for job in kept for each in local_state(job, order.directory, ref.cluster)
        ),
    )
    problems = [
        Problem(code=each.code, message=each.message, remedy=each.remedy) for each in scan.errors
    ]
    return cluster, notes, problems


def _result(value: Fetched, order: Order, seen: Sequence[_Seen], *, interrupted: bool) -> Result:
    problems = [each for one in seen for each in one.problems]
    problems += _unmatched(order, value.clusters)
    if interrupted:
        problems.insert(0, _INTERRUPTED)
    by_cluster = {each.selected.ref.cluster: each.selected for each in seen}
    for each in value.clusters:
        selected = by_cluster[each.cluster]
        problems += problems_of(selected, each, listing=value.listing or interrupted)
    code = NotDone.exit_code if problems else 0
    return Result(
        value=value,
        notes=tuple(note for each in seen for note in each.notes),
        problems=tuple(problems),
        exit_code=Interrupted.exit_code if interrupted else code,
    )


def _check_numbers(submissions: Sequence[SelectedJobs]) -> None:
    numbers = Counter(each.ref.cluster for each in submissions)
    twice = next((number for number, count in numbers.items() if count > 1), None)
    if twice is not None:
        raise UsageError(
            f"two clusters {twice} of two schedds would share the directory {twice}",
            remedy="fetch them one by one, with -d DIR for one of them",
        )


def _without_bundle(session: Session, selected: SelectedJobs) -> Iterator[Problem]:
    """What to say where nothing is known of outputs; nothing where a plain job's are those that were spooled."""
    ref = selected.ref
    if is_spooled(session, ref.pool):
        return
    days = float(session.policy.renew.keep) / 86400
    yield Problem(
        code="no-bundle",
        message=f"nothing is known of outputs of cluster {ref.cluster}: there is no bundle"
        f" {session.bundles / (ref.uuid or '?')}",
        remedy="jobs without -in, -out and -cred have none, and their files are where they wrote them; others"
        f" keep theirs for {days:.0f} days after their end, on the file system where they were submitted",
    )


def _unmatched(order: Order, clusters: Sequence[FetchedCluster]) -> Iterator[Problem]:
    """A pattern that nothing matches is a mistake, more often than not."""
    if not order.only or not clusters:
        return
    if any(job.outputs or job.missing for each in clusters for job in each.jobs):
        return
    yield Problem(
        code="no-match",
        message=f"no output matches {' or '.join(repr(each) for each in order.only)}",
        remedy="-ls without -only shows the names",
    )
