"""Jobs that the schedd of another pool keeps for reasons of its own are submitted anew, submission by submission."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from hepsub.actions.renew.departure import Departure, Leavers
from hepsub.auth.renewal import DIRECTORY
from hepsub.bundle.leaving import GIVE_UP_S, Move, note_move, read_moves
from hepsub.documents import Malformed
from hepsub.errors import HepsubError
from hepsub.session import Session


def send_on(session: Session, found: Iterable[Leavers], over: Callable[[], bool]) -> Iterator[str]:
    """Submit jobs anew that are to leave, and those that a round was interrupted with, which are first.

    Args:
        session: the session; no other process runs a round.
        found: the jobs; those of one submission may have left different sites before.
        over: whether the time of this round is over.

    Returns:
        A sentence for those that went, and for those that could not.
    """
    try:
        moves = read_moves(session.bundles)
    except Malformed as error:
        yield (
            f"what is noted of jobs on their way in {session.bundles / DIRECTORY} cannot be read ({error}): no job is"
            " taken away from another pool; put the file right, or remove it and submit by hand what was removed"
        )
        return
    sites = session.policy.site
    for uuid, move in moves.items():
        moves[uuid] = replace(move, left=tuple(each for each in move.left if each in sites))
    refs = {entry.ref.uuid: entry.ref for entry in session.journal.entries()} if moves else {}
    for uuid in moves.keys() - refs.keys():
        yield _of_nobody(session, moves, uuid)
    # With no jobs of its own: what is noted is added to each (`Departure.known`).
    begun = (
        Leavers(ref=refs[uuid], site=move.site, procs=frozenset(), left=move.left)
        for uuid, move in moves.items()
        if uuid in refs
    )
    groups = {(each.ref.uuid, each.site, each.left): each for each in (*begun, *found)}
    stores = functools.cache(session.open_stores)
    for each in groups.values():
        one = Departure(session=session, stores=stores, leavers=each, moves=moves)
        if over():
            yield f"{one.named} wait: hep_auth renew goes on in its next round"
        elif said := one.carry_out():
            yield said


def _of_nobody(session: Session, moves: dict[str, Move], uuid: str) -> str:
    """What is said of jobs on their way whose submission the journal does not know: for days, then it is forgotten."""
    move, more = moves[uuid], ""
    if session.situation.now - move.since > GIVE_UP_S:
        try:
            note_move(session.bundles, moves, uuid, None)
            more = "; this is not said again"
        except HepsubError as error:
            more = f"; {error.message}"
    return (
        f"{len(move.procs)} job(s) of the submission {uuid} were removed at {move.site}, or may have been, and are not"
        f" submitted anew: the journal in {session.paths.journal} does not know it; submit them by hand{more}"
    )
