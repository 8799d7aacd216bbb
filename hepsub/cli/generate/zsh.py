"""The completion of zsh: engine.zsh, and the tables that it goes by."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from hepsub.cli.generate import sources, tables
from hepsub.cli.generate.sources import every_command, verbs
from hepsub.cli.main import PROGRAMS


def zsh_completion() -> str:
    """The file that completes all commands in zsh."""
    made = (
        _has_verbs_function(),
        _verbs_function(),
        tables.verb_table(),
        tables.words_table(),
        _names_function(),
        tables.option_table(),
    )
    programs = " ".join(PROGRAMS)
    return sources.completed("engine.zsh", TABLES="\n\n".join(made), PROGRAMS=programs)


def _has_verbs_function() -> str:
    names = "|".join(shlex.quote(name) for name in verbs())
    told = "COMMAND: whether its first word may name another command"
    return tables.function("_hep_has_verbs", told, [f"[[ $1 == ({names}) ]]"])


def _verbs_function() -> str:
    rows: list[str] = []
    for name, named in verbs().items():
        described = ((word, command.summary) for word, command in named.items())
        rows += _case_of(name, "verbs", described)
    told = "COMMAND: completes the word at hand to another command, where one can stand"
    body = ["local -a verbs", "case $1 in", *tables.indented(rows), "esac"]
    return tables.function("_hep_verbs", told, [*body, "_describe -t subcommands subcommand verbs"])


def _names_function() -> str:
    rows: list[str] = []
    for command in every_command():
        described = (
            (name, sources.short(each.help)) for each in command.options for name in each.names
        )
        rows += _case_of(command.name, "names", described)
    body = ["local -a names", "case $1 in", *tables.indented(rows), "esac"]
    told = "COMMAND: completes the word at hand to an option"
    return tables.function("_hep_names", told, [*body, "_describe -o option names"])


def _case_of(command: str, array: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What fills an array for a command: words and their descriptions, as _describe takes them."""
    yield f"{shlex.quote(command)})"
    yield f"    {array}=("
    for name, meaning in rows:
        escaped = name.replace(":", r"\:")
        yield f"        {shlex.quote(f'{escaped}:{meaning}')}"
    yield "    )"
    yield "    ;;"
