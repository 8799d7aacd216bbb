"""Files: written whole, in private directories, locked, and opened only where they are the user's own."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

UNFOLLOWED = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""No symbolic link is followed, and no named pipe keeps its opener waiting."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
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
        write_in(directory, path.name, content, mode, durable=durable)
    finally:
        os.close(directory)


def write_new(directory: int, name: str, content: str | bytes, mode: int) -> None:
    """Write a file that is not there yet, where nobody else writes, and nobody reads before it is whole.

    Args:
        directory: a descriptor of a directory into which nobody but this process writes now.
        name: the file, relative to it.
        content: text is written as UTF-8, with what stands for undecodable bytes as these.
        mode: its permissions; the umask can only take away.

    Raises:
        OSError: it cannot be written, or something has its name.
    """
    # No temporary name and no rename: half the requests to a file server, which are what ten thousand files cost.
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


def write_in(
    directory: int, name: str, content: str | bytes, mode: int, *, durable: bool = False
) -> None:
    """`write_whole` for a name in a directory that is held open by its descriptor.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    temporary = name_beside(name)
    descriptor = os.open(temporary, _NEW, mode, dir_fd=directory)
    try:
        try:
            write_all(descriptor, _bytes(content))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:  # Ctrl-C, too: nobody else would ever remove it
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it: write(2) may write less.

    Raises:
        OSError: it cannot be written.
    """
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def open_own(path: Path, flags: int, what: str) -> int:
    """Open a file of this user's own, such as one to be locked; it is made 0600 with O_CREAT.

    Args:
        path: the file.
        flags: how it is opened (open(2)); a symbolic link is not followed.
        what: what it is, for people.

    Raises:
        OSError: there is none, or something else has the name.
    """
    return checked_own(
        os.open(path, flags | UNFOLLOWED, 0o600), f"{what} is no regular file of yours"
    )


def checked_own(descriptor: int, otherwise: str, name: str | None = None) -> int:
    """A descriptor, if it is of a regular file of this user; else it is closed."""
    # Asked of what is open, and not of the name: that may be another file's by now.
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
    """A name that nothing has, for what will get a name when it is whole."""
    stem = os.fsdecode(os.fsencode(name)[:_LONGEST_STEM])  # the longest names have no room for more
    return f".{stem}.{os.getpid()}.{time.monotonic_ns()}"


def make_private(directory: Path) -> None:
    """Make a directory, and each of its parents that does not exist, for this user alone (0700).

    Raises:
        OSError: one of them cannot be made.
    """
    missing = []  # Path.mkdir(parents=True, mode=0o700) gives the mode to the last one only
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
    facts = os.stat(path, follow_symlinks=False)  # a link's goal can be exchanged after this look
    if not stat.S_ISDIR(facts.st_mode):
        return "it is no directory"
    if facts.st_uid != os.getuid():
        return "it is another user's"
    if facts.st_mode & (_WRITERS if readable else _OTHERS):
        return f"others may use it (mode {stat.S_IMODE(facts.st_mode):04o}, not 0700)"
    return ""
