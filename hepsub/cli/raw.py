"""The bytes of a job's log on stdout, as they come: raw in a pipe, safe on a terminal."""

from __future__ import annotations

import codecs
import contextlib
import sys
from collections.abc import Iterator

from hepsub.cli.output import discard_output
from hepsub.errors import OutputUnwritable
from hepsub.terminal import printable


class SafeText:
    r"""Bytes that come in pieces, such as a job's log, as text that a terminal shows as it is.

    Lines and tabs stay. A lone carriage return, with which progress bars begin again, ends a line: nothing is written
    over. Whatever else is no letter, and bytes that are no UTF-8, become escapes such as `\x1b`.

    Attributes:
        is_within_line: whether the last line that came has no end yet.
    """

    __slots__ = ("_decoder", "_returned", "is_within_line")

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._returned = False
        self.is_within_line = False

    def feed(self, data: bytes, *, last: bool = False) -> str:
        """What can be shown of the next bytes; a letter that is not whole waits, unless these are the last."""
        text = self._decoder.decode(data, last)
        if self._returned and (text or last):
            text, self._returned = f"\r{text}", False
        # The \n that makes it one line end may be in the next piece.
        if text.endswith("\r") and not last:
            text, self._returned = text[:-1], True
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        shown = "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)
        if shown:
            self.is_within_line = not shown.endswith("\n")
        return shown


class RawOutput:
    """The bytes of somebody else's file on stdout: as they are in a pipe, made safe on a terminal."""

    __slots__ = ("_safe",)

    def __init__(self) -> None:
        self._safe = SafeText() if sys.stdout.isatty() else None

    def write(self, data: bytes) -> None:
        """Show bytes, and see them written.

        Raises:
            OutputUnwritable: stdout is full or broken.
            BrokenPipeError: nobody reads any more.
        """
        with _written():
            if self._safe is None:
                sys.stdout.buffer.write(data)
            else:
                sys.stdout.write(self._safe.feed(data))
            sys.stdout.flush()

    def break_line(self) -> None:
        """Let what is said next begin on a line of its own, where people see both."""
        if self._safe is None:
            return
        with _written():
            rest = self._safe.feed(b"", last=True)  # half a letter, which nothing follows now
            sys.stdout.write(f"{rest}\n" if self._safe.is_within_line else rest)
            sys.stdout.flush()
        self._safe = SafeText()


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Turn what the operating system says of stdout into words."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as trouble:
        discard_output()
        raise OutputUnwritable(
            f"stdout cannot be written ({trouble.strerror})", remedy="make room there"
        ) from trouble
