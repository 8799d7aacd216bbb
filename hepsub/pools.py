"""From a pool of the policy to what takes its jobs: this machine, Slurm, or the schedds of HTCondor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.errors import PoolUnreachable
from hepsub.policy.model import Pool
from hepsub.situation import Situation, paths_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from hepsub.auth.credential import UserCredential
    from hepsub.batch_logs import Piece
    from hepsub.batch_system import BatchSystem
    from hepsub.progress import Progress

    TokenFor = Callable[[str, str], UserCredential]
    """A token by the credential's name, for an audience; empty for the credential's own."""

_COLLECTOR_S = 10
"""HTCondor itself waits a minute for the pool's own collector, and hears no Ctrl-C meanwhile."""


def schedds_of(
    name: str, pool: Pool, situation: Situation, token_for: TokenFor, progress: Progress
) -> tuple[BatchSystem, ...]:
    """The schedds of a pool, or what stands for one; each kind loads what it needs.

    Args:
        name: the pool's name in the policy.
        pool: what the policy says of it.
        situation: who calls, and from where.
        token_for: a token by the credential's name, for an audience; empty for the credential's own.
        progress: is told what takes long.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    if pool.kind == "here":
        from hepsub.local.pool import open_here

        return open_here(name, situation.environment, situation.host, situation.now)
    if pool.is_slurm:
        return (_slurm(name, pool, situation),)
    return _condor_schedds(name, pool, situation, token_for, progress)


def _slurm(name: str, pool: Pool, situation: Situation) -> BatchSystem:
    from hepsub.policy.places import expand
    from hepsub.slurm.batch import SlurmBatch
    from hepsub.slurm.slips import Slips

    kept = paths_for(situation.environment, situation.home).slurm
    scratch = expand(pool.scratch, situation.home, situation.user)
    return SlurmBatch(
        pool=name,
        rules=replace(pool, scratch=scratch),
        host=situation.host,
        user=situation.user,
        slips=Slips(directory=kept),
        now=situation.now,
    )


def _condor_schedds(
    name: str, pool: Pool, situation: Situation, token_for: TokenFor, progress: Progress
) -> tuple[BatchSystem, ...]:
    """The schedds of a pool; where even the collector refuses to answer, with a token of its own."""
    from hepsub.condor.bindings import show_token
    from hepsub.condor.collector import find_schedds, token_directory
    from hepsub.condor.connection import Connection
    from hepsub.condor.schedd import CondorSchedd

    def obtain_token(schedd: str) -> bool:
        from hepsub.tools.condor import fetch_token

        # The pool of HTCondor's own configuration gives one, which another site's does not take.
        elsewhere = pool.spool and pool.collector and pool.token
        tokens = token_directory(situation.home)
        if not elsewhere and fetch_token(schedd, tokens, situation.now):
            return True
        return bool(pool.token) and show_token(token_for(pool.token, "").content.decode())

    def produce_ticket(program: str, cache: bytes) -> bytes:
        from hepsub.tools.condor import produce_ticket

        return produce_ticket(program, cache)

    def edit_cluster(schedd: str, collector: str, cluster: int, name: str, value: str) -> None:
        from hepsub.tools.condor import edit_cluster

        edit_cluster(schedd, collector, cluster, name, value)

    def has_edit_cluster() -> bool:
        from hepsub.tools.run import installed

        return installed("condor_qedit")

    def look_into(
        schedd: str, collector: str, job: str, file: str, most: int, *, follow: bool
    ) -> AbstractContextManager[Iterator[Piece | None]]:
        from hepsub.condor.bindings import client_methods
        from hepsub.tools.condor_tail import Look, look_into

        look = Look(
            schedd=schedd, collector=collector, job=job, file=file, most=most, follow=follow
        )
        return look_into(look, client_methods())

    patience_s = _COLLECTOR_S
    if pool.spool:
        from hepsub.condor.reachable import SILENCE_S, check_reachable

        check_reachable(pool.collector, f"the collector {pool.collector}")
        patience_s = SILENCE_S
    try:
        found = find_schedds(pool.collector, patience_s)
    except PoolUnreachable:
        if not obtain_token(""):
            raise
        found = find_schedds(pool.collector, patience_s)
    return tuple(
        CondorSchedd(
            pool=name,
            connection=Connection(
                address=address, obtain_token=obtain_token, far=pool.spool, progress=progress
            ),
            collector=pool.collector,
            produce_ticket=produce_ticket,
            edit_cluster=edit_cluster,
            has_edit_cluster=has_edit_cluster,
            look_into=look_into,
        )
        for address in found
    )
