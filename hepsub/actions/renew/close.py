"""Bundles whose jobs have ended: outputs that HTCondor returned go where they belong, then secrets are removed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hepsub.actions.renew.mailbox import remove_letters
from hepsub.actions.returned.pending import push_pending
from hepsub.actions.returned.place import place_outputs
from hepsub.actions.returned.uploads import Uploads
from hepsub.bundle.bundle import Bundle, read_bundle, why_of_another
from hepsub.bundle.directory import discard_bundle, strip_bundle, strip_but_logs
from hepsub.bundle.logs import place_logs
from hepsub.bundle.mailbox import has_mailbox
from hepsub.bundle.notes import read_placed
from hepsub.bundle.pending import PENDING
from hepsub.bundle.returned import returned_outputs
from hepsub.bundle.root import finished_bundles
from hepsub.errors import HepsubError
from hepsub.files import write_whole
from hepsub.plan.bundle_paths import FINISHED, private_path
from hepsub.session import Session

_SETTLED = "nothing of it is left to be put into its place\n"
"""What the note holds then; it is empty before."""


def close_bundle(
    session: Session, uploads: Uploads, bundle: Bundle, cluster: int
) -> tuple[str, ...]:
    """Close a bundle: place or upload the outputs in it, then strip it, and remove it when the policy says so.

    What could not be put into its place keeps the bundle; `revisit_finished` tries again.

    Returns:
        A sentence for each output that could not be put into its place.
    """
    notes = _put_in_place(session, uploads, bundle, cluster)
    if troubles := place_logs(bundle, cluster):
        strip_but_logs(bundle.directory)  # which would be removed with the jobs' corners
        return (*notes, *troubles)
    try:
        notes = (*notes, *remove_letters(uploads, bundle))
        strip_bundle(bundle.directory)
        _settle(session, bundle)
    except HepsubError as error:
        return (*notes, error.message)
    except OSError as error:
        return (*notes, _unusable_text(bundle.directory, error))
    return notes


def revisit_finished(session: Session, uploads: Uploads) -> tuple[str, ...]:
    """Try again to place and upload outputs of closed bundles; remove those that were kept for long enough.

    A bundle that cannot be used does not stop the others.
    """
    notes: list[str] = []
    for directory in finished_bundles(session.bundles):
        try:
            notes += _revisit(session, uploads, directory)
        except OSError as error:
            notes.append(_unusable_text(directory, error))
    return tuple(notes)


def _unusable_text(directory: Path, error: OSError) -> str:
    return f"the bundle {directory} cannot be looked through: {error.strerror}"


def _revisit(session: Session, uploads: Uploads, directory: Path) -> tuple[str, ...]:
    if private_path(directory, FINISHED).stat().st_size:
        _forget_after(session, directory)
        return ()
    bundle, placed = read_bundle(directory), read_placed(directory)
    if bundle is None or placed is None:
        another = why_of_another(directory)
        return (another,) if another else ()
    letters = remove_letters(uploads, bundle)
    with contextlib.suppress(HepsubError):
        strip_bundle(directory)  # what could not be removed the last time
    notes = (
        _put_in_place(session, uploads, bundle, placed.ref.cluster) if _has_outputs(bundle) else ()
    )
    _settle(session, bundle)
    return (*letters, *notes)


def _settle(session: Session, bundle: Bundle) -> None:
    """Note that a bundle needs no further look, if nothing of it is left, and remove it when it is old enough."""
    if _has_outputs(bundle):
        return
    # While its store is away letters may be left; after `renew.keep` they are the mailbox's lifecycle rule's.
    if not has_mailbox(bundle):
        # Each further look would cost as much as the jobs are many.
        with contextlib.suppress(OSError):
            write_whole(bundle.private(FINISHED), _SETTLED, 0o600)
    _forget_after(session, bundle.directory)


def _put_in_place(
    session: Session, uploads: Uploads, bundle: Bundle, cluster: int
) -> tuple[str, ...]:
    notes: list[str] = []
    try:
        notes += place_outputs(bundle, cluster, range(bundle.request.number))
        notes += push_pending(uploads, session.ended, bundle, cluster)
    except (HepsubError, OSError) as error:
        notes.append(f"outputs of cluster {cluster} are still at home: {error}")
    return tuple(dict.fromkeys(notes))


def _has_outputs(bundle: Bundle) -> bool:
    """Whether anything that a user made is still in it, or may be."""
    return any(_may_have_outputs(bundle, proc) for proc in range(bundle.request.number))


def _may_have_outputs(bundle: Bundle, proc: int) -> bool:
    try:
        with bundle.open_returned(proc) as tree:
            return tree is not None and (
                tree.look(PENDING) is not None or bool(returned_outputs(tree))
            )
    except OSError:
        return True


def _forget_after(session: Session, directory: Path) -> None:
    """Remove a finished bundle whose reports were kept for as long as the policy says."""
    ended = private_path(directory, FINISHED).stat().st_mtime
    if session.situation.now - ended > session.policy.renew.keep:
        discard_bundle(directory)
