"""Which options of `#SBATCH` lines count: those that no option of hep_sub beats; others are refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from hepsub.job import JobSpec
from hepsub.policy.model import Pool
from hepsub.slurm.directives import Directive

TO_SLURM: Final = frozenset({
    "account", "acctg-freq", "bb", "bbf", "begin", "constraint", "contiguous", "core-spec", "cpu-freq", "cpus-per-gpu",
    "deadline", "delay-boot", "distribution", "exclude", "exclusive", "extra", "gpu-bind", "gpu-freq", "gpus-per-node",
    "gpus-per-task", "gres", "gres-flags", "hint", "input", "licenses", "mail-type", "mail-user", "mcs-label",
    "mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus", "network", "no-kill", "ntasks-per-core", "ntasks-per-socket",
    "oom-kill-step", "open-mode", "overcommit", "oversubscribe", "partition", "power", "prefer", "profile",
    "propagate", "qos", "reboot", "reservation", "resv-ports", "segment", "spread-job", "stepmgr", "switches",
    "thread-spec", "time-min", "tres-bind", "use-min-nodes", "wckey",
})  # fmt: skip
"""What hepsub has no word for, and Slurm does alike for each job."""
FIELDS: Final = frozenset({
    "array", "chdir", "cpus-per-task", "error", "export", "gpus", "job-name", "mem", "nice", "nodelist", "output",
    "time", "tmp",
})  # fmt: skip
"""What fields of hepsub's hold."""
ONE: Final = frozenset({
    "nodes", "ntasks", "ntasks-per-node", "tasks-per-node", "threads-per-core",
})  # fmt: skip
"""What may be said as long as it is 1: hepsub starts one program on one node."""
NOTHING: Final = frozenset({"ignore-pbs", "parsable", "quiet", "requeue", "verbose"})
"""About sbatch's own talk, or true anyway."""
INSTEAD: Final[Mapping[str, str]] = {
    "clusters": "describe that cluster as a pool of the policy, and name it with -p",
    "comment": "remove the line: hepsub's own mark stands there, by which it finds the jobs",
    "container": "-image or -os run the job in an image",
    "dependency": "hep_wait 13 && hep_sub … submits when others have ended well",
    "export-file": "-env NAME=VALUE sets a variable",
    "get-user-env": "remove the line: the jobs have the variables of this shell",
    "hold": "remove the line; hep_hold CLUSTER puts the jobs on hold",
    "no-requeue": "remove the line: hep_hold needs jobs that may start again",
    "nodefile": "-wn NODE names one node",
    "priority": "-prio -5, or --nice=5, lets the jobs wait for others of yours",
    "signal": "remove the line: hepsub's own shell is the batch script, and would get it; the program gets TERM"
    " at the end of its time",
    "test-only": "hep_sub -dry-run shows what would be submitted",
    "wait": "hep_sub -wait waits for the jobs",
}
OTHERWISE: Final = "remove the line, or submit the script with sbatch itself"
_MANY: Final = (
    "for several cores write --cpus-per-task=N, or -np N; a program of several tasks or nodes (MPI) goes by sbatch"
    " itself"
)


def _is_said(field: str) -> Callable[[JobSpec], bool]:
    """Whether the user has said a field of the spec, or of what is in it."""
    above, _, name = field.rpartition(".")
    return lambda spec: getattr(getattr(spec, above) if above else spec, name) is not None


_BEATEN_BY: Final[Mapping[str, tuple[tuple[str, Callable[[JobSpec], bool]], ...]]] = {
    "array": (("-n", _is_said("number")), ("-list", _is_said("list_file"))),
    "cpus-per-gpu": (("-np", _is_said("resources.cpus")),),
    "cpus-per-task": (("-np", _is_said("resources.cpus")),),
    "error": (("-e", _is_said("stderr")), ("-dir", _is_said("directory"))),
    "gpus": (("-gpu", _is_said("resources.gpus")),),
    "gpus-per-node": (("-gpu", _is_said("resources.gpus")),),
    "gpus-per-task": (("-gpu", _is_said("resources.gpus")),),
    "job-name": (("-name", _is_said("name")),),
    "mail-type": (("-notify", lambda spec: bool(spec.htcondor and spec.htcondor.notification)),),
    "mem": (("-mem", _is_said("resources.memory_mb")),),
    "mem-per-cpu": (("-mem", _is_said("resources.memory_mb")),),
    "mem-per-gpu": (("-mem", _is_said("resources.memory_mb")),),
    "nice": (("-prio", _is_said("priority")),),
    "nodelist": (("-wn", _is_said("placement.worker_node")),),
    "output": (("-o", _is_said("stdout")), ("-dir", _is_said("directory"))),
    "time": (("-wt", _is_said("resources.walltime")),),
    "time-min": (("-wt", _is_said("resources.walltime")),),
    "tmp": (("-disk", _is_said("resources.disk_mb")),),
}
"""The options of hep_sub that say the same: one on the command line counts more."""


class Honoured(Struct, frozen=True, kw_only=True):
    """The options of a script's lines.

    Attributes:
        said: those that count, by their names: the last one of each.
        beaten: those that an option of the command line beats: both, for people.
    """

    said: Mapping[str, Directive]
    beaten: tuple[str, ...]


def honoured(found: Iterable[Directive], spec: JobSpec, pool: Pool) -> Honoured:
    """Which of the options count.

    Args:
        found: all that the lines say, in their order.
        spec: what the command line says.
        pool: what the policy says of the pool that the jobs go to.

    Raises:
        NotOnSlurm: one cannot be honoured.
    """
    said: dict[str, Directive] = {}
    beaten: dict[str, str] = {}
    for each in found:
        _check(each)
        if each.option in TO_SLURM | FIELDS:
            said.pop(each.option, None)
            said[each.option] = each
    for name, each in list(said.items()):
        if option := _beaten_by(name, spec, pool):
            beaten[name] = f"{option} instead of {each.word} (line {each.line})"
            del said[name]
    if (gres := said.get("gres")) is not None and spec.resources.gpus is not None:
        others = [each for each in gres.value.split(",") if not is_gpu(each)]
        if len(others) < len(gres.value.split(",")):
            beaten["gres"] = f"-gpu instead of {gres.word} (line {gres.line})"
            del said["gres"]
        if others and "gres" in beaten:
            said["gres"] = replace(gres, value=",".join(others))
    return Honoured(said=said, beaten=tuple(beaten.values()))


def is_gpu(gres: str) -> bool:
    """Whether an entry of --gres is about GPUs."""
    return re.split("[:=]", gres.removeprefix("gres/"))[0] == "gpu"


def _beaten_by(name: str, spec: JobSpec, pool: Pool) -> str:
    """The option on the command line that says the same; empty for none."""
    if name == "account" and spec.group is not None and "{group}" in pool.account:
        return "-g"
    rules = _BEATEN_BY.get(name, ())
    return next((option for option, is_said in rules if is_said(spec)), "")


def _check(each: Directive) -> None:
    """Refuse what hepsub cannot honour.

    Raises:
        NotOnSlurm: it cannot.
    """
    if each.option in ONE and each.value not in ("1", "1-1"):
        raise each.refused("hepsub starts one program on one node", _MANY)
    if each.option not in TO_SLURM | FIELDS | ONE | NOTHING:
        raise each.refused("hepsub cannot do that", INSTEAD.get(each.option, OTHERWISE))
