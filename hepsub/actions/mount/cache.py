"""The cache of a mount: the user's own, on a local disk, with room, and with nothing in it that gets lost."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from hepsub.actions.mount.record import Remote
from hepsub.errors import HepsubError, MountPointRefused
from hepsub.files import make_private
from hepsub.local.directory import network_filesystem, queue_directory
from hepsub.plan.location import ObjectPlace
from hepsub.policy.places import expand
from hepsub.session import Session
from hepsub.storage.store import Store
from hepsub.tools.rclone_cache import Cached, mark_pending, unreadable

_MOUNTINFO = Path("/proc/self/mountinfo")
_MB = 2**20
_LEAST_MB = 64
_REMEDY = "name a directory of your own on a local disk as cache in [mount] of the policy"


def cache_directory(session: Session, name: str) -> Path:
    """The cache of a mount, made where it did not exist.

    Raises:
        MountPointRefused: it cannot be made, is somebody else's, or is on a network file system.
    """
    situation, uid = session.situation, session.situation.uid
    named = expand(session.policy.mount.cache, situation.home, situation.user)
    top = Path(named) / f"hepsub-{uid}" if named else _usual(session)
    kind = network_filesystem(Path(os.path.realpath(top)), _MOUNTINFO.read_text())
    if kind:
        raise _refused(top, f"is on a network file system ({kind}), where a cache only costs time")
    try:
        # Each of them is checked: /var/tmp is everybody's.
        for directory in (top, top / "mounts", top / "mounts" / name):
            make_private(directory)
            _check(directory, uid)
    except OSError as error:
        raise _refused(top, f"cannot be made: {error.strerror}") from error
    return top / "mounts" / name


def _usual(session: Session) -> Path:
    return queue_directory(session.situation.environment, session.situation.uid)


def _check(directory: Path, uid: int) -> None:
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        raise _refused(directory, "is not a directory of your own")
    if found.st_mode & 0o077:
        directory.chmod(0o700)


def _refused(directory: Path, why: str) -> MountPointRefused:
    return MountPointRefused(f"the cache {directory} {why}", remedy=_REMEDY)


def cache_mb(directory: Path, wanted_mb: int) -> int:
    """How much of what is read may be kept: what the policy says, but at most half of what is free."""
    return max(_LEAST_MB, min(wanted_mb, shutil.disk_usage(directory).free // _MB // 2))


def rescue(cache: Path, store: Store, remote: Remote) -> tuple[str, ...]:
    """Save what rclone would delete: files of which a crash left unknown whether they were sent.

    To be called while the mount's rclone does not run.
    What the storage does not have is sent by the rclone that starts next. What differs from the storage's
    object is put aside, for the user to judge: it may be newer, or an old copy that was only read.

    Returns:
        What the user should know.
    """
    notes = []
    for file in unreadable(cache):
        try:
            notes += _rescue(file, cache, store, remote)
        except OSError as error:
            notes.append(
                f"{file.data} may not have been sent, and cannot be saved: {error.strerror}"
            )
    return tuple(notes)


def _rescue(file: Cached, cache: Path, store: Store, remote: Remote) -> list[str]:
    bucket, _, key = file.name.partition("/")
    place = ObjectPlace(storage=remote.storage, bucket=bucket, key=key)
    try:
        fact = store.look_up([place])[place]
    except HepsubError:
        return [_aside(file, cache, "the storage could not be asked for it")]
    if fact is None and file.is_whole:
        mark_pending(file)
        return [f"{key} had not been sent when the former mount ended: it is sent now"]
    if fact is None:
        return [_aside(file, cache, "parts of it are missing")]
    if fact.size == file.size and (not file.is_whole or fact.etag == _md5(file.data)):
        return []  # with holes: it was read in part
    return [_aside(file, cache, "the storage has another one of this name")]


def _aside(file: Cached, cache: Path, why: str) -> str:
    # Not in the mount's own cache, which goes with the mount.
    goal = cache.parent.parent / "rescued" / cache.name / file.name
    make_private(goal.parent)
    shutil.move(file.data, goal)
    return f"{goal} may not have been sent when the former mount ended, and {why}: look at it, then delete it"


def _md5(path: Path) -> str:
    import hashlib

    with path.open("rb") as content:
        return hashlib.file_digest(content, "md5").hexdigest()
