"""From rewritten words to values, by click: conversion, repetition, and errors in the users' own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from hepsub.cli.grammar import rewrite
from hepsub.cli.options import Command, Kind, Option, Takes, Values
from hepsub.errors import UsageError
from hepsub.units import parse_duration, parse_memory, parse_size

_NUMBER = r"[+-]?\d+"


class Quantity(click.ParamType[int]):
    """A number, read from a text with a unit or without."""

    def __init__(self, name: str, read: Callable[[str], int], hint: str) -> None:
        self.name = name
        self.read = read
        self.hint = hint

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """See click.ParamType.convert."""
        try:
            return self.read(str(value))
        except ValueError as error:
            self.fail(f"{error}: {self.hint}", param, ctx)


def _seconds(text: str) -> int:
    return parse_duration(f"{text}s" if text.isdecimal() else text)


class Whole(click.ParamType[int]):
    """A whole number that is not below another one."""

    name = "integer"

    def __init__(self, least: int | None = None) -> None:
        self.least = least

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """See click.ParamType.convert."""
        try:
            number = int(str(value))
        except ValueError:
            self.fail(f"'{value}' is not a valid integer.", param, ctx)
        if self.least is not None and number < self.least:
            self.fail(f"{number} is less than {self.least}", param, ctx)
        return number


class Portion(click.ParamType[tuple[int | None, int | None]]):
    """A number of items, or a size in bytes when there is a unit: one of the two."""

    name = "portion"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, int | None]:
        """See click.ParamType.convert."""
        text = str(value)
        try:
            if not re.fullmatch(_NUMBER, text):
                return None, parse_size(text)
        except ValueError as error:
            self.fail(f"{error}: a number of items, or a size such as 2GB", param, ctx)
        if int(text) < 1:
            self.fail(f"'{text}' is less than one item", param, ctx)
        return int(text), None


_TYPES: dict[Kind, click.ParamType[Any]] = {
    Kind.INTEGER: Whole(),
    Kind.POSITIVE: Whole(1),
    Kind.COUNT: Whole(0),
    Kind.PORTION: Portion(),
    Kind.MEMORY: Quantity("memory", parse_memory, "a number of MB, or a text such as 2GB"),
    Kind.DURATION: Quantity("duration", _seconds, "a number of seconds, or a text such as 10min"),
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
            return {**{each.field: _unsaid(each) for each in command.options}, **context.params}
    except click.BadParameter as error:
        raise _bad_value(error, command) from error
    except click.UsageError as error:
        raise UsageError(
            error.format_message(), remedy=f"{command.all_help} shows what there is"
        ) from error


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
