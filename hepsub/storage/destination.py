"""Where fetched files land: below one directory, whatever their names are and whatever lies in the way.

The names come from jobs and from other people's buckets. Each directory below the root is opened by its
descriptor, without following symbolic links (openat(2), O_NOFOLLOW), so no name can lead anywhere else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.files import lock_open

PART = ".part"
"""What the name of a file that is not complete ends with."""

_LONGEST_NAME = 255 - len(PART)
_FORBIDDEN = ("", ".", "..")
_IN_THE_WAY = (errno.ELOOP, errno.ENOTDIR)
_TRIES = 3


def safe_parts(name: str) -> tuple[str, ...] | None:
    """The components of a relative name; None for one that no file shall have here.

    That are absolute names, `.` and `..`, empty components, control characters (terminals obey them), bytes that are
    no UTF-8, and components too long for a file system.
    """
    parts = tuple(name.split("/"))
    if any(part in _FORBIDDEN or not part.isprintable() for part in parts):
        return None
    if any(len(part.encode("utf-8", "surrogateescape")) > _LONGEST_NAME for part in parts):
        return None
    return parts


class Destination(Struct, frozen=True, kw_only=True):
    """The place of one file below a directory.

    Attributes:
        root: the directory, which the user named: it may be a symbolic link.
        parts: the components below it, as `safe_parts` gives them; the last one is the file.
        part: the name of the file while it is not complete.
    """

    root: Path
    parts: tuple[str, ...]
    part: str

    @property
    def path(self) -> Path:
        """The file, for people."""
        return self.root.joinpath(*self.parts)

    def look(self) -> os.stat_result | None:
        """What is there, symbolic links not followed; None for nothing.

        Raises:
            OSError: a directory of its path cannot be used.
        """
        try:
            with self._directory(make=False) as directory:
                return os.stat(self.parts[-1], dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self) -> int:
        """A descriptor of the file, to read it; symbolic links are not followed.

        Raises:
            OSError: it cannot be read.
        """
        with self._directory(make=False) as directory:
            return os.open(self.parts[-1], os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)

    @contextlib.contextmanager
    def open_part(self) -> Iterator[PartFile]:
        """The incomplete file, to read and write it; directories are made.

        Raises:
            OSError: it cannot be written, is no regular file, or another command brings it right now.
        """
        with self._directory(make=True) as directory:
            descriptor = _open_alone(self.part, directory)
            try:
                facts = os.fstat(descriptor)
                if not stat.S_ISREG(facts.st_mode):
                    raise OSError(errno.EEXIST, "it is no regular file", self.part)
                yield PartFile(
                    goal=self, directory=directory, descriptor=descriptor, size=facts.st_size
                )
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def _directory(self, *, make: bool) -> Iterator[int]:
        descriptor = _open_root(self.root, make=make)
        try:
            for part in self.parts[:-1]:
                below = _enter(descriptor, part, make=make)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)


class PartFile(Struct, frozen=True, kw_only=True):
    """A file that is not complete, and its directory, both by their descriptors.

    Attributes:
        goal: what it will be.
        size: how large it was when it was opened, in bytes.
    """

    goal: Destination
    directory: int
    descriptor: int
    size: int

    def finish(self, modified: float) -> None:
        """Give the complete file its name, which is taken from what had it, and its time since the epoch (0: now).

        Raises:
            OSError: it cannot be renamed.
        """
        if modified:
            os.utime(self.descriptor, (modified, modified))
        here, name = self.directory, self.goal.parts[-1]
        os.rename(self.goal.part, name, src_dir_fd=here, dst_dir_fd=here)


def _open_alone(part: str, directory: int) -> int:
    """Open, or make, an incomplete file that no other command has open."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    tries = 0
    while True:
        descriptor = os.open(part, flags, 0o666, dir_fd=directory)
        try:
            # Two commands would write into one file: when one has given it its final name, the other one cuts off the
            # complete file as it is interrupted.
            _lock(descriptor, part)
            tries += 1
            # There are file systems that number a file anew each time: after three tries it is taken as it is.
            if tries == _TRIES or _is_still(descriptor, part, directory):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it has got its final name meanwhile


def _lock(descriptor: int, part: str) -> None:
    try:
        is_mine = lock_open(descriptor)
    except OSError:  # a file system without locks
        return
    if not is_mine:
        raise OSError(errno.EBUSY, "another hep_fetch brings it right now", part)


def _is_still(descriptor: int, name: str, directory: int) -> bool:
    """Whether a file that is open still has its name."""
    try:
        named = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(descriptor))


def _open_root(root: Path, *, make: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY
    try:
        return os.open(root, flags)
    except FileNotFoundError:
        if not make:
            raise
    root.mkdir(parents=True, exist_ok=True)
    return os.open(root, flags)


def _enter(directory: int, name: str, *, make: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    # Opened first: of thousands of files in a directory only one makes it, and a file server is asked for each mkdir.
    try:
        return os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):  # another thread was faster
        os.mkdir(name, dir_fd=directory)
    return os.open(name, flags, dir_fd=directory)


def obstacle_text(error: OSError) -> str:
    """Why a file cannot be written or read here, in words."""
    if error.errno in _IN_THE_WAY:
        return "a symbolic link, or a file where a directory should be, is in the way"
    return error.strerror or str(error)
