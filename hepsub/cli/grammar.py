"""HepJob's grammar in front of click: one pure function that rewrites the words.

HepJob is an argparse program with single-dash words. click would read `-memm 3` as `-m emm`, and it
refuses options that take any number of words. So each option is found here, by its whole name, and
handed on as `--field=value`; what belongs to no option goes behind `--`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hepsub.cli.options import Command, Option, Takes
from hepsub.errors import UsageError
from hepsub.suggest import closest

_NEGATIVE_NUMBER = r"-\d[\d_]*(\.\d*)?([eE][+-]?\d+)?|-\.\d+"
_ATTACHED_NUMBER = r"(-[A-Za-z])(\d+[A-Za-z]*)"
_DASHES = "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{HORIZONTAL BAR}"
_SHORTEST_ABBREVIATION = 4


class _Reading:
    """How far the words have been read."""

    def __init__(self, left: list[str]) -> None:
        self.left = left
        self.rewritten: list[str] = []
        self.free: list[str] = []
        self.open_many: Option | None = None


def rewrite(words: Sequence[str], command: Command) -> list[str]:
    """The words of a command line, as click's own grammar wants them.

    Returns:
        `--field=value` and `--field` words, then `--` and the free words.

    Raises:
        UsageError: an option is unknown or lacks its value, or a word is one too many.
    """
    reading = _Reading(list(words))
    known = {name: option for option in command.options for name in option.names}
    literal = False
    while reading.left:
        word = reading.left.pop(0)
        if literal or not _is_option_like(word, known):
            literal = False
            _take_free(word, reading, command)
        elif word == "--":
            literal = True
        else:
            _take_option(word, reading, known, command)
    return [*reading.rewritten, "--", *reading.free]


def _is_option_like(word: str, known: dict[str, Option]) -> bool:
    """As argparse decides: a dash in front, but no number, and nothing with white space in it."""
    if word in known or word == "--":
        return True
    if any(blank in word.split("=", 1)[0] for blank in " \t\n"):
        return False
    _refuse_wrong_dash(word, known)
    return len(word) > 1 and word[0] == "-" and not re.fullmatch(_NEGATIVE_NUMBER, word)


def _refuse_wrong_dash(word: str, known: dict[str, Option]) -> None:
    plain = word.lstrip(_DASHES)
    if plain == word:
        return
    dashes = "-" * (len(word) - len(plain))
    name = f"{dashes}{plain}".split("=", 1)[0]
    meant = name if name in known else closest(name, known) or f"-{plain}"
    raise UsageError(
        f"'{word}' begins with a long dash (U+{ord(word[0]):04X}), not with a hyphen",
        remedy=f"did you mean '{meant}'? Text pasted from a web page often has the wrong dash: type it anew",
    )


def _take_free(word: str, reading: _Reading, command: Command) -> None:
    most = command.words.most if command.words else 0
    if not word:
        raise UsageError(
            f"an empty word instead of {command.words.metavar if command.words else 'an option'}",
            remedy="perhaps a variable is not set?",
        )
    if most is not None and len(reading.free) >= most:
        from hepsub.cli.meant import one_too_many

        raise one_too_many(word, reading.free[0] if reading.free else "", command)
    reading.free.append(word)


def _take_option(word: str, reading: _Reading, known: dict[str, Option], command: Command) -> None:
    option, attached = _find(word, known, reading.open_many, command)
    reading.open_many = None
    key = f"--{option.field}"
    if option.takes is Takes.NOTHING:
        if attached is not None:
            raise UsageError(
                f"argument {option.shown}: takes no value, but has '{attached}'",
                remedy=f"write {word.partition('=')[0]} alone",
            )
        reading.rewritten.append(key)
    elif option.takes is Takes.MANY:
        values = [attached] if attached is not None else _values(reading, known)
        reading.open_many = option
        if (
            not values
            and reading.left
            and reading.left[0] != "--"
            and not _is_known(reading.left[0], known)
        ):
            return  # an unknown option comes next, and is what the user should read about
        if not values:
            raise _nothing_given(option, word, reading)
        reading.rewritten = [each for each in reading.rewritten if not each.startswith(f"{key}=")]
        reading.rewritten += [f"{key}={value}" for value in values]
    elif option.takes is Takes.PERHAPS_ONE:
        taken = attached if attached is not None else _perhaps(reading, known)
        reading.rewritten.append(f"{key}={taken}")
    else:
        value = attached if attached is not None else _one(option, reading, known)
        if not value:
            raise UsageError(
                f"argument {option.shown}: the value is empty",
                remedy="perhaps a variable is not set? Leave the option out when nothing is meant",
            )
        reading.rewritten.append(f"{key}={value}")


def _dash_hint(many: Option, word: str) -> str:
    return f'an argument of the job that begins with a dash goes into one quoted word: {many.names[0]} "{word} …"'


def _is_known(word: str, known: dict[str, Option]) -> bool:
    """Whether a word names an option, by itself or with its value attached."""
    attached = re.fullmatch(_ATTACHED_NUMBER, word)
    return word.partition("=")[0] in known or (attached is not None and attached[1] in known)


def _nothing_given(option: Option, word: str, reading: _Reading) -> UsageError:
    remedy = f"{word} {option.metavar}…"
    if option.field == "argu":
        following = reading.left[0] if reading.left and reading.left[0] != "--" else ""
        remedy = f'for a job without arguments leave {word} out, or write {word} ""'
        remedy += f"; {_dash_hint(option, following)}" if following else ""
    return UsageError(f"argument {option.shown}: expected at least one argument", remedy=remedy)


def _find(
    word: str, known: dict[str, Option], open_many: Option | None, command: Command
) -> tuple[Option, str | None]:
    """The option that a word names, and the value that is attached to it."""
    if word in known:
        return known[word], None
    name, equals, value = word.partition("=")
    if equals and name in known:
        return known[name], value
    if attached := re.fullmatch(_ATTACHED_NUMBER, word):
        option = known.get(attached[1])
        if option is not None and option.takes is Takes.ONE:
            return option, attached[2]
    longer = {
        option.field: option
        for each, option in known.items()
        if each.startswith(name) and not option.exact
    }
    if len(longer) == 1 and len(name) >= _SHORTEST_ABBREVIATION and open_many is None:
        return next(iter(longer.values())), value if equals else None
    from hepsub.cli.meant import option_meant, unknown_option

    if open_many is not None and open_many.field == "argu":
        meant = option_meant(name, command, known)
        hint = f"{_dash_hint(open_many, word)}; if it is an option of hep_sub: {meant}"
        raise UsageError(f"unknown option '{name}'", remedy=hint)
    raise unknown_option(name, command, known)


def _values(reading: _Reading, known: dict[str, Option]) -> list[str]:
    values = []
    while reading.left and not _is_option_like(reading.left[0], known):
        values.append(reading.left.pop(0))
    return values


def _perhaps(reading: _Reading, known: dict[str, Option]) -> str:
    if reading.left and not _is_option_like(reading.left[0], known):
        return reading.left.pop(0)
    return ""


def _one(option: Option, reading: _Reading, known: dict[str, Option]) -> str:
    if not reading.left:
        raise UsageError(
            f"argument {option.shown}: expected one argument",
            remedy=f"{option.names[0]} {option.metavar}",
        )
    if _is_option_like(reading.left[0], known):
        following = reading.left[0]
        raise UsageError(
            f"argument {option.shown}: expected one argument, found the option '{following}'",
            remedy=f"a value that begins with a dash is attached: {option.names[0]}={following}",
        )
    return reading.left.pop(0)
