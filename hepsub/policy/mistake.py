"""Mistakes in a policy: what they are, the commonest one, and the line that they are told with."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from hepsub.errors import HepsubError, PolicyError
from hepsub.policy.model import TOKEN, Policy
from hepsub.suggest import did_you_mean

_OPTION = r"(argument )?-[\w/-]+:? "
_HEADER = r"\s*\[\[?(?P<key>[^\[\]]+)\]\]?\s*(#.*)?"
_KEY = r"""\s*(?P<key>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""


class Mistake(Struct, frozen=True, kw_only=True):
    """Something in the policy that cannot be.

    Attributes:
        key: the dotted name of the key that says it.
        what: what is wrong.
        remedy: what could be meant.
    """

    key: str
    what: str
    remedy: str = ""

    def error(self, policy: Policy) -> PolicyError:
        """The mistake with its file and line."""
        return PolicyError(
            f"{policy.origin(self.key)}: {self.key}: {self.what}",
            remedy=self.remedy or "correct that line",
        )


def join(path: str, key: str) -> str:
    """The dotted name of a key in a table, whose own is empty for all of the policy."""
    return f"{path}.{key}" if path else key


def unknown(key: str, what: str, word: str, known: Collection[str]) -> Iterator[Mistake]:
    """A mistake where a word is none of those that are known."""
    if word not in known:
        remedy = (
            did_you_mean(word, known)
            or f"describe it in the policy, or leave this out: no {what} is described"
        )
        yield Mistake(key=key, what=f"no {what} '{word}'", remedy=remedy)


def tokens(policy: Policy) -> list[str]:
    """The names of the credentials that are tokens."""
    return [name for name, each in policy.credential.items() if each.kind == TOKEN]


def known_credentials(key: str, words: Collection[str], policy: Policy) -> Iterator[Mistake]:
    """The mistakes in a list of names of credentials."""
    for word in words:
        yield from unknown(key, "credential", word, policy.credential)


@contextlib.contextmanager
def default_of(policy: Policy, key: str) -> Iterator[None]:
    """Blame what is wrong with a default on the line that set it, not on the option that nobody gave.

    Args:
        policy: what the site decided.
        key: the default's dotted name, such as `defaults.pool`.

    Raises:
        PolicyError: the default is wrong.
    """
    try:
        yield
    except HepsubError as error:
        what = re.sub(_OPTION, "", error.message, count=1)
        raise PolicyError(f"{policy.origin(key)}: {key}: {what}", remedy=error.remedy) from error


def key_lines(text: str) -> dict[str, int]:
    """The line, from 1, of every table header and key of a valid TOML text, by dotted name: tomllib does not tell."""
    lines: dict[str, int] = {}
    table: tuple[str, ...] = ()
    # U+2028 in a comment ends no line for an editor.
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.fullmatch(_HEADER, line):
            table = _path(header["key"])
            _note(lines, table, number)
        elif key := re.match(_KEY, line):
            _note(lines, (*table, *_path(key["key"])), number)
    return lines


def _note(lines: dict[str, int], path: tuple[str, ...], number: int) -> None:
    """Note the line of a name, and of the tables around it where it is the first of them."""
    for length in range(1, len(path) + 1):
        lines.setdefault(".".join(path[:length]), number)


def line_of(lines: Mapping[str, int], name: str) -> int:
    """The line of a dotted name, or of the nearest table around it (an inline one); 0 for none.

    Args:
        lines: those of a text, by `key_lines`.
        name: the name.
    """
    while name not in lines and "." in name:
        name = name.rpartition(".")[0]
    return lines.get(name, 0)


def _path(key: str) -> tuple[str, ...]:
    """The parts of a dotted key, unquoted by TOML's own rules."""
    if re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", key):
        return tuple(key.split("."))
    try:
        node: object = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:  # a line of a multi-line string that looks like a header
        return (key,)
    parts = []
    while isinstance(node, dict):
        name = next(iter(node))
        parts.append(name)
        node = node[name]
    return tuple(parts)
