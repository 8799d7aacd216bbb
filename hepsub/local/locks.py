"""Who holds a lock (`hepsub.files.lock_process`), asked without disturbing him; and the FIFO that wakes the runner."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from pathlib import Path

_FLOCK = "hhqqi"
"""struct flock on 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid."""

FREE = -1
UNSEEN = 0
"""A holder in another PID namespace."""


def holder(path: Path) -> int:
    """The pid of the process that has a file locked, UNSEEN, or FREE (also when there is no file).

    Not to be called by the holder itself: closing the file would release its lock.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return FREE
    try:
        return holder_of(descriptor)
    finally:
        os.close(descriptor)


def holder_of(descriptor: int) -> int:
    """As `holder`, for a file that is open."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return FREE if kind == fcntl.F_UNLCK else max(int(pid), UNSEEN)


def wake(fifo: Path) -> None:
    """Wake the runner, if there is one."""
    with contextlib.suppress(OSError):  # nobody listens, or is about to wake up anyway
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"\0")
        finally:
            os.close(descriptor)
