"""hep_clus -slurm: the partitions of Slurm, how busy they are, and who may use them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec import Struct

from hepsub.result import Result
from hepsub.session import Session
from hepsub.slurm.load import load_of
from hepsub.slurm.partitions import Partition, SlurmLoad

SlurmLoadOf = Callable[[str, Collection[str]], SlurmLoad]
"""Asks Slurm how busy it is: for whom, and with which Unix groups."""


class Partitions(Struct, frozen=True, kw_only=True):
    """The partitions of the Slurm of this host; its fields are its JSON.

    Attributes:
        pools: the pools of the policy that are this Slurm's.
    """

    pools: tuple[str, ...]
    partitions: tuple[Partition, ...]


def partitions(session: Session, ask: SlurmLoadOf = load_of) -> Result[Partitions]:
    """Show the partitions.

    Raises:
        UnknownPool: no pool of the policy is Slurm's.
        PoolUnreachable, ScheddNotReached, ToolFailed: Slurm cannot be asked.
    """
    pools = session.policy.slurm_pools() or (session.policy.slurm_pool(),)
    load = ask(session.situation.user, session.situation.groups)
    return Result(value=Partitions(pools=pools, partitions=load.partitions))
