"""The completion of bash: engine.bash, and the tables that it goes by."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable

from hepsub.cli.generate import tables
from hepsub.cli.generate.sources import completed, every_command, verbs
from hepsub.cli.main import PROGRAMS


def bash_completion() -> str:
    """The file that completes all commands in bash."""
    made = (
        _verbs_function(),
        tables.verb_table(),
        tables.words_table(),
        _names_function(),
        tables.option_table(),
    )
    return completed("engine.bash", TABLES="\n\n".join(made), PROGRAMS=_words(PROGRAMS))


def _verbs_function() -> str:
    rows: tables.Rows = {
        (name,): f"_hep_matching {_words(named)}" for name, named in verbs().items()
    }
    told = "COMMAND: completes the word at hand to another command, where one can stand"
    return tables.function("_hep_verbs", told, tables.case("$1", rows))


def _names_function() -> str:
    rows = []
    for command in every_command():
        names = [name for option in command.options for name in option.names]
        rows += [f"{shlex.quote(command.name)})"]
        rows += [*_wrapped(f"_hep_matching {_words(names)}"), "    ;;"]
    body = ["case $1 in", *tables.indented(rows), "esac"]
    return tables.function("_hep_names", "COMMAND: completes the word at hand to an option", body)


def _wrapped(command: str) -> list[str]:
    """A long command on several lines."""
    first, *others = textwrap.wrap(command, 80, break_long_words=False, break_on_hyphens=False)
    return " \\\n".join([f"    {first}", *(f"        {line}" for line in others)]).split("\n")


def _words(words: Iterable[str]) -> str:
    return " ".join(map(shlex.quote, words))
