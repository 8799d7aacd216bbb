"""JSON documents that somebody else wrote: bounded in bytes and depth, of the type that was expected."""

from __future__ import annotations

import json
import re
from typing import TypeVar

import msgspec

T = TypeVar("T")

_DEEPEST = 32
"""No document that hepsub reads is nested deeper."""
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]|[0-9]{400}', re.DOTALL)


class Malformed(ValueError):
    """A document that somebody else wrote is not what it has to be; the message says where."""


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
        if any_text:
            return msgspec.convert(json.loads(content, parse_constant=_no_number), type=expected)
        return msgspec.json.decode(content, type=expected)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error


def _no_number(text: str) -> float:
    raise Malformed(f"{text} is no number")


def _check_structure(content: bytes) -> None:
    if len(content) < 400 and content.count(b"[") + content.count(b"{") <= _DEEPEST:
        return  # a line of the journal, of which there are many: neither fits into it
    depth = 0
    for found in _STRUCTURE.finditer(content):
        first = found.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > _DEEPEST:
                raise Malformed(f"it is nested deeper than {_DEEPEST} levels")
        elif first in b"]}":
            depth -= 1
        elif first.isdigit():
            raise Malformed("it has a number that is too long")
