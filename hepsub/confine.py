"""A call during which nothing may be written but some files: Linux' Landlock, for the one thread that makes it.

It is there since Linux 5.13, where the administrators have not left it out of the kernel's list of security modules.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The numbers of the system calls, which are the same for all architectures (landlock(7))."""
_VERSION, _BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
"""Of linux/landlock.h the first two, the third of linux/prctl.h."""
_TRUNCATE_SINCE = 3
_EXECUTE, _WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _TRUNCATE = (1 << bit for bit in (0, 1, 4, 5, 14))
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8
_MAKE_OTHERS = sum(1 << bit for bit in (6, 9, 10, 11, 12))
_FILE = _WRITE_FILE | _TRUNCATE
_DIRECTORY = _FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG


class Writable(Struct, frozen=True, kw_only=True):
    """What may be written: directories, with plain files and directories in them, and single files that are there."""

    directories: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


def can_confine() -> bool:
    """Whether this kernel can."""
    return _version() > 0


def confined(do: Callable[[], T], writable: Writable) -> T:
    """Do something, during which nothing but some files can be written, and no program started.

    Reading is not confined, nor is what is open already. Without Landlock it is done all the same.

    Args:
        do: what is done, in a thread of its own.
        writable: what may be written; what of it is not there is passed over.

    Raises:
        OSError: the kernel refuses to confine it, and nothing was done.
    """
    if not can_confine():
        return do()

    def within() -> T:
        _confine_thread(writable)
        return do()

    # No restriction can be taken back: the thread ends with it, and the process goes on without.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(within).result()


def _version() -> int:
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def _confine_thread(writable: Writable) -> None:
    known = _DIRECTORY | _EXECUTE | _MAKE_OTHERS
    if _version() < _TRUNCATE_SINCE:
        known &= ~_TRUNCATE  # an older kernel refuses a rule set with a right that it does not know
    handled = struct.pack("=Q", known)
    rules = _call(_CREATE_RULESET, handled, len(handled), 0)
    try:
        for directory in writable.directories:
            _allow(rules, directory, _DIRECTORY & known)
        for file in (*writable.files, Path(os.devnull)):
            _allow(rules, file, _FILE & known)
        # The kernel confines only who can gain no privileges by starting a set-uid program.
        if ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise _error()
        _call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, what: int) -> None:
    with contextlib.suppress(FileNotFoundError):  # what is not there cannot be written either
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            _call(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", what, descriptor), 0)
        finally:
            os.close(descriptor)


def _call(number: int, *words: int | bytes | None) -> int:
    """A system call that the C library has no function for."""
    typed = [ctypes.c_long(each) if isinstance(each, int) else each for each in words]
    answer: int = ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *typed)
    if answer < 0:
        raise _error()
    return answer


def _error() -> OSError:
    number = ctypes.get_errno() or errno.EPERM
    return OSError(number, os.strerror(number))
