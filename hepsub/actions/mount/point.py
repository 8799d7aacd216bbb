"""The directory that becomes a mount: made where it is absent, mended where it is stale, refused where in use."""

from __future__ import annotations

import os
from pathlib import Path

from hepsub.errors import MountPointRefused
from hepsub.plan.location import absolute
from hepsub.tools.fuse import Answer, ask, mount_above, mount_at, unmount

_ANSWER_S = 5.0
_OTHER = "choose another directory: hep_mount makes it"


def resolve_point(text: str, cwd: Path) -> Path:
    """The directory that a user names, absolute, without symbolic links; what is mounted there is not touched."""
    path = Path(absolute(text, cwd).rstrip("/") or "/")
    plain = Path(os.path.realpath(path.parent)) / path.name
    # The last step is followed only where no mount is: one that hangs would take this process with it.
    return plain if mount_at(plain) else Path(os.path.realpath(plain))


def prepare_point(point: Path, unmounter: str) -> bool:
    """Make a directory ready to become a mount; returns whether it was made.

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
