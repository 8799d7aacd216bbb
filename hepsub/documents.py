"""Documents that somebody else wrote: bounded in bytes and depth, of the type that was expected."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

T = TypeVar("T")
# No type has the `pattern` of msgspec.Meta: it crashes the interpreter as that ends (msgspec issue 717).

LATEST = 253_402_214_400.0
"""9999-12-31: what is later has no date everywhere (datetime.MAXYEAR, and time zones are ahead by up to 14 h)."""
Moment = Annotated[float, msgspec.Meta(ge=0, le=LATEST)]
"""Seconds since the epoch, of which a date can be made."""

AHEAD_S = 900.0
"""Clocks of machines differ; by more than this none is believed (S3 refuses such a signature as well)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DEEPEST = 32
"""No document that hepsub reads is nested deeper."""
_STRUCTURE = rb'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]|[0-9]{400}'


class Malformed(ValueError):
    """A document that somebody else wrote is not what it has to be; the message says where."""


def has_been(moment: float, now: float) -> bool:
    """Whether something may have been done then: a clock that was ahead once has noted times that are still to come.

    Args:
        moment: when it was done, by some machine's clock, in seconds since the epoch.
        now: by ours.
    """
    return moment <= now + AHEAD_S


def read_file(path: Path, most: int) -> bytes:
    """The content of a regular file; a named pipe or a device does not keep its reader waiting.

    Args:
        path: the file.
        most: so many bytes are believed.

    Raises:
        Malformed: it is larger, or no regular file.
        OSError: it is not there, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Malformed("it is no regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise Malformed(f"it is larger than {most} bytes")
    return content


def read_json(content: bytes, expected: type[T], *, most: int, any_text: bool = False) -> T:
    """A JSON document as a value of a type whose fields say what they may be (msgspec.Meta).

    msgspec alone lets RecursionError and UnicodeDecodeError through.

    Args:
        content: the document.
        expected: what it has to be.
        most: so many bytes are believed.
        any_text: whether texts may hold what Python has for the bytes of file names that are no UTF-8.

    Raises:
        Malformed: it is something else.
    """
    if len(content) > most:
        raise Malformed(f"it is larger than {most} bytes")
    _check_structure(content)
    try:
        if any_text:  # msgspec refuses lone surrogates, which json reads as it wrote them
            return msgspec.convert(json.loads(content, parse_constant=_no_number), type=expected)
        return msgspec.json.decode(content, type=expected)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error


def _no_number(text: str) -> float:
    raise Malformed(f"{text} is no number")


def one_line(text: str) -> str:
    """A text without control characters.

    Raises:
        Malformed: it has some.
    """
    if _CONTROL.search(text) is not None:
        raise Malformed("a text has control characters")
    return text


def _check_structure(content: bytes) -> None:
    if len(content) < 400 and content.count(b"[") + content.count(b"{") <= _DEEPEST:
        return  # a line of the journal, of which there are many: neither fits into it
    depth = 0
    for found in re.finditer(_STRUCTURE, content):
        first = found.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > _DEEPEST:
                raise Malformed(f"it is nested deeper than {_DEEPEST} levels")
        elif first in b"]}":
            depth -= 1
        elif first.isdigit():
            raise Malformed("it has a number that is too long")
