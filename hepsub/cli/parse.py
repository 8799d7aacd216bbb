"""From rewritten words to values: conversion, repetition, and errors in the users' own words.

The grammar has left nothing to parse: a library for command lines would take longer to load than all that is done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from hepsub.cli.grammar import rewrite
from hepsub.cli.options import Command, Kind, Option, Takes, Values
from hepsub.errors import UsageError
from hepsub.units import parse_duration, parse_memory, parse_size

_NUMBER = r"[+-]?\d+"


def parse(words: Sequence[str], command: Command) -> Values:
    """The values of a command line.

    Raises:
        UsageError: the words cannot be read.
    """
    rewritten = rewrite(words, command)
    end = rewritten.index("--")
    given: dict[str, list[str]] = {}
    for word in rewritten[:end]:
        field, _, value = word.removeprefix("--").partition("=")
        given.setdefault(field, []).append(value)
    options = {option.field: option for option in command.options}
    values: dict[str, object] = {field: _unsaid(option) for field, option in options.items()}
    for field, texts in given.items():  # what is wrong first is told
        values[field] = _value(options[field], texts, command)
    if command.words is not None:
        values[command.words.field] = tuple(rewritten[end + 1 :])
    return values


def _unsaid(option: Option) -> object:
    if option.takes is Takes.NOTHING:
        return False
    return () if _counts_all(option) else None


def _value(option: Option, texts: Sequence[str], command: Command) -> object:
    """The value of an option that was given; of one that is not repeated the last counts."""
    if option.takes is Takes.NOTHING:
        return True
    read = _READERS.get(option.kind, str)
    try:
        return tuple(read(text) for text in texts) if _counts_all(option) else read(texts[-1])
    except ValueError as error:
        raise UsageError(
            f"argument {option.shown}: {error}",
            remedy=f"{command.name} -h shows what each option takes",
        ) from error


def _counts_all(option: Option) -> bool:
    return option.repeated or option.takes is Takes.MANY


def _integer(text: str, what: str = "integer") -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a valid {what}.") from None


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = _integer(text, "integer range")
        if number < least:
            raise ValueError(f"{number} is not in the range x>={least}.")
        return number

    return read


def _memory(text: str) -> int:
    """An amount of memory in MB, from a number or a text with a unit."""
    try:
        return parse_memory(text)
    except ValueError as error:
        raise ValueError(f"{error}: a number of MB, or a text such as 2GB") from error


def _duration(text: str) -> int:
    """A duration in seconds, from a number or a text with a unit."""
    try:
        return parse_duration(f"{text}s" if text.isdecimal() else text)
    except ValueError as error:
        raise ValueError(f"{error}: a number of seconds, or a text such as 10min") from error


def _portion(text: str) -> tuple[int | None, int | None]:
    """A number of items, or a size in bytes when there is a unit: one of the two."""
    if re.fullmatch(_NUMBER, text):
        if int(text) < 1:
            raise ValueError(f"'{text}' is less than one item")
        return int(text), None
    try:
        return None, parse_size(text)
    except ValueError as error:
        raise ValueError(f"{error}: a number of items, or a size such as 2GB") from error


_READERS: Mapping[Kind, Callable[[str], object]] = {
    Kind.INTEGER: _integer,
    Kind.POSITIVE: _at_least(1),
    Kind.COUNT: _at_least(0),
    Kind.PORTION: _portion,
    Kind.MEMORY: _memory,
    Kind.DURATION: _duration,
}
