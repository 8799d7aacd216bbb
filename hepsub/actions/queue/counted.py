"""A cluster in counts: its jobs in the queue, those that ended and how, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.lineage import Later
from hepsub.actions.queue.ended import Ended, was_removed
from hepsub.batch import ACTIVE, RUNNING, ClusterCounts, State, has_succeeded
from hepsub.journal import Entry
from hepsub.session import Session

_ALIVE = (*ACTIVE, State.HELD)
"""Not those that ended and are in the queue still: removed ones, and those whose files have to be fetched."""
_SUMMED = (
    "idle", "running", "held", "number", "done", "failed", "removed", "unknown", "resubmitted",
)  # fmt: skip


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
        done: jobs that ended with 0, or whose outputs came into their places later (exit code 85).
        failed: those that ended otherwise.
        removed: those that were removed.
        unknown: those of which nobody knows how they ended.
        waiting_since: since when the first idle job waits, in seconds since the epoch; null where none does.
        ended: when the last of the jobs ended that have; null for not known.
        next_command: what to do; null when nothing is to be done.
        again: the clusters that run jobs of it again.
        resubmitted: jobs that run again there, and count there.
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
    resubmitted: int = 0

    @property
    def is_over(self) -> bool:
        """Whether all of its jobs have ended."""
        return not (self.idle or self.running or self.held)


def keeps_ended(session: Session, pool: str) -> bool:
    """Whether ended jobs of a pool stay in the queue until what they left is fetched."""
    rules = session.policy.pool.get(session.policy.pool_now(pool))
    if rules is None or not rules.spool:
        return False
    from hepsub.actions.submissions import is_spooled  # brings the bundles with it

    return is_spooled(session, pool)


def alive_number(counts: ClusterCounts | None) -> int:
    """How many jobs of a cluster have not ended, those still to be made included; none of one not in the queue."""
    if counts is None:
        return 0
    return sum(counts.states.get(state, 0) for state in _ALIVE) + counts.unmade


def none_queued(entry: Entry) -> ClusterCounts:
    """The counts of a submission of which no job is in the queue."""
    ref = entry.ref
    return ClusterCounts(
        schedd=ref.schedd, cluster=ref.cluster, name="", submitted=entry.when, states={}
    )


def cluster_status(
    session: Session,
    found: ClusterCounts,
    entry: Entry | None,
    past: Ended,
    later: Later,
    *,
    pool: str,
    meant: str,
) -> ClusterStatus:
    """A cluster with its jobs in the queue, those that have ended, and those that run again elsewhere.

    Args:
        session: the session.
        found: its jobs in the queue, counted.
        entry: what the journal knows of it; None for nothing.
        past: its jobs that have ended.
        later: what later submissions run again of it.
        pool: its pool's name in the policy.
        meant: what means it on a command line.
    """
    states, alive = found.states, alive_number(found)
    here = sum(states.values()) + found.unmade
    number = max(entry.ref.number if entry is not None else 0, here, len(past.jobs))
    submitted = found.submitted or (entry.when if entry is not None else 0)
    own = without(past, later)
    done = sum(map(has_succeeded, own.jobs.values()))
    removed = sum(map(was_removed, own.jobs.values()))
    failed = len(own.jobs) - done - removed
    unknown = number - alive - len(later.procs) - len(own.jobs) - own.never_made
    # HTCondor shows removed jobs for some seconds more, and no history tells of them before.
    leaving = max(0, min(states.get(State.REMOVED, 0), unknown))
    idle, held = states.get(State.IDLE, 0) + found.unmade, states.get(State.HELD, 0)
    left = bool(states.get(State.COMPLETED)) and keeps_ended(session, pool)
    return ClusterStatus(
        pool=pool,
        schedd=found.schedd,
        cluster=found.cluster,
        name=found.name or _name(past),
        submitted=submitted,
        idle=idle,
        running=sum(states.get(state, 0) for state in RUNNING),
        held=held,
        reason=found.hold_reason or None,
        id=meant,
        number=number,
        done=done,
        failed=failed,
        removed=removed + own.never_made + leaving,
        unknown=max(0, unknown - leaving),
        waiting_since=submitted if idle and submitted else None,
        ended=past.latest or None,
        next_command=_next(meant, held=held, failed=failed, left=left),
        again=tuple(map(session.meant, later.refs)),
        resubmitted=len(later.procs),
    )


def without(past: Ended, later: Later) -> Ended:
    """The jobs that have ended, but for those that run again in another cluster."""
    if not later.procs:
        return past
    jobs = {proc: job for proc, job in past.jobs.items() if proc not in later.procs}
    elsewhere = len(later.procs.difference(past.jobs))
    return replace(past, jobs=jobs, unknown=max(0, past.unknown - elsewhere))


def _name(past: Ended) -> str:
    first = next(iter(past.jobs.values()), None)
    return (first.name or first.command) if first is not None else ""


def _next(meant: str, *, held: int, failed: int, left: bool) -> str | None:
    # Jobs on hold first: they wait for their user, those that failed for nobody.
    if held:
        return f"hep_q -i {meant} -why"
    if failed:
        return f"hep_sub status {meant}"
    return f"hep_fetch {meant}" if left else None


def together(parts: Sequence[ClusterStatus]) -> ClusterStatus:
    """Jobs of several clusters counted as those of the first one."""
    first, *others = parts
    if not others:
        return first
    waiting = [each.waiting_since for each in parts if each.waiting_since]
    summed = {name: sum(getattr(each, name) for each in parts) for name in _SUMMED}
    return replace(
        first,
        **summed,
        name=next((each.name for each in parts if each.name), ""),
        reason=next((each.reason for each in parts if each.reason), None),
        waiting_since=min(waiting, default=None),
        ended=max((each.ended or 0 for each in parts), default=0) or None,
        next_command=next((each.next_command for each in parts if each.next_command), None),
        again=tuple(each.id for each in others),
    )
