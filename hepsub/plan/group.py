"""Which accounting group a submission is for."""

from __future__ import annotations

import re

from hepsub.errors import NoGroup, UnknownGroup
from hepsub.policy.blame import default_of
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.suggest import closest

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


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
        raise NoGroup(
            "No resources in your group(s). So the job can not be submitted.",
            remedy=f"ask for membership in one of: {', '.join(policy.group)}",
        )
    if asked is not None:
        if asked not in own:
            raise _not_yours(asked, own)
        return asked
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


def _primary(situation: Situation) -> str:
    return situation.groups[0] if situation.groups else situation.user


def _any_group(asked: str | None, policy: Policy, situation: Situation) -> str:
    """The group where the policy lists none."""
    if asked:
        return _checked(asked, "argument -g/--group:")
    if not policy.defaults.group:
        return _checked(_primary(situation), "your primary group, and there is no -g:")
    with default_of(policy, "defaults.group"):
        return _checked(policy.defaults.group, "")


def _checked(name: str, source: str) -> str:
    if not _NAME.fullmatch(name):
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
