"""Plan → submit description: the text that HTCondor gets, and the items of its jobs. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hepsub.condor.holds import LOST_SUBCODE, MEMORY_SUBCODE, WALLTIME_SUBCODE
from hepsub.condor.quoting import classad_string, path_value, plain, quote_line
from hepsub.errors import NotExpressible
from hepsub.plan.credentials import KERBEROS
from hepsub.plan.environment import JOB_ID
from hepsub.plan.libraries import BUNDLED
from hepsub.plan.model import Plan
from hepsub.plan.staging import ENVIRONMENT_FILE, StagingPlan
from hepsub.plan.template import Name, Template, literal, parse_template
from hepsub.version import __version__

_STAGING_MARGIN_S = 600
"""A job with a wrapper ends its program itself, in time to save the outputs; a hold would lose them.

Its clock starts before the wrapper's does, with the transfer of the sandbox.
"""

GATE = "HepSub_Ready"
"""The attribute that lets the jobs of a cluster start when their bundle is complete."""

WRAPPER = "wrapper.sh"
_PER_ITEM = frozenset({Name.INDEX, Name.ITEM, Name.ITEMS})
_PROC_VALUE = "$$([MY.ProcId])"
_JOB_ID_VALUE = f"$$([MY.ClusterId]).{_PROC_VALUE}"
"""Expanded when the job starts, so that the cluster's one copy of the environment serves all."""


Varying: TypeAlias = dict[str, Template | tuple[Template, ...]]
"""What has to be written out job by job: the submit variable, and the template or templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitDescription:
    """What HTCondor gets.

    Attributes:
        text: the submit description, without a queue statement.
        number: number of jobs.
        items: the variables of each job; empty when the jobs differ only in ProcId.
    """

    text: str
    number: int
    items: tuple[dict[str, str], ...]


def describe(plan: Plan, uuid: str, domain: str = "$(FILESYSTEM_DOMAIN)") -> SubmitDescription:
    """The submit description of a plan.

    Args:
        plan: the plan.
        uuid: what the cluster will be found by, whatever becomes of the connection.
        domain: the FileSystemDomain of this host by HTCondor's configuration.

    Raises:
        NotExpressible: a path or name holds what HTCondor would read as something else.
    """
    varying = _varying(plan)
    lines = [
        *_program(plan, varying, uuid),
        *_transfer(plan, uuid),
        *_resources(plan),
        *_accounting(plan),
        *_environment(plan),
        *_placement(plan, plan.route.filesystem_domain or domain),
        *_policies(plan),
        *_attributes(plan, uuid),
    ]
    _refuse_foreign_macros(lines)
    items = tuple(_items(plan, varying)) if varying else ()
    return SubmitDescription(text="\n".join(lines) + "\n", number=plan.number, items=items)


def _varying(plan: Plan) -> Varying:
    """What has to be written out for each job, because HTCondor's macros do not know it."""
    candidates: Varying = {
        "HEPEXE": plan.executable,
        "HEPARGS": plan.arguments,
        "HEPOUT": plan.stdout,
        "HEPERR": plan.stderr,
    }
    return {name: value for name, value in candidates.items() if _names(value) & _PER_ITEM}


def _names(value: Template | tuple[Template, ...]) -> frozenset[Name]:
    if isinstance(value, Template):
        return value.names()
    return frozenset[Name]().union(*(template.names() for template in value))


def _items(plan: Plan, varying: Varying) -> Iterator[dict[str, str]]:
    for proc in range(plan.number):
        values = plan.values(proc)
        item: dict[str, str] = {}
        for name, value in varying.items():
            if isinstance(value, Template):
                item[name] = path_value(value.fill_known(values), "the path")
            else:
                item[name] = quote_line(plan.arguments_of(values))
        yield item


def _program(plan: Plan, varying: Varying, uuid: str) -> Iterator[str]:
    def path(name: str, template: Template, what: str) -> str:
        return f"$({name})" if name in varying else path_value(template, what)

    script = path("HEPEXE", plan.executable, "the script")
    yield f"universe = {'container' if plan.image else 'vanilla'}"
    yield f"executable = {script if plan.staging is None else f'{_bundle(plan.staging, uuid)}/{WRAPPER}'}"
    if plan.arguments:
        yield f"arguments = {'$(HEPARGS)' if 'HEPARGS' in varying else quote_line(plan.arguments)}"
    yield f"output = {path('HEPOUT', plan.stdout, 'the path after -o')}"
    yield f"error = {path('HEPERR', plan.stderr, 'the path after -e')}"
    if plan.event_log:
        yield f"log = {plain(plan.event_log, 'the path after -l')}"
    if plan.image:
        yield f"container_image = {plain(plan.image, 'the image')}"
        if plan.image.startswith("/") and not _image_travels(plan):
            yield "transfer_container = false"
    if plan.name:
        yield f"batch_name = {plain(plan.name, 'the name')}"
    yield "notification = Never"
    if plan.staging is not None:
        yield f"My.HepSub_Cmd = {classad_string_of(plan.executable, varying)}"


def classad_string_of(executable: Template, varying: Varying) -> str:
    """The script's name as a string, for tables in which the wrapper would say nothing."""
    if "HEPEXE" in varying:
        return '"$(HEPEXE)"'
    return (
        '"' + path_value(executable, "the script").replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def _transfer(plan: Plan, uuid: str) -> Iterator[str]:
    """How script and files travel: not at all, by HTCondor, or by the wrapper and HTCondor."""
    if plan.staging is None:
        yield f"initialdir = {plain(plan.directory, 'the working directory')}"
        if plan.route.transfer:
            yield "should_transfer_files = YES"
            yield "when_to_transfer_output = ON_EXIT"
        else:
            yield "should_transfer_files = NO"
            if plan.route.filesystem_domain:
                domain = classad_string(plan.route.filesystem_domain, "filesystem_domain")
                yield f"My.FileSystemDomain = {domain}"
        return
    bundle = _bundle(plan.staging, uuid)
    yield from _initialdir(plan, plan.staging, bundle)
    yield "should_transfer_files = YES"
    yield "when_to_transfer_output = ON_EXIT"
    yield f"transfer_input_files = {', '.join(_sent(plan, bundle))}"
    files = [each.file for each in plan.staging.credentials if each.file]
    files += [ENVIRONMENT_FILE] if plan.staging.secrets else []
    yield f"encrypt_input_files = {', '.join(['hepsub.manifest', *files])}"
    yield from _credentials(plan.staging)
    if plan.staging.chirp:
        yield "want_io_proxy = true"
        yield f'My.LimitDirectoryAccess = "{_allowed(plan, bundle)}"'
    if _is_gated(plan):
        yield f"My.{GATE} = false"


def _is_gated(plan: Plan) -> bool:
    """Whether the jobs wait for their bundle; those that are handed over wait for their files anyway."""
    return plan.staging is not None and plan.staging.needs_cluster and not plan.route.spool


def _initialdir(plan: Plan, staging: StagingPlan, bundle: str) -> Iterator[str]:
    """Where what comes home goes: into the bundle, or, without outputs of its own, where it always went."""
    if staging.in_place and not staging.shared:
        yield f"initialdir = {plain(plan.directory, 'the working directory')}"
        return
    yield f"initialdir = {bundle}/home"
    yield "transfer_output_files = home.$(ProcId)"


def _credentials(staging: StagingPlan) -> Iterator[str]:
    """What the worker nodes' own scripts look for, and what HTCondor is asked to deliver itself."""
    services = [each.service for each in staging.credentials if each.service]
    if services:
        yield f"use_oauth_services = {', '.join(services)}"
    for each in staging.credentials:
        if each.kind != KERBEROS:
            continue
        if each.by_condor:
            yield "My.SendCredential = true"
        else:
            yield f"My.HepJob_KRB5CCNAME = {classad_string(each.file, 'the ticket')}"


def _allowed(plan: Plan, bundle: str) -> str:
    """The directories that HTCondor writes for the job, and the only ones that the job may reach.

    (Tried: the limit holds for stdout and stderr too.)
    """
    logs = (parse_template(os.path.dirname(str(log))) for log in (plan.stdout, plan.stderr))
    texts = [bundle, *(path_value(log, "the directory of a log") for log in logs)]
    if plan.staging is not None and plan.staging.in_place and not plan.staging.shared:
        texts.append(plain(plan.directory, "the working directory"))
    return ",".join(text.replace("\\", "\\\\").replace('"', '\\"') for text in dict.fromkeys(texts))


def _image_travels(plan: Plan) -> bool:
    """An image of the user's own has to be sent where this host's file system is not."""
    return plan.route.transfer and not plan.os


def _bundle(staging: StagingPlan, uuid: str) -> str:
    return plain(f"{staging.bundle_root}/{uuid}", "bundle_dir")


def _sent(plan: Plan, bundle: str) -> Iterator[str]:
    yield f"{bundle}/$(ProcId)/hepsub.manifest"
    for each in plan.staging.credentials if plan.staging is not None else ():
        if each.file:
            yield f"{bundle}/creds/{each.file}"
    if plan.staging is not None and plan.staging.secrets:
        yield f"{bundle}/creds/{ENVIRONMENT_FILE}"
    for library in plan.staging.libraries if plan.staging is not None else ():
        if library.place is None:
            yield f"{bundle}/{BUNDLED}/{library.archive}"
    for name in plan.staging.authorities if plan.staging is not None else ():
        yield f"{bundle}/creds/{name}"
    if plan.items:
        yield f"{bundle}/$(ProcId)/items.txt"
    if plan.staging is not None and not plan.staging.shared:
        yield f"{bundle}/$(ProcId)/in/"  # all that is in it: the script, and inputs from paths


def _resources(plan: Plan) -> Iterator[str]:
    yield f"request_cpus = {plan.cpus}"
    yield f"request_memory = {plan.memory_mb}"
    if plan.gpus:
        yield f"request_gpus = {plan.gpus}"


def _accounting(plan: Plan) -> Iterator[str]:
    yield f"accounting_group = {plan.experiment}.{plan.group}.{plan.walltime.name}"
    yield f"accounting_group_user = {plain(plan.user, 'the user')}"
    if plan.priority:
        yield f"priority = {plan.priority}"


def _environment(plan: Plan) -> Iterator[str]:
    words = [literal(f"{name}={value}") for name, value in plan.environment.items()]
    own = f"{JOB_ID}={_JOB_ID_VALUE}"
    if plan.staging is not None:
        own += f" HEPSUB_HOME_DIR=home.{_PROC_VALUE}"
    inherited = quote_line(words)[1:-1]
    yield f'environment = "{inherited} {own}"' if words else f'environment = "{own}"'


def _placement(plan: Plan, domain: str) -> Iterator[str]:
    clauses = [f"({each})" for each in plan.route.requirements]
    if plan.staging is not None:
        if not plan.route.transfer:
            clauses.append(f'(TARGET.FileSystemDomain == "{domain}")')
        if _is_gated(plan):
            clauses.append(f"(MY.{GATE})")
    if clauses:
        yield f"requirements = {' && '.join(clauses)}"
    if plan.factory_idle:
        yield f"max_idle = {plan.factory_idle}"


_LOST = f"MY.ChirpHepSub_Lost isnt undefined && ExitCode =?= {LOST_SUBCODE}"
_LOST_OUTPUTS = (
    f"on_exit_hold = {_LOST}",
    'on_exit_hold_reason = strcat("outputs could neither be uploaded nor brought home: ", MY.ChirpHepSub_Lost)',
    f"on_exit_hold_subcode = {LOST_SUBCODE}",
)
"""What the wrapper says when a store is away and the outputs are above home_limit (worker/README.md)."""


def _policies(plan: Plan) -> Iterator[str]:
    """Backstops (tried: allowed_execute_duration does nothing without file transfer)."""
    margin = f" + {_STAGING_MARGIN_S}" if plan.staging is not None else ""
    over_time = f"JobStatus == 2 && time() - JobCurrentStartDate > MY.HepSub_WalltimeLimit{margin}"
    over_memory = "JobStatus == 2 && MemoryUsage > RequestMemory"
    wanted = [
        (over_time, WALLTIME_SUBCODE, '"walltime limit reached"'),
        (
            over_memory,
            MEMORY_SUBCODE,
            'strcat("memory limit reached: used ", string(MemoryUsage), " MB")',
        ),
    ]
    kept = [
        each
        for each, enforced in zip(wanted, (plan.hold_walltime, plan.hold_memory), strict=True)
        if enforced
    ]
    if plan.staging is not None:
        yield from _LOST_OUTPUTS
    if not kept:
        return
    yield f"periodic_hold = {' || '.join(f'({when})' for when, _, _ in kept)}"
    first = kept[0]
    last = kept[-1]
    yield f"periodic_hold_reason = ifThenElse({first[0]}, {first[2]}, {last[2]})"
    yield f"periodic_hold_subcode = ifThenElse({first[0]}, {first[1]}, {last[1]})"


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
        "HepSub_Reason": "; ".join(reason.because for reason in plan.route.reasons),
        "HepSub_Once": plan.once,
    }
    for name, text in texts.items():
        if text:
            yield f"My.{name} = {classad_string(text, _SAID.get(name, name))}"
    yield f"My.HepSub_WalltimeLimit = {plan.walltime.limit}"


def _refuse_foreign_macros(lines: list[str]) -> None:
    """The last line of defence: no `$$(` but the two that hepsub writes itself."""
    for line in lines:
        rest = (
            line.replace("$$(DOLLARDOLLAR)", "").replace(_JOB_ID_VALUE, "").replace(_PROC_VALUE, "")
        )
        if "$$(" in rest or "$$[" in rest:
            raise NotExpressible(
                f"'{line.split(' = ')[0]}' would bring a macro into the job's ad that can stop the schedd",
                remedy="remove the $$ from it; this text should not have come so far: please report it",
            )
