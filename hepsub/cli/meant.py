"""What somebody meant who typed what there is not: an option, a command, or words of HepJob and HTCondor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hepsub.cli.options import Command
from hepsub.errors import ScriptMissing, UsageError
from hepsub.suggest import closest

_HEPJOB: Mapping[str, tuple[str, str]] = {
    "-mt": (
        "HepJob's option -mt is none of hepsub",
        "leave it out; -mem says the memory, -np the cores, -wt the walltime",
    ),
    "-mail": ("unknown option '-mail'", "-notify error has HTCondor send mail when a job fails"),
}
"""Options of hep_sub elsewhere: what to say of them, and what to do."""
_SAID: Mapping[str, str] = {
    "check": "hep_sub -check",
    "clus": "hep_clus",
    "help": "hep_sub -h",
    "q": "hep_q -u",
    "queue": "hep_q -u",
    "resubmit": "hep_sub -resubmit",
    "version": "hep_sub -version",
}
"""What is typed in the place of a script, and the command that does it."""


def unknown_option(name: str, command: Command, known: Iterable[str]) -> UsageError:
    """What to say of an option that the command does not have."""
    if command.name == "hep_sub" and name in _HEPJOB:
        return UsageError(_HEPJOB[name][0], remedy=_HEPJOB[name][1])
    return UsageError(f"unknown option '{name}'", remedy=option_meant(name, command, known))


def option_meant(name: str, command: Command, known: Iterable[str]) -> str:
    """A remedy: the command or the option that was meant, else where all options are shown."""
    verb = name.lstrip("-")  # hep_auth -renew
    if verb in _verbs(command):
        return f"did you mean '{command.name} {verb}'?"
    if match := closest(name, known):
        return f"did you mean '{match}'?"
    return f"{command.all_help} shows all options"


def command_meant(word: str, command: Command) -> str:
    """The command that is almost named by a word in the place of another one; empty where none is."""
    said = _SAID if command.name == "hep_sub" else {}
    known = {**said, **{verb: f"{command.name} {verb}" for verb in _verbs(command)}}
    return known.get(closest(word, known) or "", "")


def script_meant(missing: ScriptMissing, script: str, command: Command) -> ScriptMissing:
    """The same error, with the command that was meant where the script's name is almost that of one."""
    meant = command_meant(script, command)
    if not meant:
        return missing
    return ScriptMissing(missing.message, remedy=f"did you mean '{meant}'?")


def one_too_many(word: str, first: str, command: Command) -> UsageError:
    """What to say of a word behind the last one that the command takes.

    Args:
        word: the word.
        first: the first of those in front of it; empty where it takes none.
        command: the command.
    """
    unknown = f"unrecognized arguments: {word}"
    remedy = f"{command.name} -h shows what there is"
    if not first:
        meant = command_meant(word, command)
        return UsageError(unknown, remedy=f"did you mean '{meant}'? {remedy}" if meant else remedy)
    if command.name == "hep_sub":
        remedy = f"arguments of the job go behind -argu: {first} -argu {word} …"
        if meant := command_meant(first, command):
            remedy = f"did you mean '{meant} {word}'? Else {remedy}"
        return UsageError(f"{unknown} (the script is {first})", remedy=remedy)
    asked = command.words.metavar.strip("[]") if command.words else "the word"
    return UsageError(f"{unknown} ({asked} is {first})", remedy=remedy)


def _verbs(command: Command) -> Mapping[str, str]:
    from hepsub.cli.main import VERBS  # which imports this module's users

    return VERBS.get(command.name, {})
