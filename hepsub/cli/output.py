"""stdout and stderr: data that is seen written, and talk that may be lost."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

from msgspec import Struct

from hepsub.errors import OutputUnwritable
from hepsub.result import Problem, Value
from hepsub.terminal import Styled, joined, printable

_QUOTED = 300
_INDENTED = "\n  "


class Talk(Struct, frozen=True, kw_only=True):
    """Where a command that takes long says something before its end.

    Attributes:
        early: show a value now that will be part of the result (not with -json).
        progress: tell people how far it is (on stderr; not with -json or -quiet).
        alert: tell people what was done that they did not ask for now (on stderr, always).
    """

    early: Callable[[Value], None]
    progress: Callable[[str], None]
    alert: Callable[[str], None] = lambda _: None


def json_text(document: object) -> str:
    """A document on one line of printable ASCII; `json` itself leaves DEL as it is."""
    import json

    return json.dumps(document, ensure_ascii=True).replace("\x7f", "\\u007f")


def write_out(text: str, *, secret: bool = False) -> None:
    """Print data, and see it written; nothing but what a terminal shows as it is.

    Args:
        text: the data, lines whose texts were made printable one by one.
        secret: whether it may not be told anywhere else.

    Raises:
        OutputUnwritable: stdout is full or broken.
        BrokenPipeError: nobody reads any more.
    """
    try:
        print(text if isinstance(text, Styled) else joined(text.split("\n")), flush=True)
    except BrokenPipeError:
        raise
    except OSError as trouble:
        discard_output()
        if secret:
            raise OutputUnwritable(
                f"stdout cannot be written ({trouble.strerror})",
                remedy="make room there, and call it again",
            ) from trouble
        raise OutputUnwritable(
            f"stdout cannot be written ({trouble.strerror}); what was asked was done, and it would have"
            f" said: {text[:_QUOTED]}",
            remedy="do not repeat the command because of this",
        ) from trouble


def discard_output() -> None:
    """Let the interpreter's last flush of stdout go nowhere."""
    _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def talk(command: str, lines: Iterable[str]) -> None:
    """Say something to people."""
    for line in lines:
        _say(f"{command}: {line}")


def error(command: str, problem: Problem) -> None:
    """Report an error: what happened, then what to do."""
    _say(f"{command}: error: {problem.message}")
    if problem.remedy:
        _say(f"{command}: {problem.remedy}")


def _say(text: str) -> None:
    """Write to stderr, if it is there: a command that has done its work does not fail because of talk.

    Of a text with several lines those behind the first are indented: none looks like ours.
    """
    if sys.stderr is None:  # print() would take stdout instead
        return
    try:
        print(_INDENTED.join(printable(each) for each in text.split(_INDENTED)), file=sys.stderr)
    except OSError:
        _discard(sys.stderr)
