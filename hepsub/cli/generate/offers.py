"""What completes at each place of a command line, whatever the shell."""

from __future__ import annotations

import enum
import re

from hepsub.cli.choices import OFFERED
from hepsub.cli.generate.sources import states
from hepsub.cli.options import Command, Kind, Option, Takes, Words

JOBS = "timeout 3 hep_q -u </dev/null 2>/dev/null"
"""The command whose first column names the caller's jobs: quiet, and given up when it is slow."""

_STATEMENT = re.compile(r"(?:\w+: )?.*?(?=[.;:](?:\s|$)|$)")


ASK = "timeout 10 hep_sub __offer {} </dev/null 2>/dev/null"
"""The command that prints what the policy has of an offer and the caller may use, one a line."""


class Offer(enum.Enum):
    """What a word is completed from."""

    NOTHING = "nothing"
    FILES = "files"
    DIRECTORIES = "directories"
    GROUPS = "groups"
    USERS = "users"
    JOBS = "jobs"
    WALLTIMES = "walltimes"
    SYSTEMS = "systems"
    STATES = "states"
    CREDENTIALS = "credentials"
    POOLS = "pools"
    SITES = "sites"
    STORAGES = "storages"


_OF_KIND = {
    Kind.FILE: Offer.FILES,
    Kind.DIRECTORY: Offer.DIRECTORIES,
    Kind.GROUP: Offer.GROUPS,
    Kind.WALLTIME: Offer.WALLTIMES,
    Kind.SYSTEM: Offer.SYSTEMS,
    Kind.STATE: Offer.STATES,
    Kind.CREDENTIAL: Offer.CREDENTIALS,
    Kind.POOL: Offer.POOLS,
    Kind.SITE: Offer.SITES,
    Kind.STORAGE: Offer.STORAGES,
}


def fixed() -> dict[Offer, tuple[str, ...]]:
    """The offers that are the same for everybody, and their words."""
    return {Offer.STATES: states()}


def asked() -> tuple[Offer, ...]:
    """The offers that the policy decides."""
    return tuple(Offer(name) for name in OFFERED)


def of_option(option: Option, command: Command) -> Offer:
    """What the value of an option is completed from."""
    if option.takes is Takes.NOTHING:
        return Offer.NOTHING
    if option.metavar == "USER":
        return Offer.USERS
    if _is_job(option.metavar):
        return _jobs(command)
    if option.takes is Takes.MANY:
        return Offer.FILES
    return _OF_KIND.get(option.kind, Offer.NOTHING)


def of_words(words: Words | None, command: Command) -> Offer:
    """What the words that belong to no option are completed from."""
    if words is None:
        return Offer.NOTHING
    if words.kind is not Kind.TEXT:
        return _OF_KIND.get(words.kind, Offer.NOTHING)
    return _jobs(command) if _is_job(words.metavar) else Offer.FILES


def short(help_text: str) -> str:
    """The first statement of a help text, as menus show it."""
    found = _STATEMENT.match(help_text)
    return found[0] if found else help_text


def _is_job(metavar: str) -> bool:
    return metavar.strip("[]…") == "ID"


def _jobs(command: Command) -> Offer:
    """Jobs in the queue; what hep_history shows has left it."""
    return Offer.NOTHING if command.name == "hep_history" else Offer.JOBS
