"""What an option and a command are: declared once, read by the grammar, click, help, man pages and completions.

Each is a NamedTuple: all commands need them before they do anything, and a dataclass takes ten times as long to make.
None of their annotations is a text: NamedTuple would compile it, which takes as long as to import three modules.
"""

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.jobid import JobId
    from hepsub.result import AnyResult
    from hepsub.session import Session


class Takes(enum.Enum):
    """How many words an option takes."""

    NOTHING = "nothing"
    ONE = "one"
    PERHAPS_ONE = "perhaps one"
    MANY = "many"


class Kind(enum.Enum):
    """What a value is: how it is converted, or, in the plural, among what a shell completes it."""

    TEXT = "text"
    INTEGER = "integer"
    POSITIVE = "positive integer"
    COUNT = "integer from 0"
    PORTION = "count or size"
    MEMORY = "memory"
    DURATION = "duration"
    FILE = "files"
    DIRECTORY = "directories"
    USER = "users"
    JOB = "jobs"
    QUEUED = "queued"
    INPUT = "inputs"
    OUTPUT = "outputs"
    LIST = "lists"
    PLACE = "places"
    SCHEDD = "schedds"
    CREDENTIAL = "credentials"
    GROUP = "groups"
    POOL = "pools"
    SITE = "sites"
    STORAGE = "storages"
    SYSTEM = "systems"
    WALLTIME = "walltimes"


class Option(NamedTuple):
    """An option.

    Attributes:
        names: as users type it, the one that help shows first in front.
        field: the name of its value for the command.
        metavar: what help shows for the value; empty for a flag.
        repeated: whether it may be given more than once, all values counting; else the last counts.
        exact: whether it is written in full only, so that no abbreviation that people type becomes ambiguous by it.
        choices: the words that its value may be, where these are the same everywhere; of a flag, what may follow it.
    """

    names: tuple[str, ...]
    field: str
    help: str
    metavar: str = ""
    takes: Takes = Takes.ONE
    kind: Kind = Kind.TEXT
    repeated: bool = False
    exact: bool = False
    choices: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The option as messages name it: `-g/--group`."""
        return "/".join(self.names)


def option(
    names: str,
    metavar: str,
    told: str,
    *,
    kind: Kind = Kind.TEXT,
    takes: Takes = Takes.ONE,
    field: str = "",
    repeated: bool = False,
    exact: bool = False,
    choices: tuple[str, ...] = (),
) -> Option:
    """An option with a value; blanks separate its names, the last of which is also its field's, if none is given."""
    words = tuple(names.split())
    field = field or words[-1].lstrip("-").replace("-", "_")
    return Option(words, field, told, metavar, takes, kind, repeated, exact, choices)


def flag(
    names: str, told: str, *, field: str = "", exact: bool = False, choices: tuple[str, ...] = ()
) -> Option:
    """An option without a value, as `option`."""
    return option(names, "", told, takes=Takes.NOTHING, field=field, exact=exact, choices=choices)


class Words(NamedTuple):
    """The words of a command that belong to no option.

    Attributes:
        field: the name of their value for the command.
        kind: what a word is, for its completion.
        later: what those behind the first are, where that is something else.
    """

    field: str
    metavar: str
    help: str
    most: int | None = None
    kind: Kind = Kind.TEXT
    later: Kind | None = None


Values = Mapping[str, Any]
"""What a command was given: field → value, None or empty for what was not said."""


class Command(NamedTuple):
    """A command.

    Attributes:
        words: the words that belong to no option; None when there may be none.
        results: the types of its JSON results, as `module:name`; none where they are not described yet.
        brief: what -h says of the options that people use, where there are too many for a screen: field → words.
        groups: in which groups all of them are shown then: the group's name → fields.
    """

    name: str
    summary: str
    options: tuple[Option, ...]
    words: Words | None
    examples: tuple[tuple[str, str], ...]
    run: Callable[["Session", Values, "Console"], "AnyResult"]
    results: tuple[str, ...] = ()
    brief: Mapping[str, str] = {}
    groups: Mapping[str, tuple[str, ...]] = {}

    @property
    def all_help(self) -> str:
        """What shows all of its options."""
        return f"{self.name} -help all" if self.brief else f"{self.name} -h"

    def grouped(self) -> list[tuple[str, list[Option]]]:
        """All options, group by group; those of no group at the end."""
        own = {field: name for name, fields in self.groups.items() for field in fields}
        named = [
            (name, [each for each in self.options if own.get(each.field) == name])
            for name in self.groups
        ]
        rest = [each for each in self.options if each.field not in own]
        return [*named, ("More" if named else "", rest)] if rest else named


JSON = flag("-json --json", "One JSON document on stdout, also for errors; with -h its schema.")
HELP = flag("-h -help --help", "Show this help and exit.")
VERSION = flag("-version --version", "Show the version and exit.")
POOL = option(
    "-p --pool", "POOL", "Pool of the policy, instead of the default one.", kind=Kind.POOL
)
SLURM = flag("-slurm", "The policy's pool of Slurm's: as -p with its name.", exact=True)
POOLS = (POOL, SLURM)
ALL = flag("-a -all --all", "All of your own jobs; no question is asked.")
_IDS = "Clusters (13), jobs (13.2), ranges (13.0-9), schedd07:13.2."
SHELLS = ("bash", "zsh", "fish")
"""Those that complete the commands."""
IDS = Words("ids", "ID…", _IDS, kind=Kind.JOB)
QUEUED_IDS = IDS._replace(kind=Kind.QUEUED)  # what has ended cannot be removed, and is not offered
COMMON = (JSON, VERSION, HELP)


def acting(act: str, command: str) -> Callable[["Session", Values, "Console"], "AnyResult"]:
    """What hep_rm, hep_hold and hep_release do: one of `batch.Act`, to the jobs that were named."""

    # By its name: help needs no batch system.
    def run(session: "Session", values: Values, _: "Console") -> "AnyResult":
        from hepsub.actions.queue.control import control
        from hepsub.batch import Act

        return control(session, Act[act], named_ids(values, command), values["pool"])

    return run


def named_ids(values: Values, command: str) -> "tuple[JobId, ...]":
    """The ids that hep_rm and its like were given; none for -a.

    Raises:
        UsageError: there are neither ids nor -a, or both.
    """
    from hepsub.errors import UsageError
    from hepsub.jobid import parse_job_id

    ids = tuple(parse_job_id(text) for text in values["ids"])
    # Who names one job hardly means all, and nobody is asked before they go.
    if ids and values["all"]:
        raise UsageError(
            "both ids and -a were given", remedy="-a means all of your jobs: leave out one of them"
        )
    if not ids and not values["all"]:
        raise UsageError(
            "no job was named", remedy=f"{command} ID…, or {command} -a for all of your jobs"
        )
    return tuple(dict.fromkeys(ids))  # who names a job twice wants one line about it
