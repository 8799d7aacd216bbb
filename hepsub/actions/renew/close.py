"""Bundles whose jobs have ended: outputs that came home go where they belong, secrets go away."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hepsub.actions.renew.live import is_believed, not_believed
from hepsub.actions.returned.pending import Round, push_pending
from hepsub.actions.returned.place import place_outputs
from hepsub.actions.session import Session
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import (
    finished_bundles,
    read_bundle,
    read_placed,
    strip_bundle,
    why_of_another,
)
from hepsub.bundle.pending import PENDING
from hepsub.bundle.returned import returned_outputs
from hepsub.errors import HepsubError
from hepsub.files import open_tree, write_whole
from hepsub.plan.bundle_paths import FINISHED, layout_of

_SETTLED = "nothing of it is left to be put into its place\n"


def close_bundle(session: Session, now: Round, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Take leave of a bundle: nothing in it that a user made is removed before it is in its place.

    Returns:
        A sentence for each output that could not be put into its place.
    """
    notes = _put_in_place(now, bundle, cluster)
    if troubles := bundle.place_logs(cluster):  # they would be removed with the jobs' corners
        return (*notes, *troubles)
    try:
        strip_bundle(bundle.directory)
        return (*notes, *_take_leave(session, bundle))
    except HepsubError as error:
        return (*notes, error.message)
    except OSError as error:
        return (*notes, _unusable_text(bundle.directory, error))


def revisit_finished(session: Session, now: Round) -> tuple[str, ...]:
    """Try again with outputs that are still at home; remove what was kept for long enough.

    A bundle that cannot be used does not stop the others.
    """
    notes: list[str] = []
    for directory in finished_bundles(session.bundles):
        try:
            notes += _revisit(session, now, directory)
        except OSError as error:
            notes.append(_unusable_text(directory, error))
    return tuple(notes)


def _unusable_text(directory: Path, error: OSError) -> str:
    return f"the bundle {directory} cannot be looked through: {error.strerror}"


def _revisit(session: Session, now: Round, directory: Path) -> tuple[str, ...]:
    if layout_of(directory).private(FINISHED).stat().st_size:
        return _forget_after(session, directory)
    bundle, placed = read_bundle(directory), read_placed(directory)
    if bundle is None or placed is None:
        another = why_of_another(directory)
        return (another,) if another else ()
    if not is_believed(session, bundle, placed):
        return (not_believed(placed),)
    with contextlib.suppress(HepsubError):
        strip_bundle(directory)  # what could not be removed the last time
    notes = _put_in_place(now, bundle, placed.ref.cluster) if _has_outputs(bundle) else ()
    return (*notes, *_take_leave(session, bundle))


def _take_leave(session: Session, bundle: Bundle) -> tuple[str, ...]:
    """Note that nothing is left to be done, if so: to look again costs as much as the jobs were many."""
    if _has_outputs(bundle):
        return ()
    with contextlib.suppress(OSError):
        write_whole(bundle.layout.private(FINISHED), _SETTLED, 0o600)
    return _forget_after(session, bundle.directory)


def _put_in_place(now: Round, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    notes: list[str] = []
    try:
        notes += place_outputs(bundle, cluster)
        notes += push_pending(now, bundle, cluster)
    except (HepsubError, OSError) as error:
        notes.append(f"outputs of cluster {cluster} are still at home: {error}")
    return tuple(dict.fromkeys(notes))


def _has_outputs(bundle: Bundle) -> bool:
    """Whether anything that a user made is still in it, or may be."""
    return any(_may_have_outputs(bundle, proc) for proc in range(bundle.request.ref.number))


def _may_have_outputs(bundle: Bundle, proc: int) -> bool:
    try:
        with bundle.open_returned(proc) as tree:
            return tree is not None and (
                tree.look(PENDING) is not None or bool(returned_outputs(tree))
            )
    except OSError:
        return True


def _forget_after(session: Session, directory: Path) -> tuple[str, ...]:
    """Remove a finished bundle whose reports were kept for as long as the policy says."""
    ended = layout_of(directory).private(FINISHED).stat().st_mtime
    if session.situation.now - ended <= session.policy.renew.keep:
        return ()
    try:
        with open_tree(directory) as tree:
            tree.clear()
        directory.rmdir()
    except OSError as error:
        return (f"the bundle {directory} cannot be removed: {error.strerror}",)
    return ()
