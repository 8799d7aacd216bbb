"""What a submission is accounted to, and for how long: its group, its walltime class and limit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from hepsub.errors import NoGroup, UnknownGroup, UnknownWalltime, WalltimeTooLong
from hepsub.policy.mistake import default_of
from hepsub.policy.model import Policy, WalltimeClass
from hepsub.situation import Situation
from hepsub.suggest import closest
from hepsub.units import any_duration, duration_text

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"


class Walltime(Struct, frozen=True, kw_only=True):
    """A walltime class and the limit that holds for this job, in seconds."""

    name: str
    limit: int


def choose_group(asked: str | None, policy: Policy, situation: Situation) -> str:
    """The group to account to: the one asked for, else the policy's, else the primary one.

    Raises:
        UnknownGroup: the group asked for is not one of the user's.
        PolicyError: the policy's own cannot be one.
        NoGroup: the user is in no group of the policy.
    """
    if not policy.group:
        return _any_group(asked, policy, situation)
    own = own_groups(policy, situation)
    if not own:
        raise NoGroup(  # HepJob's words, by which scripts know it
            "No resources in your group(s). So the job can not be submitted.",
            remedy=f"ask for membership in one of: {', '.join(policy.group)}",
        )
    if asked is not None:
        if asked not in own:
            raise _not_yours(asked, own)
        return asked
    # The default is the site's, for all: for who is not in that group it is none.
    preferred = [policy.defaults.group, *situation.groups]
    return next((name for name in preferred if name in own), own[0])


def own_groups(policy: Policy, situation: Situation) -> tuple[str, ...]:
    """The groups of the policy that the user belongs to."""
    return tuple(
        name
        for name, group in policy.group.items()
        if name in situation.groups or situation.user in group.members
    )


def experiment_of(group: str, policy: Policy) -> str:
    """The first part of HTCondor's accounting group: the policy's word, else the name in capitals."""
    known = policy.group.get(group)
    return (known.experiment if known else "") or group.upper()


def _any_group(asked: str | None, policy: Policy, situation: Situation) -> str:
    """The group where the policy lists none."""
    if asked:
        return _checked(asked, "argument -g/--group:")
    if not policy.defaults.group:
        primary = situation.groups[0] if situation.groups else situation.user
        return _checked(primary, "your primary group, and there is no -g:")
    with default_of(policy, "defaults.group"):
        return _checked(policy.defaults.group, "")


def _checked(name: str, source: str) -> str:
    if not re.fullmatch(_NAME, name):
        raise UnknownGroup(
            f"{source} '{name}' cannot be the name of a group".lstrip(),
            remedy="name one with -g: it has letters, digits, '_', '-' and '.'",
        )
    return name


def _not_yours(asked: str, own: tuple[str, ...]) -> UnknownGroup:
    listed = ", ".join(f"'{name}'" for name in own)
    match = closest(asked, own)
    return UnknownGroup(
        f"argument -g/--group: invalid choice: '{asked}' (choose from {listed})",
        remedy=f"did you mean '{match}'?" if match else "choose one of your own groups",
    )


def classes_for(policy: Policy, group: str) -> Mapping[str, WalltimeClass]:
    """The walltime classes as they hold for a group."""
    own = policy.group[group].walltime if group in policy.group else {}
    # What is given on request only stays so, whatever its limit for the group is.
    return {
        **policy.walltime,
        **{name: replace(policy.walltime[name], limit=limit) for name, limit in own.items()},
    }


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
        limit = any_duration(asked)
    except ValueError as error:
        raise _unknown(asked, classes) from error
    # The class is what the site schedules by, the duration what ends the job.
    offered = [(each.limit, name) for name, each in classes.items() if not each.on_request]
    fitting = [each for each in offered if each[0] >= limit]
    if fitting:
        return Walltime(name=min(fitting)[1], limit=math.ceil(limit))
    if not offered:
        raise WalltimeTooLong(
            f"-wt {asked}: no walltime class is for durations", remedy=f"-wt {' or '.join(classes)}"
        )
    raise WalltimeTooLong(
        f"-wt {asked} is longer than the longest walltime class, {duration_text(max(offered)[0])}",
        remedy="split the job, or ask for a shorter time",
    )


def _unknown(asked: str, classes: Mapping[str, WalltimeClass]) -> UnknownWalltime:
    match = closest(asked, classes)
    first = f"did you mean '{match}'? " if match else ""
    number = " (a bare number needs a unit)" if asked.strip().isdigit() else ""
    listed = ", ".join(f"'{name}'" for name in classes)
    return UnknownWalltime(
        f"argument -wt/--walltime: invalid choice: '{asked}'{number} (choose from {listed})",
        remedy=f"{first}a duration such as 90min, 12h or 3d is fine too",
    )
