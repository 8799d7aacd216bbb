"""FUSE as a user meets it: whether it works here, what is mounted, whether a mount answers, and its end."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from enum import Enum
from pathlib import Path

from msgspec import Struct

from hepsub.errors import FuseUnavailable
from hepsub.tools.run import run_or_leave, run_within

_MOUNTINFO = Path("/proc/self/mountinfo")
_DEVICE = Path("/dev/fuse")
_PROC = Path("/proc")
_ESCAPE = re.compile(r"\\([0-7]{3})")
_UNMOUNT_S = 20


class Answer(Enum):
    """How the root of a mount answers."""

    YES = "yes"
    NO = "no"
    SILENT = "silent"


class Mounted(Struct, frozen=True, kw_only=True):
    """A mount: where, the type of its file system, and what it says it shows."""

    point: str
    kind: str
    source: str

    @property
    def is_rclone(self) -> bool:
        """Whether rclone serves it."""
        return self.kind == "fuse.rclone"


def mounts(mountinfo: str = "") -> tuple[Mounted, ...]:
    """All mounts that this process sees, those on top last; nothing that is mounted is touched."""
    text = mountinfo or _MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
    found = []
    # The kernel escapes no other line end: any user may mount at a name with U+2028, which splitlines() divides.
    for line in filter(None, text.split("\n")):
        # proc_pid_mountinfo(5): a number of optional fields stands in front of the lone dash.
        here, _, rest = line.partition(" - ")
        kind, source, *_ = rest.split(" ")
        found.append(Mounted(point=_plain(here.split(" ")[4]), kind=kind, source=_plain(source)))
    return tuple(found)


def mount_at(point: Path) -> Mounted | None:
    """The mount on top of a directory, by its absolute path without symbolic links."""
    return next((each for each in reversed(mounts()) if each.point == str(point)), None)


def mount_above(path: Path) -> Mounted | None:
    """The mount that a path lies in; what is mounted at the path itself does not count."""
    above = [each for each in mounts() if path != Path(each.point)]
    inside = [each for each in above if path.is_relative_to(each.point)]
    return max(inside, key=lambda each: len(Path(each.point).parts), default=None)


def _plain(text: str) -> str:
    """A field of mountinfo, in which blanks and backslashes are written in octal."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def require_fuse(path: str) -> str:
    """The program that unmounts; proves that this user may mount.

    Raises:
        FuseUnavailable: there is no /dev/fuse, it may not be opened, or fusermount3 is not installed.
    """
    if not _DEVICE.exists():
        raise FuseUnavailable(
            f"there is no {_DEVICE} on this machine, so nothing can be mounted",
            remedy="in a container it has to be handed in (--device /dev/fuse); elsewhere: modprobe fuse, by an"
            " administrator. hep_fetch and rclone work without it",
        )
    try:
        os.close(os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        raise FuseUnavailable(
            f"{_DEVICE} may not be used here ({error.strerror}), so nothing can be mounted",
            remedy="ask the administrators of this machine to let its users mount with FUSE;"
            " worker nodes and containers often do not",
        ) from error
    program = unmounter(path)
    if not program:
        raise FuseUnavailable(
            "fusermount3 is not installed, so nothing can be mounted",
            remedy="an administrator can install it: apt install fuse3, or dnf install fuse3",
        )
    return program


def unmounter(path: str) -> str:
    """The program that unmounts; empty where there is none."""
    places = f"{path}:/usr/bin:/bin"  # an experiment's environment may have a PATH of its own alone
    found = (shutil.which(name, path=places) for name in ("fusermount3", "fusermount"))
    return next((each for each in found if each), "")


def ask(point: Path, timeout: float) -> Answer:
    """Whether the server of a mount answers for its root; never waits longer than the limit, in seconds."""
    return _answer(["stat", "--", str(point)], timeout)


def lists(point: Path, timeout: float) -> Answer:
    """Whether a mount can be listed within so many seconds."""
    return _answer(["ls", "-f", "--", str(point)], timeout)


def _answer(argv: list[str], timeout: float) -> Answer:
    # In a process of its own: a call of the system into a mount whose server is silent cannot be interrupted.
    code = run_or_leave(argv, timeout=timeout)
    return {0: Answer.YES, None: Answer.SILENT}.get(code, Answer.NO)


def unmount(program: str, point: Path, *, lazily: bool = False) -> str:
    """Take a mount away; returns why it stays, or nothing.

    Lazily: programs that use it keep what they have open, and it is gone for all others.
    """
    argv = [program, "-u", *(["-z"] if lazily else []), "--", str(point)]  # umount(8) is root's
    done = run_within(argv, timeout=_UNMOUNT_S)
    if done is None:
        return f"{program} did not end within {_UNMOUNT_S} s"
    return "" if done.code == 0 else " ".join((done.stderr or done.stdout).split())


def users_of(point: Path) -> tuple[str, ...]:
    """Who keeps a mount busy, as far as this user may see: `1234 (bash)`."""
    found = []
    for process in _PROC.glob("[0-9]*"):
        if _is_inside(process, point):
            with contextlib.suppress(OSError):  # it has ended just now, and is in nobody's way
                name = (process / "comm").read_text(errors="replace").strip() or "?"
                found.append(f"{process.name} ({name})")
    return tuple(found)


def _is_inside(process: Path, point: Path) -> bool:
    """Whether a process works in a directory, or has a file of it open; reads links, and follows none."""
    try:
        links = [process / "cwd", *(process / "fd").iterdir()]
        return any(_leads_into(link, point) for link in links)
    except OSError:  # somebody else's, or gone
        return False


def _leads_into(link: Path, point: Path) -> bool:
    try:
        return link.readlink().is_relative_to(point)
    except OSError:  # closed meanwhile
        return False
