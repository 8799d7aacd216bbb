"""Jobs for a schedd that sees none of this host's directories: their files are sent after them.

Until the files have arrived the jobs are on hold at the schedd.
"""

from __future__ import annotations

from hepsub.actions.submit.stage import Stores, sign
from hepsub.batch import BatchSystem
from hepsub.bundle.bundle import Bundle
from hepsub.session import Session


def hand_over(
    session: Session,
    stores: Stores,
    bundle: Bundle | None,
    schedd: BatchSystem,
    cluster: int,
) -> None:
    """Complete the bundle now that the cluster's id is known, and send all files to the schedd.

    Raises:
        HepsubError: they did not arrive, and the jobs can never start.
        KeyboardInterrupt: the user interrupted it before they were sent.
    """
    if bundle is not None and bundle.request.staging.needs_cluster:
        sign(session, stores, bundle, cluster)
    session.interrupts.check()
    schedd.hand_over(cluster)
