"""hep_clus: what a group has, so far its walltime classes."""

from __future__ import annotations

from msgspec import Struct

from hepsub.actions.session import Session
from hepsub.errors import UnknownGroup
from hepsub.plan.accounting import choose_group, classes_for
from hepsub.result import Json, Result
from hepsub.suggest import did_you_mean


class Walltimes(Struct, frozen=True, kw_only=True):
    """The walltime classes of a group: names and limits in seconds, in the order of the names."""

    group: str
    limits: tuple[tuple[str, int], ...]

    def document(self) -> dict[str, Json]:
        """The classes as they stand under `result` in JSON."""
        return {"group": self.group, "walltime_s": dict(self.limits)}


def walltimes(session: Session, group: str | None) -> Result:
    """The walltime classes of a group; without one, of the group that hep_sub would take.

    Raises:
        UnknownGroup: the policy has no such group.
    """
    policy = session.policy
    if group is not None and policy.group and group not in policy.group:
        raise UnknownGroup(
            f"argument -g/--group: no group '{group}'", remedy=did_you_mean(group, policy.group)
        )
    name = group or choose_group(None, policy, session.situation)
    listed = {
        key: each.limit for key, each in classes_for(policy, name).items() if not each.on_request
    }
    return Result(value=Walltimes(group=name, limits=tuple(sorted(listed.items()))))
