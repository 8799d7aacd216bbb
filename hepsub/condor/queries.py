"""What a schedd is asked, and what it answers: the queue, its counts, the history. Nothing is changed."""

from __future__ import annotations

from hepsub.batch import ClusterCounts, Counts, JobStatus, Queue, Selection, clusters_of
from hepsub.condor.ads import (
    FACTORY_PROJECTION,
    FIND_PROJECTION,
    GROUP_PROJECTION,
    PROJECTION,
    TABLE_PROJECTION,
    cluster_constraint,
    constraint,
    groups_hold,
    read_counts,
    read_groups,
    read_queue,
    read_submissions,
)
from hepsub.condor.attributes import ClassAd
from hepsub.condor.bindings import bindings
from hepsub.condor.connection import Connection
from hepsub.condor.jobs import read_job
from hepsub.jobid import SubmissionRef

_FEW = 1000
"""So many jobs are sent sooner than a schedd with many more has counted or grouped them."""


def find(connection: Connection, selection: Selection, pool: str) -> tuple[SubmissionRef, ...]:
    """The clusters of a selection in the queue or, failing that, in the history.

    Args:
        connection: the way to the schedd.
        selection: which jobs.
        pool: the pool's name in the policy, which its clusters are noted with.
    """
    queued = _query(connection, constraint(selection), FIND_PROJECTION, "IncludeClusterAd")
    return read_submissions(queued, pool, connection.name) or read_submissions(
        _history(connection, selection, FIND_PROJECTION, 1), pool, connection.name
    )


def queue(connection: Connection, selection: Selection, now: float, *, brief: bool) -> Queue:
    """The jobs of a selection that are in the queue; if brief, what hep_q's table shows of them."""
    ads = _jobs_and_factories(connection, selection, TABLE_PROJECTION if brief else PROJECTION)
    return read_queue(ads, connection.name, selection, now)


def count(connection: Connection, selection: Selection) -> Counts:
    """How many jobs of a selection are in the queue: the schedd counts them, and sends no job."""
    summary = _query(connection, constraint(selection), FACTORY_PROJECTION, "SummaryOnly")
    return read_counts(summary, _factories(connection, selection), connection.name, selection)


def has_factories(connection: Connection, selection: Selection) -> bool:
    """Whether clusters of a selection are factories, also those that have made all their procs."""
    return bool(_factories(connection, selection))


def count_clusters(
    connection: Connection, selection: Selection, now: float
) -> tuple[ClusterCounts, ...]:
    """The clusters of a selection that are in the queue, their jobs counted.

    Many jobs are grouped by the schedd, which looks at the jobs of all users for that; few are sent.
    """
    most = _FEW if groups_hold(selection) else -1
    ads = _jobs_and_factories(connection, selection, ("ProcId", *GROUP_PROJECTION), most)
    if len(ads) != most:
        return clusters_of(read_queue(ads, connection.name, selection, now))
    groups = _query(connection, constraint(selection), GROUP_PROJECTION, "GroupBy")
    unmade = read_queue(_factories(connection, selection), connection.name, selection, now).unmade
    return read_groups(groups, unmade, connection.name)


def history(
    connection: Connection, selection: Selection, most: int, since: float = 0
) -> tuple[JobStatus, ...]:
    """The jobs of a selection that left the queue, the latest first.

    Args:
        connection: the way to the schedd.
        selection: which jobs.
        most: how many at most.
        since: the schedd looks no further back than to what ended before this, in seconds since the epoch.
    """
    # The schedd reads its history backwards, as it was written, to the first job for which this is true.
    stop = f"EnteredCurrentStatus < {since:.0f}" if since > 0 else None
    found = _history(connection, selection, PROJECTION, most, stop)
    jobs = (read_job(ad, connection.name, 0) for ad in found)
    return tuple(job for job in jobs if job is not None)


def whole_ad(connection: Connection, job: JobStatus) -> ClassAd | None:
    """All that the schedd knows of a job; None when it has left the queue."""
    one = f"ClusterId == {job.cluster} && ProcId == {job.proc}"
    ads = connection.call(lambda schedd: list(schedd.query(constraint=one)))
    return ads[0] if ads else None


def _jobs_and_factories(
    connection: Connection, selection: Selection, projection: tuple[str, ...], most: int = -1
) -> list[ClassAd]:
    wanted = (
        f"(ProcId isnt undefined && {constraint(selection)}) || ({cluster_constraint(selection)})"
    )
    attributes = tuple(dict.fromkeys((*projection, *FACTORY_PROJECTION)))
    return _query(connection, wanted, attributes, "IncludeClusterAd", most)


def _factories(connection: Connection, selection: Selection) -> list[ClassAd]:
    wanted = cluster_constraint(selection)
    return _query(connection, wanted, FACTORY_PROJECTION, "IncludeClusterAd")


def _query(
    connection: Connection, wanted: str, projection: tuple[str, ...], how: str, most: int = -1
) -> list[ClassAd]:
    """The ads for which an expression is true, of procs and, with IncludeClusterAd, of clusters.

    Args:
        connection: the way to the schedd.
        wanted: the expression.
        projection: the attributes.
        how: the name of one of the bindings' QueryOpts.
        most: how many ads; -1 for all.
    """
    opts = getattr(bindings().QueryOpts, how)
    return connection.call(
        lambda schedd: list(
            schedd.query(constraint=wanted, projection=list(projection), opts=opts, limit=most)
        )
    )


def _history(
    connection: Connection,
    selection: Selection,
    projection: tuple[str, ...],
    most: int,
    stop: str | None = None,
) -> list[ClassAd]:
    """The ads of procs of a selection that left the queue."""
    return connection.call(
        lambda schedd: list(schedd.history(constraint(selection), list(projection), most, stop))
    )
