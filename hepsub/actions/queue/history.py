"""hep_history: jobs that left the queue, how they ended and why."""

from __future__ import annotations

from msgspec import Struct

from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.actions.submissions import submitted_to
from hepsub.batch import JobStatus, Selection
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId, same_schedd
from hepsub.result import Result, failures
from hepsub.session import Session


class PastDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_history."""

    jobs: tuple[JobDocument, ...]


class Past(Struct, frozen=True, kw_only=True):
    """Jobs that left the queue, the latest first."""

    jobs: tuple[JobStatus, ...]

    def document(self) -> PastDocument:
        """The jobs as they stand under `result` in JSON."""
        return PastDocument(jobs=tuple(job_document(job) for job in self.jobs))


def history(
    session: Session, ids: tuple[JobId, ...], owner: str, most: int, pool: str | None
) -> Result:
    """List jobs that left the queue.

    Args:
        session: the session.
        ids: clusters and procs; empty for all of the owner.
        owner: login name; empty for everybody.
        most: the most jobs to list.
        pool: name of a pool of the policy; None for the default one.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    noted = {each: submitted_to(session, each) for each in ids}
    found: list[JobStatus] = []
    errors: list[HepsubError] = []
    for schedd in session.schedds(session.pool_name(pool)):
        # What the user submitted is meant where it was submitted, another id everywhere.
        own = tuple(
            each
            for each in ids
            if (not each.schedd or same_schedd(each.schedd, schedd.name))
            and (not noted[each] or schedd.name in noted[each])
        )
        if ids and not own:
            continue
        try:
            found += schedd.history(Selection(ids=own, owner="" if ids else owner), most)
        except HepsubError as error:
            errors.append(error)
    found.sort(key=lambda job: (-job.ended, -job.cluster, job.proc))
    problems, exit_code = failures(errors, PoolError.exit_code)
    return Result(value=Past(jobs=tuple(found[:most])), problems=problems, exit_code=exit_code)
