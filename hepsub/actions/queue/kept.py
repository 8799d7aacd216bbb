"""The user's jobs that have ended, as hepsub itself knows them: those of which no history tells any more."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from hepsub.actions.queue.counted import alive_number
from hepsub.actions.queue.ended import Submitted, look_back
from hepsub.actions.reach import Reach, Target
from hepsub.batch import JobStatus
from hepsub.ended import CLOCKS_S
from hepsub.errors import HepsubError
from hepsub.journal import Entry
from hepsub.session import Session


def entries_of(reach: Reach) -> tuple[Entry, ...]:
    """The user's submissions to the pools that are meant, the latest first; of one number the later one counts."""
    pools = {reach.pool, *reach.far_pools()}
    latest = {
        (entry.ref.pool, entry.ref.schedd, entry.ref.cluster): entry
        for entry in reach.session.journal.entries()
        if entry.ref.cluster > 0 and entry.ref.pool in pools
    }
    return tuple(sorted(latest.values(), key=lambda entry: -entry.when))


def forgotten_ends(
    reach: Reach,
    entries: Sequence[Entry],
    told: Sequence[JobStatus],
    asked: Iterable[Target],
    most: int,
) -> Iterator[JobStatus]:
    """The user's jobs that have ended and of which nobody tells: those that are kept, then those that reported home.

    Args:
        reach: the schedds that are meant.
        entries: what was submitted to them, the latest first.
        told: the jobs of which histories tell.
        asked: the schedds whose histories were asked.
        most: so many jobs are wanted; more may come, but none that is later is missing.
    """
    there = {(job.schedd, job.cluster, job.proc) for job in told}
    found = [
        job
        for job in _kept(reach.session, entries, told, most)
        if (job.schedd, job.cluster, job.proc) not in there
    ]
    if len(told) < most:  # else what the schedds have forgotten is earlier than all of it
        known = there | {(job.schedd, job.cluster, job.proc) for job in found}
        found += _reported(reach.session, entries, known, asked, most)
    pools = {(entry.ref.schedd, entry.ref.cluster): entry.ref.pool for entry in entries}
    for job in found:
        pool = pools[job.schedd, job.cluster]
        yield replace(job, pool="" if pool == reach.pool else pool)


def _kept(
    session: Session, entries: Iterable[Entry], told: Iterable[JobStatus], most: int
) -> Iterator[JobStatus]:
    """The jobs that are kept; no file is read that was written before the last wanted job ended."""
    # A sorted list is a heap: its first is the end before which a job is not among the wanted ones.
    ends = sorted(heapq.nlargest(most, (job.ended for job in told)))
    dated = ((session.ended.noted(entry.ref.uuid), entry.ref) for entry in entries)
    for noted, ref in sorted(dated, key=lambda each: -each[0]):
        if not noted or (len(ends) >= most and noted + CLOCKS_S < ends[0]):
            return
        for job in session.ended.read(ref.uuid).jobs.values():
            (heapq.heappush if len(ends) < most else heapq.heappushpop)(ends, job.ended)
            yield replace(job, schedd=ref.schedd, cluster=ref.cluster)


def _reported(
    session: Session,
    entries: Iterable[Entry],
    known: Iterable[tuple[str, int, int]],
    asked: Iterable[Target],
    most: int,
) -> Iterator[JobStatus]:
    """So many jobs whose reports came home, of clusters that are in no queue any more."""
    known = frozenset(known)
    numbers = Counter((schedd, cluster) for schedd, cluster, _ in known)
    lacking = [
        entry
        for entry in entries
        if numbers[entry.ref.schedd, entry.ref.cluster] < entry.ref.number
        and (session.bundles / entry.ref.uuid).is_dir()
    ]
    queued = _queued(session, asked) if lacking else {}
    for entry in lacking:
        ref = entry.ref
        if ref.cluster in queued.get(ref.schedd, (ref.cluster,)):
            continue  # or nobody knows: a report may be of an earlier run
        submitted = Submitted(ref=ref, when=entry.when, ended=ref.number)
        for job in look_back(session, None, [submitted], [])[ref.uuid].jobs.values():
            if (job.schedd, job.cluster, job.proc) in known:
                continue
            if most <= 0:
                return
            most -= 1
            yield replace(job, schedd=ref.schedd, cluster=ref.cluster)


def _queued(session: Session, asked: Iterable[Target]) -> Mapping[str, frozenset[int]]:
    """The clusters in the queues of schedds, of those that answer."""
    found: dict[str, frozenset[int]] = {}
    for target in asked:
        try:
            counts = target.schedd.count_clusters(target.selection, session.situation.now)
        except HepsubError:  # their histories have answered, or that was told
            continue
        found[target.schedd.name] = frozenset(each.cluster for each in counts if alive_number(each))
    return found
