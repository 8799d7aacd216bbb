"""What the embedded pool makes of a plan: what it refuses, and what it would run, which a dry run shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping

from hepsub.errors import NotOnThisMachine
from hepsub.local.launch import make_launch
from hepsub.local.machine import Machine, capped_note
from hepsub.plan.model import Plan
from hepsub.units import duration_text

_SHOWN = 3
_STARTERS = (
    "apptainer",
    "/usr/bin/apptainer",
    "/usr/local/bin/apptainer",
    "singularity",
    "/usr/bin/singularity",
    "/usr/local/bin/singularity",
    "/cvmfs/oasis.opensciencegrid.org/mis/apptainer/current/bin/apptainer",
)
"""What starts images, in the order in which the wrapper looks for it (worker/src/55_image.sh)."""
_OWN_STARTER = "HEPSUB_APPTAINER"


def description(plan: Plan, uuid: str, machine: Machine, schedd: str) -> str:
    """What would run, in lines `name = value`."""
    return (
        "\n".join(f"{name} = {value}" for name, value in _lines(plan, uuid, machine, schedd)) + "\n"
    )


def _lines(plan: Plan, uuid: str, machine: Machine, schedd: str) -> Iterator[tuple[str, object]]:
    yield "pool", f"{schedd} ({machine.cores} cores, {machine.memory_mb} MB)"
    yield "jobs", plan.number
    yield "directory", plan.directory
    if plan.image:
        yield "image", plan.image
    yield "cores", plan.cpus
    yield "memory_mb", f"{plan.memory_mb}{_limit(enforced=plan.hold_memory)}"
    walltime = duration_text(plan.walltime.limit)
    yield "walltime", f"{walltime}{_limit(enforced=plan.hold_walltime)}"
    yield "priority", plan.priority
    yield "environment", f"{len(plan.environment)} variables"
    if plan.secrets:
        yield "secret variables", ", ".join(plan.secrets)
    yield "uuid", uuid
    note = capped_note(machine, plan.cpus, plan.memory_mb)
    if note:
        yield "note", note
    if plan.event_log:
        yield "note", f"no event log is written ({plan.event_log}): hep_history tells the same"
    for proc in range(min(_SHOWN, plan.number)):
        # Without a cluster: its name stands there.
        launch = make_launch(plan, plan.values(proc), uuid)
        yield f"job {proc}", " ".join(launch.argv)
        yield f"job {proc} stdout", launch.stdout
        yield f"job {proc} stderr", launch.stderr
    if plan.number > _SHOWN:
        yield "…", f"and {plan.number - _SHOWN} more"


def _limit(*, enforced: bool) -> str:
    return " (enforced)" if enforced else ""


def check_possible(plan: Plan) -> None:
    """Refuse what would run otherwise than the user means.

    Raises:
        NotOnThisMachine: the plan needs GPUs, another site, or an image that cannot be started here.
    """
    missing = [
        (bool(plan.gpus), f"-gpu {plan.gpus}: it gives no GPUs to jobs", "leave out -gpu"),
        (bool(plan.route.sites), "-rmt: it has no remote sites", "leave out -rmt and -site"),
    ]
    for wanted, what, mend in missing:
        if wanted:
            raise NotOnThisMachine(
                f"the embedded pool runs jobs on this machine as it is; {what}",
                remedy=f"{mend}, or submit to another pool with -p",
            )
    if plan.image:
        _check_image(plan)


def _check_image(plan: Plan) -> None:
    asked = f"-os {plan.os}" if plan.os else "-image"
    if not find_starter(plan.environment):
        raise NotOnThisMachine(
            f"the embedded pool starts the image {plan.image} by apptainer or singularity, and neither is on this"
            " machine",
            remedy=f"install apptainer, leave out {asked}, or submit to another pool with -p",
        )
    if plan.image.startswith("/") and not os.access(plan.image, os.R_OK):
        raise NotOnThisMachine(
            f"the image {plan.image} does not exist on this machine, or cannot be read",
            remedy=f"name one that is here with -image, leave out {asked}, or submit to another pool with -p",
        )


def find_starter(environment: Mapping[str, str]) -> str:
    """What will start the images of jobs with these variables; empty where nothing does."""
    if own := environment.get(_OWN_STARTER, ""):
        return "" if own == "-" else own  # as the wrapper has it
    places = environment.get("PATH", "")
    return next((found for each in _STARTERS if (found := shutil.which(each, path=places))), "")
