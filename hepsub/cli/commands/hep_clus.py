"""hep_clus: show pools and remote sites, or what a group has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    option("-g --group", "GROUP", "The group; default: all of yours, with -walltime the one that hep_sub takes.",
           kind=Kind.GROUP),
    flag("-walltime --walltime", "The walltime classes and their limits."),
    flag("-slurm", "The partitions of Slurm: limits, what is free, who waits, and whether you may use them.",
        exact=True),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """Show the pools and sites, the partitions of Slurm, or what a group has.

    Raises:
        UnknownGroup: the policy has no such group.
        UsageError: two of these are asked for.
    """
    if values["slurm"]:
        if values["walltime"] or values["group"] is not None:
            raise UsageError(
                "-slurm shows Slurm's partitions, and has nothing to do with -g and -walltime",
                remedy="hep_clus -slurm",
            )
        from hepsub.actions.queue.partitions import partitions

        return partitions(session)
    if values["walltime"]:
        from hepsub.actions.queue.walltimes import walltimes

        return walltimes(session, values["group"])
    from hepsub.actions.queue.sites import sites

    return sites(session, values["group"])


COMMAND = Command(
    name="hep_clus",
    summary="Show pools and remote sites, or what a group has",
    options=_OPTIONS,
    words=None,
    examples=(
        ("hep_clus", "pools and remote sites"),
        ("hep_clus -slurm", "the partitions of Slurm"),
        ("hep_clus -g juno", "the sites that take jobs of the group juno"),
        ("hep_clus -g cms --walltime", "the walltime classes of the group cms"),
    ),
    run=run,
    results=(
        "hepsub.actions.queue.sites:Sites",
        "hepsub.actions.queue.partitions:Partitions",
        "hepsub.actions.queue.walltimes:Walltimes",
    ),
)
