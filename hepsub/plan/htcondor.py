"""What a user says to HTCondor in its own words: read, checked, and put into the route. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.errors import NotOnSlurm, UsageError
from hepsub.job import HTCondorRequest
from hepsub.plan.model import Retries, Route

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ATTRIBUTE = re.compile(rf"(?:\+|[Mm][Yy]\.)?({_NAME})\s*=(?!=)\s*(.*)", re.DOTALL)
_COMMAND = re.compile(rf"({_NAME})\s*=(?!=)\s*(.*)", re.DOTALL)
_RETRY = re.compile(r"(\d{1,4})(?::(\d{1,3}(?:,\d{1,3})*))?")
_MACRO = re.compile(r"\$\$|\$[A-Za-z0-9_:.]*\(")
_MOST_RETRIES = 1000
_NOTIFICATIONS = {each.casefold(): each for each in ("Never", "Complete", "Error", "Always")}

_EXPRESSIONS = frozenset({
    "allowed_execute_duration", "allowed_job_duration", "concurrency_limits_expr", "cuda_version",
    "deferral_prep_time", "deferral_time", "deferral_window", "gpus_maximum_capability", "gpus_minimum_capability",
    "job_lease_duration", "job_max_vacate_time", "keep_claim_idle", "next_job_start_delay", "nice_user",
    "periodic_release", "periodic_remove", "periodic_vacate", "rank", "require_gpus", "want_graceful_removal",
})  # fmt: skip
_TEXTS = frozenset({
    "concurrency_limits", "coresize", "email_attributes", "gpus_minimum_memory", "gpus_minimum_runtime",
    "hold_kill_sig", "job_ad_information_attrs", "job_machine_attrs", "job_machine_attrs_history_length", "kill_sig",
    "notify_user", "remove_kill_sig", "stack_size", "ulog_execute_attrs",
})  # fmt: skip
COMMANDS: Final = _EXPRESSIONS | _TEXTS
"""The submit commands of -append, besides request_X of a pool's own resources (condor_submit(1))."""
_SAID_OTHERWISE = {
    "requirements": "-require", "request_memory": "-mem", "request_cpus": "-np", "request_gpus": "-gpu",
    "request_disk": "-disk", "priority": "-prio", "batch_name": "-name", "output": "-o", "error": "-e", "log": "-l",
    "arguments": "-argu", "environment": "-env", "notification": "-notify", "max_retries": "-retry",
    "max_idle": "-maxidle", "max_materialize": "-maxrun", "accounting_group": "-g", "transfer_input_files": "-in",
    "transfer_output_files": "-out", "container_image": "-image", "executable": "the script's name", "queue": "-n",
}  # fmt: skip
# Names of attributes as ads have them, in small letters: OnExitRemove, TransferInput, WantIOProxy.
_KEPT_PREFIXES = (
    "acct", "accounting", "chirp", "container", "docker", "dontencrypt", "encrypt", "grid", "hepjob", "hepsub", "ihep",
    "jobstatus", "oauth", "onexit", "periodic", "remote", "request", "scitokens", "singularity", "stagein", "stageout",
    "stream", "transfer", "wantdelayed", "wantio", "wantremote", "wantcontainer", "wantdocker", "wantsif", "x509",
)  # fmt: skip
_KEPT = frozenset({
    "args", "arguments", "autoclusterattrs", "clusterid", "cmd", "completiondate", "env", "environment", "err",
    "executable", "exitcode", "exitbysignal", "filesystemdomain", "holdreason", "holdreasoncode", "in", "iwd",
    "jobbatchname", "jobnotification", "jobprio", "jobuniverse", "leavejobinqueue", "limitdirectoryaccess",
    "materializemax", "minhosts", "maxhosts", "mytype", "niceuser", "numjobstarts", "out", "owner", "procid",
    "qdate", "rank", "requirements", "sendcredential", "shouldtransferfiles", "spooledoutputfiles", "targettype",
    "uidomain", "user", "userlog", "whentotransferoutput",
})  # fmt: skip
"""The attributes that HTCondor or hepsub keep for themselves, or that an option stands for."""


class HTCondorWords(Struct, frozen=True, kw_only=True):
    """What was said to HTCondor, read.

    Attributes:
        attributes: attributes of the jobs' ads, and their expressions.
        requirements: ClassAd expressions that all have to hold.
        rank: a ClassAd expression; empty for none.
        commands: submit commands and their values.
        notification: when HTCondor sends mail, in its word.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    rank: str = ""
    commands: Mapping[str, str] = field(default_factory=dict)
    retries: Retries | None = None
    notification: str = "Never"

    def expressions(self) -> Iterator[tuple[str, str]]:
        """What HTCondor has to be able to read: the option, and the expression."""
        yield from (("-attr", text) for text in self.attributes.values())
        yield from (("-require", text) for text in self.requirements)
        if self.rank:
            yield "-rank", self.rank
        for name, text in self.commands.items():
            if name in _EXPRESSIONS:
                yield f"-append '{name} = …'", text


def read_words(request: HTCondorRequest) -> HTCondorWords:
    """What was said to HTCondor.

    Raises:
        UsageError: a word is none of its, or one that hepsub says itself.
    """
    commands = dict(_command(each) for each in request.commands)
    if len(commands) < len(request.commands):
        raise UsageError(
            "-append names a submit command twice", remedy="say each submit command once"
        )
    attributes = [_attribute(each) for each in request.attributes]
    # ClassAds know no case: two names that differ in it are one.
    folded = [name.casefold() for name, _ in attributes]
    if len(set(folded)) < len(folded):
        raise UsageError("-attr names an attribute twice", remedy="say each attribute once")
    rank = commands.pop("rank", "")
    if rank and request.rank:
        raise UsageError("the rank was said twice", remedy="say it with -rank alone")
    for name, text in (("-rank", request.rank), *(("-require", e) for e in request.requirements)):
        _check_text(name, text)
    return HTCondorWords(
        attributes=dict(attributes),
        requirements=request.requirements,
        rank=rank or request.rank,
        commands=commands,
        retries=_retries(request.retries) if request.retries else None,
        notification=_notification(request.notification) if request.notification else "Never",
    )


def with_words(route: Route, words: HTCondorWords) -> Route:
    """The route with what the user wants of the slots, and of the jobs' ads."""
    return replace(
        route,
        requirements=(*route.requirements, *words.requirements),
        rank=words.rank or route.rank,
        attributes={**route.attributes, **words.attributes},
    )


def check_words(
    request: HTCondorRequest, words: HTCondorWords, route: Route, unreadable: frozenset[str]
) -> None:
    """Refuse what cannot be done where the jobs go, and the expressions that HTCondor cannot read.

    Raises:
        UsageError, NotOnSlurm: there is such a thing.
    """
    if route.delivery.on_this_machine:
        raise UsageError(
            f"{_said(request)[0]}: the embedded pool is no HTCondor, and knows nothing of it",
            remedy="leave it out, or submit to an HTCondor pool with -p",
        )
    for option, text in words.expressions():
        if text in unreadable:
            raise UsageError(
                f"argument {option}: HTCondor cannot read '{text}'",
                remedy="write a ClassAd expression; texts stand in double quotes: -attr 'Kind=\"test\"'",
            )
    if route.delivery.handed_over and (request.max_idle or request.max_run):
        raise UsageError(
            "-maxidle and -maxrun: jobs that are handed over with their files are all made at once",
            remedy="leave them out",
        )
    # The other numbers Slurm has words for: --array=0-99%N is what -maxrun asks for.
    if route.delivery.on_hold and request.max_idle:
        raise NotOnSlurm(
            "-maxidle: Slurm has all jobs of an array from the beginning, and lets no number of them wait",
            remedy="leave it out; -maxrun N lets so many run at a time",
        )


def _said(request: HTCondorRequest) -> Sequence[str]:
    given = {
        "-retry": request.retries,
        "-attr": request.attributes,
        "-require": request.requirements,
        "-rank": request.rank,
        "-append": request.commands,
        "-maxidle": request.max_idle,
        "-maxrun": request.max_run,
        "-notify": request.notification,
    }
    return [name for name, value in given.items() if value]


def _attribute(text: str) -> tuple[str, str]:
    """NAME=EXPR, or as submit files have it, +NAME=EXPR or My.NAME=EXPR."""
    found = _ATTRIBUTE.fullmatch(text.strip())
    if found is None or not found[2]:
        raise UsageError(
            f"argument -attr: '{text}' is not NAME=EXPR", remedy="-attr WantFlocking=true"
        )
    name, folded = found[1], found[1].casefold()
    if folded in _KEPT or folded.startswith(_KEPT_PREFIXES):
        raise UsageError(
            f"argument -attr: {name} is an attribute that HTCondor or hepsub sets itself",
            remedy="options of hep_sub say what jobs ask for; hep_sub -h shows them",
        )
    _check_text("-attr", found[2])
    return name, found[2]


def _command(text: str) -> tuple[str, str]:
    """NAME = VALUE."""
    found = _COMMAND.fullmatch(text.strip())
    if found is None or not found[2]:
        raise UsageError(
            f"argument -append: '{text}' is not NAME = VALUE",
            remedy="one submit command: -append 'rank = Memory'",
        )
    name = found[1].casefold()
    if name in _SAID_OTHERWISE:
        raise UsageError(
            f"argument -append: {found[1]} has an option of its own",
            remedy=f"say it with {_SAID_OTHERWISE[name]}",
        )
    if name not in COMMANDS and not re.fullmatch(r"request_[a-z0-9_]+", name):
        raise UsageError(
            f"argument -append: {found[1]} is no submit command that can be said here",
            remedy=f"these can: request_NAME, {', '.join(sorted(COMMANDS))}",
        )
    _check_text("-append", found[2])
    return name, found[2]


def _check_text(option: str, text: str) -> None:
    if not text.isprintable():
        raise UsageError(
            f"argument {option}: {text!r} has a line end or a control character",
            remedy="write it in one line",
        )
    # An unresolvable $$(X) in an ad crashes a schedd, again at each restart (condor/quoting.py).
    if _MACRO.search(text) or text.endswith(("$", "\\")):
        raise UsageError(
            f"argument {option}: '{text}' has what HTCondor reads as a macro",
            remedy="write the value itself; a job's own attributes are named without $",
        )


def _retries(text: str) -> Retries:
    """Read `N`, or `N:CODE,CODE`."""
    found = _RETRY.fullmatch(text)
    codes = tuple(int(each) for each in found[2].split(",")) if found and found[2] else ()
    if (
        found is None
        or not 1 <= int(found[1]) <= _MOST_RETRIES
        or not all(0 < each < 256 for each in codes)
    ):
        raise UsageError(
            f"argument -retry: '{text}' is not N or N:CODE,CODE…",
            remedy=f"N from 1 to {_MOST_RETRIES}, exit codes from 1 to 255: -retry 2, -retry 2:81,134",
        )
    return Retries(number=int(found[1]), codes=codes)


def _notification(text: str) -> str:
    said = _NOTIFICATIONS.get(text.casefold())
    if said is None:
        raise UsageError(
            f"argument -notify: '{text}' is none of HTCondor's words",
            remedy="never, complete, error or always",
        )
    return said
