"""hep_rm: remove jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import ALL, COMMON, IDS, POOL, Command, Values, named_ids

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import Result
    from hepsub.session import Session


def run(session: Session, values: Values, _: Console) -> Result:
    """Remove jobs.

    Raises:
        HepsubError: the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.control import control
    from hepsub.batch import Act

    return control(session, Act.REMOVE, named_ids(values, "hep_rm"), values["pool"])


COMMAND = Command(
    name="hep_rm",
    summary="Remove jobs",
    description=(
        "hep_rm removes jobs from the queue. A running job is ended; HTCondor brings none of its outputs home.",
        "The exit code is 0 only if all that was asked was done.",
    ),
    options=(ALL, POOL, *COMMON),
    words=IDS,
    examples=(
        ("hep_rm 13.2", "one job"),
        ("hep_rm 13 14.0-9", "a cluster, and ten jobs of another"),
        ("hep_rm -a", "all of your own jobs"),
    ),
    run=run,
    results=("hepsub.actions.queue.control:Control",),
)
