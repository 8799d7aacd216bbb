"""hep_hold: put jobs on hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import ALL, COMMON, IDS, POOL, Command, Values, named_ids

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import Result
    from hepsub.session import Session


def run(session: Session, values: Values, _: Console) -> Result:
    """Put jobs on hold.

    Raises:
        HepsubError: the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.control import control
    from hepsub.batch import Act

    return control(session, Act.HOLD, named_ids(values, "hep_hold"), values["pool"])


COMMAND = Command(
    name="hep_hold",
    summary="Put jobs on hold",
    description=(
        "hep_hold puts jobs on hold: they keep their place in the queue and do not start."
        " A running job is ended and begins anew when it is released.",
        "The exit code is 0 only if all that was asked was done.",
    ),
    options=(ALL, POOL, *COMMON),
    words=IDS,
    examples=(
        ("hep_hold 13", "a cluster"),
        ("hep_hold -a", "all of your own jobs"),
    ),
    run=run,
    results=("hepsub.actions.queue.control:Control",),
)
