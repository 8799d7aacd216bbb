"""A submission that is not to be: its cluster is removed again, and no later command lets it start."""

from __future__ import annotations

import contextlib

from hepsub.batch import Act, BatchSystem, Selection
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import discard_bundle
from hepsub.errors import BundleUnusable, HepsubError, Interrupted, JournalNotWritable
from hepsub.jobid import SubmissionRef
from hepsub.journal import NO_CLUSTER
from hepsub.session import Session


def take_back(
    session: Session, schedd: BatchSystem, ref: SubmissionRef, bundle: Bundle | None
) -> str:
    """Remove a cluster whose jobs cannot have started yet; why that was not possible, empty when it was.

    What is to be is noted before anything is tried: `recover` goes on with it.
    """
    cancel(bundle)
    try:
        count = schedd.act(Act.REMOVE, Selection(uuid=ref.uuid))
    except HepsubError as error:
        return error.message
    if count.denied or count.wrong_state:
        return f"the schedd {ref.schedd} does not let you remove it"
    if bundle is not None:
        discard_bundle(bundle.directory)
    note_gone(session, ref.uuid)
    return ""


def cancel(bundle: Bundle | None) -> None:
    """Note that a submission is not to be; where that cannot be written, nothing is left to finish it with."""
    if bundle is None:
        return
    try:
        bundle.mark_cancelled()
    except BundleUnusable:
        discard_bundle(bundle.directory)


def note_gone(session: Session, uuid: str) -> None:
    """Let the journal know that a submission has no cluster, and its key is free; its bundle has gone before."""
    noted = next((each for each in session.journal.entries() if each.ref.uuid == uuid), None)
    if noted is not None:
        with contextlib.suppress(JournalNotWritable):
            session.journal.append(noted.with_cluster(NO_CLUSTER))


def interrupted(ref: SubmissionRef, why: str, bundle: Bundle | None) -> Interrupted:
    """What the user reads who pressed Ctrl-C before the jobs could start.

    Args:
        ref: the submission.
        why: why it could not be removed; empty when it was.
        bundle: its bundle, by which later commands know what to do.
    """
    cluster = ref.cluster
    if not why:
        return Interrupted(f"interrupted; cluster {cluster} was removed again")
    later = ", as the next hep_sub or hep_auth renew does by itself" if bundle is not None else ""
    return Interrupted(
        f"interrupted, but cluster {cluster} could not be removed again: {why}",
        remedy=f"its jobs do not start; hep_rm {cluster} removes it{later}",
    )
