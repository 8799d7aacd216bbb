"""A log at home: its end, what was added to it, and whether it was begun anew. A job may have written in it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.batch_logs import Piece
from hepsub.bundle.bundle import Bundle
from hepsub.errors import NotDone
from hepsub.tree import open_tree

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK = 2**16
_REMEMBERED = 256
"""So many bytes in front of a place tell whether the file is still the same one."""


class LogFile(Struct, frozen=True, kw_only=True):
    """A log at home.

    Attributes:
        path: as people find it.
        bundle: the bundle in whose corner it lies; None for a file of the user's.
        name: relative to the bundle.
    """

    path: Path
    bundle: Bundle | None = None
    name: str = ""

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        """A descriptor of it.

        Raises:
            OSError: there is none, or it is no regular file.
        """
        with contextlib.ExitStack() as stack:
            if self.bundle is not None:  # the job may have put a link there
                tree = stack.enter_context(open_tree(self.bundle.directory))
                descriptor = tree.open(self.name)
            else:
                descriptor = os.open(self.path, _OPEN)
            stack.callback(os.close, descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            yield descriptor

    def size(self) -> int | None:
        """How many bytes it has; None where there is no such file."""
        try:
            with self._open() as descriptor:
                return os.fstat(descriptor).st_size
        except OSError:
            return None

    def end(self, lines: int, most: int) -> Piece:
        """So many of its last lines, and bytes at most.

        Raises:
            NotDone: it cannot be read.
        """
        with self._reading() as descriptor:
            begin = size = os.fstat(descriptor).st_size
            # From behind: a log may have gigabytes, and its last lines are in the last block.
            blocks: list[bytes] = []
            ends = 0
            while begin > max(0, size - most) and ends <= lines:
                length = min(_BLOCK, begin)
                begin -= length
                blocks.append(os.pread(descriptor, length, begin))
                ends += blocks[-1].count(b"\n")
        return last_lines(Piece(offset=begin, data=b"".join(reversed(blocks))), lines)

    def after(self, offset: int) -> bytes:
        """What stands behind a place, a part of it at a time; nothing when there is no more.

        Raises:
            NotDone: it cannot be read.
        """
        with self._reading() as descriptor:
            return os.pread(descriptor, _BLOCK, offset)

    def before(self, offset: int) -> bytes:
        """The last bytes in front of a place, by which it is known again.

        Raises:
            NotDone: it cannot be read.
        """
        with self._reading() as descriptor:
            begin = max(0, offset - _REMEMBERED)
            return os.pread(descriptor, offset - begin, begin)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[int]:
        try:
            with self._open() as descriptor:
                yield descriptor
        except OSError as error:
            raise NotDone(f"{self.path} cannot be read: {error.strerror}") from error


def last_lines(piece: Piece, lines: int) -> Piece:
    """The last lines of a piece of a log; one that has no end yet is a line, too."""
    if not lines:
        return Piece(offset=piece.offset + len(piece.data), data=b"")
    begin = len(piece.data) - piece.data.endswith(b"\n")
    for _ in range(lines):
        begin = piece.data.rfind(b"\n", 0, begin)
        if begin < 0:
            return piece
    return Piece(offset=piece.offset + begin + 1, data=piece.data[begin + 1 :])
