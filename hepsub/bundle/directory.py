"""The directory of one bundle: made, read, claimed by one process at a time, and stripped when its jobs have ended."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hepsub.bundle.bundle import Bundle, unusable
from hepsub.bundle.request import OfAnotherHepsub, from_json
from hepsub.documents import Malformed, Moment, has_been, read_json
from hepsub.files import lock_process, make_private, open_own, why_not_mine
from hepsub.jobid import SubmissionRef
from hepsub.plan.bundle_paths import (
    FINISHED,
    JOB,
    LOCK,
    PRIVATE,
    READY,
    REQUEST,
    SIGNED,
    layout_of,
)
from hepsub.storage.signing import LONGEST_URL_S
from hepsub.tree import open_tree, remove_tree

_LARGEST_REQUEST = 2**30
_LARGEST_NOTE = 2**20


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    pool: str
    schedd: str
    cluster: Annotated[int, Meta(ge=0, le=2**31)]


TORN_S = 3600
"""A temporary file that is older belongs to a process that was killed."""

NEW, GONE = ".new", ".gone"
"""Behind a bundle's name, and a dot before it, while it is made and while it is removed."""


class Placed(Struct, frozen=True, kw_only=True):
    """A complete bundle, by its own directory, and where its jobs are."""

    directory: Path
    ref: SubmissionRef


class Signed(Struct, frozen=True, kw_only=True):
    """When URLs were signed, and when they end, in seconds since the epoch."""

    when: float
    end: float


def read_bundle(directory: Path) -> Bundle | None:
    """The bundle in a directory; None when its request was never written whole, or must not be believed."""
    try:
        return _read_bundle(directory)
    except (OSError, Malformed):
        return None


def why_unreadable(directory: Path) -> str:
    """Why the bundle in a directory cannot be read, in words; empty when it can, or was never written."""
    try:
        _read_bundle(directory)
    except FileNotFoundError:
        return ""
    except (OSError, Malformed) as error:
        return str(error)
    return ""


def why_of_another(directory: Path) -> str:
    """What to say of a bundle that another version of hepsub wrote in a form of its own; empty for others."""
    try:
        _read_bundle(directory)
    except OfAnotherHepsub as error:
        return f"the bundle {directory} is passed over: {error}; use that version for its jobs"
    except (OSError, Malformed):
        return ""
    return ""


def _read_bundle(directory: Path) -> Bundle:
    if trouble := why_not_mine(directory):
        raise PermissionError(trouble)
    layout = layout_of(directory)
    with open_tree(layout.private("")) as tree:
        request = from_json(tree.read(REQUEST, _LARGEST_REQUEST))
    return Bundle(directory=directory, request=request, old=layout.old)


def discard_bundle(directory: Path) -> None:
    """Remove the bundle of a submission that did not happen.

    It leaves its name first: nobody finds a part of it.
    """
    gone = directory.with_name(f".{directory.name}{GONE}")
    try:
        directory.rename(gone)
    except (
        OSError
    ):  # gone already, or a file server that does not rename: a part is better than all
        gone = directory
    remove_tree(gone)


@contextlib.contextmanager
def new_bundle(root: Path, uuid: str) -> Iterator[Path]:
    """A directory for a new bundle; until the block ends it is claimed by this process.

    It gets its name when it is locked already: there is no moment in which it looks abandoned.

    Raises:
        BundleUnusable: it cannot be made, or there is one of this name.
    """
    directory, raw = root / uuid, root / f".{uuid}{NEW}"
    with contextlib.ExitStack() as stack:
        try:
            make_private(root)
            raw.mkdir(mode=0o700)
            (raw / PRIVATE).mkdir(mode=0o700)
            lock = stack.enter_context(_opened_lock(raw / PRIVATE, os.O_CREAT | os.O_EXCL))
            lock_process(lock.fileno())  # nobody else can have found it
            if directory.exists():
                raise FileExistsError(errno.EEXIST, "there is one of this name")
            raw.rename(directory)
        except OSError as error:
            remove_tree(raw)
            raise unusable(directory, error) from error
        yield directory


@contextlib.contextmanager
def claimed(directory: Path) -> Iterator[bool]:
    """Be the only one at a directory, which is made if need be; False when somebody else is at it.

    Raises:
        BundleUnusable: the directory cannot be made or written.
    """
    try:
        make_private(directory)
        lock = _opened_lock(directory, os.O_CREAT)
    except OSError as error:
        raise unusable(directory, error) from error
    with lock:
        try:
            mine = lock_process(lock.fileno())
        except OSError as error:  # a file system without locks
            raise unusable(directory, error) from error
        yield mine


@contextlib.contextmanager
def taken_over(directory: Path) -> Iterator[bool]:
    """Keep others from completing a bundle that was left behind meanwhile.

    False when somebody else is at it, or has just removed it: nothing is made.
    """
    with contextlib.ExitStack() as stack:
        mine = False
        with contextlib.suppress(OSError):
            place = layout_of(directory).private("")
            lock = stack.enter_context(_opened_lock(place, 0))
            # Who removed the bundle held this lock until then.
            mine = lock_process(lock.fileno()) and os.path.samestat(
                os.fstat(lock.fileno()), (place / LOCK).lstat()
            )
        yield mine


def _opened_lock(directory: Path, flags: int) -> FileIO:
    descriptor = open_own(directory / LOCK, os.O_RDWR | flags, "its lock")
    return os.fdopen(descriptor, "r+b", buffering=0)


def is_ready(directory: Path) -> bool:
    """Whether a bundle is complete, and its jobs may start."""
    return layout_of(directory).private(READY).exists()


def read_placed(directory: Path) -> Placed | None:
    """Where the jobs of a bundle are; None while it is not complete."""
    layout = layout_of(directory)
    try:
        with open_tree(layout.private("")) as tree:
            ready = read_json(tree.read(READY, _LARGEST_NOTE), _Ready, most=_LARGEST_NOTE)
        ref = SubmissionRef(
            uuid=directory.name, pool=ready.pool, schedd=ready.schedd, cluster=ready.cluster
        )
        return Placed(directory=directory, ref=ref)
    except FileNotFoundError:
        return None
    except (OSError, Malformed):
        bundle = read_bundle(directory)  # of an older hepsub, which wrote nothing there
        if bundle is None:
            return None
        # Jobs of that time could write into the request: not into the name of the directory.
        return Placed(directory=directory, ref=replace(bundle.request.ref, uuid=directory.name))


def read_signed(directory: Path, now: float) -> dict[str, Signed]:
    """When the URLs of each storage were signed, and when they end; nothing where that is not known.

    URLs that were signed by a clock that was ahead are good for nothing, now or ever: a store compares.

    Args:
        directory: the bundle's.
        now: seconds since the epoch.
    """
    try:
        with open_tree(layout_of(directory).private("")) as tree:
            ends = read_json(
                tree.read(SIGNED, _LARGEST_NOTE), dict[str, Moment], most=_LARGEST_NOTE
            )
            facts = tree.look(SIGNED)
    except (OSError, Malformed):
        return {}
    when = facts.st_mtime if facts is not None else 0.0
    return {
        name: Signed(when=when, end=end)
        for name, end in ends.items()
        if has_been(when, now) and has_been(end - LONGEST_URL_S, now)
    }


def strip_bundle(directory: Path) -> None:
    """Leave of a bundle whose jobs have ended what came home, and what it was made for.

    What cannot be removed (a file that somebody still has open on NFS) is left for the next time.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    layout = layout_of(directory)
    try:
        if not layout.private(FINISHED).exists():
            layout.private(FINISHED).touch(mode=0o600)
    except OSError as error:
        raise unusable(directory, error) from error
    if layout.old:
        _remove_all(directory, but=(FINISHED, "home", READY, REQUEST, LOCK))
        return
    _remove_all(directory, but=(PRIVATE, JOB))
    _remove_all(directory / PRIVATE, but=(FINISHED, READY, REQUEST, LOCK))
    with contextlib.suppress(OSError), os.scandir(directory / JOB) as corners:
        for corner in corners:
            if corner.is_dir(follow_symlinks=False):
                _remove_all(Path(corner.path), but=(f"home.{corner.name}",))
                with contextlib.suppress(OSError):  # it brought something home
                    Path(corner.path).rmdir()


def _remove_all(directory: Path, but: tuple[str, ...]) -> None:
    """Remove what is in a directory; links are removed, not followed."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name in but:
                continue
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    remove_tree(Path(entry.path))
                else:
                    Path(entry.path).unlink()


def sweep(directory: Path, now: float) -> None:
    """Remove the temporary files of processes that were killed while they wrote into a directory.

    Args:
        directory: one whose own files have names without a leading dot.
        now: seconds since the epoch.
    """
    for each in directory.glob(".*"):
        with contextlib.suppress(OSError):
            facts = each.lstat()
            if stat.S_ISREG(facts.st_mode) and now - facts.st_mtime > TORN_S:
                each.unlink()
