"""hep_clus: show pools and remote sites, or what a group has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, flag, option

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    option("-g --group", "GROUP", "The group; default: all of yours, with -walltime the one that hep_sub takes.",
           kind=Kind.GROUP),
    flag("-walltime --walltime", "The walltime classes and their limits."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """Show the pools and sites, or what a group has.

    Raises:
        UnknownGroup: the policy has no such group.
    """
    if values["walltime"]:
        from hepsub.actions.queue.walltimes import walltimes

        return walltimes(session, values["group"])
    from hepsub.actions.queue.sites import sites

    return sites(session, values["group"])


COMMAND = Command(
    name="hep_clus",
    summary="Show pools and remote sites, or what a group has",
    description=(
        "hep_clus shows where jobs may go: the pools and the remote sites of the policy, how they are reached, how"
        " many cores there are and how many are busy, how many jobs wait, which of your groups may use a site, and"
        " until when the credentials are good that it needs. A pool that does not answer says so in its row.",
        "With -walltime it shows the walltime classes of a group and their limits.",
    ),
    options=_OPTIONS,
    words=None,
    examples=(
        ("hep_clus", "pools and remote sites"),
        ("hep_clus -g juno", "the sites that take jobs of the group juno"),
        ("hep_clus -g cms --walltime", "the walltime classes of the group cms"),
    ),
    run=run,
    results=(
        "hepsub.actions.queue.sites:Sites",
        "hepsub.actions.queue.walltimes:Walltimes",
    ),
)
