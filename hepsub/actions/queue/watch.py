"""hep_sub status -watch: the counts again and again, until something has happened; with growing pauses."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.queue.cluster import ClusterReports, reports, status_of
from hepsub.actions.queue.counted import ClusterStatus
from hepsub.actions.queue.runs import find_runs
from hepsub.actions.queue.status import Status, status
from hepsub.actions.reach import Reach
from hepsub.errors import HepsubError, Interrupted, JobsFailed, PoolUnreachable, UnknownSchedd
from hepsub.jobid import JobId
from hepsub.result import Problem, Result
from hepsub.session import Session

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 30.0
_SLOWDOWN = 1.3
_AWAY_S = 60.0
"""The longest pause while a schedd is away."""


class Until(enum.Enum):
    """What ends the watching."""

    DONE = "done"
    ANY_FAILED = "any-failed"
    ANY_HELD = "any-held"


class Watcher(Struct, frozen=True, kw_only=True):
    """Who watches: time, and where what is seen is shown.

    Attributes:
        sleep: waits so many seconds.
        now: seconds since the epoch.
        show: is given the counts each time they were asked for.
        trouble: is told why they could not be.
    """

    sleep: Callable[[float], None]
    now: Callable[[], float]
    show: Callable[[Status], None]
    trouble: Callable[[str], None]


class Watched(Struct, frozen=True, kw_only=True):
    """Clusters whose counts have changed, and when that was seen, in seconds since the epoch."""

    clusters: tuple[ClusterStatus, ...]
    now: float


def watch(
    session: Session, ids: Sequence[JobId], pool: str | None, until: Until, watcher: Watcher
) -> Result[Status | ClusterReports]:
    """Show counts until all jobs have ended or are on hold, or until what was asked for has happened.

    Returns:
        The clusters as `hep_sub status` shows them; exit code 0 only if no job failed or is on hold.

    Raises:
        UnknownJob: nobody knows one of the ids.
        AmbiguousJob: an id belongs to two schedds.
    """
    latest: list[Status] = [Status(pool=session.pool_name(pool), clusters=())]

    def show(seen: Status) -> None:
        latest[0] = seen
        watcher.show(seen)

    try:
        with session.interrupts.allowed():
            seen, watched = _watched(session, ids, pool, until, replace(watcher, show=show))
    except KeyboardInterrupt:
        problem = Problem(
            code=Interrupted.code,
            message="watching was interrupted; the jobs go on",
            remedy="hep_sub status shows them",
        )
        return Result(value=latest[0], problems=(problem,), exit_code=Interrupted.exit_code)
    later = _at(session, watcher.now())
    last = reports(later, ids, pool) if ids else Result(value=seen)
    bad = _bad(watched)
    if last.exit_code or not bad:
        return last
    return replace(last, problems=(*last.problems, bad), exit_code=JobsFailed.exit_code)


def _watched(
    session: Session, ids: Sequence[JobId], pool: str | None, until: Until, watcher: Watcher
) -> tuple[Status, tuple[ClusterStatus, ...]]:
    """What was seen last, and those of the clusters that were watched."""
    pause, away, before = _FIRST_PAUSE_S, _FIRST_PAUSE_S, None
    past: frozenset[str] | None = frozenset() if ids else None
    while True:
        now = _at(session, watcher.now())
        try:
            seen = _look(now, ids, pool)
        except (PoolUnreachable, UnknownSchedd) as error:
            if before is None:  # whoever has just typed it may have meant another pool
                raise
            watcher.trouble(f"{error.message}; asking again in {away:.0f} s")
            watcher.sleep(away)
            away = min(away * 2, _AWAY_S)
            continue
        watcher.show(seen)
        if past is None:  # what was over before is none of what is watched
            past = frozenset(each.id for each in seen.clusters if each.is_over)
        watched = tuple(each for each in seen.clusters if each.id not in past)
        if _is_reached(watched, until):
            return seen, watched
        # Where something has just happened more does soon: jobs start, and end, together.
        changed = before is not None and _counts(before) != _counts(seen)
        pause = _FIRST_PAUSE_S if changed else min(pause * _SLOWDOWN, _LONGEST_PAUSE_S)
        away, before = _FIRST_PAUSE_S, seen
        watcher.sleep(pause)


def _at(session: Session, now: float) -> Session:
    return replace(session, situation=replace(session.situation, now=now))


def _look(session: Session, ids: Sequence[JobId], pool: str | None) -> Status:
    """The counts: of these, else of all clusters of the user's own.

    Raises:
        PoolUnreachable: they are not known now.
    """
    if not ids:
        found = status(session, pool)
        if found.exit_code:
            raise PoolUnreachable(found.problems[0].message, remedy=found.problems[0].remedy)
        return found.value
    reach, errors = Reach(session=session, asked=pool), list[HepsubError]()
    rows = tuple(status_of(session, find_runs(reach, each, errors)) for each in dict.fromkeys(ids))
    # A part of the jobs would look as if the others had ended.
    if trouble := (*errors, *reach.errors):
        raise PoolUnreachable(trouble[0].message, remedy=trouble[0].remedy)
    return Status(pool=reach.pool, clusters=rows, now=session.situation.now)


def _counts(seen: Status) -> list[tuple[str, int, int, int, int, int]]:
    return [
        (each.id, each.done, each.failed, each.running, each.idle, each.held)
        for each in seen.clusters
    ]


def _is_reached(clusters: Sequence[ClusterStatus], until: Until) -> bool:
    """Whether what is waited for has happened, or cannot happen any more by itself."""
    if until is Until.ANY_FAILED and any(each.failed for each in clusters):
        return True
    if until is Until.ANY_HELD and any(each.held for each in clusters):
        return True
    return not any(each.idle or each.running for each in clusters)


def _bad(clusters: Sequence[ClusterStatus]) -> Problem | None:
    """What to say where not all jobs did well; None where they did."""
    counts = {
        "failed": sum(each.failed for each in clusters),
        "on hold": sum(each.held for each in clusters),
        "removed": sum(each.removed for each in clusters),
        "of unknown end": sum(each.unknown for each in clusters),
    }
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    if not said:
        return None
    total = sum(each.number for each in clusters)
    return Problem(code=JobsFailed.code, message=f"of {total} job(s): {said}")
