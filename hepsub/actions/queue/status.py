"""hep_sub status: the user's own clusters, one a line."""

from __future__ import annotations

from msgspec import Struct, field

from hepsub.actions.reach import Reach
from hepsub.batch import ClusterCounts, Selection, State
from hepsub.errors import HepsubError, PoolError
from hepsub.result import Result, failures
from hepsub.session import Session


class ClusterStatus(Struct, frozen=True, kw_only=True):
    """A cluster in the queue.

    Attributes:
        pool: its pool's name in the policy.
        name: job name, else the program.
        submitted: seconds since the epoch.
        idle: jobs that wait, those still to be made included.
        reason: the hold reason of the first of them; None when none is.
    """

    pool: str
    schedd: str
    cluster: int
    name: str
    submitted: float
    idle: int
    running: int
    held: int
    reason: str | None = field(name="hold_reason")


class Status(Struct, frozen=True, kw_only=True):
    """The user's clusters, the oldest first; its fields are its JSON.

    Attributes:
        pool: the pool that was asked; clusters of others need the names of their schedds.
    """

    pool: str
    clusters: tuple[ClusterStatus, ...]


def status(session: Session, pool: str | None) -> Result:
    """Count the user's own jobs, cluster by cluster; a schedd that does not answer is a problem, not the end.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    found: list[ClusterCounts] = []
    errors: list[HepsubError] = []
    for target in reach.everything(Selection(owner=session.situation.user)):
        try:
            counts = target.schedd.count_clusters(target.selection, session.situation.now)
            found += target.marked(counts)
        except HepsubError as error:
            errors.append(error)
    errors += reach.absent()
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    found.sort(key=lambda each: not each.states)  # those of which no job exists yet come last
    clusters = tuple(_shown(each, reach.pool) for each in found)
    value = Status(pool=reach.pool, clusters=clusters)
    return Result(value=value, problems=problems, exit_code=exit_code)


def _shown(found: ClusterCounts, pool: str) -> ClusterStatus:
    states = found.states
    return ClusterStatus(
        pool=found.pool or pool,
        schedd=found.schedd,
        cluster=found.cluster,
        name=found.name,
        submitted=found.submitted,
        idle=states.get(State.IDLE, 0) + found.unmade,
        running=states.get(State.RUNNING, 0) + states.get(State.TRANSFERRING, 0),
        held=states.get(State.HELD, 0),
        reason=found.hold_reason or None,
    )
