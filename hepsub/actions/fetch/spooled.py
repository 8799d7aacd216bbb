"""What jobs left with a schedd that sees none of this host's directories: fetched when they have ended."""

from __future__ import annotations

from collections import defaultdict

from hepsub.actions.session import Session
from hepsub.batch import Selection, State
from hepsub.errors import HepsubError
from hepsub.jobid import JobId


def fetch_spooled(session: Session) -> tuple[str, ...]:
    """Fetch what ended jobs left behind; a sentence for what was fetched, and for what could not be.

    Only the submissions of this journal are meant: another home's logs do not belong here.
    """
    spooled = {name for name, pool in session.policy.pool.items() if pool.spool}
    if not spooled:
        return ()
    clusters: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for entry in session.journal.entries():
        ref = entry.ref
        if ref.pool in spooled and ref.cluster > 0:
            clusters[ref.pool, ref.schedd].append(ref.cluster)
    notes: list[str] = []
    for (pool, schedd), numbers in clusters.items():
        notes += _fetch(session, pool, schedd, numbers)
    return tuple(notes)


def _fetch(session: Session, pool: str, schedd: str, clusters: list[int]) -> list[str]:
    # Not by owner: the schedd may know the user by another name.
    ids = tuple(JobId(cluster=cluster) for cluster in clusters)
    ended = Selection(ids=ids, states=(State.COMPLETED,))
    try:
        there = session.schedd(pool, schedd)
        jobs = there.queue(ended, session.situation.now).jobs
        if not jobs:
            return []
        found = tuple(JobId(cluster=cluster) for cluster in sorted({job.cluster for job in jobs}))
        there.fetch(Selection(ids=found))
    except HepsubError as error:
        return [f"what jobs left at {schedd} could not be fetched: {error.message}"]
    return [f"fetched what {len(jobs)} job(s) left at {schedd}"]
