"""What `#SBATCH` lines ask for, in hepsub's words: the fields that its options fill, else words for sbatch. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePath
from typing import Final, TypeVar

from msgspec.structs import replace

from hepsub.job import EnvironmentRequest, HTCondorRequest, JobSpec, Resources, SlurmRequest
from hepsub.policy.model import Pool
from hepsub.situation import Situation
from hepsub.slurm import amounts
from hepsub.slurm.directives import Directive
from hepsub.slurm.honoured import INSTEAD, OTHERWISE, TO_SLURM, Honoured, honoured

_GPUS = ("gpus", "gpus-per-node", "gpus-per-task")
_SYMBOL: Final = re.compile(r"%(?:\{|(\d*)([A-Za-z%]))")
"""What sbatch fills in names of logs, or the beginning of what hepsub does."""
T = TypeVar("T")


def asked(
    spec: JobSpec,
    found: Iterable[Directive],
    pool: Pool,
    situation: Situation,
    *,
    name: str,
    decided: bool,
) -> JobSpec:
    """What is asked for with a script's lines: what the command line says, and what only they say.

    Args:
        spec: what the command line says.
        found: all that the lines say, in their order.
        pool: what the policy says of the pool that the jobs go to.
        name: that pool's.
        situation: who calls, where from and when.
        decided: whether the lines decided where the jobs go.

    Raises:
        NotOnSlurm: an option of the lines cannot be honoured.
    """
    counted = honoured(found, spec, pool)
    resources = _resources(spec.resources, counted)
    spec = _numbered(spec, counted)
    spec = replace(spec, name=spec.name or _text("job-name", counted))
    priority = _read("nice", counted, amounts.priority)
    node = _read("nodelist", counted, amounts.one_node)
    placement = spec.placement
    return replace(
        _logged(spec, counted, situation),
        resources=resources,
        priority=spec.priority if priority is None else priority,
        placement=replace(placement, pool=name, worker_node=placement.worker_node or node),
        environment=_environment(spec.environment, counted, situation),
        slurm=SlurmRequest(
            script=spec.script,
            counted=tuple(each.word for each in counted.said.values()),
            beaten=counted.beaten,
            words=_words(counted, situation),
            decided=decided,
        ),
    )


def _read(name: str, counted: Honoured, read: Callable[[str], T]) -> T | None:
    """The value of an option, read; None where it does not count.

    Raises:
        NotOnSlurm: it cannot be read, or not be honoured.
    """
    found = counted.said.get(name)
    if found is None:
        return None
    try:
        return read(found.value)
    except ValueError as error:
        raise found.refused(str(error), INSTEAD.get(name, OTHERWISE)) from error


def _text(name: str, counted: Honoured) -> str | None:
    """The value of an option as it stands there; None where it does not count."""
    return _read(name, counted, str)


def _resources(had: Resources, counted: Honoured) -> Resources:
    """What one job needs."""
    memory = _read("mem", counted, amounts.megabytes)
    gpus = [_read(name, counted, amounts.gpus) for name in _GPUS]
    gpus.append(_read("gres", counted, amounts.gpus_of_gres))
    limit = _read("time", counted, amounts.seconds)
    return replace(
        had,
        cpus=had.cpus or _read("cpus-per-task", counted, amounts.positive),
        memory_mb=had.memory_mb or memory or None,
        # Several lines may say the same number of GPUs in other words: it is no sum.
        gpus=had.gpus if had.gpus is not None else max(each or 0 for each in gpus) or None,
        disk_mb=had.disk_mb or _read("tmp", counted, amounts.megabytes) or None,
        walltime=had.walltime or (f"{limit}s" if limit is not None else None),
    )


def _numbered(spec: JobSpec, counted: Honoured) -> JobSpec:
    """With as many jobs as the array has; the Index of the first one is the array's first."""
    found = _read("array", counted, amounts.array)
    if found is None:
        return spec
    first, number, most = found
    asks = spec.htcondor or HTCondorRequest()
    if most is not None and asks.max_run is None:
        asks = replace(asks, max_run=most)
    return replace(
        spec,
        number=number,
        first=spec.first or first,
        htcondor=asks if asks != HTCondorRequest() else None,
    )


def _logged(spec: JobSpec, counted: Honoured, situation: Situation) -> JobSpec:
    """With the logs' places; a line that names one log alone means both, as for sbatch."""
    directory = _text("chdir", counted)
    named = partial(
        _log_name,
        name=spec.name or PurePath(spec.script).name,
        user=situation.user,
        number=None if spec.list_file is not None else spec.number or 1,
        index="%{Index}" if spec.first else "%{ProcId}",
    )

    def place(pattern: str) -> str:
        return os.path.join(directory, named(pattern)) if directory else named(pattern)

    out = _read("output", counted, place)
    err = _read("error", counted, place)
    # sbatch writes both into the file of -o where there is no -e.
    beside = out if spec.stderr is None and "error" not in counted.said else None
    return replace(
        spec,
        stdout=spec.stdout if out is None else out,
        stderr=err or spec.stderr or beside,
    )


def _log_name(pattern: str, *, name: str, user: str, number: int | None, index: str) -> str:
    """The text after -o or -e that stands for a name as sbatch(1) fills it in.

    Args:
        pattern: the name in the script.
        name: the job's name.
        user: the login name.
        number: how many jobs there are; None for a list that tells.
        index: what stands for the index in the array.

    Raises:
        ValueError: what hepsub does not know before the job runs; the symbol.
    """
    if "\\" in pattern:  # then sbatch fills in nothing
        return pattern.replace("\\", "")
    job = "%{ClusterId}" if number == 1 else f"%{{ClusterId}}_{index}"
    known = {"A": "%{ClusterId}", "a": index, "j": job, "x": name, "u": user, "%": "%"}
    known |= {"n": "0", "t": "0"}  # there is one node, and one task

    def filled(found: re.Match[str]) -> str:
        digits, letter = found[1], found[2]
        if letter is None:
            return found[0]
        word = known.get(letter)
        if word is None or (digits and letter != "%"):
            raise ValueError(
                f"hepsub cannot fill in {found[0]}: it does not know it before the job runs"
            )
        return word

    return _SYMBOL.sub(filled, pattern)


def _environment(
    had: EnvironmentRequest, counted: Honoured, situation: Situation
) -> EnvironmentRequest:
    """With what --export says; a variable that -env names has that value, and one that is not set is none."""
    found = _read("export", counted, amounts.variables)
    if found is None:
        return had
    inherit, named = found
    said = {name for name, _ in had.named}
    own = tuple(
        (name, value)
        for name, value in named
        if name not in said and (value is not None or name in situation.environment)
    )
    return replace(had, inherit=had.inherit and inherit, named=(*own, *had.named))


def _words(counted: Honoured, situation: Situation) -> Mapping[str, str | None]:
    """What sbatch is told in place of hepsub's own words."""
    words: dict[str, str | None] = {
        name: each.value for name, each in counted.said.items() if name in TO_SLURM
    }
    if (gpus := _text("gpus", counted)) is not None and not gpus.isdecimal():
        words["gpus"] = gpus
    elif gpus is None and (amounts.gpus_of_gres(words.get("gres") or "") or words.keys() & _GPUS):
        words["gpus"] = None
    if (memory := _text("mem", counted)) is not None and not amounts.megabytes(memory):
        words["mem"] = "0"
    if (directory := _text("chdir", counted)) is not None:
        words["chdir"] = str(situation.cwd / directory)
    return words
