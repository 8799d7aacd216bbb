"""What is refused of inputs and outputs before anything is submitted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from hepsub.errors import OutputConflict, UnknownStorage
from hepsub.plan.place import ObjectPlace, Place
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Values
from hepsub.policy.model import Storage


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


def check_conflicts(plan: StagingPlan, jobs: Iterable[Values]) -> None:
    """Refuse two jobs that would write the same place, and two inputs of one name, or one within the other.

    Raises:
        OutputConflict: they would.
    """
    writers: dict[Place, int] = {}
    for values in jobs:
        _check_twice([each.name for each in plan.inputs_of(values)], values.proc)
        for each in plan.outputs_of(values):
            if each.is_pattern:
                continue
            if each.place in writers:
                raise OutputConflict(
                    f"the jobs {writers[each.place]} and {values.proc} would both write {each.place}",
                    remedy="put %{ProcId} into its name",
                )
            writers[each.place] = values.proc


def _check_twice(names: list[str], proc: int) -> None:
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
