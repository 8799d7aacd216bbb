"""The directory of the bundles: which are there, who completes one, and where it may lie."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hepsub.bundle.bundle import FINISHED, HOME, LOCK, READY, REQUEST, SIGNED, Bundle, unusable
from hepsub.bundle.request import from_json
from hepsub.documents import Malformed, Moment, read_file, read_json
from hepsub.errors import BundleUnusable

_LARGEST = 2**20
_TORN_S = 3600
"""A temporary file that is older belongs to a process that was killed."""

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
    """Remove the bundle of a submission that did not happen."""
    shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def claimed(directory: Path) -> Iterator[bool]:
    """Keep others from completing a bundle meanwhile; False when somebody else is at it.

    Raises:
        BundleUnusable: the directory cannot be made or written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (directory / LOCK).open("w")
    except OSError as error:
        raise unusable(directory, error) from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            yield False
            return
        except OSError as error:  # a file system without locks
            raise unusable(directory, error) from error
        yield True


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
        content = read_file(directory / SIGNED, _LARGEST)
        ends = read_json(content, dict[str, Moment], most=_LARGEST)
        when = (directory / SIGNED).stat().st_mtime
        return {name: Signed(when=when, end=end) for name, end in ends.items()}
    except (OSError, Malformed):
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
