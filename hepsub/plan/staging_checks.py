"""What is refused of inputs and outputs before anything is submitted. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from hepsub.errors import NotExpressible, OutputConflict, UnknownStorage
from hepsub.plan.location import FilePlace, ObjectPlace, Place
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Template, Values
from hepsub.policy.model import Storage

_TAKEN_APART = re.compile(r"[,\s]|\$\$")


def check_storages(places: Iterable[Place], storages: Mapping[str, Storage]) -> None:
    """Refuse storages whose endpoint is not what the policy allows.

    Raises:
        UnknownStorage: the endpoint is plain http and the policy does not allow it.
    """
    for name in sorted({place.storage for place in places if isinstance(place, ObjectPlace)}):
        storage = storages[name]
        if storage.endpoint.startswith("http://") and not storage.allow_http:
            raise UnknownStorage(
                f"the storage {name} is plain http ({storage.endpoint}): data and signed URLs would"
                " travel in the clear",
                remedy=f"use https, or set allow_http = true in [storage.{name}]",
            )


def check_conflicts(plan: StagingPlan, jobs: Sequence[Values]) -> None:
    """Refuse two jobs that would write the same place, and two inputs of one name, or one within the other.

    Raises:
        OutputConflict: they would.
    """
    files = plan.carried_by(jobs)
    known: set[tuple[str, ...]] = set()
    for values, inputs in zip(jobs, files.inputs, strict=True):
        names = tuple([each.name for each in inputs])
        if names not in known:
            known.add(names)
            _check_twice(names, values.proc)
    writers: dict[Place, int] = {}
    for values, outputs in zip(jobs, files.outputs, strict=True):
        for each in outputs:
            if each.is_pattern:
                continue
            if each.place in writers:
                raise OutputConflict(
                    f"the jobs {writers[each.place]} and {values.proc} would both write {each.place}",
                    remedy="put %{ProcId} into its name",
                )
            writers[each.place] = values.proc


def check_handed_over(plan: StagingPlan, executable: Template, jobs: Sequence[Values]) -> None:
    """Refuse names of sent files that HTCondor takes apart when it is handed the files.

    (Its list of spooled files is divided at both, as tried on 23.9.6, and stands in the job's ad, where $$ is
    expanded as the job starts.)

    Raises:
        NotExpressible: a script or an input has one.
    """
    scripts = executable.fill_all(jobs)
    for path, carried in zip(scripts, plan.carried_by(jobs).inputs, strict=True):
        inputs = [each.name for each in carried if isinstance(each.place, FilePlace)]
        script = PurePosixPath(path).name
        for name in (script, *(name.partition("/")[0] for name in inputs)):
            if _TAKEN_APART.search(name):
                what = "the script" if name == script else "the input"
                raise NotExpressible(
                    f"{what} '{name}' cannot be handed over to the schedd: HTCondor divides names at commas"
                    " and blanks, and expands $$",
                    remedy="give it another name" + ("" if name == script else ": -in PATH=NAME"),
                )


def check_brought_home(plan: StagingPlan, jobs: Sequence[Values]) -> None:
    """Refuse outputs that HTCondor's shadow cannot write where jobs may reach nothing but their own corner.

    Raises:
        NotExpressible: the name of one has a backslash.
    """
    for outputs in plan.carried_by(jobs).outputs:
        for each in outputs:
            if "\\" in each.name and isinstance(each.place, FilePlace):
                raise NotExpressible(
                    f"the output '{each.name}' cannot come home from the remote site: HTCondor brings no name with a"
                    " backslash from there",
                    remedy="choose another name, or put it into a storage",
                )


def _check_twice(names: Sequence[str], proc: int) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise OutputConflict(
                f"two inputs of job {proc} would have the name {name}",
                remedy="give one of them another name: -in URL=NAME",
            )
        seen.add(name)
    for name in names:
        above = next((str(each) for each in PurePosixPath(name).parents if str(each) in seen), None)
        if above is not None:
            raise OutputConflict(
                f"the input {name} of job {proc} would lie in the input {above}",
                remedy="give one of them another name: -in URL=NAME",
            )
