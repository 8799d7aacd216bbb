"""hep_history: jobs that left the queue, how they ended and why."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.elsewhere import Elsewhere, gathered, recent
from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.actions.reach import Reach
from hepsub.actions.submissions import submitted_to
from hepsub.batch import JobStatus, Selection
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId, SubmissionRef, same_schedd
from hepsub.result import Result, failures
from hepsub.session import Session


class PastDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_history."""

    jobs: tuple[JobDocument, ...]


class Past(Struct, frozen=True, kw_only=True):
    """Jobs that left the queue, the latest first.

    Attributes:
        pool: the pool that was asked.
    """

    jobs: tuple[JobStatus, ...]
    pool: str

    def document(self) -> PastDocument:
        """The jobs as they stand under `result` in JSON."""
        return PastDocument(jobs=tuple(job_document(job, self.pool) for job in self.jobs))


def history(
    session: Session, ids: tuple[JobId, ...], owner: str, most: int, pool: str | None
) -> Result:
    """List jobs that left the queue.

    Args:
        session: the session.
        ids: clusters and procs; empty for all of the owner.
        owner: login name; empty for everybody.
        most: the most jobs to list.
        pool: name of a pool of the policy; None for the default one, and others where the user had jobs.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    noted = {each: submitted_to(session, each) for each in ids}
    found: list[JobStatus] = []
    errors: list[HepsubError] = []
    wanted = Selection(owner="" if ids else owner)
    for target in reach.everything(wanted, _elsewhere(reach, noted)):
        # What the user submitted is meant where it was submitted, another id everywhere.
        own = tuple(
            each
            for each in ids
            if (not each.schedd or same_schedd(each.schedd, target.schedd.name))
            and (target.schedd.name in noted[each] or not (noted[each] or target.pool))
        )
        if ids and not own:
            continue
        selection = replace(target.selection, ids=own) if ids else target.selection
        try:
            found += target.marked(target.schedd.history(selection, most))
        except HepsubError as error:
            errors.append(error)
    found.sort(key=lambda job: (-job.ended, -job.cluster, job.proc))
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    value = Past(jobs=tuple(found[:most]), pool=reach.pool)
    return Result(value=value, problems=problems, exit_code=exit_code)


def _elsewhere(
    reach: Reach, noted: Mapping[JobId, Mapping[str, SubmissionRef]]
) -> tuple[Elsewhere, ...]:
    """The schedds of other pools that may tell of what has ended: where the ids were submitted, else lately."""
    pools = reach.far_pools()
    if not noted:
        return recent(reach.session, pools)
    refs = itertools.chain.from_iterable(each.values() for each in noted.values())
    return gathered(ref for ref in refs if ref.pool in pools)
