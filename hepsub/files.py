"""Files: written whole, in private directories, locked; and what others wrote, opened without following anything.

A directory in which a job, a site or another user may have written is a `Tree`: it is held open by its
descriptor, and each component below it is opened by itself, without following symbolic links (openat(2),
O_NOFOLLOW). No name can lead out of it, whatever is exchanged meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFOLLOWED = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""No symbolic link is followed, and no named pipe keeps its opener waiting."""
_READ = os.O_RDONLY | _UNFOLLOWED
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 64
"""No tree of files that hepsub has to do with is deeper."""
_LONGEST_STEM = 200
"""Bytes; a name has 255 at most."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITERS = stat.S_IWGRP | stat.S_IWOTH


def write_whole(path: Path, content: str | bytes, mode: int, *, durable: bool = False) -> None:
    """Write a file so that a reader sees the old file or the new one, never a part.

    Args:
        path: the file; what has its name is replaced, never written into.
        content: text is written as UTF-8, with what stands for undecodable bytes as these.
        mode: its permissions; the umask can only take away.
        durable: whether it is on the disk when this returns.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _write_in(directory, path.name, _bytes(content), mode, durable=durable)
    finally:
        os.close(directory)


def write_new(directory: int, name: str, content: str | bytes, mode: int) -> None:
    """Write a file that is not there yet, where nobody else writes, and nobody reads before it is whole.

    Half of what `write_whole` asks a file server for, which is what ten thousand files cost.

    Args:
        directory: a descriptor of a directory into which nobody but this process writes now.
        name: the file, relative to it.
        content: text is written as UTF-8, with what stands for undecodable bytes as these.
        mode: its permissions; the umask can only take away.

    Raises:
        OSError: it cannot be written, or something has its name.
    """
    descriptor = os.open(name, _NEW, mode, dir_fd=directory)
    try:
        write_all(descriptor, _bytes(content))
    finally:
        os.close(descriptor)


def copy_whole(source: BinaryIO, goal: Path, mode: int) -> None:
    """Copy what is open into a file, so that a reader sees the old file or the new one, never a part.

    Raises:
        OSError: it cannot be read or written; the old file is as it was.
    """
    import shutil  # brings three libraries of compression with it

    temporary = goal.with_name(name_beside(goal.name))
    descriptor = os.open(temporary, _NEW, mode)
    try:
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(source, copy, 2**20)
        temporary.replace(goal)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def open_own(path: Path, flags: int, what: str) -> int:
    """Open a file of this user's own, such as one to be locked; it is made 0600 with O_CREAT.

    Args:
        path: the file.
        flags: how it is opened (open(2)); a symbolic link is not followed.
        what: what it is, for people.

    Raises:
        OSError: there is none, or something else has the name.
    """
    return _checked(
        os.open(path, flags | _UNFOLLOWED, 0o600), f"{what} is no regular file of yours"
    )


def _checked(descriptor: int, otherwise: str, name: str | None = None) -> int:
    """A descriptor, if it is of a regular file of this user; else it is closed."""
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.getuid():
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EPERM, otherwise, name)


def lock_process(descriptor: int, *, wait: bool = False) -> bool:
    """Lock a file for this process; False when another process has it.

    A record lock of POSIX (fcntl(2)): file servers keep it between hosts (NFS 3 by lockd, NFS 4 itself), a child does
    not inherit it, the kernel releases it when the process ends, and F_GETLK tells who has it without taking it. But
    it ends as soon as the process closes any descriptor of the file, and does not exclude the process itself: only
    for a file that nothing else in the process opens.

    Args:
        descriptor: the file, open for writing.
        wait: whether to wait until it is free.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # fcntl(2): EACCES or EAGAIN
        return False
    return True


def lock_open(descriptor: int) -> bool:
    """Lock a file for who has opened it so; False when somebody else has, in this process or another.

    A lock of flock(2): it excludes threads, too, and ends with the last copy of this descriptor, whatever else of the
    file is opened and closed meanwhile. A child that inherits the descriptor has it, too (O_CLOEXEC prevents that
    beyond exec), and nobody can ask who has it.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def name_beside(name: str) -> str:
    """A name that nothing has, for what will get a name when it is whole; the longest names have no room for more."""
    stem = os.fsdecode(os.fsencode(name)[:_LONGEST_STEM])
    return f".{stem}.{os.getpid()}.{time.monotonic_ns()}"


def make_private(directory: Path) -> None:
    """Make a directory, and each of its parents that does not exist, for this user alone (0700).

    (`Path.mkdir(parents=True, mode=0o700)` gives the mode to the last one only.)

    Raises:
        OSError: one of them cannot be made.
    """
    missing = []
    here = directory
    while not here.exists():
        missing.append(here)
        here = here.parent
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            each.mkdir(mode=0o700)


def why_not_mine(path: Path, *, readable: bool = False) -> str:
    """Why a directory must not be believed, in words; empty when it is this user's alone.

    It has to be a directory and no symbolic link, this user's own, and closed to everybody else.

    Args:
        path: the directory.
        readable: whether others may see what is in it, as long as they can change nothing.

    Raises:
        FileNotFoundError: there is nothing.
        OSError: it cannot be looked at.
    """
    facts = os.stat(path, follow_symlinks=False)
    if not stat.S_ISDIR(facts.st_mode):
        return "it is no directory"
    if facts.st_uid != os.getuid():
        return "it is another user's"
    if facts.st_mode & (_WRITERS if readable else _OTHERS):
        return f"others may use it (mode {stat.S_IMODE(facts.st_mode):04o}, not 0700)"
    return ""


class Tree(Struct, frozen=True, kw_only=True):
    """A directory that somebody else may write into, held open by its descriptor.

    Names are relative, their components separated by `/`; none of them is followed anywhere.

    Attributes:
        path: where it was opened, for people.
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
        return _checked(descriptor, "it is no regular file of yours", name)

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

        Args:
            most: so many entries are looked at in all.

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
            os.close(os.open(last, _DIRECTORY, dir_fd=directory))

    def write(self, name: str, content: str | bytes, mode: int) -> None:
        """Write a file whole; what has its name is replaced, never written into.

        Raises:
            OSError: it cannot be written; what was there is as it was.
        """
        with self._parent(name) as (directory, last):
            _write_in(directory, last, _bytes(content), mode)

    def remove(self, name: str) -> None:
        """Remove a file, or a link, by its name; nothing is removed where there is nothing.

        Raises:
            OSError: it cannot be removed, or is a directory.
        """
        with contextlib.suppress(FileNotFoundError), self._parent(name) as (directory, last):
            os.unlink(last, dir_fd=directory)

    def clear(self) -> None:
        """Remove all that is in it, however deep it is, and follow nothing.

        Each directory is moved to the top before it is emptied: shutil.rmtree ends with RecursionError at a
        thousand levels.

        Raises:
            OSError: something could not be removed; all else was.
        """
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
            facts = os.stat(entry.name, dir_fd=directory, follow_symlinks=False)
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
        if os.fstat(descriptor).st_uid != os.getuid():
            raise OSError(errno.EPERM, "it is another user's", str(path))
        yield Tree(path=path, descriptor=descriptor)
    finally:
        os.close(descriptor)


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content


def _write_in(
    directory: int, name: str, content: bytes, mode: int, *, durable: bool = False
) -> None:
    temporary = name_beside(name)
    descriptor = os.open(temporary, _NEW, mode, dir_fd=directory)
    try:
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it: write(2) may write less.

    Raises:
        OSError: it cannot be written.
    """
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
