"""hep_fetch: the outputs of jobs, wherever they are, into CLUSTER/PROC/NAME of a directory."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from hepsub.actions.fetch_copy import compare, copy_home
from hepsub.actions.fetch_find import Found, find_submissions
from hepsub.actions.fetch_look import look
from hepsub.actions.fetch_plan import plan_job
from hepsub.actions.fetch_problems import problems_of
from hepsub.actions.fetch_result import Fetched, FetchedCluster, Here, JobFiles, Local, Output
from hepsub.actions.fetch_states import await_ends, collect_spooled, job_states
from hepsub.actions.pending import Round, push_pending
from hepsub.actions.session import Session
from hepsub.actions.stage import Stores, open_stores
from hepsub.actions.wait import Clock
from hepsub.auth.bundles import claimed
from hepsub.auth.renewal import DIRECTORY
from hepsub.errors import HepsubError, Interrupted, NotDone, UsageError
from hepsub.jobid import JobId
from hepsub.plan.place import ObjectPlace
from hepsub.result import Problem, Result
from hepsub.storage.crew import do_all
from hepsub.storage.landing import PART, Landing, safe_parts
from hepsub.storage.s3 import Store
from hepsub.storage.transfer import Courier, Download, Meter

_KEYS_LEFT_S = 20.0
"""Keys that end sooner are exchanged before a request is signed with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the user wants.

    Attributes:
        ids: clusters, jobs and ranges.
        directory: below which the files shall be, absolute.
        pool: name of a pool of the policy; None for any.
        only: patterns of names; empty for all.
        listing: only look.
        force: replace files that differ.
        push: first upload what had come home.
        wait: first wait for the jobs' ends.
    """

    ids: tuple[JobId, ...]
    directory: Path
    pool: str | None = None
    only: tuple[str, ...] = ()
    listing: bool = False
    force: bool = False
    push: bool = False
    wait: bool = False


def fetch(session: Session, order: Order, clock: Clock, watch: Callable[[Meter], None]) -> Result:
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
        await_ends(session, submissions, clock)
    stores = open_stores(session)
    courier = Courier(stores=_keeper(session, stores))
    notes: list[str] = []
    problems: list[Problem] = []
    clusters: list[FetchedCluster] = []
    for found in submissions:
        if trouble := collect_spooled(session, found):
            problems.append(Problem(code="spool", message=trouble))
        if found.bundle is None:
            problems += _without_bundle(session, found)
            continue
        if order.push:
            problems += _push(session, stores, found)
        cluster, said, troubles = _look(session, order, stores, courier, found)
        clusters.append(cluster)
        notes += said
        problems += troubles
    started = time.monotonic()
    moved = 0
    if not order.listing:
        clusters, moved, stopped = _bring(clusters, order, courier, watch)
        problems += stopped
    value = Fetched(
        directory=order.directory,
        clusters=tuple(clusters),
        listing=order.listing,
        moved=moved,
        seconds=time.monotonic() - started,
    )
    problems += _unmatched(order, clusters)
    for found, each in _with_found(submissions, clusters):
        problems += problems_of(found, each, listing=order.listing)
    interrupted = any(each.code == Interrupted.code for each in problems)
    code = Interrupted.exit_code if interrupted else NotDone.exit_code if problems else 0
    return Result(value=value, notes=tuple(notes), problems=tuple(problems), exit_code=code)


def _with_found(
    submissions: Sequence[Found], clusters: Iterable[FetchedCluster]
) -> list[tuple[Found, FetchedCluster]]:
    by_cluster = {found.cluster: found for found in submissions}
    return [(by_cluster[each.cluster], each) for each in clusters]


def _check_numbers(submissions: Sequence[Found]) -> None:
    numbers = [found.cluster for found in submissions]
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two clusters {twice} of two schedds would share the directory {twice}",
            remedy="fetch them one by one, with -d DIR for one of them",
        )


def _without_bundle(session: Session, found: Found) -> list[Problem]:
    if found.pool in session.policy.pool and session.policy.pool[found.pool].spool:
        return []  # everything that a plain job leaves was in the spool
    days = float(session.policy.renew.keep) / 86400
    return [
        Problem(
            code="no-bundle",
            message=f"nothing is known of outputs of cluster {found.cluster}: there is no bundle"
            f" {session.bundles / (found.uuid or '?')}",
            remedy="jobs without -in, -out and -cred have none, and their files are where they wrote them; others"
            f" keep theirs for {days:.0f} days after their end, on the file system where they were submitted",
        )
    ]


def _push(session: Session, stores: Stores, found: Found) -> list[Problem]:
    """Upload what came home; the refresher, which does the same, is kept out meanwhile."""
    if found.bundle is None:
        return []
    try:
        with claimed(session.bundles / DIRECTORY) as mine:
            if not mine:
                return [
                    Problem(
                        code="busy",
                        message="hep_auth renew runs right now, and uploads what came home, too",
                        remedy="try again when it has ended",
                    )
                ]
            troubles = push_pending(Round(stores=stores), found.bundle, found.cluster)
    except HepsubError as error:
        troubles = (error.message,)
    except OSError as error:
        troubles = (f"{error.filename}: {error.strerror}",)
    return [
        Problem(
            code="not-pushed",
            message=f"outputs of cluster {found.cluster} that came home could not be uploaded: {trouble}",
            remedy="try again later; they stay at home until then",
        )
        for trouble in troubles
    ]


def _keeper(session: Session, stores: Stores) -> Callable[[str, bool], Store]:
    """Gives storages with keys that are good now; keys that end are exchanged once for all threads."""
    lock = threading.Lock()
    exchanged: dict[str, float] = {}

    def store(name: str, renew: bool) -> Store:  # noqa: FBT001 (a callback)
        with lock:
            known = stores.store(name)
            expires = known.keys.expires
            ends = expires is not None and expires - time.time() < _KEYS_LEFT_S
            recently = time.monotonic() - exchanged.get(name, -_KEYS_LEFT_S) < 1.0
            if (ends or renew) and not recently:
                exchanged[name] = time.monotonic()
                stores.known[name] = replace(known, keys=session.keys(name, known.storage))
            return stores.known[name]

    return store


def _look(
    session: Session, order: Order, stores: Stores, courier: Courier, found: Found
) -> tuple[FetchedCluster, list[str], list[Problem]]:
    """What there is of a cluster, and how it stands here."""
    assert found.bundle is not None  # noqa: S101 (asked before)
    looked = look(found, found.bundle, stores, courier)
    jobs = {job.proc: plan_job(job, looked.sight) for job in looked.jobs}
    unsure = [proc for proc, job in jobs.items() if job.missing or job.complete is False]
    states, trouble = job_states(session, found, unsure)
    for job in looked.jobs:
        if job.proc in states:
            known = replace(job, status=states[job.proc])
            jobs[job.proc] = plan_job(known, looked.sight)
    notes = [trouble] if trouble else []
    if not any(job.carried for job in looked.jobs):
        notes.append(f"the jobs of cluster {found.cluster} have no outputs (-out)")
    problems = [
        Problem(code=each.code, message=each.message, remedy=each.remedy) for each in looked.errors
    ]
    kept = [_only(each, order) for each in jobs.values()]
    cluster = FetchedCluster(
        cluster=found.cluster,
        schedd=found.schedd,
        jobs=tuple(kept),
        files=tuple(local for job in kept for local in _locals(job, order, found.cluster)),
    )
    return cluster, notes, problems


def _only(job: JobFiles, order: Order) -> JobFiles:
    if not order.only:
        return job
    return replace(
        job,
        outputs=tuple(each for each in job.outputs if _is_wanted(each.name, order)),
        missing=tuple(each for each in job.missing if _is_wanted(each.name, order)),
    )


def _is_wanted(name: str, order: Order) -> bool:
    last = name.rpartition("/")[2]
    return not order.only or any(
        fnmatchcase(name, each) or fnmatchcase(last, each) for each in order.only
    )


def _locals(job: JobFiles, order: Order, cluster: int) -> list[Local]:
    names = {each.name for each in job.outputs}
    found = []
    for output in job.outputs:
        if output.stays and isinstance(output.source, Path):
            found.append(Local(output=output, path=output.source, here=Here.IN_PLACE))
            continue
        landing = landing_of(output, order.directory, cluster, names)
        if landing is None:
            found.append(
                Local(
                    output=output,
                    path=order.directory / f"{cluster}/{job.proc}",
                    here=Here.FAILED,
                    trouble="no file can have this name here",
                )
            )
            continue
        here, trouble = compare(output, landing)
        found.append(Local(output=output, path=landing.path, here=here, trouble=trouble))
    return found


def landing_of(
    output: Output, directory: Path, cluster: int, names: Iterable[str]
) -> Landing | None:
    """Where an output has to be; None when its name could lead out of its job's directory."""
    parts = safe_parts(output.name)
    if parts is None:
        return None
    part = parts[-1] + PART
    taken = {name.rpartition("/")[2] for name in names}
    while part in taken:
        part += PART
    return Landing(root=directory, parts=(str(cluster), str(output.proc), *parts), part=part)


def _bring(
    clusters: Sequence[FetchedCluster],
    order: Order,
    courier: Courier,
    watch: Callable[[Meter], None],
) -> tuple[list[FetchedCluster], int, list[Problem]]:
    """Fetch and copy what is not here."""
    names: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    wanted: list[tuple[int, Local, Landing]] = []
    for each in clusters:
        for job in each.jobs:
            names[each.cluster, job.proc] = {output.name for output in job.outputs}
        for file in each.files:
            if file.here is Here.ABSENT or (file.here is Here.DIFFERENT and order.force):
                own = names[each.cluster, file.output.proc]
                landing = landing_of(file.output, order.directory, each.cluster, own)
                assert landing is not None  # noqa: S101 (others have failed already)
                wanted.append((each.cluster, file, landing))
    done: dict[tuple[int, int, str], Local] = {}
    stopped: list[Problem] = []
    try:
        near = [each for each in wanted if isinstance(each[1].output.source, Path)]

        def copy(number: int, _: object) -> None:
            cluster, file, landing = near[number]
            done[_key(cluster, file)] = copy_home(file, landing)

        do_all(len(near), copy, lambda: None)
        far = [each for each in wanted if isinstance(each[1].output.source, ObjectPlace)]
        arrivals = courier.fetch([_download(file, landing) for _, file, landing in far], watch)
        for (cluster, file, _), arrival in zip(far, arrivals, strict=True):
            here = Here.FAILED if arrival.trouble else Here.FETCHED
            done[_key(cluster, file)] = replace(file, here=here, trouble=arrival.trouble)
    except KeyboardInterrupt:
        stopped.append(
            Problem(
                code=Interrupted.code,
                message="interrupted; what has come of unfinished files is in NAME.part",
                remedy="the same command goes on there",
            )
        )
    changed = [
        replace(each, files=tuple(done.get(_key(each.cluster, f), f) for f in each.files))
        for each in clusters
    ]
    moved = sum(each.output.size for each in done.values() if each.here is Here.FETCHED)
    return changed, moved, stopped


def _key(cluster: int, file: Local) -> tuple[int, int, str]:
    return (cluster, file.output.proc, file.output.name)


def _download(file: Local, landing: Landing) -> Download:
    output = file.output
    assert isinstance(output.source, ObjectPlace)  # noqa: S101 (asked before)
    return Download(
        place=output.source,
        size=output.size,
        etag=output.etag,
        md5=output.md5,
        modified=output.modified,
        landing=landing,
    )


def _unmatched(order: Order, clusters: Sequence[FetchedCluster]) -> list[Problem]:
    """A pattern that nothing matches is a mistake, more often than not."""
    if not order.only or not clusters:
        return []
    if any(job.outputs or job.missing for each in clusters for job in each.jobs):
        return []
    return [
        Problem(
            code="no-match",
            message=f"no output matches {' or '.join(repr(each) for each in order.only)}",
            remedy="-ls without -only shows the names",
        )
    ]
