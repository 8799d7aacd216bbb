"""hep_sub status: the user's own clusters, one a line."""

from __future__ import annotations

from msgspec import Struct, field

from hepsub.batch import ClusterCounts, Selection, State
from hepsub.errors import HepsubError, PoolError
from hepsub.result import Result, failures
from hepsub.session import Session, does_not_answer


class ClusterStatus(Struct, frozen=True, kw_only=True):
    """A cluster in the queue.

    Attributes:
        name: job name, else the program.
        submitted: seconds since the epoch.
        idle: jobs that wait, those still to be made included.
        reason: the hold reason of the first of them; None when none is.
    """

    schedd: str
    cluster: int
    name: str
    submitted: float
    idle: int
    running: int
    held: int
    reason: str | None = field(name="hold_reason")


class Status(Struct, frozen=True, kw_only=True):
    """The user's clusters, the oldest first; its fields are its JSON."""

    clusters: tuple[ClusterStatus, ...]


def status(session: Session, pool: str | None) -> Result:
    """Count the user's own jobs, cluster by cluster; a schedd that does not answer is a problem, not the end.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    name = session.pool_name(pool)
    mine = Selection(owner=session.situation.user)
    schedds = session.schedds(name)
    found: list[ClusterCounts] = []
    errors: list[HepsubError] = []
    for schedd in schedds:
        try:
            found += schedd.count_clusters(mine, session.situation.now)
        except HepsubError as error:
            errors.append(error)
    errors += [does_not_answer(each) for each in session.absent(name, schedds)]
    problems, exit_code = failures(errors, PoolError.exit_code)
    found.sort(key=lambda each: not each.states)  # those of which no job exists yet come last
    clusters = tuple(_shown(each) for each in found)
    return Result(value=Status(clusters=clusters), problems=problems, exit_code=exit_code)


def _shown(found: ClusterCounts) -> ClusterStatus:
    states = found.states
    return ClusterStatus(
        schedd=found.schedd,
        cluster=found.cluster,
        name=found.name,
        submitted=found.submitted,
        idle=states.get(State.IDLE, 0) + found.unmade,
        running=states.get(State.RUNNING, 0) + states.get(State.TRANSFERRING, 0),
        held=states.get(State.HELD, 0),
        reason=found.hold_reason or None,
    )
