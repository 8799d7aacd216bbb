"""Plan → submit description: the text that HTCondor gets, and the items of its jobs. Pure.

How a job's program and files get to where it runs is said by one value, `Unstaged` or `staged.Staged`; all else
is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from hepsub import __version__
from hepsub.condor.attributes import MEMORY_SUBCODE, SITE, WALLTIME_SUBCODE
from hepsub.condor.quoting import (
    AGAIN_ATTRIBUTE,
    AGAIN_VALUE,
    CLUSTER_VALUE,
    PROC_VALUE,
    SITE_VALUE,
    attribute,
    classad_string,
    path_value,
    plain,
    quote_line,
    refuse_foreign_macros,
    variable_words,
)
from hepsub.plan.environment import JOB_ID
from hepsub.plan.model import WHERE, Plan
from hepsub.plan.template import Name, Template, literal
from hepsub.policy.site import SINGULARITY, UNIVERSE
from hepsub.terminal import printable

if TYPE_CHECKING:
    from hepsub.condor.staged import Staged

_PER_ITEM = frozenset({Name.INDEX, Name.ITEM, Name.ITEMS})
_AGAIN = "HEPAGAIN"
"""The submit variable with the `cluster.proc` that a job had when it was submitted first."""

_PATHS = ("HEPEXE", "HEPOUT", "HEPERR")
"""The submit variables of paths; those of others are lines of words."""

Varying: TypeAlias = dict[str, tuple[Template, ...]]
"""What has to be written out job by job: the submit variable, and its templates."""


class SubmitDescription(Struct, frozen=True, kw_only=True):
    """What HTCondor gets: a text without a queue statement, and the variables of each job where they need some."""

    text: str
    items: tuple[dict[str, str], ...]


def describe(plan: Plan, uuid: str, domain: str = "") -> SubmitDescription:
    """The submit description of a plan.

    Args:
        plan: the plan.
        uuid: what the cluster will be found by, whatever becomes of the connection.
        domain: the FileSystemDomain of this host by HTCondor's configuration; empty where nobody has asked it.

    Raises:
        NotExpressible: a path or name holds what HTCondor would read as something else.
    """
    varying = _varying(plan)
    way = _way(plan, uuid, varying)
    lines = [
        *_program(plan, varying, way),
        *way.transfer(),
        *_resources(plan),
        *_accounting(plan),
        *_environment(plan, varying, way),
        *_placement(plan, way, domain),
        *way.holds(),
        *way.at_end(_retries(plan)),
        *_limits(plan, way),
        *_attributes(plan, uuid),
        *way.attributes(),
        *(attribute(name, each) for name, each in plan.route.attributes.items()),
        f"My.HepSub_WalltimeLimit = {plan.walltime.limit}",
    ]
    refuse_foreign_macros(lines)
    # Jobs that differ in ProcId alone need no items: HTCondor writes that out itself.
    written_out = varying or way.several or plan.again is not None
    items = tuple(_items(plan, varying, way)) if written_out else ()
    return SubmitDescription(text="\n".join(lines) + "\n", items=items)


class Unstaged(Struct, frozen=True, kw_only=True):
    """The way of a job that finds its script and its directories where it runs: nothing travels."""

    plan: Plan
    margin_s: int = 0
    several: bool = False
    cluster: str = CLUSTER_VALUE
    proc: str = PROC_VALUE
    again: str = AGAIN_VALUE
    universe: str = ""

    def program(self, executable: str, arguments: str) -> Iterator[str]:
        """What HTCondor starts."""
        yield f"executable = {executable}"
        if arguments:
            yield f'arguments = "{arguments}"'

    def log(self, command: str, path: str, name: str, what: str) -> str:  # noqa: ARG002
        """Where HTCondor writes stdout or stderr."""
        return path

    def transfer(self) -> Iterator[str]:
        """That nothing travels."""
        yield f"initialdir = {plain(self.plan.directory, 'the working directory')}"
        yield "should_transfer_files = NO"
        if self.plan.route.filesystem_domain:
            domain = classad_string(self.plan.route.filesystem_domain, "filesystem_domain")
            yield f"My.FileSystemDomain = {domain}"

    def environment(self) -> str:
        """Nothing besides what every job gets."""
        return ""

    def clauses(self, domain: str) -> Iterator[str]:  # noqa: ARG002 (HTCondor itself asks for it)
        """Nothing besides what the route asks of a slot."""
        yield from ()

    def requirements(self, wanted: str) -> str:
        """The line with what the job asks of a slot."""
        return f"requirements = {wanted}"

    def holds(self) -> Iterator[str]:
        """Nothing besides the limits."""
        yield from ()

    def at_end(self, lines: Iterable[str]) -> Iterator[str]:
        """What becomes of a job that has ended: the schedd at home decides."""
        yield from lines

    def attributes(self) -> Iterator[str]:
        """Nothing besides what every job says."""
        yield from ()

    def item(self, proc: int) -> dict[str, str]:  # noqa: ARG002
        """Nothing besides what varies."""
        return {}


def _way(plan: Plan, uuid: str, varying: Varying) -> Unstaged | Staged:
    if plan.staging is None:
        return Unstaged(plan=plan)
    from hepsub.condor.staged import Staged

    names, element = frozenset(varying), plan.route.element
    if element is None:
        return Staged(plan=plan, staging=plan.staging, uuid=uuid, varying=names)
    from hepsub.condor.element import ThroughElement

    return ThroughElement(
        plan=plan, staging=plan.staging, uuid=uuid, varying=names, element=element
    )


def _varying(plan: Plan) -> Varying:
    """What has to be written out for each job, because HTCondor's macros do not know it."""
    candidates: Varying = {
        "HEPEXE": (plan.executable,),
        "HEPARGS": plan.arguments,
        "HEPENV": variable_words(plan.variables),
        "HEPOUT": (plan.stdout,),
        "HEPERR": (plan.stderr,),
    }
    if plan.staging is not None and plan.staging.confined:
        del candidates["HEPOUT"], candidates["HEPERR"]  # the logs lie in the jobs' corners
    # HTCondor's own ProcIds of jobs that are run again are not those of their names.
    named = _PER_ITEM | {Name.PROC} if plan.again is not None else _PER_ITEM
    return {
        variable: templates
        for variable, templates in candidates.items()
        if any(template.names() & named for template in templates)
    }


def _items(plan: Plan, varying: Varying, way: Unstaged | Staged) -> Iterator[dict[str, str]]:
    for proc in range(plan.number):
        values = plan.values(proc)
        item = way.item(proc)
        if plan.again is not None:
            item[_AGAIN] = plan.again.named(proc)
        for variable, templates in varying.items():
            if variable == "HEPARGS":  # in which `%{items}` is many words
                item[variable] = quote_line(plan.arguments_of(values))
                continue
            filled = [each.fill_known(values) for each in templates]
            is_path = variable in _PATHS
            item[variable] = path_value(filled[0], "the path") if is_path else quote_line(filled)
        yield item


def _program(plan: Plan, varying: Varying, way: Unstaged | Staged) -> Iterator[str]:
    def path(name: str, template: Template, what: str) -> str:
        return f"$({name})" if name in varying else path_value(template, what)

    started = plan.image and plan.route.containers == UNIVERSE
    yield f"universe = {way.universe or ('container' if started else 'vanilla')}"
    arguments = "$(HEPARGS)" if "HEPARGS" in varying else quote_line(plan.arguments)
    yield from way.program(path("HEPEXE", plan.executable, "the script"), arguments)
    for command, variable, template, what in (
        ("output", "HEPOUT", plan.stdout, "the path after -o"),
        ("error", "HEPERR", plan.stderr, "the path after -e"),
    ):
        log = path(variable, template, what)
        name = str(template) if variable in varying else log
        yield f"{command} = {way.log(command, log, name, what)}"
    if plan.event_log:
        yield f"log = {plain(plan.event_log, 'the path after -l')}"
    if plan.image:
        yield from _image(plan, way)
    if plan.name:
        yield f"batch_name = {plain(plan.name, 'the name')}"
    yield f"notification = {plan.notification}"


def _image(plan: Plan, way: Unstaged | Staged) -> Iterator[str]:
    """How the job's image is said to those who start it; the wrapper finds it in its manifest."""
    sent = plan.staging.name_of(plan.image) if plan.staging is not None else ""
    image, containers = plain(sent or plan.image, "the image"), plan.route.containers
    if containers == SINGULARITY:
        yield f"My.SingularityImage = {classad_string(image, 'the image')}"
    elif containers == UNIVERSE and way.universe:  # what the container universe makes of it
        yield "My.WantContainer = true"
        yield f"My.ContainerImage = {classad_string(image, 'the image')}"
        yield f"My.{_want(image)} = true"
    elif containers == UNIVERSE:
        yield f"container_image = {image}"
        if "://" not in image:  # it is there, or the bundle has it: HTCondor may read no other file
            yield "transfer_container = false"


def _want(image: str) -> str:
    """What condor_submit says of an image that it takes for the container universe."""
    if image.startswith("docker://"):
        return "WantDockerImage"
    return "WantSIF" if image.endswith(".sif") else "WantSandboxImage"


def _resources(plan: Plan) -> Iterator[str]:
    yield f"request_cpus = {plan.cpus}"
    yield f"request_memory = {plan.memory_mb}"
    if plan.gpus:
        yield f"request_gpus = {plan.gpus}"
    if plan.disk_mb:
        yield f"request_disk = {plan.disk_mb * 1024}"


def _accounting(plan: Plan) -> Iterator[str]:
    yield f"accounting_group = {plan.experiment}.{plan.group}.{plan.walltime.name}"
    yield f"accounting_group_user = {plain(plan.user, 'the user')}"
    if plan.priority:
        yield f"priority = {plan.priority}"


def _environment(plan: Plan, varying: Varying, way: Unstaged | Staged) -> Iterator[str]:
    # What all jobs have alike stays out of the items: the schedd keeps one copy of 60 kB, not a thousand.
    words = [literal(f"{name}={value}") for name, value in plan.environment.items()]
    named = "$(HEPENV) " if "HEPENV" in varying else ""
    if not named:
        words += variable_words(plan.variables)
    known_as = f"{way.cluster}.{way.proc}" if plan.again is None else way.again
    own = f"{named}{JOB_ID}={known_as}{way.environment()}"
    inherited = quote_line(words)
    yield f'environment = "{inherited} {own}"' if words else f'environment = "{own}"'


def _placement(plan: Plan, way: Unstaged | Staged, domain: str) -> Iterator[str]:
    # A dry run without a pool has not asked HTCondor's configuration: there its macro stands for it.
    clauses = way.clauses(plan.route.filesystem_domain or domain or "$(FILESYSTEM_DOMAIN)")
    if wanted := [*(f"({each})" for each in plan.route.requirements), *clauses]:
        yield way.requirements(" && ".join(wanted))
    if plan.route.rank:
        yield f"rank = {plan.route.rank}"
    if plan.factory_idle:
        yield f"max_idle = {plan.factory_idle}"
    if plan.factory_most:
        yield f"max_materialize = {plan.factory_most}"
    yield from (f"{name} = {value}" for name, value in plan.commands.items())


def _limits(plan: Plan, way: Unstaged | Staged) -> Iterator[str]:
    """Backstops: with a bundle the wrapper ends the program before."""
    # Not allowed_execute_duration, which does nothing without file transfer (tried: 23.9.6).
    margin = f" + {way.margin_s}" if way.margin_s else ""
    over_time = f"JobStatus == 2 && time() - JobCurrentStartDate > MY.HepSub_WalltimeLimit{margin}"
    over_memory = "JobStatus == 2 && MemoryUsage > RequestMemory"
    memory_reason = 'strcat("memory limit reached: used ", string(MemoryUsage), " MB")'
    kept: list[tuple[str, int, str]] = []
    if plan.hold_walltime:
        kept.append((over_time, WALLTIME_SUBCODE, '"walltime limit reached"'))
    if plan.hold_memory:
        kept.append((over_memory, MEMORY_SUBCODE, memory_reason))
    if not kept:
        return
    (when, code, reason), (_, last_code, last_reason) = kept[0], kept[-1]
    yield f"periodic_hold = {' || '.join(f'({each})' for each, _, _ in kept)}"
    yield f"periodic_hold_reason = ifThenElse({when}, {reason}, {last_reason})"
    yield f"periodic_hold_subcode = ifThenElse({when}, {code}, {last_code})"


def _retries(plan: Plan) -> Iterator[str]:
    """When a job leaves the queue, where it may be started again (condor_submit(1), max_retries)."""
    if plan.retries is None:
        return
    again = " || ".join(f"ExitCode =?= {each}" for each in plan.retries.codes)
    done = f"!({again})" if again else "ExitCode =?= 0"
    yield f"on_exit_remove = NumJobCompletions > {plan.retries.number} || {done}"
    yield f"My.JobMaxRetries = {plan.retries.number}"


_LONGEST_REASON = 2000


def _reason(plan: Plan) -> str:
    """Why the jobs go where they go; it quotes what users and policies wrote, and is no reason to refuse them."""
    said = printable("; ".join(reason.because for reason in plan.route.reasons))
    cut = said if len(said) <= _LONGEST_REASON else f"{said[:_LONGEST_REASON]}..."
    return cut.replace("$", "").strip().rstrip("\\ ")


_SAID = {
    "HepSub_Once": "the key after -once",
    "HepJob_RealGroup": "the group",
    "IHEP_RealGroup": "the group",
}
"""What the user knows these attributes by."""


def _attributes(plan: Plan, uuid: str) -> Iterator[str]:
    texts = {
        "HepJob_Experiment": plan.experiment,
        "HepJob_JobType": "gpu" if plan.gpus else "normal",
        "HepJob_Walltime": plan.walltime.name,
        "HepJob_RequestOS": plan.os,
        "HepJob_RealGroup": plan.group,
        "IHEP_RealGroup": plan.group,
        "HepSub_UUID": uuid,
        "HepSub_Version": __version__,
        "HepSub_Pool": plan.route.pool,
        "HepSub_Sites": ",".join(plan.route.sites),
        "HepSub_Elsewhere": ",".join(plan.route.elsewhere),
        "HepSub_Reason": _reason(plan),
        "HepSub_Once": plan.once,
    }
    for name, text in texts.items():
        if text:
            yield f"My.{name} = {classad_string(text, _SAID.get(name, name))}"
    if plan.again is not None:
        # HTCondor's ProcIds are not those of the jobs' names, by which manifests, outputs and messages know them.
        yield f'My.{AGAIN_ATTRIBUTE} = "$({_AGAIN})"'
        yield f'My.HepSub_AgainUUID = "{plan.again.uuid}"'
    if WHERE in plan.route.attributes:  # HTCondor writes it out at each start, as MATCH_EXP_...
        yield f'My.{SITE} = "{SITE_VALUE}"'
