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
    wanted = constraint(selection)
    queued = connection.query(wanted, FIND_PROJECTION, how="IncludeClusterAd")
    if found := read_submissions(queued, pool, connection.name):
        return found
    # One ad of the past is enough: it has the cluster's number, and how many jobs there were.
    past = connection.history(wanted, FIND_PROJECTION, 1)
    return read_submissions(past, pool, connection.name)


def queue(connection: Connection, selection: Selection, now: float, *, brief: bool) -> Queue:
    """The jobs of a selection that are in the queue; if brief, what hep_q's table shows of them."""
    ads = _jobs_and_factories(connection, selection, TABLE_PROJECTION if brief else PROJECTION)
    return read_queue(ads, connection.name, selection, now)


def count(connection: Connection, selection: Selection) -> Counts:
    """How many jobs of a selection are in the queue: the schedd counts them, and sends no job."""
    summary = connection.query(constraint(selection), FACTORY_PROJECTION, how="SummaryOnly")
    return read_counts(summary, _factories(connection, selection), connection.name, selection)


def has_factories(connection: Connection, selection: Selection) -> bool:
    """Whether clusters of a selection are factories, also those that have made all their procs."""
    # An act counts the cluster's own ad besides its jobs: 101 done of 100.
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
    groups = connection.query(constraint(selection), GROUP_PROJECTION, how="GroupBy")
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
    stop = f"EnteredCurrentStatus < {since:.0f}" if since > 0 else None
    found = connection.history(constraint(selection), PROJECTION, most, stop)
    jobs = (read_job(ad, connection.name, 0) for ad in found)
    return tuple(job for job in jobs if job is not None)


def _jobs_and_factories(
    connection: Connection, selection: Selection, projection: tuple[str, ...], most: int = -1
) -> list[ClassAd]:
    jobs = f"ProcId isnt undefined && {constraint(selection)}"
    wanted = f"({jobs}) || ({cluster_constraint(selection)})"
    attributes = dict.fromkeys((*projection, *FACTORY_PROJECTION))
    return connection.query(wanted, attributes, how="IncludeClusterAd", most=most)


def _factories(connection: Connection, selection: Selection) -> list[ClassAd]:
    wanted = cluster_constraint(selection)
    return connection.query(wanted, FACTORY_PROJECTION, how="IncludeClusterAd")
