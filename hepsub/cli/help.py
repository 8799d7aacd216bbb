"""The help text of a command, from its declaration."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from hepsub.cli.options import Command, Kind, Option, Takes

_COLUMN = 30
_WIDTH = 100
_NAMED = 12
"""So many of the words that a value can be are shown."""


def usage(command: Command) -> str:
    """The usage line."""
    words = f" {command.words.metavar}" if command.words else ""
    return f"usage: {command.name} [options]{words}"


def help_text(
    command: Command,
    verbs: Mapping[str, str] = MappingProxyType({}),
    known: Mapping[Kind, Sequence[str]] = MappingProxyType({}),
) -> str:
    """The help text: usage, summary, verbs, options, examples.

    Args:
        command: the command.
        verbs: the words that name another command, with what it does; they stand on one line where
            nothing is said of them.
        known: what values of a kind can be here.
    """
    return "\n".join([
        usage(command),
        "",
        f"{command.summary}.",
        "",
        *_words(command),
        *_verbs(command, verbs),
        "options:",
        *(line for option in command.options for line in _row(left(option), told(option, known))),
        "",
        "examples:",
        *(line for example, what in command.examples for line in _example(example, what)),
        "",
        f"man {command.name.split()[0]} tells everything.",
    ])  # fmt: skip


def told(option: Option, known: Mapping[Kind, Sequence[str]]) -> str:
    """The sentence of an option, and what its value can be here."""
    words = known.get(option.kind, ())
    if not words:
        return option.help
    more = ", …" if len(words) > _NAMED else ""
    return f"{option.help} Here: {', '.join(words[:_NAMED])}{more}."


def left(option: Option) -> str:
    """The names of an option and its value, as help shows them."""
    value = f" {option.metavar}" if option.metavar else ""
    if option.takes is Takes.MANY:
        value = f" {option.metavar}…"
    elif option.takes is Takes.PERHAPS_ONE:
        value = f" [{option.metavar}]"
    return ", ".join(option.names) + value


def _words(command: Command) -> list[str]:
    return [*_row(command.words.metavar, command.words.help), ""] if command.words else []


def _verbs(command: Command, verbs: Mapping[str, str]) -> list[str]:
    if not verbs:
        return []
    if any(verbs.values()):
        rows = (_row(f"{command.name} {word}", told) for word, told in verbs.items())
        return ["also, each with its own -h:", *(line for row in rows for line in row), ""]
    text = f"Also: {command.name} {'|'.join(verbs)} …; each has its own -h."
    return [*textwrap.wrap(text, _WIDTH), ""]


def _row(name: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH - _COLUMN)
    if len(name) > _COLUMN - 4:
        yield f"  {name}"
    else:
        yield f"  {name:<{_COLUMN - 2}}{lines.pop(0)}"
    for line in lines:
        yield " " * _COLUMN + line


def _example(example: str, what: str) -> Iterator[str]:
    yield f"  {example}"
    yield f"      {what}"
