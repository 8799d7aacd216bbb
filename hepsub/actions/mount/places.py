"""The directory that becomes a mount: made where it is absent, mended where it is stale, refused where in use."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from pathlib import Path

from hepsub.actions.mount.record import Remote
from hepsub.errors import HepsubError, MountPointRefused
from hepsub.files import make_private
from hepsub.local.directory import network_filesystem, queue_directory
from hepsub.plan.location import ObjectPlace, absolute
from hepsub.policy.places import expand
from hepsub.session import Session
from hepsub.storage.store import Store
from hepsub.tools.fuse import Answer, ask, mount_above, mount_at, unmount
from hepsub.tools.rclone import Cached, mark_pending, unreadable

_ANSWER_S = 5.0
_OTHER = "choose another directory: hep_mount makes it"
_MB = 2**20
_LEAST_MB = 64
_REMEDY = "name a directory of your own on a local disk as cache in [mount] of the policy"


def resolve_point(text: str, cwd: Path) -> Path:
    """The directory that a user names, absolute, without symbolic links; what is mounted there is not touched."""
    path = Path(absolute(text, cwd).rstrip("/") or "/")
    plain = Path(os.path.realpath(path.parent)) / path.name
    # The last step is followed only where no mount is: one that hangs would take this process with it.
    return plain if mount_at(plain) else Path(os.path.realpath(plain))


def prepare_point(point: Path, unmounter: str) -> bool:
    """Make a directory ready to become a mount, and give whether it was made.

    Raises:
        MountPointRefused: it is a mount, lies in one, is no directory, holds something, or is somebody else's.
    """
    _mend(point, unmounter)
    above = mount_above(point)
    if above is not None and above.is_rclone:
        raise MountPointRefused(
            f"{point} lies in another mount: {above.point} shows {above.source}", remedy=_OTHER
        )
    try:
        made = not point.exists()
        point.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.scandir(point) as entries:
            entry = next(entries, None)
    except FileExistsError as error:
        raise MountPointRefused(f"{point} is no directory", remedy=_OTHER) from error
    except OSError as error:
        raise MountPointRefused(
            f"{point} cannot be a mount: {error.strerror}", remedy=_OTHER
        ) from error
    if entry is not None:
        raise MountPointRefused(
            f"{point} is not empty ('{entry.name}' is in it), and the mount would hide that",
            remedy=_OTHER,
        )
    if not os.access(point, os.W_OK):
        raise MountPointRefused(
            f"{point} cannot be a mount: you may not write into it", remedy=_OTHER
        )
    return made


def _mend(point: Path, unmounter: str) -> None:
    """Take away the mount of an rclone that is no more; refuse one that answers."""
    mounted = mount_at(point)
    if mounted is None:
        return
    if not mounted.is_rclone:
        raise MountPointRefused(f"{point} is a mount already ({mounted.kind})", remedy=_OTHER)
    if ask(point, _ANSWER_S) is not Answer.NO:
        raise MountPointRefused(
            f"{point} shows {mounted.source} already",
            remedy=f"hep_mount -ls shows all; hep_mount -u {point} takes it away",
        )
    # Lazily: a shell may still stand in it.
    if words := unmount(unmounter, point, lazily=True):
        raise MountPointRefused(
            f"{point} is a mount whose rclone is gone, and it cannot be taken away: {words}",
            remedy=f"{unmounter} -u -z {point}",
        )


def cache_directory(session: Session, name: str) -> Path:
    """The cache of a mount, made where it did not exist.

    Raises:
        MountPointRefused: it cannot be made, is somebody else's, or is on a network file system.
    """
    situation, uid = session.situation, session.situation.uid
    named = expand(session.policy.mount.cache, situation.home, situation.user)
    usual = queue_directory(situation.environment, uid)
    top = Path(named) / f"hepsub-{uid}" if named else usual
    kind = network_filesystem(Path(os.path.realpath(top)))
    if kind:
        raise _refused(top, f"is on a network file system ({kind}), where a cache only costs time")
    try:
        # Each of them is checked: /var/tmp is everybody's, and another user may have been there first.
        for directory in (top, top / "mounts", top / "mounts" / name):
            make_private(directory)
            _check(directory, uid)
    except OSError as error:
        raise _refused(top, f"cannot be made: {error.strerror}") from error
    return top / "mounts" / name


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
    """Save what rclone would delete, while it does not run: files of which a crash left unknown whether they were sent.

    What the storage does not have is sent by the rclone that starts next. What differs from the storage's
    object is put aside, for the user to judge: it may be newer, or an old copy that was only read.

    Returns:
        What the user should know.

    Raises:
        OSError: one cannot be saved, so that no rclone may start.
    """
    return tuple(note for file in unreadable(cache) for note in _rescue(file, cache, store, remote))


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
    # Not in the mount's own cache, which goes with the mount; and not where a former crash has put one of this name, or
    # of one of its directories, that nobody has looked at yet.
    top = cache.parent.parent / "rescued"
    roots = (top / f"{cache.name}{f'.{n}' if n > 1 else ''}" for n in itertools.count(1))
    goal = next(root / file.name for root in roots if _is_free(root, file.name))
    make_private(goal.parent)
    shutil.move(file.data, goal)
    return f"{goal} may not have been sent when the former mount ended, and {why}: look at it, then delete it"


def _is_free(root: Path, name: str) -> bool:
    """Whether nothing has a name below a directory, or is a file where it needs a directory."""
    goal = root / name
    above = [root / each for each in Path(name).parents]
    return not os.path.lexists(goal) and all(each.is_dir() or not each.exists() for each in above)


def _md5(path: Path) -> str:
    import hashlib

    with path.open("rb") as content:
        return hashlib.file_digest(content, "md5").hexdigest()
