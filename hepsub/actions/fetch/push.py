"""Outputs that HTCondor returned because a store did not answer are uploaded before they are fetched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hepsub.actions.queue.ends import job_states
from hepsub.actions.returned.pending import push_pending
from hepsub.actions.returned.uploads import Uploads
from hepsub.actions.submissions import SelectedJobs
from hepsub.auth.renewal import DIRECTORY
from hepsub.batch import ACTIVE
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import locked
from hepsub.bundle.pending import PENDING
from hepsub.errors import HepsubError
from hepsub.result import Problem
from hepsub.session import Session
from hepsub.storage.stores import Stores


def procs_with_pending(bundle: Bundle, procs: Iterable[int]) -> list[int]:
    """The jobs of which something was returned that belongs into a store."""
    return [proc for proc in procs if _waits(bundle, proc)]


def _waits(bundle: Bundle, proc: int) -> bool:
    try:
        with bundle.open_returned(proc) as tree:
            return tree is not None and tree.look(PENDING) is not None
    except OSError:  # hep_fetch tells of it, when it looks for the outputs
        return False


def push_returned(
    session: Session,
    stores: Stores,
    bundle: Bundle,
    selected: SelectedJobs,
    *,
    force: bool = False,
) -> Iterator[Problem]:
    """Upload what was returned; hep_auth renew, which does the same, is kept out meanwhile.

    Returns:
        What stays at home, and why.
    """
    ref = selected.ref
    procs = procs_with_pending(bundle, selected.procs)
    states, _ = job_states(session, ref, procs)
    # A job that is active will write its outputs itself, and what came home of an earlier run may be overtaken.
    ended = [proc for proc in procs if proc not in states or states[proc].state not in ACTIVE]
    try:
        with locked(session.bundles / DIRECTORY) as mine:
            if not mine:
                yield Problem(
                    code="busy",
                    message="hep_auth renew runs right now, and uploads what came home, too",
                    remedy="try again when it has ended",
                )
                return
            uploads = Uploads(stores=stores, force=force)
            troubles = push_pending(uploads, session.ended, bundle, ref.cluster, ended)
    except HepsubError as error:
        troubles = (error.message,)
    except OSError as error:
        troubles = (f"{error.filename}: {error.strerror}",)
    named = f"outputs of cluster {ref.cluster}"  # as what a storage refuses is told (returned/pending.py)
    for trouble in troubles:
        yield Problem(
            code="not-pushed",
            message=trouble
            if trouble.startswith(named)
            else f"{named} that came home could not be uploaded: {trouble}",
            remedy="they stay at home until the same command, or hep_auth renew, can put them there",
        )
