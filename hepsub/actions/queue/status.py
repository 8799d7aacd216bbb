"""hep_sub status: the user's own clusters, one a line."""

from __future__ import annotations

from msgspec import Struct

from hepsub.actions.session import Session, does_not_answer
from hepsub.batch import ClusterCounts, Selection, State
from hepsub.errors import HepsubError, PoolError
from hepsub.result import Json, Result, failures


class ClusterStatus(Struct, frozen=True, kw_only=True):
    """A cluster in the queue.

    Attributes:
        schedd: full name of the schedd.
        cluster: ClusterId.
        name: job name, else the program.
        submitted: seconds since the epoch.
        idle: jobs that wait, those still to be made included.
        running: jobs that run.
        held: jobs on hold.
        reason: the hold reason of the first of them; empty when none is.
    """

    schedd: str
    cluster: int
    name: str
    submitted: float
    idle: int
    running: int
    held: int
    reason: str


class Status(Struct, frozen=True, kw_only=True):
    """The user's clusters, the oldest first."""

    clusters: tuple[ClusterStatus, ...]

    def document(self) -> dict[str, Json]:
        """The clusters as they stand under `result` in JSON."""
        return {
            "clusters": [
                {
                    "schedd": each.schedd,
                    "cluster": each.cluster,
                    "name": each.name,
                    "submitted": each.submitted,
                    "idle": each.idle,
                    "running": each.running,
                    "held": each.held,
                    "hold_reason": each.reason or None,
                }
                for each in self.clusters
            ]
        }


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
        reason=found.hold_reason,
    )
