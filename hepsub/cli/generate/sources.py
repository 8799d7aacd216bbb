"""What pages and completions are made from: commands, errors, docstrings, the shipped policy, and offers of words."""

from __future__ import annotations

import functools
import inspect
import re
from importlib import resources
from pathlib import Path

from hepsub.cli.main import PROGRAMS, VERBS, load, load_verbs
from hepsub.cli.options import Command, Kind, Option, Words
from hepsub.errors import HepsubError
from hepsub.result import every_error

_ATTRIBUTE = re.compile(r"    (\w+): (.*)")
_STATEMENT = re.compile(r"(?:\w+: )?.*?(?=[.;:](?:\s|$)|$)")
NOTHING = "nothing"
_CONVERTED = frozenset({
    Kind.TEXT, Kind.INTEGER, Kind.POSITIVE, Kind.COUNT, Kind.PORTION, Kind.MEMORY, Kind.DURATION,
})  # fmt: skip


def programs() -> tuple[Command, ...]:
    """The commands that are programs of their own."""
    return tuple(load(name) for name in PROGRAMS)


def verbs() -> dict[str, dict[str, Command]]:
    """The commands whose first word may name another one: command → that word → what it names."""
    return {name: load_verbs(name) for name in VERBS}


def every_command() -> tuple[Command, ...]:
    """All commands, each once, whatever their doors are."""
    behind = (command for named in verbs().values() for command in named.values())
    named = {command.name: command for command in (*programs(), *behind)}
    return tuple(named.values())


def errors() -> tuple[type[HepsubError], ...]:
    """All designed errors, by exit code."""
    return tuple(sorted(every_error(), key=lambda error: error.exit_code))


def summary(documented: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(documented) or "").split("\n\n", 1)[0].replace("\n", " ")


def attributes(cls: type) -> dict[str, str]:
    """What a docstring says about each field, in its section Attributes."""
    told: dict[str, str] = {}
    section = (inspect.getdoc(cls) or "").partition("Attributes:\n")[2]
    name = ""
    for line in section.splitlines():
        if found := _ATTRIBUTE.fullmatch(line):
            name = found[1]
            told[name] = found[2]
        elif name and line.strip():
            told[name] += f" {line.strip()}"
    return told


def text(file: str) -> str:
    """A text beside this module."""
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


def completed(file: str, **parts: str) -> str:
    """A text beside this module, in which `@NAME@` stands for what is made."""
    found = text(file).replace("@MADE@", "Made by python -m hepsub.cli.generate: do not edit.")
    for name, part in parts.items():
        found = found.replace(f"@{name}@", part)
    return found


@functools.cache
def sections(file: str) -> dict[str, tuple[str, ...]]:
    """The headings of a text, which begin with `= `, and the blocks below each."""
    found: dict[str, tuple[str, ...]] = {}
    for part in text(file).split("\n= "):
        heading, _, body = part.removeprefix("= ").partition("\n")
        found[heading] = tuple(block.strip("\n") for block in body.split("\n\n"))
    return found


def description(command: Command) -> tuple[str, ...]:
    """The paragraphs that the man page says of a command."""
    return sections("commands.txt")[command.name]


def shipped_policy(name: str) -> str:
    """The text of a policy file that hepsub ships."""
    return resources.files("hepsub.policy").joinpath(name).read_text(encoding="utf-8")


def offer(completed: Option | Words | None) -> str:
    """Among what a shell completes a value: the word of its kind, or `=` and the words that there are."""
    if isinstance(completed, Option) and completed.choices:
        return f"={' '.join(completed.choices)}"
    if completed is None or completed.kind in _CONVERTED:
        return NOTHING
    later = completed.later if isinstance(completed, Words) else None
    return f"{completed.kind.value} {later.value}" if later else completed.kind.value


def short(help_text: str) -> str:
    """The first statement of a help text, as menus show it."""
    found = _STATEMENT.match(help_text)
    return found[0] if found else help_text
