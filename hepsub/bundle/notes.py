"""What is noted of a bundle: that it is complete, or cancelled, and when its URLs were signed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hepsub.bundle.bundle import Bundle
from hepsub.documents import Malformed, Moment, has_been, read_json
from hepsub.jobid import SubmissionRef
from hepsub.plan.bundle_paths import CANCELLED, FINISHED, READY, SIGNED, private_path
from hepsub.storage.signing import LONGEST_URL_S
from hepsub.tree import open_tree

_LARGEST = 2**20
"""No note is larger, in bytes."""


class _Ready(Struct, frozen=True, kw_only=True):
    """The note of a complete bundle: where its jobs are."""

    pool: str
    schedd: str
    cluster: Annotated[int, Meta(ge=1, le=2**31)]


class Placed(Struct, frozen=True, kw_only=True):
    """A complete bundle, by its own directory, and where its jobs are: their cluster is known."""

    directory: Path
    ref: SubmissionRef


class Signed(Struct, frozen=True, kw_only=True):
    """When URLs were signed, and when they end, in seconds since the epoch."""

    when: float
    end: float


def mark_ready(bundle: Bundle, cluster: int) -> None:
    """Note that a bundle is complete: nothing is left to be done but to keep it fresh.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    note = _Ready(pool=bundle.request.pool, schedd=bundle.request.schedd, cluster=cluster)
    bundle.write_private(READY, msgspec.json.encode(note))


def is_ready(directory: Path) -> bool:
    """Whether a bundle is complete, and its jobs may start."""
    try:
        # It is not durable, and a power cut may leave it empty: submit/recover.py then finds the cluster by its UUID,
        # and writes it anew.
        return private_path(directory, READY).stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_finished(directory: Path) -> bool:
    """Whether the jobs of a bundle have ended, as far as anybody noted."""
    return private_path(directory, FINISHED).exists()


def read_placed(directory: Path) -> Placed | None:
    """Where the jobs of a bundle are; None while it is not complete."""
    try:
        with open_tree(private_path(directory)) as tree:
            ready = read_json(tree.read(READY, _LARGEST), _Ready, most=_LARGEST)
    except (OSError, Malformed):
        return None
    ref = SubmissionRef(
        uuid=directory.name, pool=ready.pool, schedd=ready.schedd, cluster=ready.cluster
    )
    return Placed(directory=directory, ref=ref)


def read_signed(directory: Path, now: float) -> dict[str, Signed]:
    """When the URLs of each storage were signed, and when they end; nothing where that is not known.

    URLs that were signed by a clock that was ahead are good for nothing, now or ever: a store compares.

    Args:
        directory: the bundle's.
        now: seconds since the epoch.
    """
    try:
        with open_tree(private_path(directory)) as tree:
            ends = read_json(tree.read(SIGNED, _LARGEST), dict[str, Moment], most=_LARGEST)
            facts = tree.look(SIGNED)
    except (OSError, Malformed):
        return {}
    when = facts.st_mtime if facts is not None else 0.0
    return {
        name: Signed(when=when, end=end)
        for name, end in ends.items()
        if has_been(when, now) and has_been(end - LONGEST_URL_S, now)
    }


def note_signed(bundle: Bundle, ends: Mapping[str, float]) -> None:
    """Note when the URLs of each storage end, in seconds since the epoch.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    bundle.write_private(SIGNED, msgspec.json.encode(dict(ends)))


def mark_cancelled(bundle: Bundle) -> None:
    """Note, so that no crash forgets it, that the submission of a bundle was cancelled.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    bundle.write_private(CANCELLED, b"", durable=True)


def is_cancelled(bundle: Bundle) -> bool:
    """Whether the submission of a bundle was cancelled."""
    return bundle.private(CANCELLED).exists()
