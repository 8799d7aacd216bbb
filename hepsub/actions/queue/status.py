"""hep_sub status: the user's own clusters, those that are in the queue and those that ended lately, one a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import Later, later_runs
from hepsub.actions.queue.counted import (
    ClusterStatus,
    alive_number,
    cluster_status,
    keeps_ended,
    none_queued,
)
from hepsub.actions.queue.ended import Ended, Submitted, is_of, keep_left, look_back
from hepsub.actions.reach import Reach, Target
from hepsub.batch import ClusterCounts, Selection, State
from hepsub.errors import HepsubError, PoolError
from hepsub.journal import Entry
from hepsub.result import Result, failures
from hepsub.session import JOURNAL_MATTERS_S, VISIBLE_S, Session

_NOTHING = Ended(jobs={})


class Status(Struct, frozen=True, kw_only=True):
    """The user's clusters, the oldest first, then those that ended, the latest first; its fields are its JSON.

    Attributes:
        pool: the pool that was asked; clusters of others need the names of their schedds.
        now: when that was, in seconds since the epoch.
    """

    pool: str
    clusters: tuple[ClusterStatus, ...]
    now: float = 0


def status(session: Session, pool: str | None) -> Result[Status]:
    """Count the user's own jobs, cluster by cluster; a schedd that does not answer is a problem, not the end.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    errors: list[HepsubError] = []
    noted = _noted(session, {reach.pool, *reach.far_pools()})
    later = later_runs(session.journal.entries())
    found: list[ClusterStatus] = []
    for target in reach.everything(Selection(owner=session.situation.user)):
        try:
            counts = target.schedd.count_clusters(target.selection, session.situation.now)
        except HepsubError as error:
            errors.append(error)
            continue
        entries = noted.pop((target.pool or reach.pool, target.schedd.name), {})
        found += _of_schedd(session, target, target.marked(counts), entries, later, errors)
    found += _of_others(session, reach, noted, later)
    errors += reach.absent()
    problems, exit_code = failures([*errors, *reach.errors], PoolError.exit_code)
    rows = tuple(_typed(each, reach.option) for each in _ordered(found))
    value = Status(pool=reach.pool, clusters=rows, now=session.situation.now)
    return Result(value=value, problems=problems, exit_code=exit_code)


def _ordered(found: Sequence[ClusterStatus]) -> Iterator[ClusterStatus]:
    living = [each for each in found if not each.is_over]
    over = [each for each in found if each.is_over]
    yield from sorted(living, key=lambda each: not each.submitted)  # of which no job exists yet
    yield from sorted(over, key=lambda each: -(each.ended or each.submitted))


def _noted(session: Session, pools: Collection[str]) -> dict[tuple[str, str], dict[int, Entry]]:
    """What was submitted to some pools, by pool and schedd, and by ClusterId: of one number the later one counts."""
    found: defaultdict[tuple[str, str], dict[int, Entry]] = defaultdict(dict)
    for entry in session.journal.entries():
        if entry.ref.cluster > 0 and entry.ref.pool in pools:
            found[entry.ref.pool, entry.ref.schedd][entry.ref.cluster] = entry
    return dict(found)


def _matters(session: Session, entry: Entry, found: ClusterCounts | None = None) -> bool:
    """Whether a submission is shown: one of late, or what is in the queue, which may run for months."""
    if entry.when > session.situation.now - JOURNAL_MATTERS_S:
        return True
    return found is not None and is_of(found.submitted, entry.when)


def _of_schedd(
    session: Session,
    target: Target,
    counts: Sequence[ClusterCounts],
    entries: Mapping[int, Entry],
    later: Mapping[str, Later],
    errors: list[HepsubError],
) -> Iterator[ClusterStatus]:
    """The clusters at a schedd that has answered."""
    queued = {each.cluster: each for each in counts}
    pool = target.schedd.pool
    latest = {n: each for n, each in entries.items() if _matters(session, each, queued.get(n))}
    left = [n for n, each in queued.items() if each.states.get(State.COMPLETED) and n in latest]
    keep_left(session, target.schedd, [latest[number].ref for number in left], errors)
    submitted = [
        _submitted(session, each, queued.get(each.ref.cluster)) for each in latest.values()
    ]
    ended = look_back(
        session,
        target.schedd,
        [each for each in submitted if each.ended],
        errors,
        spooled=keeps_ended(session, pool),
    )
    for each in counts:
        entry = latest.get(each.cluster)
        past = ended.get(entry.ref.uuid, _NOTHING) if entry is not None else _NOTHING
        again = later.get(entry.ref.uuid, Later()) if entry is not None else Later()
        meant = target.spelled(each.cluster)
        yield cluster_status(session, each, entry, past, again, pool=pool, meant=meant)
    over = [entry for number, entry in latest.items() if number not in queued]
    yield from _over(session, over, ended, later, meant=target.spelled)


def _submitted(session: Session, entry: Entry, counts: ClusterCounts | None) -> Submitted:
    """A submission of the journal, and how many of its jobs have ended."""
    alive = alive_number(counts)
    # What ended longer ago is shown of a cluster only that is in the queue.
    since = 0.0 if alive else session.situation.now - VISIBLE_S
    number = max(0, entry.ref.number - alive)
    return Submitted(ref=entry.ref, when=entry.when, ended=number, since=since)


def _over(
    session: Session,
    entries: Iterable[Entry],
    ended: Mapping[str, Ended],
    later: Mapping[str, Later],
    meant: Callable[[object], str],
) -> Iterator[ClusterStatus]:
    """The clusters that ended lately."""
    visible = session.situation.now - VISIBLE_S
    for entry in entries:
        past = ended.get(entry.ref.uuid, _NOTHING)
        if max(past.latest, entry.when if past.unknown else 0) >= visible:
            again = later.get(entry.ref.uuid, Later())
            yield cluster_status(
                session,
                none_queued(entry),
                entry,
                past,
                again,
                pool=entry.ref.pool,
                meant=meant(entry.ref.cluster),
            )


def _of_others(
    session: Session,
    reach: Reach,
    noted: Mapping[tuple[str, str], Mapping[int, Entry]],
    later: Mapping[str, Later],
) -> Iterator[ClusterStatus]:
    """What ended lately at schedds that have nothing else of the user's, and are not asked; or that do not answer."""
    away = {(each.pool, each.schedd) for each in reach.elsewhere()}
    # Such a pool may be slow or away; what ended lately in it is kept, or has reported home.
    for (pool, schedd), entries in noted.items():
        latest = [entry for entry in entries.values() if _matters(session, entry)]
        submitted = [_submitted(session, each, None) for each in latest]
        ended = look_back(session, None, submitted, [])
        # What nobody tells of may still be in the queue of a schedd that does not answer now.
        may_live = pool == reach.pool or (pool, schedd) in away
        known = [
            entry
            for entry in latest
            for past in [ended[entry.ref.uuid]]
            if past.jobs and not (may_live and past.unknown)
        ]
        prefix = "" if pool == reach.pool else f"{schedd}:"
        yield from _over(session, known, ended, later, f"{prefix}{{}}".format)


def _typed(found: ClusterStatus, option: str) -> ClusterStatus:
    """A cluster whose next command names the pool, where it has to."""
    if not (option and found.next_command):
        return found
    return replace(found, next_command=found.next_command + option)
