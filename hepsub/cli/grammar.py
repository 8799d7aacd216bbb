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

_NEGATIVE_NUMBER = r"-\d[\d_]*(\.\d*)?([eE][+-]?\d+)?|-\.\d+"
_ATTACHED_NUMBER = r"(-[A-Za-z])(\d+[A-Za-z]*)"
_DASHES = "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{HORIZONTAL BAR}"
_SHORTEST_ABBREVIATION = 4


def rewrite(words: Sequence[str], command: Command) -> list[str]:
    """The words of a command line, as click's own grammar wants them.

    Returns:
        `--field=value` and `--field` words, then `--` and the free words.

    Raises:
        UsageError: an option is unknown or lacks its value, or a word is one too many.
    """
    return _Reader(words, command).read()


class _Reader:
    """Reads words from the front.

    Attributes:
        free: the words so far that belong to no option.
        open_many: the option that took any number of words, while no other one came behind it.
    """

    def __init__(self, words: Sequence[str], command: Command) -> None:
        self.left = list(words)
        self.command = command
        self.known = {name: option for option in command.options for name in option.names}
        self.rewritten: list[str] = []
        self.free: list[str] = []
        self.open_many: Option | None = None

    def read(self) -> list[str]:
        """Read all words."""
        literal = False
        while self.left:
            word = self.left.pop(0)
            if literal or not self._is_option_like(word):
                literal = False  # HepJob's `--` ends -argu, and options may follow the script
                self._take_free(word)
            elif word == "--":
                literal = True
            else:
                self._take_option(word)
        return [*self.rewritten, "--", *self.free]

    def _is_option_like(self, word: str) -> bool:
        """As argparse decides: a dash in front, but no number, and nothing with white space in it."""
        if word in self.known or word == "--":
            return True
        # Unlike argparse, also behind a known beginning: `-argu "-m mod.x --opt"` is common, and one value.
        if any(blank in word.split("=", 1)[0] for blank in " \t\n"):
            return False
        self._refuse_wrong_dash(word)
        return len(word) > 1 and word[0] == "-" and not re.fullmatch(_NEGATIVE_NUMBER, word)

    def _refuse_wrong_dash(self, word: str) -> None:
        plain = word.lstrip(_DASHES)
        if plain == word:
            return
        from hepsub.suggest import closest

        dashes = "-" * (len(word) - len(plain))
        name = f"{dashes}{plain}".split("=", 1)[0]
        meant = name if name in self.known else closest(name, self.known) or f"-{plain}"
        raise UsageError(
            f"'{word}' begins with a long dash (U+{ord(word[0]):04X}), not with a hyphen",
            remedy=f"did you mean '{meant}'? Text pasted from a web page often has the wrong dash: type it anew",
        )

    def _take_free(self, word: str) -> None:
        takes = self.command.words
        if not word:
            raise UsageError(
                f"an empty word instead of {takes.metavar if takes else 'an option'}",
                remedy="perhaps a variable is not set?",
            )
        most = takes.most if takes else 0
        if most is not None and len(self.free) >= most:
            from hepsub.cli.meant import one_too_many

            raise one_too_many(word, self.free[0] if self.free else "", self.command)
        self.free.append(word)

    def _take_option(self, word: str) -> None:
        option, attached = self._find(word)
        self.open_many = None
        key = f"--{option.field}"
        if option.takes is Takes.NOTHING:
            if attached is not None:
                raise UsageError(
                    f"argument {option.shown}: takes no value, but has '{attached}'",
                    remedy=f"write {word.partition('=')[0]} alone",
                )
            self.rewritten.append(key)
        elif option.takes is Takes.MANY:
            self.open_many = option
            if values := self._values() if attached is None else [attached]:
                # As with every option that may not be repeated, the last one counts.
                self.rewritten = [e for e in self.rewritten if not e.startswith(f"{key}=")]
                self.rewritten += [f"{key}={value}" for value in values]
            elif not self._is_unknown_next():  # else that is what the user should read about
                raise self._nothing_given(option, word)
        elif option.takes is Takes.PERHAPS_ONE:
            perhaps = bool(self.left) and not self._is_option_like(self.left[0])
            value = self.left.pop(0) if attached is None and perhaps else attached or ""
            self.rewritten.append(f"{key}={value}")
        else:
            value = attached if attached is not None else self._one(option)
            if not value:
                raise UsageError(
                    f"argument {option.shown}: the value is empty",
                    remedy="perhaps a variable is not set? Leave the option out when nothing is meant",
                )
            self.rewritten.append(f"{key}={value}")

    def _find(self, word: str) -> tuple[Option, str | None]:
        """The option that a word names, and the value that is attached to it."""
        if word in self.known:
            return self.known[word], None
        name, equals, value = word.partition("=")
        if equals and name in self.known:
            return self.known[name], value
        if attached := re.fullmatch(_ATTACHED_NUMBER, word):  # -n600
            option = self.known.get(attached[1])
            if option is not None and option.takes is Takes.ONE:
                return option, attached[2]
        longer = {
            option.field: option
            for each, option in self.known.items()
            if each.startswith(name) and not option.exact
        }
        # Behind -argu a word that names no option exactly is an argument of the job that was not quoted.
        if len(longer) == 1 and len(name) >= _SHORTEST_ABBREVIATION and self.open_many is None:
            return next(iter(longer.values())), value if equals else None
        from hepsub.cli.meant import option_meant, unknown_option

        if self.open_many is not None and self.open_many.field == "argu":
            meant = option_meant(name, self.command, self.known)
            hint = f"{_dash_hint(self.open_many, word)}; if it is an option of hep_sub: {meant}"
            raise UsageError(f"unknown option '{name}'", remedy=hint)
        raise unknown_option(name, self.command, self.known)

    def _values(self) -> list[str]:
        """The words up to the next option."""
        values = []
        while self.left and not self._is_option_like(self.left[0]):
            values.append(self.left.pop(0))
        return values

    def _one(self, option: Option) -> str:
        if not self.left:
            raise UsageError(
                f"argument {option.shown}: expected one argument",
                remedy=f"{option.names[0]} {option.metavar}",
            )
        if self._is_option_like(self.left[0]):
            following = self.left[0]
            raise UsageError(
                f"argument {option.shown}: expected one argument, found the option '{following}'",
                remedy=f"a value that begins with a dash is attached: {option.names[0]}={following}",
            )
        return self.left.pop(0)

    def _is_unknown_next(self) -> bool:
        """Whether the next word is like an option, and names none, by itself or with its value attached."""
        if not self.left or self.left[0] == "--":
            return False
        attached = re.fullmatch(_ATTACHED_NUMBER, self.left[0])
        named = self.left[0].partition("=")[0] in self.known
        return not named and (attached is None or attached[1] not in self.known)

    def _nothing_given(self, option: Option, word: str) -> UsageError:
        remedy = f"{word} {option.metavar}…"
        if option.field == "argu":
            following = self.left[0] if self.left and self.left[0] != "--" else ""
            remedy = f'for a job without arguments leave {word} out, or write {word} ""'
            remedy += f"; {_dash_hint(option, following)}" if following else ""
        return UsageError(f"argument {option.shown}: expected at least one argument", remedy=remedy)


def _dash_hint(many: Option, word: str) -> str:
    return f'an argument of the job that begins with a dash goes into one quoted word: {many.names[0]} "{word} …"'
