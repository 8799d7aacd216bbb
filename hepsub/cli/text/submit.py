"""The texts of hep_sub: the line that scripts parse, how waiting ended, and what would be submitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hepsub.actions.submit.result import Preview, Submission
from hepsub.jobid import procs_brief
from hepsub.units import duration_text, size_text

if TYPE_CHECKING:
    from hepsub.plan.libraries import Library

_NAMED = 3


def submission(value: Submission) -> str:
    """The line that scripts parse."""
    return f"{value.submitted.number} job(s) submitted to cluster {value.submitted.cluster}"


def preview(value: Preview) -> Iterator[str]:
    """What would be submitted."""
    plan = value.plan
    yield "Nothing is submitted. The plan:"
    yield f"  jobs        {plan.number}" + (
        " (made by the schedd as they are needed)" if plan.factory_idle else ""
    )
    if plan.again is not None:
        yield f"  again       {plan.again.cluster}.{procs_brief(plan.again.procs)}"
    yield f"  each        {_resources_text(value)}"
    yield f"  group       {plan.experiment}.{plan.group}.{plan.walltime.name}"
    yield f"  where       pool {plan.route.pool}, schedd {value.schedd or '(the pool does not answer)'}"
    for reason in plan.route.reasons:
        yield f"  because     {reason.matched}: {reason.because}"
    if plan.image:
        yield f"  image       {plan.image}"
    if plan.staging is not None and plan.staging.credentials:
        yield f"  carries     {', '.join(each.name for each in plan.staging.credentials)}"
    for each in value.fresh:
        what = f"URLs of {each.name}" if each.kind == "storage" else each.name
        yield f"  fresh       {what}: {each.text}"
    for library in plan.staging.libraries if plan.staging is not None else ():
        yield f"  library     {_library_text(library)}"
    for proc in plan.procs(_NAMED):
        yield f"  job {proc.proc:<7} {' '.join([proc.executable, *proc.arguments])}"
        yield f"              stdout {proc.stdout}"
        yield f"              stderr {proc.stderr}"
        yield from (f"              in     {each.name} <- {each.place}" for each in proc.inputs)
        yield from (f"              out    {each.name} -> {each.place}" for each in proc.outputs)
    if plan.number > _NAMED:
        yield f"  and {plan.number - _NAMED} more"
    yield "The submit description:"
    yield from (f"  {line}" for line in value.description.rstrip("\n").split("\n"))


def _library_text(library: Library) -> str:
    how = "travels with the jobs"
    if library.place is not None:
        how = f"{'is there already:' if library.stored else 'would be uploaded to'} {library.place}"
    return f"{library.name} ({size_text(library.size)}) {how}"


def _resources_text(value: Preview) -> str:
    plan = value.plan
    gpus = f", {plan.gpus} GPU(s)" if plan.gpus else ""
    memory = "Slurm's own memory" if plan.leaves("mem") else f"{plan.memory_mb} MB"
    walltime = f"{plan.walltime.name} ({duration_text(plan.walltime.limit)})"
    if plan.leaves("time"):
        walltime = "of Slurm's own"
    return f"{plan.cpus} core(s){gpus}, {memory}, walltime {walltime}"
