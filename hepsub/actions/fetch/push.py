"""What came home because a store was away is uploaded, before it is fetched."""

from __future__ import annotations

from hepsub.actions.queue.ends import job_states
from hepsub.actions.renew.live import is_believed, not_believed
from hepsub.actions.returned.pending import Round, push_pending
from hepsub.actions.session import Session
from hepsub.actions.submissions import Found
from hepsub.actions.submit.stage import Stores
from hepsub.auth.renewal import DIRECTORY
from hepsub.batch import State
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import Placed, claimed
from hepsub.bundle.pending import PENDING
from hepsub.errors import HepsubError
from hepsub.result import Problem

_AGAIN = (State.IDLE, State.RUNNING, State.TRANSFERRING, State.SUSPENDED)
"""A job in one of these will write its outputs itself."""


def waiting_at_home(found: Found) -> list[int]:
    """The jobs of which something came home that belongs into a store."""
    if found.bundle is None:
        return []
    return [proc for proc in found.procs if _waits(found.bundle, proc)]


def _waits(bundle: Bundle, proc: int) -> bool:
    try:
        with bundle.open_returned(proc) as tree:
            return tree is not None and tree.look(PENDING) is not None
    except OSError:  # hep_fetch tells of it, when it looks for the outputs
        return False


def push_home(
    session: Session, stores: Stores, found: Found, *, force: bool = False
) -> list[Problem]:
    """Upload what came home; the refresher, which does the same, is kept out meanwhile.

    Args:
        session: the session.
        stores: the storages.
        found: the jobs that are meant.
        force: whether also over what somebody has written since.
    """
    if found.bundle is None:
        return []
    placed = Placed(directory=found.bundle.directory, ref=found.ref)
    if not is_believed(session, found.bundle, placed):
        return [Problem(code="not-believed", message=not_believed(placed))]
    procs = waiting_at_home(found)
    states, _ = job_states(session, found, procs)
    idle = [p for p in procs if p not in states or states[p].state not in _AGAIN]
    try:
        with claimed(session.bundles / DIRECTORY) as mine:
            if not mine:
                return [
                    Problem(
                        code="busy",
                        message="hep_auth renew runs right now, and uploads what came home, too",
                        remedy="try again when it has ended",
                    )
                ]
            now = Round(stores=stores, force=force)
            troubles = push_pending(now, found.bundle, found.ref.cluster, idle)
    except HepsubError as error:
        troubles = (error.message,)
    except OSError as error:
        troubles = (f"{error.filename}: {error.strerror}",)
    named = f"outputs of cluster {found.ref.cluster}"
    return [
        Problem(
            code="not-pushed",
            message=trouble
            if trouble.startswith(named)
            else f"{named} that came home could not be uploaded: {trouble}",
            remedy="they stay at home until the same command, or hep_auth renew, can put them there",
        )
        for trouble in troubles
    ]
