"""What the embedded pool would run, in words: what a dry run shows."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from hepsub.local.launch import make_launch
from hepsub.local.machine import Machine, capped_note
from hepsub.plan.model import Plan
from hepsub.units import duration_text

_SHOWN = 3


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
        launch = make_launch(plan, replace(plan.values(proc), cluster=None), uuid)
        yield f"job {proc}", " ".join(launch.argv)
        yield f"job {proc} stdout", launch.stdout
        yield f"job {proc} stderr", launch.stderr
    if plan.number > _SHOWN:
        yield "…", f"and {plan.number - _SHOWN} more"


def _limit(*, enforced: bool) -> str:
    return " (enforced)" if enforced else ""
