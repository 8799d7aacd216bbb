"""hep_sub status: the user's own clusters, those that are in the queue and those that ended lately, one a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.queue.ended import (
    Ended,
    Submitted,
    has_succeeded,
    keep_seen,
    look_back,
    was_removed,
)
from hepsub.actions.reach import Reach, Target
from hepsub.batch import ClusterCounts, Selection, State
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId
from hepsub.journal import Entry
from hepsub.result import Result, failures
from hepsub.session import JOURNAL_MATTERS_S, Session

VISIBLE_S = 4 * 86400.0
"""So long clusters are shown that have ended: a weekend with a holiday."""
_ALIVE = (State.IDLE, State.RUNNING, State.TRANSFERRING, State.SUSPENDED, State.HELD)
_NOTHING = Ended(jobs={})


class ClusterStatus(Struct, frozen=True, kw_only=True):
    """A cluster that is in the queue, or ended lately.

    Attributes:
        pool: its pool's name in the policy.
        name: job name, else the program; empty for not known.
        submitted: seconds since the epoch.
        idle: jobs that wait, those still to be made included.
        running: those that run, whose outputs are on their way, or that are suspended.
        reason: the hold reason of the first of them; None when none is.
        id: what means it on a command line.
        number: how many jobs it has, or has now where hepsub's journal does not know it.
        done: jobs that ended with 0.
        failed: those that ended otherwise.
        removed: those that were removed.
        unknown: those of which nobody knows how they ended.
        waiting_since: since when the first idle job waits, in seconds since the epoch; null where none does.
        ended: when the last of the jobs ended that have; null for not known.
        next_command: what to do; null when nothing is to be done.
        again: the clusters that run jobs of it again.
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
    id: str = ""
    number: int = field(name="jobs", default=0)
    done: int = 0
    failed: int = 0
    removed: int = 0
    unknown: int = 0
    waiting_since: float | None = None
    ended: float | None = None
    next_command: str | None = field(name="next", default=None)
    again: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether all of its jobs have ended."""
        return not (self.idle or self.running or self.held)


class Status(Struct, frozen=True, kw_only=True):
    """The user's clusters, the oldest first, then those that ended, the latest first; its fields are its JSON.

    Attributes:
        pool: the pool that was asked; clusters of others need the names of their schedds.
        now: when that was, in seconds since the epoch.
    """

    pool: str
    clusters: tuple[ClusterStatus, ...]
    now: float = 0


def status(session: Session, pool: str | None) -> Result:
    """Count the user's own jobs, cluster by cluster; a schedd that does not answer is a problem, not the end.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    reach = Reach(session=session, asked=pool)
    errors: list[HepsubError] = []
    noted = _noted(session, {reach.pool, *reach.far_pools()})
    later = later_runs(session)
    found: list[ClusterStatus] = []
    for target in reach.everything(Selection(owner=session.situation.user)):
        entries = noted.pop((target.pool or reach.pool, target.schedd.name), ())
        try:
            counts = target.schedd.count_clusters(target.selection, session.situation.now)
        except HepsubError as error:
            errors.append(error)
            continue
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


def _noted(session: Session, pools: Iterable[str]) -> dict[tuple[str, str], list[Entry]]:
    """What was submitted lately to some pools, by pool and schedd."""
    pools, since = frozenset(pools), session.situation.now - JOURNAL_MATTERS_S
    found: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in session.journal.entries():
        if entry.ref.cluster > 0 and entry.ref.pool in pools and entry.when > since:
            found[entry.ref.pool, entry.ref.schedd].append(entry)
    return dict(found)


def _of_schedd(
    session: Session,
    target: Target,
    counts: Sequence[ClusterCounts],
    entries: Sequence[Entry],
    later: Mapping[str, Later],
    errors: list[HepsubError],
) -> Iterator[ClusterStatus]:
    """The clusters at a schedd that has answered."""
    queued = {each.cluster: each for each in counts}
    pool = target.schedd.pool
    latest = {entry.ref.cluster: entry for entry in entries}  # of one number the later one counts
    _keep_left(session, target, queued, latest)
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
        yield living_status(session, each, entry, past, pool, again)
    over = [entry for number, entry in latest.items() if number not in queued]
    yield from _over(session, over, ended, later, meant=target.spelled)


def keeps_ended(session: Session, pool: str) -> bool:
    """Whether ended jobs of a pool stay in the queue until what they left is fetched."""
    rules = session.policy.pool.get(pool)
    if rules is None or not rules.spool:
        return False
    from hepsub.actions.queue.spools import is_spooled  # brings the bundles with it

    return is_spooled(session, pool)


def _keep_left(
    session: Session,
    target: Target,
    queued: Mapping[int, ClusterCounts],
    entries: Mapping[int, Entry],
) -> None:
    """Keep how jobs ended that are still in the queue, such as those whose files have to be fetched."""
    left = [
        number
        for number, each in queued.items()
        if each.states.get(State.COMPLETED) and number in entries
    ]
    if not left:
        return
    ids = tuple(JobId(cluster=number) for number in left)
    jobs = target.schedd.queue(
        Selection(ids=ids, states=(State.COMPLETED,)), session.situation.now
    ).jobs
    for number in left:
        keep_seen(session, entries[number].ref, (job for job in jobs if job.cluster == number))


def _submitted(session: Session, entry: Entry, counts: ClusterCounts | None) -> Submitted:
    """A submission of the journal, and how many of its jobs have ended."""
    alive = alive_number(counts) if counts is not None else 0
    # What ended longer ago is shown of a cluster only that is in the queue.
    since = 0.0 if alive else session.situation.now - VISIBLE_S
    number = max(0, entry.ref.number - alive)
    return Submitted(ref=entry.ref, when=entry.when, ended=number, since=since)


def alive_number(counts: ClusterCounts) -> int:
    """How many jobs of a cluster have not ended, those still to be made included."""
    return sum(counts.states.get(state, 0) for state in _ALIVE) + counts.unmade


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
            yield over_status(entry, past, meant(entry.ref.cluster), again)


def _of_others(
    session: Session,
    reach: Reach,
    noted: Mapping[tuple[str, str], Sequence[Entry]],
    later: Mapping[str, Later],
) -> Iterator[ClusterStatus]:
    """What ended lately at schedds that have nothing else of the user's, and are not asked for it."""
    for (pool, schedd), entries in noted.items():
        latest = {entry.ref.cluster: entry for entry in entries}.values()
        submitted = [_submitted(session, each, None) for each in latest]
        ended = look_back(session, None, submitted, [])
        known = [entry for entry in latest if ended[entry.ref.uuid].jobs]
        prefix = "" if pool == reach.pool else f"{schedd}:"
        yield from _over(session, known, ended, later, f"{prefix}{{}}".format)


def living_status(
    session: Session,
    found: ClusterCounts,
    entry: Entry | None,
    past: Ended,
    pool: str,
    later: Later,
) -> ClusterStatus:
    """A cluster that is in the queue.

    Args:
        session: the session.
        found: its jobs there, counted.
        entry: what the journal knows of it; None for nothing.
        past: its jobs that have ended.
        pool: its pool's name in the policy.
        later: what later submissions run again of it.
    """
    states, alive = found.states, alive_number(found)
    here = sum(states.values()) + found.unmade
    meant = f"{found.schedd}:{found.cluster}" if found.pool else str(found.cluster)
    idle = states.get(State.IDLE, 0) + found.unmade
    number = max(entry.ref.number if entry is not None else 0, here)
    submitted = found.submitted or (entry.when if entry is not None else 0)
    left = bool(states.get(State.COMPLETED)) and keeps_ended(session, pool)
    counts = _counted(past, number - alive)
    leaving = min(states.get(State.REMOVED, 0), counts["unknown"])
    counts |= {"removed": counts["removed"] + leaving, "unknown": counts["unknown"] - leaving}
    held = states.get(State.HELD, 0)
    failed = 0 if later.has_all(past) else counts["failed"]
    return ClusterStatus(
        pool=pool,
        schedd=found.schedd,
        cluster=found.cluster,
        name=found.name or _name(past),
        submitted=submitted,
        idle=idle,
        running=sum(
            states.get(state, 0) for state in (State.RUNNING, State.TRANSFERRING, State.SUSPENDED)
        ),
        held=held,
        reason=found.hold_reason or None,
        id=meant,
        number=number,
        **counts,
        waiting_since=submitted if idle and submitted else None,
        ended=past.latest or None,
        next_command=_next(meant, held=held, failed=failed, left=left),
        again=later.clusters,
    )


def over_status(entry: Entry, past: Ended, meant: str, later: Later) -> ClusterStatus:
    """A cluster whose jobs have ended.

    Args:
        entry: what the journal knows of it.
        past: its jobs.
        meant: what means it on a command line.
        later: what later submissions run again of it.
    """
    failed_again = later.has_all(past)
    counts = _counted(past, entry.ref.number)
    return ClusterStatus(
        pool=entry.ref.pool,
        schedd=entry.ref.schedd,
        cluster=entry.ref.cluster,
        name=_name(past),
        submitted=entry.when,
        idle=0,
        running=0,
        held=0,
        reason=None,
        id=meant,
        number=max(entry.ref.number, len(past.jobs)),
        **counts,
        ended=past.latest or None,
        next_command=_next(
            meant, held=0, failed=0 if failed_again else counts["failed"], left=False
        ),
        again=later.clusters,
    )


def _counted(past: Ended, ended: int) -> dict[str, int]:
    """The jobs that have ended, by how they did."""
    done = sum(map(has_succeeded, past.jobs.values()))
    removed = sum(map(was_removed, past.jobs.values()))
    failed = len(past.jobs) - done - removed
    removed += past.never_made
    return {
        "done": done,
        "failed": failed,
        "removed": removed,
        "unknown": max(0, ended - len(past.jobs) - past.never_made),
    }


def _name(past: Ended) -> str:
    first = next(iter(past.jobs.values()), None)
    return (first.name or first.command) if first is not None else ""


class Later(Struct, frozen=True, kw_only=True):
    """What later submissions run again of a cluster.

    Attributes:
        clusters: what means them on a command line.
        procs: the ProcIds in the cluster.
    """

    clusters: tuple[str, ...] = ()
    procs: frozenset[int] = frozenset()

    def has_all(self, past: Ended) -> bool:
        """Whether all jobs that failed run again."""
        failed = (
            p for p, job in past.jobs.items() if not has_succeeded(job) and not was_removed(job)
        )
        return bool(self.procs) and self.procs.issuperset(failed)


def later_runs(session: Session) -> dict[str, Later]:
    """What later submissions run again, by the UUID of the submission that had the jobs first."""
    found: dict[str, Later] = {}
    for each in session.journal.entries():
        if each.again is not None and each.ref.cluster > 0:
            before = found.get(each.again.uuid, Later())
            found[each.again.uuid] = Later(
                clusters=(*before.clusters, session.meant(each.ref)),
                procs=before.procs.union(each.again.procs),
            )
    return found


def _next(meant: str, *, held: int, failed: int, left: bool) -> str | None:
    if held:
        return f"hep_q -i {meant} -why"
    if failed:
        return f"hep_sub status {meant}"
    return f"hep_fetch {meant}" if left else None


def _typed(found: ClusterStatus, option: str) -> ClusterStatus:
    """A cluster whose next command names the pool, where it has to."""
    if not (option and found.next_command):
        return found
    return replace(found, next_command=found.next_command + option)
