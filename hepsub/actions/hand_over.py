"""Jobs for a schedd that sees none of this host's directories: their files are sent after them.

Until the files have arrived the jobs are on hold at the schedd; a hand-over that fails leaves nothing there.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from hepsub.actions.session import Session
from hepsub.actions.stage import Stores, sign
from hepsub.batch import Act, BatchSystem, Selection, Submitted
from hepsub.bundle.bundle import Bundle
from hepsub.errors import HepsubError, JournalNotWritable, SubmissionRefused
from hepsub.journal import NO_CLUSTER


def hand_over(
    session: Session,
    stores: Stores,
    bundle: Bundle | None,
    schedd: BatchSystem,
    submitted: Submitted,
) -> None:
    """Complete the bundle now that the cluster's id is known, and send all files to the schedd.

    Raises:
        SubmissionRefused: they did not arrive; the cluster was removed again, if that was possible.
        KeyboardInterrupt: the same.
    """
    try:
        if bundle is not None and bundle.request.staging.needs_cluster:
            sign(session, stores, bundle, submitted.cluster)
        schedd.hand_over(submitted)
    except KeyboardInterrupt:
        _take_back(session, schedd, submitted)
        raise
    except HepsubError as error:
        gone = _take_back(session, schedd, submitted)
        cluster = submitted.cluster
        what = f"cluster {cluster} was removed again" if gone else f"cluster {cluster} cannot start"
        raise SubmissionRefused(
            f"{what}: its files could not be handed over to the schedd: {error.message}",
            remedy=error.remedy if gone else f"hep_rm {cluster}; {error.remedy}",
        ) from error


def _take_back(session: Session, schedd: BatchSystem, submitted: Submitted) -> bool:
    """Remove a cluster that has no files; whether it is gone."""
    try:
        schedd.act(Act.REMOVE, Selection(uuid=submitted.uuid))
    except HepsubError:
        return False
    noted = next((e for e in session.journal.entries() if e.uuid == submitted.uuid), None)
    if noted is not None:
        with contextlib.suppress(JournalNotWritable):
            session.journal.append(replace(noted, cluster=NO_CLUSTER))
    return True
