"""Jobs that hep_auth renew is taking into another pool are not submitted there, when their user removes them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping

from msgspec.structs import replace

from hepsub.actions.submissions import procs_of, submitted_to
from hepsub.auth.renewal import DIRECTORY
from hepsub.bundle.directory import locked
from hepsub.bundle.leaving import Move, note_move, read_moves
from hepsub.documents import Malformed
from hepsub.errors import NotDone
from hepsub.jobid import JobId
from hepsub.session import Session


def halt(session: Session, job: JobId, pool: str | None, schedd: str) -> frozenset[int]:
    """Take jobs out of those that are submitted anew in the next round; their ProcIds.

    Args:
        session: the session.
        job: the id.
        pool: their pool's name in the policy; None for any.
        schedd: full name of the schedd that the id means; empty for any.

    Raises:
        NotDone: a round is at work, and may be about to submit them.
        BundleUnusable: it cannot be noted.
    """
    wanted = {
        ref.uuid: procs_of(job, ref)
        for ref in submitted_to(session, job, pool).values()
        if ref.uuid and schedd in ("", ref.schedd)
    }
    return frozenset(proc for procs in _taken(session, wanted).values() for proc in procs)


def halt_all(session: Session, pools: Collection[str]) -> int:
    """Take all jobs out of those that are submitted anew in the next round; how many they were.

    Args:
        session: the session.
        pools: where they were, by the names of the policy.

    Raises:
        NotDone, BundleUnusable: as `halt`.
    """
    refs = [entry.ref for entry in session.journal.entries()]
    wanted = {ref.uuid: range(ref.number) for ref in refs if ref.pool in pools}
    return sum(map(len, _taken(session, wanted).values()))


def _taken(session: Session, wanted: Mapping[str, range]) -> dict[str, frozenset[int]]:
    """The jobs that are noted no more, by their submissions."""
    root = session.bundles
    if not _noted(session, wanted):
        return {}
    # A round reads what is on its way at its beginning: without its lock it would submit what is taken out here.
    with locked(root / DIRECTORY) as mine:
        if not mine:
            raise NotDone(
                "hep_auth renew is at work, and may be about to submit some of these jobs in another pool",
                remedy="try again in a minute",
            )
        try:
            moves, found = read_moves(root), _noted(session, wanted)
        except Malformed as error:
            raise NotDone(f"what is on its way cannot be read: {error}") from error
        for uuid, procs in found.items():
            left = tuple(proc for proc in moves[uuid].procs if proc not in procs)
            note_move(root, moves, uuid, replace(moves[uuid], procs=left) if left else None)
    return found


def _noted(session: Session, wanted: Mapping[str, range]) -> dict[str, frozenset[int]]:
    """Those of some jobs that are on their way, by their submissions."""
    moves: dict[str, Move] = {}
    with contextlib.suppress(Malformed):  # no round submits a job then
        moves = read_moves(session.bundles)
    found = {
        uuid: frozenset(proc for proc in each.procs if proc in wanted[uuid])
        for uuid, each in moves.items()
        if uuid in wanted
    }
    return {uuid: procs for uuid, procs in found.items() if procs}
