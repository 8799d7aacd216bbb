"""The declarations as `case` statements, in the syntax that bash and zsh share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from hepsub.cli.generate import sources
from hepsub.cli.generate.sources import every_command, verbs
from hepsub.cli.options import Command, Takes

_TAKES = {
    Takes.NOTHING: "nothing",
    Takes.ONE: "one",
    Takes.PERHAPS_ONE: "perhaps",
    Takes.MANY: "many",
}
_ANY_NUMBER = 1_000_000

Rows = Mapping[tuple[str, ...], str]
"""Words, and what is done for each of them."""


def verb_table() -> str:
    """A function that tells the command that a word behind another one names."""
    rows: Rows = {
        (f"{name} {word}",): f"REPLY={shlex.quote(command.name)}"
        for name, named in verbs().items()
        for word, command in named.items()
    }
    told = "COMMAND WORD: whether the word names another command; REPLY is that one"
    return function("_hep_verb", told, case('"$1 $2"', rows))


def option_table() -> str:
    """A function that tells what an option takes."""
    body = ["case $1 in"]
    for command in every_command():
        rows = {
            option.names: f"REPLY='{_TAKES[option.takes]} {sources.offer(option)}'"
            for option in command.options
        }
        body += [
            f"    {shlex.quote(command.name)})",
            *indented(indented(case("$2", rows))),
            "        ;;",
        ]
    body += ["    *) return 1 ;;", "esac"]
    told = "COMMAND WORD: whether it is an option; REPLY is how many words it takes, and which"
    return function("_hep_option", told, body)


def words_table() -> str:
    """A function that tells which words belong to no option."""
    rows: Rows = {(command.name,): f"REPLY='{_most(command)}'" for command in every_command()}
    told = "COMMAND: REPLY is how many words it takes besides options, and which"
    return function("_hep_words", told, case("$1", rows))


def _most(command: Command) -> str:
    most = 0 if command.words is None else command.words.most
    offer = sources.offer(command.words)
    return f"{_ANY_NUMBER if most is None else most} {offer}"


def case(subject: str, rows: Rows) -> list[str]:
    """What is done for the words that the subject may be; for others it fails."""
    kept = [f"    {' | '.join(map(shlex.quote, names))}) {act} ;;" for names, act in rows.items()]
    return [f"case {subject} in", *kept, "    *) return 1 ;;", "esac"]


def function(name: str, told: str, body: Iterable[str]) -> str:
    """A function, and above it a comment that says what it is for."""
    return "\n".join([f"# {told}.", f"{name}() {{", *indented(body), "}"])


def indented(body: Iterable[str]) -> list[str]:
    """Lines, one level deeper."""
    return [f"    {line}" for line in body]
