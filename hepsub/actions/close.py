"""Bundles whose jobs have ended: outputs that came home go where they belong, secrets go away."""

from __future__ import annotations

import shutil

from hepsub.actions.home import place_outputs
from hepsub.actions.pending import PENDING, push_pending
from hepsub.actions.session import Session
from hepsub.actions.stage import Stores
from hepsub.auth.bundle import FINISHED, HOME, Bundle
from hepsub.auth.bundles import finished_bundles, read_bundle, read_placed, strip_bundle
from hepsub.errors import HepsubError


def close_bundle(session: Session, stores: Stores, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Take leave of a bundle: nothing in it that a user made is removed before it is in its place.

    Returns:
        A sentence for each output that could not be put into its place.
    """
    notes = _put_in_place(stores, bundle, cluster)
    try:
        strip_bundle(bundle.directory)
    except HepsubError as error:
        return (*notes, error.message)
    if not _has_outputs(bundle):
        _forget_after(session, bundle)
    return notes


def revisit_finished(session: Session, stores: Stores) -> tuple[str, ...]:
    """Try again with outputs that are still at home; remove what was kept for long enough."""
    notes: list[str] = []
    for directory in finished_bundles(session.bundles):
        bundle, placed = read_bundle(directory), read_placed(directory)
        if bundle is None or placed is None:
            continue
        if _has_outputs(bundle):
            notes += _put_in_place(stores, bundle, placed.cluster)
        else:
            _forget_after(session, bundle)
    return tuple(notes)


def _put_in_place(stores: Stores, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    try:
        return (*place_outputs(bundle, cluster), *push_pending(stores, bundle, cluster))
    except (HepsubError, OSError) as error:
        return (f"outputs of cluster {cluster} are still at home: {error}",)


def _has_outputs(bundle: Bundle) -> bool:
    """Whether anything that a user made is still in it."""
    home = bundle.directory / HOME
    return any(each.is_file() for each in home.glob("home.*/outputs/**/*")) or any(
        home.glob(f"home.*/{PENDING}")
    )


def _forget_after(session: Session, bundle: Bundle) -> None:
    """Remove a finished bundle whose reports were kept for as long as the policy says."""
    ended = (bundle.directory / FINISHED).stat().st_mtime
    if session.situation.now - ended > session.policy.renew.keep:
        shutil.rmtree(bundle.directory, ignore_errors=True)
