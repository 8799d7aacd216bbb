"""hep_fetch: the outputs of jobs, wherever they are, into CLUSTER/PROC/NAME of a directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hepsub.actions.fetch.bring import Brought, bring
from hepsub.actions.fetch.keys import keeper
from hepsub.actions.fetch.logs import with_logs
from hepsub.actions.fetch.look import look
from hepsub.actions.fetch.order import Order
from hepsub.actions.fetch.plan import job_ranges, plan_job
from hepsub.actions.fetch.problems import problems_of
from hepsub.actions.fetch.push import push_home, waiting_at_home
from hepsub.actions.fetch.result import Fetched, FetchedCluster
from hepsub.actions.fetch.stand import stand
from hepsub.actions.queue.ends import await_ends, collect_spooled, job_states
from hepsub.actions.queue.wait import Clock
from hepsub.actions.returned.place import left_text
from hepsub.actions.session import Session
from hepsub.actions.submissions import Found, find_submissions
from hepsub.actions.submit.stage import Stores, open_stores
from hepsub.errors import Interrupted, NotDone, UsageError
from hepsub.result import Problem, Result
from hepsub.storage.transfer import Courier, Meter


@dataclass(slots=True, kw_only=True)
class _View:
    """What was seen of the submissions, and how it stands here."""

    session: Session
    order: Order
    stores: Stores
    courier: Courier
    clusters: list[FetchedCluster] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """Look at a submission, after its spool was emptied and what came home pushed."""
        if trouble := collect_spooled(self.session, found):
            self.problems.append(Problem(code="spool", message=trouble, remedy=_AGAIN))
        if found.bundle is None:
            self.problems += _without_bundle(self.session, found)
            return
        if self.order.push:
            self._push(found)
        looked = look(found, found.bundle, self.stores, self.courier)
        jobs = {job.proc: plan_job(job, looked.sight) for job in looked.jobs}
        unsure = [proc for proc, job in jobs.items() if job.missing or job.complete is False]
        states, trouble = job_states(self.session, found, unsure)
        for job in looked.jobs:
            if job.proc in states:
                jobs[job.proc] = plan_job(replace(job, status=states[job.proc]), looked.sight)
        if trouble:
            self.notes.append(trouble)
        for job in looked.jobs:
            self.notes += left_text(f"{found.ref.cluster}.{job.proc}", job.home, job.returned)
        named = any(job.carried for job in looked.jobs)
        if not named and not found.bundle.request.staging.brings_all:
            self.notes.append(f"the jobs of cluster {found.ref.cluster} have no outputs (-out)")
        self.problems += [
            Problem(code=each.code, message=each.message, remedy=each.remedy)
            for each in looked.errors
        ]
        request = found.bundle.request
        whole = (with_logs(each, request, found.ref.cluster) for each in jobs.values())
        kept = [self.order.part_of(each) for each in whole]
        files = (
            each for job in kept for each in stand(job, self.order.directory, found.ref.cluster)
        )
        self.clusters.append(
            FetchedCluster(
                cluster=found.ref.cluster,
                schedd=found.ref.schedd,
                jobs=tuple(kept),
                files=tuple(files),
            )
        )

    def _push(self, found: Found) -> None:
        before = waiting_at_home(found)
        self.problems += push_home(self.session, self.stores, found, force=self.order.force)
        if pushed := sorted(set(before) - set(waiting_at_home(found))):
            jobs = job_ranges(found.ref.cluster, pushed)
            self.notes.append(f"{jobs}: what had come home is in its place now")


_AGAIN = "try again later: what jobs have left stays with their schedd until it was fetched"
_INTERRUPTED = Problem(
    code=Interrupted.code,
    message="interrupted; what has come of unfinished files is in NAME.part",
    remedy="the same command goes on there",
)


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
    view = _View(
        session=session, order=order, stores=stores, courier=Courier(stores=keeper(session, stores))
    )
    for found in submissions:
        view.add(found)
    started = time.monotonic()
    nothing = Brought(clusters=view.clusters)
    brought = nothing if order.listing else bring(view.clusters, order, view.courier, watch)
    value = Fetched(
        directory=order.directory,
        clusters=tuple(brought.clusters),
        listing=order.listing,
        moved=brought.moved,
        seconds=time.monotonic() - started,
    )
    return _result(value, view, submissions, brought)


def _result(value: Fetched, view: _View, submissions: Sequence[Found], brought: Brought) -> Result:
    problems = [*view.problems, *_unmatched(view.order, value.clusters)]
    if brought.interrupted:
        problems.insert(0, _INTERRUPTED)
    by_cluster = {found.ref.cluster: found for found in submissions}
    for each in value.clusters:
        found = by_cluster[each.cluster]
        problems += problems_of(found, each, listing=value.listing or brought.interrupted)
    code = NotDone.exit_code if problems else 0
    return Result(
        value=value,
        notes=tuple(view.notes),
        problems=tuple(problems),
        exit_code=Interrupted.exit_code if brought.interrupted else code,
    )


def _check_numbers(submissions: Sequence[Found]) -> None:
    numbers = [found.ref.cluster for found in submissions]
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two clusters {twice} of two schedds would share the directory {twice}",
            remedy="fetch them one by one, with -d DIR for one of them",
        )


def _without_bundle(session: Session, found: Found) -> list[Problem]:
    if found.ref.pool in session.policy.pool and session.policy.pool[found.ref.pool].spool:
        return []  # everything that a plain job leaves was in the spool
    days = float(session.policy.renew.keep) / 86400
    return [
        Problem(
            code="no-bundle",
            message=f"nothing is known of outputs of cluster {found.ref.cluster}: there is no bundle"
            f" {session.bundles / (found.ref.uuid or '?')}",
            remedy="jobs without -in, -out and -cred have none, and their files are where they wrote them; others"
            f" keep theirs for {days:.0f} days after their end, on the file system where they were submitted",
        )
    ]


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
