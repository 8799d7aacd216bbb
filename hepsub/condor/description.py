"""Plan → submit description: the text that HTCondor gets, and the items of its jobs. Pure."""

from __future__ import annotations

import os
import string
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from hepsub.condor.attributes import GATE, LOST_SUBCODE, MEMORY_SUBCODE, WALLTIME_SUBCODE
from hepsub.condor.quoting import MACROS, classad_string, path_value, plain, quote_line
from hepsub.errors import NotExpressible
from hepsub.plan.bundle_paths import (
    BUNDLED,
    CREDENTIALS,
    ENVIRONMENT_FILE,
    ITEMS_FILE,
    JOB,
    MANIFEST,
    NO_LIST,
    PRIVATE,
    SENT,
    SETS,
    SHARED,
    STDERR,
    STDOUT,
    SUMS,
    WRAPPER,
)
from hepsub.plan.environment import JOB_ID
from hepsub.plan.model import Plan
from hepsub.plan.template import Name, Template, literal, parse_template
from hepsub.policy.model import KERBEROS
from hepsub.version import __version__

if TYPE_CHECKING:
    from hepsub.plan.staging import StagingPlan

_STAGING_MARGIN_S = 600
"""A job with a wrapper ends its program itself, in time to save the outputs; a hold would lose them.

Its clock starts before the wrapper's does, with the transfer of the sandbox.
"""

_SET, _SUMS = "HEPSET", "HEPSUMS"
"""The submit variables that say which of several sets of files a job gets, and the digest of its list."""
_UNKNOWN = "0" * 64
_PLAIN = frozenset(string.ascii_letters + string.digits + " _./:=,@%+~^-")
_PER_ITEM = frozenset({Name.INDEX, Name.ITEM, Name.ITEMS})
_PROC_VALUE = "$$([MY.ProcId])"
_SEAL_ATTRIBUTE = "HepSub_Seal"
_SEAL_VALUE = f"$$([MY.{_SEAL_ATTRIBUTE}])"
_JOB_ID_VALUE = f"$$([MY.ClusterId]).{_PROC_VALUE}"
"""Expanded when the job starts, so that the cluster's one copy of the environment serves all."""


Varying: TypeAlias = dict[str, Template | tuple[Template, ...]]
"""What has to be written out job by job: the submit variable, and the template or templates."""


class SubmitDescription(Struct, frozen=True, kw_only=True):
    """What HTCondor gets.

    Attributes:
        text: the submit description, without a queue statement.
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
    seal = plan.staging.seal if plan.staging is not None else None
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
    several = seal is not None and bool(seal.set_of)
    items = tuple(_items(plan, varying)) if varying or several else ()
    return SubmitDescription(text="\n".join(lines) + "\n", number=plan.number, items=items)


def _varying(plan: Plan) -> Varying:
    """What has to be written out for each job, because HTCondor's macros do not know it."""
    candidates: Varying = {
        "HEPEXE": plan.executable,
        "HEPARGS": plan.arguments,
        "HEPOUT": plan.stdout,
        "HEPERR": plan.stderr,
    }
    if plan.staging is not None and plan.staging.confined:
        del candidates["HEPOUT"], candidates["HEPERR"]  # the logs lie in the jobs' corners
    return {name: value for name, value in candidates.items() if _names(value) & _PER_ITEM}


def _names(value: Template | tuple[Template, ...]) -> frozenset[Name]:
    if isinstance(value, Template):
        return value.names()
    return frozenset[Name]().union(*(template.names() for template in value))


def _items(plan: Plan, varying: Varying) -> Iterator[dict[str, str]]:
    seal = plan.staging.seal if plan.staging is not None else None
    for proc in range(plan.number):
        values = plan.values(proc)
        item: dict[str, str] = {}
        for name, value in varying.items():
            if isinstance(value, Template):
                item[name] = path_value(value.fill_known(values), "the path")
            else:
                item[name] = quote_line(plan.arguments_of(values))[1:-1]
        if seal is not None and seal.set_of:
            number = seal.set_of[proc]
            item |= {_SET: str(number), _SUMS: seal.sets[number]}
        yield item


def _program(plan: Plan, varying: Varying, uuid: str) -> Iterator[str]:
    def path(name: str, template: Template, what: str) -> str:
        return f"$({name})" if name in varying else path_value(template, what)

    if plan.staging is None:
        yield f"universe = {'container' if plan.image else 'vanilla'}"
        yield f"executable = {path('HEPEXE', plan.executable, 'the script')}"
        if plan.arguments:
            yield f'arguments = "{_user_arguments(plan, varying)}"'
    else:
        yield from _booted(plan, varying)
    yield from _logs(plan, varying, uuid)
    if plan.event_log:
        yield f"log = {plain(plan.event_log, 'the path after -l')}"
    if plan.image:
        yield f"container_image = {plain(plan.image, 'the image')}"
        if plan.image.startswith("/") and not _image_travels(plan):
            yield "transfer_container = false"
    if plan.name:
        yield f"batch_name = {plain(plan.name, 'the name')}"
    yield "notification = Never"


def _user_arguments(plan: Plan, varying: Varying) -> str:
    return "$(HEPARGS)" if "HEPARGS" in varying else quote_line(plan.arguments)[1:-1]


def _booted(plan: Plan, varying: Varying) -> Iterator[str]:
    """A shell that compares the wrapper before it starts it; tables show the user's program all the same."""
    from hepsub.condor.boot import boot_arguments

    shown = _shown_name(plan, varying)
    boot = quote_line(boot_arguments(parse_template(shown)))[1:-1]
    user = _user_arguments(plan, varying)
    yield f"universe = {'container' if plan.image else 'vanilla'}"
    yield "executable = /bin/sh"
    yield "transfer_executable = false"
    yield f'arguments = "{boot}{" " if user else ""}{user}"'
    yield f"My.HepSub_Cmd = {classad_string_of(plan.executable, varying)}"
    yield f"description = {_shown(plan, varying)}"


def _shown(plan: Plan, varying: Varying) -> str:
    """What condor_q shows instead of the shell: the program's name, and its arguments where they are plain."""
    name = _shown_word(parse_template(_shown_name(plan, varying)))
    words = [] if "HEPARGS" in varying else [_shown_word(each) for each in plan.arguments]
    return " ".join((name, *words))


def _shown_name(plan: Plan, varying: Varying) -> str:
    """The program's name, a template; a list's items have names of their own, which only HepSub_Cmd has."""
    return "job" if "HEPEXE" in varying else PurePosixPath(str(plan.executable)).name


def _shown_word(word: Template) -> str:
    text = "".join(MACROS[part] if isinstance(part, Name) else part for part in word.parts)
    parts = "".join(part for part in word.parts if isinstance(part, str))
    return text if _PLAIN.issuperset(parts) else "..."


def _logs(plan: Plan, varying: Varying, uuid: str) -> Iterator[str]:
    """Where HTCondor writes stdout and stderr: in the job's corner, where it may write nowhere else."""
    names = {
        "output": ("HEPOUT", plan.stdout, "the path after -o"),
        "error": ("HEPERR", plan.stderr, "the path after -e"),
    }
    for command, (variable, template, what) in names.items():
        path = f"$({variable})" if variable in varying else path_value(template, what)
        if plan.staging is not None and plan.staging.confined and str(template) != os.devnull:
            same = str(plan.stdout) == str(plan.stderr)
            log = STDERR if command == "error" and not same else STDOUT
            path = f"{_corner(plan.staging, uuid)}/{log}"
        elif plan.staging is not None:
            text = path if variable not in varying else str(template)
            _check_remap(text, what, ",;\\ =" if plan.route.delivery.handed_over else ",;\\")
        yield f"{command} = {path}"


def classad_string_of(executable: Template, varying: Varying) -> str:
    """The script's name as a string, for tables in which the wrapper would say nothing."""
    if "HEPEXE" in varying:
        return '"$(HEPEXE)"'
    return (
        '"' + path_value(executable, "the script").replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def _check_remap(path: str, what: str, foreign: str) -> None:
    r"""Refuse a log that HTCondor, which brings it from the sandbox, would put elsewhere or not at all.

    (transfer_output_remaps has `;` and `=` between files, and `\` in front of them; what a schedd was handed comes
    back with blanks and `=` dividing, too, as tried on 23.9.6.)

    Args:
        path: the log.
        what: what messages call it.
        foreign: the characters that it may not have.

    Raises:
        NotExpressible: it is one.
    """
    if found := set(path) & set(foreign):
        signs = " and ".join("a blank" if each == " " else each for each in sorted(found))
        raise NotExpressible(
            f"{what} '{path}' has {signs}, with which HTCondor does not find the log's place",
            remedy="choose another name or directory with -o and -e",
        )


def _transfer(plan: Plan, uuid: str) -> Iterator[str]:
    """How script and files travel: by the wrapper and HTCondor, or, without a bundle, not at all."""
    if plan.staging is None:
        yield f"initialdir = {plain(plan.directory, 'the working directory')}"
        yield "should_transfer_files = NO"
        if plan.route.filesystem_domain:
            domain = classad_string(plan.route.filesystem_domain, "filesystem_domain")
            yield f"My.FileSystemDomain = {domain}"
        return
    bundle, corner = _bundle(plan.staging, uuid), _corner(plan.staging, uuid)
    yield f"initialdir = {corner}"
    yield "transfer_output_files = home.$(ProcId)"
    yield "should_transfer_files = YES"
    yield "when_to_transfer_output = ON_EXIT"
    yield f"transfer_input_files = {', '.join(_sent(plan, plan.staging, bundle, corner))}"
    files = [each.file for each in plan.staging.credentials if each.file]
    files += [ENVIRONMENT_FILE] if plan.staging.secrets else []
    yield f"encrypt_input_files = {', '.join([MANIFEST, *files])}"
    yield from _credentials(plan.staging)
    if not plan.staging.shared and not plan.staging.isolation and plan.route.sites:
        yield "My.WantDelayedUpdates = false"  # whoever reads the job's directory could use them
    if plan.staging.confined:
        limit = _escaped(f"{bundle}/{SHARED},{corner}")
        yield f'My.LimitDirectoryAccess = "{limit}"'
    if plan.staging.confined or plan.staging.chirp:
        yield from _proxy(plan.staging)
    if _is_gated(plan):
        yield f"My.{GATE} = false"


def _proxy(staging: StagingPlan) -> Iterator[str]:
    """What a job may ask this side for, and tell it, while it runs.

    The limit holds for HTCondor's own transfers, and for what the I/O proxy reads and writes; not for links,
    which is why there is no proxy unless the policy wants it. WantRemoteUpdates is on wherever WantIOProxy is, and
    lets a job change any attribute of its own ad, the limit included. Delayed updates, of names that begin with
    Chirp, are a switch of their own, and on unless it is said (all tried on 23.9.6 and 25.14.1).
    """
    yield f"want_io_proxy = {str(staging.chirp).lower()}"
    yield "My.WantRemoteUpdates = false"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _is_gated(plan: Plan) -> bool:
    """Whether the jobs wait for their bundle; those that are handed over wait for their files anyway."""
    if plan.staging is None or plan.route.delivery.handed_over:
        return False
    return plan.staging.needs_cluster


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


def _image_travels(plan: Plan) -> bool:
    """An image of the user's own has to be sent where this host's file system is not."""
    return not plan.route.delivery.shared and not plan.os


def _bundle(staging: StagingPlan, uuid: str) -> str:
    return plain(f"{staging.bundle_root}/{uuid}", "bundle_dir")


def _corner(staging: StagingPlan, uuid: str) -> str:
    return f"{_bundle(staging, uuid)}/{JOB}/$(ProcId)"


def _sent(plan: Plan, staging: StagingPlan, bundle: str, corner: str) -> Iterator[str]:
    """The manifest and credentials of each job, the wrapper, and what all or some jobs get."""
    seal = staging.seal
    yield f"{corner}/{MANIFEST}"
    credentials = corner if staging.confined else f"{bundle}/{PRIVATE}/{CREDENTIALS}"
    yield from (f"{credentials}/{each.file}" for each in staging.credentials if each.file)
    yield f"{bundle}/{SHARED}/{WRAPPER}"
    yield from (
        f"{bundle}/{SHARED}/{BUNDLED}/{each.archive}"
        for each in staging.libraries
        if each.place is None
    )
    yield from (f"{bundle}/{SHARED}/{name}" for name in staging.authorities)
    if staging.secrets:
        yield f"{bundle}/{SHARED}/{ENVIRONMENT_FILE}"
    if plan.items:
        yield f"{corner}/{ITEMS_FILE}"
    number = f"$({_SET})" if seal is not None and seal.set_of else "0"
    if seal is None or NO_LIST not in seal.sets:
        yield f"{bundle}/{SHARED}/{SETS}/{number}/{SUMS}"
    if not staging.shared:
        yield f"{bundle}/{SHARED}/{SETS}/{number}/{SENT}/"  # all that is in it


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
        from hepsub.condor.boot import SEAL, boot_environment
        from hepsub.plan.staging import Seal

        seal = plan.staging.seal or Seal(wrapper=_UNKNOWN, sets=(_UNKNOWN,))
        own += f" HEPSUB_HOME_DIR=home.{_PROC_VALUE} {quote_line(boot_environment(seal.wrapper))[1:-1]}"
        own += f" {SEAL}={_SEAL_VALUE if seal.set_of else seal.sets[0]}"
    inherited = quote_line(words)[1:-1]
    yield f'environment = "{inherited} {own}"' if words else f'environment = "{own}"'


def _placement(plan: Plan, domain: str) -> Iterator[str]:
    clauses = [f"({each})" for each in plan.route.requirements]
    if plan.staging is not None:
        if plan.route.delivery.shared:
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
    if plan.staging is not None and plan.staging.seal is not None and plan.staging.seal.set_of:
        yield f'My.{_SEAL_ATTRIBUTE} = "$({_SUMS})"'
    yield f"My.HepSub_WalltimeLimit = {plan.walltime.limit}"


def _refuse_foreign_macros(lines: list[str]) -> None:
    """The last line of defence: no `$$(` but those that hepsub writes itself."""
    for line in lines:
        rest = (
            line.replace("$$(DOLLARDOLLAR)", "")
            .replace(_JOB_ID_VALUE, "")
            .replace(_PROC_VALUE, "")
            .replace(_SEAL_VALUE, "")
        )
        if "$$(" in rest or "$$[" in rest:
            raise NotExpressible(
                f"'{line.split(' = ')[0]}' would bring a macro into the job's ad that can stop the schedd",
                remedy="remove the $$ from it; this text should not have come so far: please report it",
            )
