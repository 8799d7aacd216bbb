"""Submissions that were interrupted between their bundle and their gate: finished, or cleared away.

The bundle's lock tells one that is being made from one that was left behind (kill -9, a crash); the
schedd tells whether the cluster exists.
"""

from __future__ import annotations

from pathlib import Path

from hepsub.actions.session import Session
from hepsub.actions.stage import Stores, open_gate
from hepsub.batch import SPOOLING, Act, Selection
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import (
    claimed,
    discard_bundle,
    is_ready,
    read_bundle,
    unfinished,
)
from hepsub.errors import HepsubError
from hepsub.plan.bundle_paths import layout_of

_NEVER_WRITTEN_S = 3600
"""A bundle without a request belongs to nobody after this."""


def recover(session: Session, stores: Stores) -> tuple[str, ...]:
    """Finish or clear away what earlier submissions left; a sentence for each.

    What cannot be decided now (a schedd or a storage is away) is left for the next time.
    """
    notes = []
    for directory in unfinished(session.bundles):
        with claimed(layout_of(directory).private("")) as mine:
            ready = is_ready(directory)  # it was completed while we waited
            note = _recover(session, stores, directory) if mine and not ready else ""
        if note:
            notes.append(note)
    return tuple(notes)


def _recover(session: Session, stores: Stores, directory: Path) -> str:
    bundle = read_bundle(directory)
    if bundle is None:
        if session.situation.now - directory.stat().st_mtime > _NEVER_WRITTEN_S:
            discard_bundle(directory)
        return ""
    try:
        return _finish(session, stores, bundle)
    except HepsubError:
        return ""  # the next hep_sub asks again


def _finish(session: Session, stores: Stores, bundle: Bundle) -> str:
    request = bundle.request
    if request.pool not in session.policy.pool:
        return ""
    schedd = session.schedd(request.pool, request.schedd)
    wanted = Selection(uuid=request.uuid)
    found = schedd.find(wanted)
    if not found:
        discard_bundle(bundle.directory)
        return ""
    queue = schedd.queue(wanted, session.situation.now)
    if not queue.jobs and not queue.unmade:
        bundle.mark_ready(found[0].cluster)  # its jobs were removed, or have ended
        return ""
    cluster = found[0].cluster
    if request.spool and any(job.hold_code == SPOOLING for job in queue.jobs):
        schedd.act(Act.REMOVE, wanted)  # its files were never handed over
        discard_bundle(bundle.directory)
        return f"cluster {cluster}, whose submission had been interrupted, was removed: submit it again"
    if request.staging.needs_cluster and not request.spool:
        open_gate(session, stores, bundle, schedd, cluster)
    bundle.link_logs(cluster)
    bundle.mark_ready(cluster)
    return (
        f"cluster {cluster}, whose submission had been interrupted, was completed and may start now"
    )
