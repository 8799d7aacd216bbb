"""hep_history: jobs that left the queue, how they ended and why."""

from __future__ import annotations

from msgspec import Struct

from hepsub.actions.queue.query import JobDocument, job_document
from hepsub.batch import BatchSystem, JobStatus, Selection
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
    found: list[JobStatus] = []
    errors: list[HepsubError] = []
    for schedd in session.schedds(session.pool_name(pool)):
        own = _ids_for(session, schedd, ids)
        if ids and not own:
            continue
        try:
            found += schedd.history(Selection(ids=own, owner="" if ids else owner), most)
        except HepsubError as error:
            errors.append(error)
    found.sort(key=lambda job: (-job.ended, -job.cluster, job.proc))
    problems, exit_code = failures(errors, PoolError.exit_code)
    return Result(value=Past(jobs=tuple(found[:most])), problems=problems, exit_code=exit_code)


def _ids_for(session: Session, schedd: BatchSystem, ids: tuple[JobId, ...]) -> tuple[JobId, ...]:
    """The ids that may be meant on a schedd: those that the journal knows there, or nowhere."""
    own = []
    for each in ids:
        noted = session.journal.schedds_of(each)
        if each.schedd and not same_schedd(each.schedd, schedd.name):
            continue
        if not noted or schedd.name in noted:
            own.append(each)
    return tuple(own)
