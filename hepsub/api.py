"""The Python API: what the commands do, as functions that return what stands under `result` in their JSON.

They print nothing. Where not all that was asked was done, the error is raised that the exit code of the command means,
with what was done as its `result`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar, overload

from hepsub.actions.submit.documents import SubmissionDocument
from hepsub.errors import HepsubError
from hepsub.job import JobSpec
from hepsub.jobid import JobId, parse_job_id
from hepsub.result import AnyResult, described, error_of
from hepsub.session import Session, open_session

if TYPE_CHECKING:
    from pathlib import Path

    from hepsub.actions.fetch.documents import FetchedDocument
    from hepsub.actions.queue.cluster import ClusterReports
    from hepsub.actions.queue.later import WaitedJobs
    from hepsub.actions.queue.query import Filter, ListingDocument
    from hepsub.actions.queue.status import Status
    from hepsub.actions.submit.documents import PreviewDocument

Jobs: TypeAlias = "SubmissionDocument | int | str"
"""What `submit` returned, a cluster's number, or jobs as the commands take them: `13.2`, `13.0-9`, `schedd07:13`."""
_T = TypeVar("_T")


def submit(spec: JobSpec) -> SubmissionDocument:
    """Submit one cluster; with `once`, find the cluster that the key already has.

    Raises:
        HepsubError: nothing was submitted (or, for SubmissionUncertain, perhaps something); where it has a `result`,
            that cluster was submitted, and its jobs cannot start.
    """
    from hepsub.actions.submit.submit import submit as action

    with _remedies():
        return _answer(action(open_session(), spec), SubmissionDocument)


def preview(spec: JobSpec) -> PreviewDocument:
    """What `submit` would do, without doing it.

    Raises:
        HepsubError: the submission would be refused.
    """
    from hepsub.actions.submit.documents import PreviewDocument
    from hepsub.actions.submit.preview import preview as action

    with _remedies():
        return _answer(action(open_session(), spec), PreviewDocument)


def jobs(wanted: Filter | None = None) -> ListingDocument:
    """The jobs in the queue that match; without a filter, everybody's in the default pool.

    Raises:
        HepsubError: the pool, or one of its schedds, cannot be asked.
    """
    from hepsub.actions.queue import query as action

    with _remedies():
        result = action.query(_looking(), wanted or action.Filter())
        return _answer(result, action.ListingDocument)


@overload
def status(*, pool: str | None = None) -> Status: ...
@overload
def status(first: Jobs, /, *more: Jobs, pool: str | None = None) -> ClusterReports: ...
def status(*which: Jobs, pool: str | None = None) -> Status | ClusterReports:
    """The user's clusters in counts; those that are named in full.

    Args:
        which: what is told of in full; nothing for all clusters in counts.
        pool: name of a pool of the policy; None for any that the user submitted to.

    Raises:
        UnknownJob, AmbiguousJob: one of them is not known, or belongs to two schedds.
        HepsubError: the pool, or one of its schedds, cannot be asked.
    """
    from hepsub.actions.queue.cluster import ClusterReports, reports
    from hepsub.actions.queue.status import Status, status

    with _remedies():
        if which:
            return _answer(reports(_looking(), _ids(which), pool), ClusterReports)
        return _answer(status(_looking(), pool), Status)


def wait(
    first: Jobs,
    *more: Jobs,
    pool: str | None = None,
    timeout_s: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> WaitedJobs:
    """Wait until all jobs have ended with 0.

    Args:
        first: jobs to wait for, one at least.
        more: other jobs.
        pool: name of a pool of the policy; None for any that the user submitted to.
        timeout_s: how long to wait; None for ever.
        progress: is told how many jobs are where, when that changes.

    Raises:
        JobsFailed: some ended otherwise, or are on hold.
        TimeOver: some go on.
        Interrupted: Ctrl-C; the jobs go on.
        HepsubError: they are not known, or cannot be asked for.
    """
    from hepsub.actions.queue.ends import Clock
    from hepsub.actions.queue.later import WaitedJobs, wait_for

    clock = Clock(sleep=time.sleep, progress=progress)
    with _remedies():
        result = wait_for(open_session(), _ids((first, *more)), pool, clock, timeout_s)
        return _answer(result, WaitedJobs)


def fetch(
    first: Jobs,
    *more: Jobs,
    directory: str | Path = "",
    only: Sequence[str] = (),
    pool: str | None = None,
    force: bool = False,
    wait: bool = False,
) -> FetchedDocument:
    """Bring the outputs of jobs here, into CLUSTER/PROC/NAME.

    Args:
        first: jobs, one at least.
        more: other jobs.
        directory: below which the outputs shall be; empty for the working directory.
        only: patterns of names; none for all outputs.
        pool: name of a pool of the policy; None for any that the user submitted to.
        force: replace files that are here and differ.
        wait: first wait for the ends of the jobs.

    Raises:
        NotDone: something is missing.
        Interrupted: Ctrl-C; the next call goes on there.
        HepsubError: the jobs are not known.
    """
    from hepsub.actions.fetch.documents import FetchedDocument
    from hepsub.actions.fetch.fetch import fetch as action
    from hepsub.actions.fetch.result import FetchRequest, directory_for
    from hepsub.actions.queue.ends import Clock

    with _remedies():
        session = open_session()
        wanted = FetchRequest(
            ids=tuple(_ids((first, *more))),
            directory=directory_for(str(directory), session.situation.cwd),
            pool=pool,
            only=tuple(only),
            force=force,
            wait=wait,
        )
        clock = Clock(sleep=time.sleep, progress=lambda _: None)
        return _answer(action(session, wanted, clock), FetchedDocument)


def _looking() -> Session:
    """A session that sends no job anywhere: what is wrong with remote sites in the policy does not matter."""
    return open_session(alert=lambda _: None)


def _ids(which: Sequence[Jobs]) -> list[JobId]:
    return [
        JobId(cluster=each.cluster, schedd=each.schedd)
        if isinstance(each, SubmissionDocument)
        else parse_job_id(str(each))
        for each in which
    ]


def _answer(result: AnyResult, kind: type[_T]) -> _T:
    """What an action found, as its command's JSON has it.

    Raises:
        HepsubError: not all was done.
    """
    value = described(result.value)
    assert isinstance(value, kind)  # noqa: S101 (what the action returns)
    if result.exit_code == 0:
        return value
    error = error_of(result.exit_code)
    # Errors of several kinds make the exit code of what they share, which none of them has: the first one is told.
    told = next((each for each in result.problems if each.code == error.code), result.problems[0])
    raise error(told.message, remedy=told.remedy, result=value)


@contextlib.contextmanager
def _remedies() -> Iterator[None]:
    """Show what to do below the traceback."""
    try:
        yield
    except HepsubError as error:
        if error.remedy:
            error.add_note(error.remedy)
        raise
