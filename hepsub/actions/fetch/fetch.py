"""hep_fetch: the outputs of jobs, wherever they are, into CLUSTER/PROC/NAME of a directory.

One submission after the other is looked at (scan), what there is of each job is decided (plan), compared with what
is on this machine (local); then everything that is missing here is brought at once (transfer).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from hepsub.actions.fetch.local import local_state, with_logs
from hepsub.actions.fetch.plan import job_ranges, plan_job
from hepsub.actions.fetch.problems import problems_of
from hepsub.actions.fetch.push import procs_with_pending, push_returned
from hepsub.actions.fetch.result import Fetched, FetchedCluster, FetchRequest
from hepsub.actions.fetch.scan import Scan, scan_submission
from hepsub.actions.fetch.transfer import Transferred, transfer_files
from hepsub.actions.queue.ends import Clock, await_ends, job_states
from hepsub.actions.queue.spools import collect_one
from hepsub.actions.returned.place import left_text
from hepsub.actions.submissions import SelectedJobs, find_submissions, followed, is_spooled
from hepsub.bundle.bundle import Bundle
from hepsub.errors import Interrupted, NotDone, UsageError
from hepsub.result import Problem, Result
from hepsub.session import Session
from hepsub.storage.download import Downloader
from hepsub.storage.stores import Stores

_AGAIN = "try again later: what jobs have left stays with their schedd until it was fetched"
_INTERRUPTED = Problem(
    code=Interrupted.code,
    message="interrupted; what has come of unfinished files is in NAME.part",
    remedy="the same command goes on there",
)


class _Scanned(Struct, frozen=True, kw_only=True):
    """What was seen of one submission.

    Attributes:
        cluster: what there is of them, and how it stands here; None without a bundle.
    """

    selected: SelectedJobs
    cluster: FetchedCluster | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def fetch(session: Session, wanted: FetchRequest, clock: Clock) -> Result[Fetched]:
    """Fetch what there is, and say what there is not, and why.

    Raises:
        AmbiguousJob, UnknownJob: an id is none of a job that is known.
        UsageError: two clusters would have one directory.
    """
    submissions = followed(session, find_submissions(session, wanted.ids, wanted.pool))
    _check_numbers(submissions)
    if wanted.wait:
        for each in submissions:
            await_ends(session, each.ref, frozenset(each.procs), clock)
    stores = session.open_stores()
    downloader = Downloader(stores=stores.refreshed)
    seen = [_scan(session, wanted, stores, downloader, each) for each in submissions]
    clusters = [each.cluster for each in seen if each.cluster is not None]
    started = time.monotonic()
    transferred = Transferred(clusters=clusters)
    if not wanted.listing:
        transferred = transfer_files(session, clusters, wanted, downloader)
    value = Fetched(
        directory=wanted.directory,
        clusters=tuple(transferred.clusters),
        listing=wanted.listing,
        moved=transferred.moved,
        seconds=time.monotonic() - started,
    )
    return _result(value, wanted, seen, interrupted=transferred.interrupted)


def _scan(
    session: Session,
    wanted: FetchRequest,
    stores: Stores,
    downloader: Downloader,
    selected: SelectedJobs,
) -> _Scanned:
    """Look at a submission, after its spool was emptied and returned outputs were uploaded."""
    problems: list[Problem] = []
    notes: list[str] = []
    if trouble := collect_one(session, selected.ref):
        problems.append(Problem(code="spool", message=trouble, remedy=_AGAIN))
    bundle = selected.bundle
    if bundle is None:
        problems += _without_bundle(session, selected)
        return _Scanned(selected=selected, problems=tuple(problems))
    if wanted.push:
        before = procs_with_pending(bundle, selected.procs)
        problems += push_returned(session, stores, bundle, selected, force=wanted.force)
        if pushed := sorted(set(before) - set(procs_with_pending(bundle, selected.procs))):
            jobs = job_ranges(selected.ref.cluster, pushed)
            notes.append(f"{jobs}: what had come home is in its place now")
    scan = scan_submission(selected, bundle, stores, downloader)
    problems += (Problem.of(each) for each in scan.errors)
    cluster = _compared(session, wanted, selected, bundle, scan, notes)
    return _Scanned(
        selected=selected, cluster=cluster, notes=tuple(notes), problems=tuple(problems)
    )


def _compared(
    session: Session,
    wanted: FetchRequest,
    selected: SelectedJobs,
    bundle: Bundle,
    scan: Scan,
    notes: list[str],
) -> FetchedCluster:
    """What there is of a submission's jobs, and how it stands here; what the user should know goes to the notes."""
    ref, request = selected.ref, bundle.request
    files = {job.proc: plan_job(job, scan.listing) for job in scan.jobs}
    # A schedd is asked only about what nothing else explains: its history may take long.
    unsure = [proc for proc, job in files.items() if job.missing or job.complete is False]
    unsure += [job.proc for job in scan.jobs if job.report is None and job.returned]
    states, trouble = job_states(session, ref, unsure)
    files |= {
        job.proc: plan_job(job, scan.listing, states[job.proc])
        for job in scan.jobs
        if job.proc in states
    }
    notes += [trouble] if trouble else []
    for job in scan.jobs:
        notes += left_text(f"{ref.cluster}.{job.proc}", job.returned_directory, job.returned)
    if not any(job.carried for job in scan.jobs) and not request.staging.brings_all:
        notes.append(f"the jobs of cluster {ref.cluster} have no outputs (-out)")
    whole = (with_logs(each, request, ref.cluster) for each in files.values())
    kept = tuple(wanted.part_of(each) for each in whole)
    return FetchedCluster(
        cluster=ref.cluster,
        schedd=ref.schedd,
        jobs=kept,
        files=tuple(
            file
            for job in kept
            for file in local_state(job, wanted.directory, ref.cluster, request.again)
        ),
    )


def _result(
    value: Fetched, wanted: FetchRequest, seen: Sequence[_Scanned], *, interrupted: bool
) -> Result[Fetched]:
    problems = [each for one in seen for each in one.problems]
    problems += _unmatched(wanted, value.clusters)
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
    # Ids are a schedd's own, and two schedds may have given the same.
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
        message=f"cluster {ref.cluster} has nothing to fetch: jobs without -in, -out and -cred write their files in"
        " their places, and their logs where -o and -e say",
        remedy=f"if it had some of these, its bundle {session.bundles / (ref.uuid or '?')} is gone: it is kept for"
        f" {days:.0f} days after the end, on the file system where hep_sub was called",
    )


def _unmatched(wanted: FetchRequest, clusters: Sequence[FetchedCluster]) -> Iterator[Problem]:
    """A pattern that nothing matches is a mistake, more often than not."""
    if not wanted.only or not clusters:
        return
    if any(job.outputs or job.missing for each in clusters for job in each.jobs):
        return
    yield Problem(
        code="no-match",
        message=f"no output matches {' or '.join(repr(each) for each in wanted.only)}",
        remedy="-ls without -only shows the names",
    )
