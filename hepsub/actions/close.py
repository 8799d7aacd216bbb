"""Bundles whose jobs have ended: outputs that came home go where they belong, secrets go away."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hepsub.actions.home import place_outputs
from hepsub.actions.pending import Round, push_pending
from hepsub.actions.pending_list import PENDING
from hepsub.actions.session import Session
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import finished_bundles, read_bundle, read_placed, strip_bundle
from hepsub.errors import HepsubError
from hepsub.files import remove_tree, write_whole
from hepsub.plan.bundle_paths import FINISHED, layout_of

_SETTLED = "nothing of it is left to be put into its place\n"


def close_bundle(session: Session, now: Round, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Take leave of a bundle: nothing in it that a user made is removed before it is in its place.

    Returns:
        A sentence for each output that could not be put into its place.
    """
    notes = _put_in_place(now, bundle, cluster)
    try:
        strip_bundle(bundle.directory)
    except HepsubError as error:
        return (*notes, error.message)
    _take_leave(session, bundle)
    return notes


def revisit_finished(session: Session, now: Round) -> tuple[str, ...]:
    """Try again with outputs that are still at home; remove what was kept for long enough."""
    notes: list[str] = []
    for directory in finished_bundles(session.bundles):
        if layout_of(directory).private(FINISHED).stat().st_size:
            _forget_after(session, directory)
            continue
        bundle, placed = read_bundle(directory), read_placed(directory)
        if bundle is None or placed is None:
            continue
        with contextlib.suppress(HepsubError):
            strip_bundle(directory)  # what could not be removed the last time
        if _has_outputs(bundle):
            notes += _put_in_place(now, bundle, placed.cluster)
        _take_leave(session, bundle)
    return tuple(notes)


def _take_leave(session: Session, bundle: Bundle) -> None:
    """Note that nothing is left to be done, if so: to look again costs as much as the jobs were many."""
    if not _has_outputs(bundle):
        with contextlib.suppress(OSError):
            write_whole(bundle.layout.private(FINISHED), _SETTLED, 0o600)
        _forget_after(session, bundle.directory)


def _put_in_place(now: Round, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    try:
        return (
            *place_outputs(bundle, cluster),
            *push_pending(now, bundle, cluster),
        )
    except (HepsubError, OSError) as error:
        return (f"outputs of cluster {cluster} are still at home: {error}",)


def _has_outputs(bundle: Bundle) -> bool:
    """Whether anything that a user made is still in it."""
    return any(
        any(each.is_file() for each in bundle.returned(proc).glob("outputs/**/*"))
        or (bundle.returned(proc) / PENDING).exists()
        for proc in range(bundle.request.number)
    )


def _forget_after(session: Session, directory: Path) -> None:
    """Remove a finished bundle whose reports were kept for as long as the policy says."""
    ended = layout_of(directory).private(FINISHED).stat().st_mtime
    if session.situation.now - ended > session.policy.renew.keep:
        remove_tree(directory)
