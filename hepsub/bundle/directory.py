"""The directory of one bundle: made, locked by one process at a time, stripped when its jobs have ended, removed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from hepsub.bundle.bundle import unusable, usable
from hepsub.bundle.notes import is_finished
from hepsub.files import lock_process, make_private, open_own
from hepsub.plan.bundle_paths import (
    FINISHED,
    JOB,
    LOCK,
    MAILBOX,
    PRIVATE,
    READY,
    REQUEST,
    STDERR,
    STDOUT,
    UNLINKED,
    private_path,
)
from hepsub.tree import remove_tree

ABANDONED_S = 3600
"""A temporary file that is older belongs to a process that was killed."""

NEW, GONE = ".new", ".gone"
"""Behind a bundle's name, and a dot before it, while it is made and while it is removed."""


def discard_bundle(directory: Path) -> None:
    """Remove a bundle, whatever is in it."""
    gone = directory.with_name(f".{directory.name}{GONE}")
    try:
        # First: nobody finds a part of a bundle, and `remove_abandoned` knows it after a kill.
        directory.rename(gone)
    except OSError:
        # Gone already, or a file server that does not rename: a part of a bundle is better than all of it.
        gone = directory
    remove_tree(gone)


@contextlib.contextmanager
def new_bundle(root: Path, uuid: str) -> Iterator[Path]:
    """A directory for a new bundle; until the block ends this process has it locked.

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
            # Locked already: there is no moment in which it looks abandoned.
            raw.rename(directory)
        except OSError as error:
            remove_tree(raw)
            raise unusable(directory, error) from error
        yield directory


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[bool]:
    """Lock a directory, which is made if need be; False when another process has it locked.

    Raises:
        BundleUnusable: the directory cannot be made or written.
    """
    with usable(directory):
        make_private(directory)
        lock = _opened_lock(directory, os.O_CREAT)
    with lock:
        with usable(directory):
            mine = lock_process(lock.fileno())  # which a file system may not have
        yield mine


@contextlib.contextmanager
def locked_existing(directory: Path) -> Iterator[bool]:
    """Lock a bundle that was left behind, so that nobody else completes it meanwhile.

    False when another process has it locked, or has just removed it: nothing is made.
    """
    with contextlib.ExitStack() as stack:
        mine = False
        with contextlib.suppress(OSError):
            place = private_path(directory)
            lock = stack.enter_context(_opened_lock(place, 0))
            # Who removed the bundle held this lock until then.
            mine = lock_process(lock.fileno()) and os.path.samestat(
                os.fstat(lock.fileno()), (place / LOCK).lstat()
            )
        yield mine


def is_being_made(directory: Path) -> bool:
    """Whether a living process has a bundle locked: who makes it, until its files are with the schedd."""
    # One that is gone is nobody's either, and nobody's is one that is mine for this moment.
    with locked_existing(directory) as mine:
        return not mine and private_path(directory, LOCK).exists()


def _opened_lock(directory: Path, flags: int) -> FileIO:
    descriptor = open_own(directory / LOCK, os.O_RDWR | flags, "its lock")
    return os.fdopen(descriptor, "r+b", buffering=0)


def strip_bundle(directory: Path) -> None:
    """Remove all of a bundle whose jobs have ended but returned outputs, its request, its notes and its mailbox.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    # Noted first: after a kill in between, the next round goes on here (`revisit_finished`) and renews nothing in it.
    with usable(directory):
        if not is_finished(directory):  # its time tells when they ended (`renew.keep`)
            private_path(directory, FINISHED).touch(mode=0o600)
    _strip(directory)


def strip_but_logs(directory: Path) -> None:
    """Remove the same of a bundle whose logs could not be placed: nobody needs the secrets any more."""
    _strip(directory, (UNLINKED, STDOUT, STDERR))


def _strip(directory: Path, but: tuple[str, ...] = ()) -> None:
    _remove_all(directory, but=(PRIVATE, JOB))
    # What letters are made with is gone when they are (actions/renew/mailbox.py).
    _remove_all(directory / PRIVATE, but=(FINISHED, READY, REQUEST, LOCK, MAILBOX, *but))
    with contextlib.suppress(OSError), os.scandir(directory / JOB) as corners:
        for corner in corners:
            if corner.is_dir(follow_symlinks=False):
                _remove_all(Path(corner.path), but=(f"home.{corner.name}", *but))
                with contextlib.suppress(OSError):  # it has returned outputs
                    Path(corner.path).rmdir()


def _remove_all(directory: Path, but: tuple[str, ...]) -> None:
    """Remove what is in a directory; links are removed, not followed.

    What cannot be (a file that somebody still has open on NFS) is left for the next round.
    """
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
            if stat.S_ISREG(facts.st_mode) and now - facts.st_mtime > ABANDONED_S:
                each.unlink()
