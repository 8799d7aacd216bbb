"""The user's own jobs, with names: from the journal and what is kept here. No schedd is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from hepsub.journal import Entry
from hepsub.session import JOURNAL_MATTERS_S, VISIBLE_S, Session
from hepsub.units import rough_text

_MOST_CLUSTERS = 200
_MOST_PROCS = 1000
_MOST_BYTES = 8 << 20
"""So much is read of what is kept of ended jobs, the latest submissions first."""
_PROC = re.compile(r"(?P<cluster>.+)\.(?P<begins>[0-9]*)", re.DOTALL)
# The cluster may be SCHEDD:13, whose name has dots, too: the last one counts.

Offers = Iterator[tuple[str, str]]
"""Words, each with what is to be said of it."""


def own_jobs(session: Session, word: str, *, queued: bool) -> Offers:
    """What an id can become that begins like this: clusters, the latest first; behind a dot, jobs.

    Args:
        session: the session.
        word: the beginning.
        queued: whether those are left out that are known to have ended.
    """
    clusters = _clusters(session, queued=queued)
    if (proc := _PROC.fullmatch(word)) is None:
        for entry, over in clusters:
            yield session.meant(entry.ref), _told(entry, session.situation.now, over=over)
        return
    for entry, _ in clusters:
        if session.meant(entry.ref) == proc["cluster"]:
            begin = (n for n in range(entry.ref.number) if str(n).startswith(proc["begins"]))
            yield from ((f"{proc['cluster']}.{n}", entry.name) for n in islice(begin, _MOST_PROCS))
            return


def own_schedds(session: Session) -> Offers:
    """The schedds that the policy or the latest submissions name."""
    names = [name for pool in session.policy.pool.values() for name in pool.schedds]
    entries = session.journal.entries()
    recent = session.situation.now - JOURNAL_MATTERS_S
    names += [entry.ref.schedd for entry in entries if entry.when > recent]
    # -p here has no -schedd.
    for name in sorted({name for name in names if not name.startswith("here@")}):
        yield name, ""


def _clusters(session: Session, *, queued: bool) -> Iterator[tuple[Entry, bool]]:
    """What was submitted lately, the latest first, and whether it has ended."""
    queue = _Queue(session)
    for entry in islice(_lately(session), _MOST_CLUSTERS):
        over, ended = queue.is_over(entry)
        if over and (queued or ended < session.situation.now - VISIBLE_S):
            continue
        yield entry, over


def _lately(session: Session) -> Iterator[Entry]:
    """The latest submission of each number at each schedd."""
    since, seen = session.situation.now - JOURNAL_MATTERS_S, set()
    for entry in reversed(session.journal.entries()):
        where = (entry.ref.pool, entry.ref.schedd, entry.ref.cluster)
        # A schedd that was set up anew counts from 1 again: 13 means the latest one.
        if entry.ref.cluster > 0 and entry.when > since and where not in seen:
            seen.add(where)
            yield entry


class _Queue:
    """What can be told here of what is in the queue."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._left = _MOST_BYTES
        self._here: frozenset[int] | None = None
        self._looked = False

    def is_over(self, entry: Entry) -> tuple[bool, float]:
        """Whether all jobs of a submission have ended, and when that was noted; False where nobody knows."""
        ref = entry.ref
        over, noted = False, entry.when
        tally = self._session.ended.tally(ref.uuid, self._left)
        if tally is not None:
            self._left -= tally.size
            over, noted = 0 < ref.number <= tally.jobs, tally.noted
        # The embedded queue is a file on this host; another host's, and a schedd's, would have to be asked.
        if ref.schedd == f"here@{self._session.situation.host}":
            here = self._embedded()
            over = over if here is None else ref.cluster not in here
        return over, noted

    def _embedded(self) -> frozenset[int] | None:
        if not self._looked:
            from hepsub.local.glance import queued_clusters

            situation = self._session.situation
            self._here, self._looked = queued_clusters(situation.environment, situation.uid), True
        return self._here


def _told(entry: Entry, now: float, *, over: bool) -> str:
    number = entry.ref.number
    jobs = [f"{number} job{'s' if number > 1 else ''}"] if number else []
    when = [f"submitted {rough_text(max(0.0, now - entry.when))} ago"]
    return ", ".join([*([entry.name] if entry.name else []), *jobs, *when, *["ended"] * over])
