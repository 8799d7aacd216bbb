"""From rewritten words to values, by click: conversion, repetition, and errors in the users' own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from hepsub.cli.grammar import rewrite
from hepsub.cli.options import POOL, SLURM, Command, Kind, Option, Takes, Values
from hepsub.errors import UsageError
from hepsub.units import parse_duration, parse_memory, parse_size

_NUMBER = r"[+-]?\d+"
_LARGEST = 2**63 - 1
"""What the integers of ClassAds and of the embedded pool's SQLite hold."""


class _Value(click.ParamType[Any]):
    """A value that is read from a text."""

    name = "value"

    def __init__(self, read: Callable[[str], Any], hint: str = "") -> None:
        self.read = read
        self.hint = f": {hint}" if hint else ""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """See click.ParamType.convert."""
        try:
            return self.read(str(value))
        except ValueError as error:
            self.fail(f"{error}{self.hint}", param, ctx)


def _seconds(text: str) -> int:
    # Only here: -wt 10 could be hours as well as a class, and is refused.
    return parse_duration(f"{text}s" if text.isdecimal() else text)


def _integer(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a valid integer.") from None
    if abs(number) > _LARGEST:
        raise ValueError(f"'{text}' is too large")
    return number


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = _integer(text)
        if number < least:
            raise ValueError(f"{number} is less than {least}")
        return number

    return read


def _portion(text: str) -> tuple[int | None, int | None]:
    """A number of items, or a size in bytes when there is a unit: one of the two."""
    if not re.fullmatch(_NUMBER, text):
        try:
            return None, parse_size(text)
        except ValueError as error:
            raise ValueError(f"{error}: a number of items, or a size such as 2GB") from error
    if int(text) < 1:
        raise ValueError(f"'{text}' is less than one item")
    return int(text), None


_TYPES = {
    Kind.INTEGER: _Value(_integer),
    Kind.POSITIVE: _Value(_at_least(1)),
    Kind.COUNT: _Value(_at_least(0)),
    Kind.PORTION: _Value(_portion),
    Kind.MEMORY: _Value(parse_memory, "a number of MB, or a text such as 2GB"),
    Kind.DURATION: _Value(_seconds, "a number of seconds, or a text such as 10min"),
}


def parse(words: Sequence[str], command: Command) -> Values:
    """The values of a command line.

    Raises:
        UsageError: the words cannot be read.
    """
    return convert(rewrite(words, command), command)


def convert(rewritten: list[str], command: Command) -> Values:
    """The values of words that the grammar has rewritten.

    Raises:
        UsageError: a value is not what its option takes.
    """
    given = {word.partition("=")[0] for word in rewritten[: rewritten.index("--")]}
    # click's options are slow to make, and most were not given: it is told of the others only.
    options = [option for option in command.options if f"--{option.field}" in given]
    parser = click.Command(
        command.name, params=_parameters(options, command), add_help_option=False
    )
    try:
        with parser.make_context(command.name, rewritten) as context:
            said = {each.field: _unsaid(each) for each in command.options}
            return _with_slurm({**said, **context.params})
    except click.BadParameter as error:
        raise _bad_value(error, command) from error
    except click.UsageError as error:
        raise UsageError(
            error.format_message(), remedy=f"{command.all_help} shows what there is"
        ) from error


def _with_slurm(values: dict[str, Any]) -> Values:
    """The values, with the pool that -slurm names; a command without -p has a -slurm of its own.

    Raises:
        UsageError: -p names one, too.
    """
    if not values.get(SLURM.field) or POOL.field not in values:
        return values
    if values[POOL.field] is not None:
        raise UsageError(
            f"-slurm and -p {values[POOL.field]} both name a pool", remedy="leave out one of them"
        )
    from hepsub.policy.model import SLURM_POOL

    return {**values, POOL.field: SLURM_POOL}


def _unsaid(option: Option) -> object:
    """The value of an option that was not given."""
    if option.takes is Takes.NOTHING:
        return False
    return () if _counts_all(option) else None


def _counts_all(option: Option) -> bool:
    """Whether all values count that were given, not only the last."""
    return option.repeated or option.takes is Takes.MANY


def _parameters(options: Sequence[Option], command: Command) -> list[click.Parameter]:
    parameters: list[click.Parameter] = [_click_option(option) for option in options]
    if command.words is not None:
        parameters.append(click.Argument([command.words.field], nargs=-1))
    return parameters


def _click_option(option: Option) -> click.Option:
    declarations = [f"--{option.field}", option.field]
    if option.takes is Takes.NOTHING:
        return click.Option(declarations, is_flag=True, default=False)
    many = _counts_all(option)
    return click.Option(declarations, multiple=many, type=_TYPES.get(option.kind, click.STRING))


def _bad_value(error: click.BadParameter, command: Command) -> UsageError:
    field = error.param.name if error.param is not None else None
    option = next((each for each in command.options if each.field == field), None)
    named = f"argument {option.shown}: " if option is not None else ""
    return UsageError(
        f"{named}{error.message}", remedy=f"{command.all_help} shows what each option takes"
    )
