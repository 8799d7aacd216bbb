"""Directories in which a job, a site or another user may have written, opened without following anything.

A `Tree` is held open by its descriptor, and each component below it is opened by itself, without following symbolic
links (openat(2), O_NOFOLLOW). No name can lead out of it, whatever is exchanged meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.files import UNFOLLOWED, checked_own, write_in

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | UNFOLLOWED
_DEEPEST = 64
"""No tree of files that hepsub has to do with is deeper."""


class Tree(Struct, frozen=True, kw_only=True):
    """A directory that somebody else may write into, held open by its descriptor.

    Names are relative, their components separated by `/`; none of them is followed anywhere.

    Attributes:
        descriptor: what all names are relative to.
    """

    path: Path
    descriptor: int

    def look(self, name: str) -> os.stat_result | None:
        """What has a name, symbolic links not followed; None for nothing.

        Raises:
            OSError: its directory cannot be entered.
        """
        try:
            with self._parent(name) as (directory, last):
                return os.stat(last, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, name: str) -> int:
        """A descriptor of a regular file of this user, to read it.

        Raises:
            OSError: there is none, or something else has the name.
        """
        with self._parent(name) as (directory, last):
            descriptor = os.open(last, _READ, dir_fd=directory)
        return checked_own(descriptor, "it is no regular file of yours", name)

    def read(self, name: str, most: int) -> bytes:
        """The content of a regular file of this user.

        Args:
            name: the file.
            most: so many bytes are believed; a larger file is refused.

        Raises:
            OSError: there is none, something else has the name, or it is larger.
        """
        with os.fdopen(self.open(name), "rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise OSError(errno.EFBIG, f"it is larger than {most} bytes", name)
        return content

    def entries(self, most: int) -> Iterator[tuple[str, os.stat_result]]:
        """Everything below, each directory before what is in it, in no other order; links are not followed.

        Args:
            most: so many entries are looked at in all.

        Raises:
            OSError: a directory cannot be read, there are more entries, or they are too deep.
        """
        with contextlib.closing(_walk(self.descriptor, "", 0)) as entries:
            for number, entry in enumerate(entries):
                if number >= most:
                    raise OSError(errno.E2BIG, "it has too many files", str(self.path))
                yield entry

    def files(self, most: int) -> Iterator[tuple[str, os.stat_result]]:
        """The regular files below, in no order; links and other things are passed over.

        Raises:
            OSError: a directory cannot be read, there are more entries, or they are too deep.
        """
        return (each for each in self.entries(most) if stat.S_ISREG(each[1].st_mode))

    def names(self, most: int) -> tuple[str, ...]:
        """The names in it, in order.

        Raises:
            OSError: it cannot be read, or has more.
        """
        found: list[str] = []
        with os.scandir(self.descriptor) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) > most:
                    raise OSError(errno.E2BIG, "it has too many files", str(self.path))
        return tuple(sorted(found))

    @contextlib.contextmanager
    def below(self, name: str) -> Iterator[Tree]:
        """A directory in it.

        Raises:
            OSError: there is none, or something else has the name.
        """
        with self._parent(name) as (directory, last):
            descriptor = os.open(last, _DIRECTORY, dir_fd=directory)
        try:
            yield Tree(path=self.path / name, descriptor=descriptor)
        finally:
            os.close(descriptor)

    def make(self, name: str) -> None:
        """Have a directory of this user's alone in it.

        Raises:
            OSError: it cannot be made, or something else has the name.
        """
        with self._parent(name) as (directory, last):
            with contextlib.suppress(FileExistsError):
                os.mkdir(last, 0o700, dir_fd=directory)
            # What is there may be a link or a file.
            os.close(os.open(last, _DIRECTORY, dir_fd=directory))

    def write(self, name: str, content: str | bytes, mode: int) -> None:
        """Write a file whole; what has its name is replaced, never written into.

        Raises:
            OSError: it cannot be written; what was there is as it was.
        """
        with self._parent(name) as (directory, last):
            write_in(directory, last, content, mode)

    def remove(self, name: str) -> None:
        """Remove a file, or a link, by its name; nothing is removed where there is nothing.

        Raises:
            OSError: it cannot be removed, or is a directory.
        """
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (directory, last):
            os.unlink(last, dir_fd=directory)

    def clear(self) -> None:
        """Remove all that is in it, however deep it is, and follow nothing.

        Raises:
            OSError: something could not be removed; all else was.
        """
        # Each directory is moved to the top before it is emptied: shutil.rmtree ends with RecursionError at a
        # thousand levels, which a job can make.
        troubles: list[OSError] = []
        waiting = _emptied(self.descriptor, self.descriptor, troubles)
        while waiting:
            name = waiting.pop()
            try:
                os.chmod(name, 0o700, dir_fd=self.descriptor)  # a job may have left it read-only
                below = os.open(name, _DIRECTORY, dir_fd=self.descriptor)
            except OSError as error:
                troubles.append(error)
                continue
            try:
                waiting += _emptied(below, self.descriptor, troubles)
            finally:
                os.close(below)
            with contextlib.suppress(OSError):  # what is in it could not be removed
                os.rmdir(name, dir_fd=self.descriptor)
        if troubles:
            raise troubles[0]

    @contextlib.contextmanager
    def _parent(self, name: str) -> Iterator[tuple[int, str]]:
        """A descriptor of the directory of a name, and the last component."""
        *directories, last = components(name)
        descriptor = os.dup(self.descriptor)
        try:
            for each in directories:
                below = os.open(each, _DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor, last
        finally:
            os.close(descriptor)


def _walk(
    directory: int, prefix: str, depth: int
) -> Generator[tuple[str, os.stat_result], None, None]:
    """Everything below a directory, each entry before what is in it."""
    if depth > _DEEPEST:
        raise OSError(errno.ENAMETOOLONG, f"it is deeper than {_DEEPEST} directories", prefix)
    with os.scandir(directory) as entries:
        for entry in entries:
            try:
                facts = os.stat(entry.name, dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                continue  # a job that writes its files whole has given this one its name meanwhile
            yield f"{prefix}{entry.name}", facts
            if not stat.S_ISDIR(facts.st_mode):
                continue
            below = os.open(entry.name, _DIRECTORY, dir_fd=directory)
            try:
                yield from _walk(below, f"{prefix}{entry.name}/", depth + 1)
            finally:
                os.close(below)


def remove_tree(directory: Path) -> None:
    """Remove a directory and all that is in it, as far as it can be; links are removed, not followed."""
    with contextlib.suppress(OSError):
        with open_tree(directory) as tree, contextlib.suppress(OSError):
            tree.clear()
        directory.rmdir()


def _emptied(directory: int, top: int, troubles: list[OSError]) -> list[str]:
    """Remove the files of a directory and move its directories to the top; their names there."""
    moved: list[str] = []
    with os.scandir(directory) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        try:
            if not is_directory:
                os.unlink(name, dir_fd=directory)
            elif directory == top:
                moved.append(name)
            else:
                other = f".{os.getpid()}.{time.monotonic_ns()}"
                os.rename(name, other, src_dir_fd=directory, dst_dir_fd=top)
                moved.append(other)
        except OSError as error:
            troubles.append(error)
    return moved


def components(name: str) -> tuple[str, ...]:
    """The components of a relative name.

    Raises:
        OSError: it is none that can be below a directory.
    """
    parts = tuple(name.split("/"))
    if len(parts) > _DEEPEST or any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise OSError(errno.EINVAL, "it is not a name below a directory", name)
    return parts


@contextlib.contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """A directory of this user, whatever may be in it.

    Args:
        path: the directory; its parents are believed, it itself may be no symbolic link.

    Raises:
        OSError: there is none, or it is another user's.
    """
    descriptor = os.open(path, _DIRECTORY)
    try:
        # A directory of somebody else is one that he can exchange what is in at any moment.
        if os.fstat(descriptor).st_uid != os.getuid():
            raise OSError(errno.EPERM, "it is another user's", str(path))
        yield Tree(path=path, descriptor=descriptor)
    finally:
        os.close(descriptor)
