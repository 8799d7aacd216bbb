"""The man page of a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import hepsub.api
from hepsub import __version__
from hepsub.cli.generate import roff, sources
from hepsub.cli.help import schema_path
from hepsub.cli.options import Command, Option, Takes
from hepsub.errors import Interrupted, JobsFailed, UsageError
from hepsub.result import SCHEMA
from hepsub.situation import Paths, paths_for

ENVIRONMENT = {
    "HEPSUB_CONFIG": "One more policy file, read after all others.",
    "CONDOR_CONFIG": "HTCondor's configuration, which names the pool where the policy does not.",
    "XDG_CONFIG_HOME": "Where the user's policy file is looked for, instead of ~/.config.",
    "XDG_STATE_HOME": "Where the journal and the reports of bugs are, instead of ~/.local/state.",
    "HEPSUB_HERE_DIR": "The directory of the embedded pool, on a local disk, instead of `/var/tmp/hepsub-UID`.",
    "KRB5CCNAME": "The cache of the Kerberos ticket.",
    "BEARER_TOKEN, BEARER_TOKEN_FILE": "A token, or the file of one, as WLCG's Bearer Token Discovery finds it.",
    "OIDC_SOCK": "Where oidc-agent listens.",
    "AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE": "Where keys for S3 are, as AWS's own tools take it.",
    "NO_COLOR": "With any value: no colours, on no terminal.",
}
"""The environment variables that hepsub reads, and what for."""

_PLACES = ("site_policy", "user_policy", "journal", "orders", "ended", "reports")
"""The places that users may want to look into."""

_OPTIONS = (
    "Options may stand anywhere on the line, and each has the spellings shown. A value is the next word,"
    " or is attached with an equals sign (OPTION=VALUE), as one that begins with a dash must be."
)
CODES = {
    0: "All that was asked was done.",
    1: "A bug in hepsub; the message names the file with the details.",
    141: "Nobody reads the output any more (a closed pipe).",
}
"""The exit codes that are no designed errors."""
_NAMED = (UsageError.exit_code, JobsFailed.exit_code, Interrupted.exit_code)
"""The errors that the page of each command names."""


def man_page(command: Command) -> str:
    """The page of a command, in section 1, as roff source."""
    return roff.page([
        roff.title(command.name, 1, __version__),
        roff.section("NAME", [rf"{roff.escape(command.name)} \- {roff.escape(command.summary)}"]),
        roff.section("SYNOPSIS", roff.forms(_forms(command))),
        roff.section("DESCRIPTION", roff.paragraphs(sources.description(command))),
        roff.section("OPTIONS", [*roff.paragraphs([_OPTIONS]), *_words(command), *_options(command)]),
        *_verbs(command),
        roff.section("EXAMPLES", _examples(command)),
        roff.section("JSON", roff.paragraphs(_json(command))),
        *_python(command),
        roff.section("EXIT STATUS", _exit_status()),
        roff.section("FILES", files()),
        roff.section("ENVIRONMENT", environment()),
        roff.section("SEE ALSO", see_also(command.name, 1)),
    ])  # fmt: skip


def files() -> list[str]:
    """The list of files that hepsub reads or writes for itself."""
    places, meanings = paths_for({}, Path("~")), sources.attributes(Paths)
    return _items(
        (roff.italic(str(getattr(places, field))), _sentence(meanings[field])) for field in _PLACES
    )


def environment() -> list[str]:
    """The list of environment variables that hepsub reads."""
    return _items((roff.bold(name), meaning) for name, meaning in ENVIRONMENT.items())


def see_also(name: str, section: int) -> list[str]:
    """References to the other pages, ours and HTCondor's."""
    pages = [(command.name, 1) for command in sources.programs()]
    pages += [("condor_q", 1), ("condor_submit", 1)]
    pages += [("hepsub", 5), ("hepsub", 7), ("hepsub-exit-codes", 7)]
    others = (page for page in pages if page != (name, section))
    return roff.lines(", ".join(f"{roff.bold(page)}({number})" for page, number in others))


def option_tag(option: Option) -> str:
    """The names of an option and its value, as roff source."""
    value = f" {roff.italic(option.metavar)}" if option.metavar else ""
    if option.takes is Takes.MANY:
        value += " ..."
    elif option.takes is Takes.PERHAPS_ONE:
        value = f" [{roff.italic(option.metavar)}]"
    return ", ".join(roff.bold(name) for name in option.names) + value


def _forms(command: Command) -> list[str]:
    start = f"{roff.bold(command.name)} [{roff.italic('OPTION')}]..."
    if command.words is None:
        return [start, *_verb_forms(command)]
    forms = [f"{start} {roff.italic(command.words.metavar)}"]
    if command.words.most is not None:
        forms[0] += f" [{roff.italic('OPTION')}]..."
    if any(option.field == "all" for option in command.options):
        forms.append(f"{start} {roff.bold('-a')}")
    return [*forms, *_verb_forms(command)]


def _verb_forms(command: Command) -> list[str]:
    named = sources.verbs().get(command.name, {})
    own = [form for verb in _own(named).values() for form in _forms(verb)]
    # hep_auth's verbs: what hep_sub's take stands on pages of their own.
    if len(own) == len(named) > 0:
        return own
    words = "|".join(roff.bold(word) for word in named)
    return [f"{roff.bold(command.name)} {words} ..."] if named else []


def _own(named: Mapping[str, Command]) -> dict[str, Command]:
    """Those that have no page of their own."""
    pages = {command.name for command in sources.programs()}
    return {word: command for word, command in named.items() if command.name not in pages}


def _words(command: Command) -> list[str]:
    if command.words is None:
        return []
    tag = roff.italic(command.words.metavar.strip("[]"))
    return roff.item(tag, roff.prose(command.words.help))


def _options(command: Command) -> list[str]:
    """The options, group by group where the command has groups."""
    lines: list[str] = []
    for name, options in command.grouped():
        listed = _items((option_tag(option), option.help) for option in options)
        lines += roff.subsection(name, listed) if name else listed
    return lines


def _verbs(command: Command) -> list[list[str]]:
    """The section of the commands that the first word may name."""
    named = sources.verbs().get(command.name, {})
    if not named:
        return []
    own = _own(named)
    listed = []
    for word, verb in named.items():
        meaning = f"{verb.summary}."
        if word not in own:
            meaning += f" The same as {verb.name}, whose page describes it."
        listed += roff.item(f"{roff.bold(command.name)} {roff.bold(word)}", roff.prose(meaning))
    described = [line for verb in own.values() for line in _described(verb)]
    rule = "One of these names as the first word is a subcommand."
    if command.words is not None:
        rule += " A script of that name is submitted as `./NAME`."
    return [roff.section("SUBCOMMANDS", [*roff.paragraphs([rule]), *listed, *described])]


def _described(verb: Command) -> list[str]:
    return roff.subsection(
        verb.name, [*roff.paragraphs(sources.description(verb)), *_words(verb), *_options(verb)]
    )


def _examples(command: Command) -> list[str]:
    own = _own(sources.verbs().get(command.name, {}))
    shown = [*command.examples, *(each for verb in own.values() for each in verb.examples)]
    return _items((roff.bold(line), _sentence(what)) for line, what in shown)


def _json(command: Command) -> tuple[str, ...]:
    return (
        f"With -json, stdout has one line: a document with the members `schema` ({SCHEMA}), `command`, `ok` (whether"
        " the exit code is 0), `result` (null where an error came first) and `problems`, each with `code`, `message`"
        " and `remedy`. Times are in seconds since the epoch, sizes in bytes, where their names say nothing else.",
        f"{command.name} -json -h prints its JSON Schema; it is {schema_path(command).name} in the directory schemas"
        f" of the Python package hepsub. While `schema` is {SCHEMA}, members and words are added, and none is removed"
        " or changes its meaning: pass over those that you do not know.",
    )


def _python(command: Command) -> list[list[str]]:
    """The section of the functions that do what commands do, on hep_sub's page."""
    if command.name != "hep_sub":
        return []
    told = (
        "The functions of the Python package hepsub return what stands under `result` in JSON, and print nothing. Where"
        " not all was done they raise the error of that exit code, with what was done as its `result`. They work in"
        " Jupyter, too. `pydoc hepsub.api` describes them."
    )
    names = [name for name in hepsub.__all__ if name.isalpha() and name.islower()]
    rows = ((roff.bold(name), sources.summary(getattr(hepsub.api, name))) for name in names)
    return [roff.section("PYTHON", [*roff.paragraphs([told]), *_items(rows)])]


def _exit_status() -> list[str]:
    named = [error for error in sources.errors() if error.exit_code in _NAMED]
    told = {error.exit_code: sources.summary(error) for error in named}
    rest = (
        "Each other kind of error has a code of its own, from 10 on: hepsub-exit-codes(7) has them all, and what to do"
        " then."
    )
    return [
        *_items((roff.bold(str(code)), text) for code, text in sorted((CODES | told).items())),
        *[".PP", *roff.lines(roff.prose(rest))],
    ]


def _items(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [line for tag, meaning in rows for line in roff.item(tag, roff.prose(meaning))]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
