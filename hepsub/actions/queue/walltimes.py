"""hep_clus: what a group has, so far its walltime classes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hepsub.errors import UnknownGroup
from hepsub.plan.accounting import choose_group, classes_for
from hepsub.policy.model import Policy
from hepsub.result import Result
from hepsub.session import Session
from hepsub.suggest import did_you_mean


class Walltimes(Struct, frozen=True, kw_only=True):
    """The walltime classes of a group: name → limit in seconds, by name; its fields are its JSON."""

    group: str
    limits: Mapping[str, int] = field(name="walltime_s")


def check_group(policy: Policy, group: str | None) -> None:
    """Refuse a group that the policy does not have, if it has any.

    Raises:
        UnknownGroup: it is one, in HepJob's words.
    """
    if group is not None and policy.group and group not in policy.group:
        raise UnknownGroup(
            f"argument -g/--group: no group '{group}'", remedy=did_you_mean(group, policy.group)
        )


def walltimes(session: Session, group: str | None) -> Result[Walltimes]:
    """The walltime classes of a group; without one, of the group that hep_sub would take.

    Raises:
        UnknownGroup: the policy has no such group.
    """
    policy = session.policy
    check_group(policy, group)
    name = group or choose_group(None, policy, session.situation)
    listed = {
        key: each.limit for key, each in classes_for(policy, name).items() if not each.on_request
    }
    return Result(value=Walltimes(group=name, limits=dict(sorted(listed.items()))))
