"""The directory of the queue: the user's own, on a local disk, and what is in it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from hepsub.errors import QueueDirectoryRefused
from hepsub.files import make_private

DIRECTORY_VARIABLE = "HEPSUB_HERE_DIR"

_REMEDY = f"name a directory of your own on a local disk with {DIRECTORY_VARIABLE}"
_NETWORK = frozenset({
    "9p", "acfs", "afs", "auristorfs", "beegfs", "beegfs_nodev", "ceph", "cifs", "coda", "gfs", "gfs2", "glusterfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "vboxsf",
    "virtiofs", "wekafs",
})  # fmt: skip
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs"})


class Place(Struct, frozen=True):
    """The directory of a queue, and the files in it."""

    directory: Path

    @property
    def database(self) -> Path:
        """The queue itself."""
        return self.directory / "queue.sqlite"

    @property
    def lock(self) -> Path:
        """Locked by the runner as long as it lives."""
        return self.directory / "runner.lock"

    @property
    def wake(self) -> Path:
        """A FIFO: a byte wakes the runner."""
        return self.directory / "wake"

    @property
    def log(self) -> Path:
        """What the runner has to say."""
        return self.directory / "runner.log"

    @property
    def runs(self) -> Path:
        """The directory of the supervisors' records."""
        return self.directory / "runs"

    def record(self, cluster: int, proc: int, run: int) -> Path:
        """The record of one run of a job."""
        return self.runs / f"{cluster}.{proc}.{run}"


def queue_directory(environment: Mapping[str, str], uid: int) -> Path:
    """Where this user's queue is; not under /run/user, which is emptied at logout."""
    named = environment.get(DIRECTORY_VARIABLE, "")
    return Path(named) if named.startswith("/") else Path(f"/var/tmp/hepsub-{uid}")  # noqa: S108 (checked)


def network_filesystem(path: Path, mountinfo: str = "") -> str:
    """The type of the network file system that holds a path; empty for a local one.

    Args:
        path: an absolute path without symbolic links.
        mountinfo: text of the form of /proc/self/mountinfo (proc(5)), in which later mounts cover earlier ones;
            empty for that file's.
    """
    from hepsub.tools.fuse import mounts  # with all that starts programs

    best, found = -1, ""
    for each in mounts(mountinfo):
        depth = len(Path(each.point).parts)
        if path.is_relative_to(each.point) and depth >= best:
            best, found = depth, each.kind
    remote = found in _NETWORK or (found.startswith("fuse.") and found not in _LOCAL_FUSE)
    return found if remote else ""


def prepare(directory: Path, uid: int) -> None:
    """Make the directory and what has to be in it, or check what is there.

    Raises:
        QueueDirectoryRefused: it is somebody else's, a link, open to others, or not on a local disk.
    """
    try:
        _refuse_network(directory)
        make_private(directory)
        check(directory, uid)
        furnish(Place(directory))
    except OSError as error:
        raise QueueDirectoryRefused(
            f"the queue's directory {directory} cannot be made: {error.strerror}", remedy=_REMEDY
        ) from error


def check(directory: Path, uid: int) -> None:
    """Refuse a directory into which somebody else could put a queue, and so jobs.

    Raises:
        QueueDirectoryRefused: it is not a directory of the user's own, or others may write it.
        OSError: it cannot be looked at.
    """
    found = os.lstat(directory)
    if stat.S_ISLNK(found.st_mode):
        problem = "is a symbolic link"
    elif not stat.S_ISDIR(found.st_mode):
        problem = "is no directory"
    elif found.st_uid != uid:
        problem = f"belongs to the user with uid {found.st_uid}"
    elif found.st_mode & 0o022:
        problem = "can be written by others"
    else:
        if found.st_mode & 0o055:  # the environments of jobs are in it
            directory.chmod(0o700)
        return
    raise QueueDirectoryRefused(f"the queue's directory {directory} {problem}", remedy=_REMEDY)


def _refuse_network(directory: Path) -> None:
    kind = network_filesystem(Path(os.path.realpath(directory)))
    if kind:
        raise QueueDirectoryRefused(
            f"the queue's directory {directory} is on a network file system ({kind}), where locks cannot"
            " be relied upon",
            remedy=_REMEDY,
        )


def furnish(place: Place) -> None:
    """Make what has to be in the directory, where it is not there, or no longer.

    Raises:
        OSError: it cannot be made.
    """
    place.runs.mkdir(mode=0o700, exist_ok=True)
    if not place.wake.is_fifo():
        place.wake.unlink(missing_ok=True)  # what is no FIFO wakes nobody, or always
        with contextlib.suppress(FileExistsError):  # another command was faster
            os.mkfifo(place.wake, 0o600)
