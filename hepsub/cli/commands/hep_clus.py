"""hep_clus: show what a group has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import Result
    from hepsub.session import Session

_OPTIONS = (
    option("-g --group", "GROUP", "The group; default: the one that hep_sub takes for you.", kind=Kind.GROUP),
    flag("-walltime --walltime", "The walltime classes and their limits."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> Result:
    """Show what a group has.

    Raises:
        UnknownGroup: the policy has no such group.
        UsageError: nothing was asked for.
    """
    from hepsub.actions.queue.walltimes import walltimes

    if not values["walltime"]:
        raise UsageError(
            "nothing was asked for",
            remedy="hep_clus -g GROUP --walltime shows the walltime classes",
        )
    return walltimes(session, values["group"])


COMMAND = Command(
    name="hep_clus",
    summary="Show what a group has",
    description=("hep_clus shows the walltime classes of a group and their limits.",),
    options=_OPTIONS,
    words=None,
    examples=(("hep_clus -g cms --walltime", "the walltime classes of the group cms"),),
    run=run,
    results=("hepsub.actions.queue.walltimes:Walltimes",),
)
