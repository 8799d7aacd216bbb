"""hep_release: release jobs from hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import ALL, COMMON, IDS, POOL, Command, Values, named_ids

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import Result
    from hepsub.session import Session


def run(session: Session, values: Values, _: Console) -> Result:
    """Release jobs from hold.

    Raises:
        HepsubError: the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.control import control
    from hepsub.batch import Act

    return control(session, Act.RELEASE, named_ids(values, "hep_release"), values["pool"])


COMMAND = Command(
    name="hep_release",
    summary="Release jobs from hold",
    description=(
        "hep_release lets jobs that are on hold wait and start again.",
        "The exit code is 0 only if all that was asked was done.",
    ),
    options=(ALL, POOL, *COMMON),
    words=IDS,
    examples=(
        ("hep_release 13", "the jobs of a cluster that are on hold"),
        (
            "hep_edit -m 3000 -a && hep_release -a",
            "more memory for all that are on hold, then go on",
        ),
    ),
    run=run,
    results=("hepsub.actions.queue.control:Control",),
)
