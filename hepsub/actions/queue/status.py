"""hep_sub status: the user's own clusters, one a line."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from hepsub.actions.queue.query import Filter, Listing, query
from hepsub.actions.session import Session
from hepsub.batch import State
from hepsub.result import Json, Result


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
    """Group the user's own jobs by cluster.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    listed = query(session, Filter(pool=pool, owner=session.situation.user))
    listing = listed.value
    assert isinstance(listing, Listing)  # noqa: S101 (what query returns)
    keys = dict.fromkeys((job.schedd, job.cluster) for job in listing.jobs)
    keys |= dict.fromkeys((rest.schedd, rest.cluster) for rest in listing.unmade)
    clusters = tuple(_cluster(listing, schedd, cluster) for schedd, cluster in keys)
    return Result(
        value=Status(clusters=clusters), problems=listed.problems, exit_code=listed.exit_code
    )


def _cluster(listing: Listing, schedd: str, cluster: int) -> ClusterStatus:
    jobs = [job for job in listing.jobs if (job.schedd, job.cluster) == (schedd, cluster)]
    unmade = sum(
        rest.number for rest in listing.unmade if (rest.schedd, rest.cluster) == (schedd, cluster)
    )
    states = Counter(job.state for job in jobs)
    first = jobs[0] if jobs else None
    return ClusterStatus(
        schedd=schedd,
        cluster=cluster,
        name=(first.name or first.command) if first else "",
        submitted=first.submitted if first else 0,
        idle=states[State.IDLE] + unmade,
        running=states[State.RUNNING] + states[State.TRANSFERRING],
        held=states[State.HELD],
        reason=next((job.hold_reason for job in jobs if job.state is State.HELD), ""),
    )
