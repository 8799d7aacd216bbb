"""hep_sub status: show one's own jobs, cluster by cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, POOL, Command, Values

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import Result
    from hepsub.session import Session


def run(session: Session, values: Values, _: Console) -> Result:
    """Show one's own clusters.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    from hepsub.actions.queue.status import status

    return status(session, values["pool"])


COMMAND = Command(
    name="hep_sub status",
    summary="Show your own jobs, cluster by cluster",
    description=(
        "The grouped view of your own jobs. hep_q shows them one by one, in HepJob's table. Where a cluster is in the"
        " pool of a site, SCHEDD is the whole name, and SCHEDD:CLUSTER means it.",
    ),
    options=(POOL, *COMMON),
    words=None,
    examples=(("hep_sub status", "your clusters, with counts of idle, running and held jobs"),),
    run=run,
    results=("hepsub.actions.queue.status:Status",),
)
