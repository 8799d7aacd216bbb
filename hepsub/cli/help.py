"""The help text of a command, from its declaration, and what a value can be here: for help, and for completions.

The policy's words are got quickly and silently: no pool is asked, and a policy that cannot be read offers nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hepsub.cli.options import Command, Kind, Option, Takes
from hepsub.errors import HepsubError

if TYPE_CHECKING:
    from hepsub.policy.model import Policy
    from hepsub.situation import Situation

_COLUMN = 30
_WIDTH, _NARROW = 100, 60
"""What is written in columns is so wide at the most; below the other the columns stand one below the other."""
_SCREEN = 80
_DEEPER, _LEAST = 6, 40
_BRIEF_COLUMN, _BRIEF_EXAMPLES, _SHORT_EXAMPLE = 21, 7, 38
_NAMED = 12
"""So many of the words that a value can be are shown."""
_OF_THE_POLICY = (
    Kind.CREDENTIAL, Kind.GROUP, Kind.POOL, Kind.SITE, Kind.STORAGE, Kind.SYSTEM, Kind.WALLTIME,
)  # fmt: skip
_SITE = "/etc/hepsub"
"""As `hepsub.situation.SITE_POLICY_DIRECTORY`."""
OFFERED = {kind.value: kind for kind in _OF_THE_POLICY}
"""The kinds of values that the policy names, by their words."""


def schema_path(command: Command) -> Path:
    """The file with the schema of a command's JSON, as it is shipped."""
    return Path(__file__).parents[1] / "schemas" / f"{command.name.replace(' ', '-')}.json"


def usage(command: Command) -> str:
    """The usage line."""
    words = f" {command.words.metavar}" if command.words else ""
    return f"usage: {command.name} [options]{words}"


def window() -> int:
    """How many columns a help text may have: a terminal's, and no more than are read with ease."""
    if not sys.stdout.isatty():  # in a pager or a file $COLUMNS says nothing
        return _WIDTH
    return max(_LEAST, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns))


def brief_help(command: Command, width: int = _SCREEN) -> str:
    """What fits on a screen of 24 lines of 80 columns: the options that people use, and where the rest is."""
    width = min(width, _SCREEN)
    told = (
        (left(option._replace(names=option.names[:1])), command.brief.get(option.field))
        for option in command.options
    )
    short = [each for each in command.examples if len(each[0]) <= _SHORT_EXAMPLE]
    rest = (
        f"{command.all_help} shows all {len(command.options)} options, -help mem one of them; man"
        f" {command.name} tells everything."
    )
    return "\n".join([
        *_wrapped(f"{usage(command)}    {command.summary}.", width),
        "",
        *(line for name, text in told if text for line in _row(name, text, width, _BRIEF_COLUMN)),
        "",
        *(line for each in short[:_BRIEF_EXAMPLES] for line in _row(*each, width, _SHORT_EXAMPLE + 4)),
        "",
        *_wrapped(rest, width),
    ])  # fmt: skip


def topic_help(command: Command, word: str, width: int = _WIDTH) -> str:
    """What there is to say of one option, with those that belong to it; empty where none has that name.

    Args:
        command: the command.
        word: the option's name, with dashes or without.
        width: how many columns it may have.
    """
    from hepsub.suggest import closest

    names = {name.lstrip("-"): option for option in command.options for name in option.names}
    match = closest(word, names)
    if match is None:
        return ""
    meant = names[match]
    others = [each for each in command.options if _names(meant, each) or _names(each, meant)]
    rows = (_row(left(each), each.help, width) for each in dict.fromkeys([meant, *others]))
    examples = [each for each in command.examples if set(meant.names) & set(each[0].split())]
    return "\n".join([
        *_wrapped(usage(command), width),
        "",
        *(line for row in rows for line in row),
        "",
        *(line for example, what in examples for line in _example(example, what, width)),
        *([""] if examples else []),
        *_wrapped(f"{command.all_help} shows all options; man {command.name} tells everything.", width),
    ])  # fmt: skip


def _names(option: Option, other: Option) -> bool:
    """Whether what is said of an option names another one."""
    return not set(other.names).isdisjoint(re.findall(r"(?<!\S)-[\w-]+", option.help))


def help_text(
    command: Command,
    verbs: Mapping[str, str] = MappingProxyType({}),
    known: Mapping[Kind, Sequence[str]] = MappingProxyType({}),
    width: int = _WIDTH,
) -> str:
    """The help text: usage, summary, verbs, options, examples.

    Args:
        command: the command.
        verbs: the words that name another command, with what it does; they stand on one line where
            nothing is said of them.
        known: what values of a kind can be here.
        width: how many columns it may have.
    """
    return "\n".join([
        *_wrapped(usage(command), width),
        "",
        *_wrapped(f"{command.summary}.", width),
        "",
        *_words(command, width),
        *_verbs(command, verbs, width),
        *_options(command, known, width),
        "examples:",
        *(line for example, what in command.examples for line in _example(example, what, width)),
        "",
        f"man {command.name.split()[0]} tells everything.",
    ])  # fmt: skip


def _options(command: Command, known: Mapping[Kind, Sequence[str]], width: int) -> Iterator[str]:
    for name, options in command.grouped():
        yield f"{name.lower()}:" if name else "options:"
        for option in options:
            yield from _row(left(option), told(option, known), width)
        yield ""


def told(option: Option, known: Mapping[Kind, Sequence[str]]) -> str:
    """The sentence of an option, and what its value can be here."""
    words = known.get(option.kind, ())
    if not words:
        return option.help
    more = ", …" if len(words) > _NAMED else ""
    return f"{option.help} Here: {', '.join(words[:_NAMED])}{more}."


def left(option: Option) -> str:
    """The names of an option and its value, as help shows them."""
    value = f" {option.metavar}" if option.metavar else ""
    if option.takes is Takes.MANY:
        value = f" {option.metavar}…"
    elif option.takes is Takes.PERHAPS_ONE:
        value = f" [{option.metavar}]"
    return ", ".join(option.names) + value


def _words(command: Command, width: int) -> list[str]:
    return [*_row(command.words.metavar, command.words.help, width), ""] if command.words else []


def _verbs(command: Command, verbs: Mapping[str, str], width: int) -> list[str]:
    if not verbs:
        return []
    if any(verbs.values()):
        rows = (_row(f"{command.name} {word}", told, width) for word, told in verbs.items())
        return ["also, each with its own -h:", *(line for row in rows for line in row), ""]
    text = f"Also: {command.name} {'|'.join(verbs)} …; each has its own -h."
    return [*_wrapped(text, width), ""]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words: what is copied from a help text has to work."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _row(name: str, text: str, width: int, column: int = _COLUMN) -> Iterator[str]:
    """A name, and what it is, beside it or below."""
    if width < _NARROW + column - _COLUMN:
        yield from _below(name, text, width)
        return
    lines = _wrapped(text, width - column)
    if len(name) > column - 4:
        yield f"  {name}"
    else:
        yield f"  {name:<{column - 2}}{lines.pop(0)}"
    for line in lines:
        yield " " * column + line


def _example(example: str, what: str, width: int) -> Iterator[str]:
    """A command, on several lines as a shell reads them where it is too long, and what it does below it."""
    first, *others = _wrapped(example, width - _DEEPER)
    yield " \\\n".join([f"  {first}", *(f"    {line}" for line in others)])
    yield from (" " * _DEEPER + line for line in _wrapped(what, width - _DEEPER))


def _below(name: str, text: str, width: int) -> Iterator[str]:
    """A name, and what it is on the lines below."""
    yield from (f"  {line}" for line in _wrapped(name, width - 2))
    yield from (" " * _DEEPER + line for line in _wrapped(text, width - _DEEPER))


def choices(kinds: Iterable[Kind], *, complete: bool) -> dict[Kind, tuple[str, ...]]:
    """The words of each kind that the policy has and the user may use; none where it cannot be read.

    Args:
        kinds: what is asked for; others than OFFERED have no words.
        complete: whether aliases, and what is given on request only, are among them.
    """
    wanted = set(kinds) & set(OFFERED.values())
    if not wanted:
        return {}
    if wanted == {Kind.GROUP} and (groups := _groups_without_policy()) is not None:
        return {Kind.GROUP: groups}
    from hepsub.policy.load import load_policy
    from hepsub.situation import paths_for, read_situation

    try:
        situation = read_situation()
        policy = load_policy(paths_for(situation.environment, situation.home))
    except (HepsubError, OSError):
        return {}
    found = {kind: _of_kind(kind, policy, situation, complete=complete) for kind in wanted}
    # TOML's keys may be anything; what a terminal would obey no shell could type either.
    return {kind: tuple(each for each in found[kind] if each.isprintable()) for kind in wanted}


def _groups_without_policy() -> tuple[str, ...] | None:
    """The groups that a submission would find where surely nobody has written a policy; None elsewhere."""
    # All that hep_clus -h wants of a policy are its groups, and what hepsub ships has none. To load msgspec, the model
    # and the shipped files for that answer would take half as long again as the rest of the help, so the plain case
    # is decided by the names of files, without hepsub.situation, which is made of msgspec's structs.
    home, variables = (
        os.environ.get("HOME"),
        os.environ.keys() & {"HEPSUB_CONFIG", "XDG_CONFIG_HOME"},
    )
    if variables or not home or any(map(os.path.lexists, (_SITE, f"{home}/.config/hepsub"))):
        return None
    import grp
    import pwd

    try:
        primary = pwd.getpwuid(os.getuid()).pw_gid
    except KeyError:  # in a container: read_situation knows what to do
        return None
    names = []
    for number in dict.fromkeys([primary, *os.getgroups()]):
        with contextlib.suppress(KeyError):
            names.append(grp.getgrgid(number).gr_name)
    return tuple(each for each in names if each.isprintable())


def _of_kind(kind: Kind, policy: Policy, situation: Situation, *, complete: bool) -> Iterable[str]:
    if kind is Kind.GROUP:
        from hepsub.plan.accounting import own_groups

        # Where the policy names no groups any word is taken; those of the user are what is meant mostly.
        return own_groups(policy, situation) if policy.group else situation.groups
    if kind is Kind.WALLTIME:
        return [name for name, each in policy.walltime.items() if complete or not each.on_request]
    if kind is Kind.POOL:
        aliases = [alias for pool in policy.pool.values() for alias in pool.aliases]
        return dict.fromkeys([*policy.pool, *aliases] if complete else policy.pool)
    named = {
        Kind.SYSTEM: policy.os,
        Kind.SITE: policy.site,
        Kind.STORAGE: policy.storage,
        Kind.CREDENTIAL: policy.credential,
    }
    return named[kind]
