"""The directory of the bundles: which are there, who completes one, and where it may lie."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from hepsub.bundle.bundle import FINISHED, HOME, LOCK, READY, REQUEST, SIGNED, Bundle, unusable
from hepsub.bundle.request import from_json
from hepsub.errors import BundleUnusable
from hepsub.files import make_private

_TORN_S = 3600
"""A temporary file that is older belongs to a process that was killed."""

_NEW, _GONE = ".new", ".gone"
"""Behind a bundle's name, and a dot before it, while it is made and while it is removed."""

_UNFIT = ("/tmp/", "/var/tmp/", "/afs/")  # noqa: S108 (places that are refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A complete bundle, and where its jobs are.

    Attributes:
        directory: its own directory.
        pool: the pool's name in the policy.
        schedd: full name of the schedd.
        cluster: ClusterId; 0 when it is not known.
    """

    directory: Path
    pool: str
    schedd: str
    cluster: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """When URLs were signed, and when they end, in seconds since the epoch."""

    when: float
    end: float


def read_bundle(directory: Path) -> Bundle | None:
    """The bundle in a directory; None when its request was never written whole."""
    try:
        text = (directory / REQUEST).read_text(encoding="utf-8")
        return Bundle(directory=directory, request=from_json(text))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def discard_bundle(directory: Path) -> None:
    """Remove the bundle of a submission that did not happen.

    It leaves its name first: nobody finds a part of it.
    """
    gone = directory.with_name(f".{directory.name}{_GONE}")
    try:
        directory.rename(gone)
    except (
        OSError
    ):  # gone already, or a file server that does not rename: a part is better than all
        gone = directory
    shutil.rmtree(gone, ignore_errors=True)


@contextlib.contextmanager
def new_bundle(root: Path, uuid: str) -> Iterator[Path]:
    """A directory for a new bundle; until the block ends it is claimed by this process.

    It gets its name when it is locked already: there is no moment in which it looks abandoned.

    Raises:
        BundleUnusable: it cannot be made, or there is one of this name.
    """
    directory, raw = root / uuid, root / f".{uuid}{_NEW}"
    with contextlib.ExitStack() as stack:
        try:
            make_private(root)
            raw.mkdir(mode=0o700)
            lock = stack.enter_context(_opened_lock(raw, os.O_CREAT | os.O_EXCL))
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if directory.exists():
                raise FileExistsError(errno.EEXIST, "there is one of this name")
            raw.rename(directory)
        except OSError as error:
            shutil.rmtree(raw, ignore_errors=True)
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
            mine = _is_locked(lock)
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
            lock = stack.enter_context(_opened_lock(directory, 0))
            # Who removed the bundle held this lock until then.
            mine = _is_locked(lock) and os.path.samestat(
                os.fstat(lock.fileno()), (directory / LOCK).lstat()
            )
        yield mine


def _opened_lock(directory: Path, flags: int) -> FileIO:
    more = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    lock = os.fdopen(os.open(directory / LOCK, flags | more, 0o600), "r+b", buffering=0)
    facts = os.fstat(lock.fileno())
    if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.getuid():
        return lock
    lock.close()
    raise OSError(errno.EPERM, "its lock is no regular file of yours")


def _is_locked(lock: FileIO) -> bool:
    """Whether it is this process that has the lock now."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def clear_torn(root: Path, now: float) -> None:
    """Remove what is left of processes that were killed while they made or removed a bundle."""
    with contextlib.suppress(OSError):
        for each in root.iterdir():
            dead = each.name.startswith(".") and each.name.endswith((_NEW, _GONE))
            nameless = not each.name.startswith(".") and _is_nothing(each)
            if (dead or nameless) and now - each.lstat().st_mtime > _TORN_S:
                discard_bundle(each) if nameless else shutil.rmtree(each, ignore_errors=True)


def _is_nothing(directory: Path) -> bool:
    """Whether it is a directory with neither a lock nor a request."""
    return directory.is_dir() and not any((directory / each).exists() for each in (LOCK, REQUEST))


def unfinished(root: Path) -> tuple[Path, ...]:
    """The bundles that nobody has marked as ready."""
    try:
        return tuple(each for each in _bundles(root) if not (each / READY).exists())
    except FileNotFoundError:
        return ()


def kept_bundles(root: Path) -> tuple[Placed, ...]:
    """The bundles that are complete and whose jobs have not ended, as far as anybody noted."""
    try:
        there = [each for each in _bundles(root) if not (each / FINISHED).exists()]
    except FileNotFoundError:
        return ()
    return tuple(placed for each in there if (placed := read_placed(each)) is not None)


def finished_bundles(root: Path) -> tuple[Path, ...]:
    """The bundles whose jobs have ended."""
    try:
        return tuple(each for each in _bundles(root) if (each / FINISHED).exists())
    except FileNotFoundError:
        return ()


def read_placed(directory: Path) -> Placed | None:
    """Where the jobs of a bundle are; None while it is not complete."""
    try:
        document = json.loads((directory / READY).read_text(encoding="utf-8"))
        return Placed(directory=directory, **document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        bundle = read_bundle(directory)  # of an older hepsub, which wrote nothing there
        if bundle is None:
            return None
        request = bundle.request
        return Placed(directory=directory, pool=request.pool, schedd=request.schedd, cluster=0)


def read_signed(directory: Path) -> dict[str, Signed]:
    """When the URLs of each storage were signed, and when they end; nothing where that is not known."""
    try:
        ends = json.loads((directory / SIGNED).read_text(encoding="utf-8"))
        when = (directory / SIGNED).stat().st_mtime
        return {name: Signed(when=when, end=float(end)) for name, end in ends.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def strip_bundle(directory: Path) -> None:
    """Leave of a bundle whose jobs have ended what came home, and what it was made for.

    What cannot be removed (a file that somebody still has open on NFS) is left for the next time.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    try:
        if not (directory / FINISHED).exists():
            (directory / FINISHED).touch(mode=0o600)
    except OSError as error:
        raise unusable(directory, error) from error
    for each in directory.iterdir():
        if each.name in (FINISHED, HOME, READY, REQUEST):
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)


def sweep(directory: Path, now: float) -> None:
    """Remove the temporary files of processes that were killed while they wrote into a directory.

    Args:
        directory: one whose own files have names without a leading dot.
        now: seconds since the epoch.
    """
    for each in directory.glob(".*"):
        with contextlib.suppress(OSError):
            if each.is_file() and now - each.stat().st_mtime > _TORN_S:
                each.unlink()


def _bundles(root: Path) -> list[Path]:
    """The directories of bundles; what begins with a dot belongs to hep_auth renew."""
    return sorted(
        each for each in root.iterdir() if not each.name.startswith(".") and each.is_dir()
    )


def check_root(root: str, schedd_host: str, host: str, *, shared: bool) -> None:
    """Refuse a place where the schedd could not read the bundle, or that does not last.

    Raises:
        BundleUnusable: it is one.
    """
    if any(f"{root}/".startswith(unfit) for unfit in _UNFIT):
        raise BundleUnusable(
            f"bundles cannot lie in {root}: they would not last, or the schedd could not read them there",
            remedy="set bundle_dir in [staging] of the policy to a directory in a shared home or scratch",
        )
    same = schedd_host.split(".", maxsplit=1)[0] == host.split(".", maxsplit=1)[0]
    if not same and not shared:
        raise BundleUnusable(
            f"the schedd runs on {schedd_host}, which is not known to see {root} of this host ({host})",
            remedy="when it does, set shared = true in [staging] of the policy; when it sees nothing of this host,"
            " spool = true in [pool.NAME]; else submit on that host",
        )
