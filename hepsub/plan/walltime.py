"""From the word after -wt to a walltime class and a limit."""

from __future__ import annotations

from collections.abc import Mapping

from hepsub.errors import UnknownWalltime, WalltimeTooLong
from hepsub.plan.model import Walltime
from hepsub.policy.model import Policy, WalltimeClass
from hepsub.suggest import closest
from hepsub.units import duration_text, parse_duration


def classes_for(policy: Policy, group: str) -> Mapping[str, WalltimeClass]:
    """The walltime classes as they hold for a group."""
    own = policy.group[group].walltime if group in policy.group else {}
    return {
        **policy.walltime,
        **{name: _with_limit(policy.walltime.get(name), limit) for name, limit in own.items()},
    }


def _with_limit(known: WalltimeClass | None, limit: int) -> WalltimeClass:
    """A class as one group has it; what is given on request only stays so."""
    return WalltimeClass(limit=limit, on_request=known.on_request if known else False)


def choose_walltime(asked: str, classes: Mapping[str, WalltimeClass]) -> Walltime:
    """A class by its name, or the smallest class that holds a duration, limited to the duration.

    Raises:
        UnknownWalltime: the word is neither.
        WalltimeTooLong: the duration is longer than every class.
    """
    by_folded = {name.casefold(): name for name in classes}
    name = by_folded.get(asked.strip().casefold())
    if name is not None:
        return Walltime(name=name, limit=classes[name].limit)
    try:
        limit = parse_duration(asked)
    except ValueError as error:
        raise _unknown(asked, classes) from error
    fitting = [
        (each.limit, name)
        for name, each in classes.items()
        if each.limit >= limit and not each.on_request
    ]
    if not fitting:
        longest = max(each.limit for each in classes.values() if not each.on_request)
        raise WalltimeTooLong(
            f"-wt {asked} is longer than the longest walltime class, {duration_text(longest)}",
            remedy="split the job, or ask for a shorter time",
        )
    return Walltime(name=min(fitting)[1], limit=limit)


def _unknown(asked: str, classes: Mapping[str, WalltimeClass]) -> UnknownWalltime:
    match = closest(asked, classes)
    first = f"did you mean '{match}'? " if match else ""
    number = " (a bare number needs a unit)" if asked.strip().isdigit() else ""
    listed = ", ".join(f"'{name}'" for name in classes)
    return UnknownWalltime(
        f"argument -wt/--walltime: invalid choice: '{asked}'{number} (choose from {listed})",
        remedy=f"{first}a duration such as 90min, 12h or 3d is fine too",
    )
