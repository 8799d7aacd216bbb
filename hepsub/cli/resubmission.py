"""From the words of hep_sub -resubmit to the jobs that are meant, and what is different this time."""

from __future__ import annotations

from collections.abc import Iterable

from hepsub.actions.submit.choose import Wanted
from hepsub.actions.submit.respell import Changes
from hepsub.cli.job_spec import remote, variable
from hepsub.cli.options import Option, Values
from hepsub.errors import UsageError
from hepsub.jobid import parse_job_id, parse_procs

# What is not here would make other jobs of them. Options that hepsub gets later are refused until somebody decides.
_TAKEN = frozenset({
    "resubmit", "failed", "only", "unknown", "memory", "walltime", "cpus", "disk", "priority", "site", "remote",
    "normt", "env", "cred", "nocheck", "pool", "slurm", "wait", "dry_run", "quiet", "json",
})  # fmt: skip


def wanted_jobs(values: Values, options: Iterable[Option]) -> Wanted:
    """The jobs that are meant.

    Args:
        values: what was given.
        options: all that hep_sub takes.

    Raises:
        UsageError: no id, or an option that would make other jobs of them.
    """
    job = parse_job_id(values["resubmit"])
    if values["script"]:
        raise UsageError(
            f"-resubmit {job} runs that cluster's own script again, not {values['script'][0]}",
            remedy="without -resubmit it is a new submission",
        )
    given = [each for each in options if _is_given(values[each.field])]
    if foreign := [each.shown for each in given if each.field not in _TAKEN]:
        raise UsageError(
            f"argument {', '.join(foreign)}: makes other jobs of those of cluster {job.cluster}, which -resubmit runs"
            " again as they were",
            remedy="these can change: -mem, -wt, -np, -disk, -prio, -site, -rmt, -normt, -env, -cred, -nocheck",
        )
    only = values["only"]
    return Wanted(
        job=job,
        pool=values["pool"],
        only=parse_procs(only) if only is not None else None,
        failed=values["failed"],
        unknown=values["unknown"],
    )


def changes_of(values: Values) -> Changes:
    """What is different this time.

    Raises:
        UsageError: options contradict each other.
    """
    return Changes(
        memory_mb=values["memory"],
        walltime=values["walltime"],
        cpus=values["cpus"],
        disk_mb=values["disk"],
        priority=values["priority"],
        site=values["site"],
        remote=remote(values),
        variables=tuple(variable(each) for each in values["env"]),
        credentials=values["cred"],
        check_objects=not values["nocheck"],
    )


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != ()
