"""The record of a run: how its supervisor tells, across anybody's death, that it runs or how it ended.

The file appears whole, under a lock that its supervisor holds until it dies (create_locked). It has its full
size from the start, so that the end can be written on a full disk, too. Whoever finds no record and
makes one himself (leave_tombstone) is sure that the run never began, and never will.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from pathlib import Path

from msgspec import MsgspecError, Struct, convert, to_builtins

from hepsub.files import lock_process

_SIZE = 4096
_FLOCK = "hhqqi"
"""struct flock on 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid."""

FREE = -1
UNSEEN = 0
"""A holder in another PID namespace."""


class End(Struct, frozen=True, kw_only=True):
    """How a run ended.

    Attributes:
        cause: why it was stopped: `asked`, `walltime`, `memory`, `shutdown`; `start` when it could
            not be started; empty when it ended by itself.
        cpu_s: seconds of CPU time, all its processes together.
        hold_code: for `start`, HTCondor's code of what failed.
        hold_subcode: for `start`, the errno value.
        reason: for `start`, the words.
    """

    when: float
    cause: str = ""
    exit_code: int | None = None
    exit_signal: int | None = None
    cpu_s: float = 0
    hold_code: int = 0
    hold_subcode: int = 0
    reason: str = ""


class Record(Struct, frozen=True, kw_only=True):
    """What a supervisor wrote last.

    Attributes:
        payload: pid of the job's first process; 0 before it started.
        payload_start: that process's start, in clock ticks since boot.
        peak_mb: the most memory in use so far, in MB (2**20 bytes).
        end: how the run ended; None while it runs.
    """

    payload: int = 0
    payload_start: int = 0
    peak_mb: float = 0
    end: End | None = None


def create_locked(path: Path) -> int:
    """Make the record of a run that is about to begin; returns the open, locked file.

    Raises:
        FileExistsError: the run has a tombstone.
        OSError: the disk is full.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write(descriptor, Record())
        lock_process(descriptor)
        # Not renamed: a link is refused where there is a tombstone.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    return descriptor


def write(descriptor: int, record: Record) -> None:
    """Write a record in the place of the one before."""
    text = json.dumps(to_builtins(record)).encode()
    os.pwrite(descriptor, text[: _SIZE - 1].ljust(_SIZE - 1) + b"\n", 0)


def finish(descriptor: int, record: Record) -> None:
    """Write the last record, and see it on the disk before returning."""
    write(descriptor, record)
    os.fsync(descriptor)


class Look(Struct, frozen=True, kw_only=True):
    """A record, and who has it locked: its supervisor, or FREE when that is gone.

    Attributes:
        supervisor: pid, UNSEEN or FREE.
        record: None for a tombstone, or when a crash tore the record.
    """

    supervisor: int
    record: Record | None


def look(path: Path) -> Look | None:
    """Look at the record of a run; None when there is none.

    The lock is asked for first, and on the file that is read: who finds it free reads the last word.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        supervisor = holder_of(descriptor)
        return Look(supervisor=supervisor, record=_parsed(os.pread(descriptor, _SIZE, 0)))
    finally:
        os.close(descriptor)


def _parsed(text: bytes) -> Record | None:
    try:
        # Not msgspec's own decoder: the words of an end may name a file that is no UTF-8.
        return convert(json.loads(text), Record)
    except (ValueError, MsgspecError):
        return None


def leave_tombstone(path: Path) -> bool:
    """Make sure that a run which left no record will never begin; False when it just has begun."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


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
