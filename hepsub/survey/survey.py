"""survey: everything the planner needs to know about the world, in one look."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from hepsub.condor.attributes import unreadable
from hepsub.errors import UsageError
from hepsub.job import JobSpec
from hepsub.plan.copies import FileFact
from hepsub.plan.facts import Facts
from hepsub.plan.layout import (
    asked_places,
    check_item_names,
    directories,
    job_values,
    lay_out,
    said_directories,
    written_out,
)
from hepsub.plan.outputs import OutputFacts
from hepsub.plan.place import ObjectPlace
from hepsub.plan.planner import job_count
from hepsub.plan.spelling import settled
from hepsub.plan.staging import ObjectFact, plan_staging
from hepsub.plan.staging_checks import check_storages
from hepsub.plan.template import Values
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.storage.s3 import Store
from hepsub.storage.shelf import Shelf
from hepsub.survey.files import inspect_place, inspect_program
from hepsub.survey.inputs import weigh_inputs
from hepsub.survey.libraries import Libraries, look_at_libraries
from hepsub.survey.lists import Listed, read_list
from hepsub.survey.objects import look_up_inputs, remedy_for, whole_inputs
from hepsub.survey.outputs import look_at_outputs


def survey(
    spec: JobSpec,
    policy: Policy,
    situation: Situation,
    store_of: Callable[[str], Store],
    shelf: Shelf | None = None,
) -> Facts:
    """Look at the files and objects of a submission.

    Args:
        spec: what the user asked for.
        policy: what the site decided; a number of jobs above its limit is not looked at.
        situation: who calls, where from and when.
        store_of: gives a storage with its keys by its name; asked only for what is in S3.
        shelf: where packed libraries are, and, if it may be written, are put; None for no libraries.

    Raises:
        HepsubError: the list cannot be read, inputs are missing, a library cannot be packed, or the number of
            jobs is out of bounds.
    """
    if not situation.cwd.is_dir():
        raise UsageError("the current directory no longer exists", remedy="cd to one that does")
    listed = read_list(spec, policy, situation.cwd, store_of)
    number = job_count(spec, policy, listed.items, listed.ends)
    check_item_names(spec)
    jobs = job_values(number, spec.first, listed.items, listed.ends)
    whole = whole_inputs(spec, policy, situation.cwd, jobs[0], store_of)
    spec = settled(spec, whole)
    places = {path: inspect_place(path) for path in asked_places(spec, situation.cwd)}
    layout = lay_out(spec, situation.cwd, places, number)
    programs = {path: inspect_program(path) for path in written_out(layout.executable, jobs)}
    logs = [str(layout.stdout), str(layout.stderr), layout.event_log]
    places |= {path: inspect_place(path) for path in logs if path}
    needed = directories(layout, jobs, places)
    above = {os.path.dirname(path) for path in said_directories(layout, jobs) & needed}
    found = _look_at_travelling(spec, policy, situation, jobs, listed, store_of)
    packed = Libraries()
    if spec.libraries and shelf is not None:  # last, because it takes longest
        packed = look_at_libraries(spec, policy, situation, store_of, shelf)
    return Facts(
        situation=situation,
        items=listed.items,
        ends=listed.ends,
        programs=programs,
        places=places | {path: inspect_place(path) for path in needed | above},
        image_exists=spec.image is None or os.path.exists(situation.cwd / spec.image),
        objects=found.objects,
        files=found.files,
        outputs=found.outputs,
        whole=whole,
        libraries=packed.libraries,
        library_trouble=packed.trouble,
        unreadable=_unreadable(spec, policy),
    )


def _unreadable(spec: JobSpec, policy: Policy) -> frozenset[str]:
    """What of the policy HTCondor could not read; the embedded pool has no use for it."""
    pool = policy.pool[policy.pool_for(spec.placement.pool)]
    wanted = [site.requirements for site in policy.site.values()]
    wanted += [pool.worker_group] if spec.placement.worker_group else []
    return unreadable(wanted) if wanted and pool.kind != "here" else frozenset()


class _Travelling(Struct, frozen=True, kw_only=True):
    """What was found of inputs and outputs."""

    objects: Mapping[ObjectPlace, ObjectFact] = msgspec.field(default_factory=dict)
    files: Mapping[str, FileFact] = msgspec.field(default_factory=dict)
    outputs: OutputFacts = msgspec.field(default_factory=OutputFacts)


def _look_at_travelling(
    spec: JobSpec,
    policy: Policy,
    situation: Situation,
    jobs: list[Values],
    listed: Listed,
    store_of: Callable[[str], Store],
) -> _Travelling:
    """The inputs and outputs, as far as their places do not depend on the cluster's id."""
    staging = plan_staging(spec, policy, {}, cwd=situation.cwd, root="", shared=True)
    if staging is None:
        return _Travelling()
    outputs = [staging.outputs_of(values) for values in jobs]
    inputs = [each.place for values in jobs for each in staging.inputs_of(values)]
    places = (*inputs, *(each.place for group in outputs for each in group))
    check_storages(places, policy.storage)
    if not spec.check_objects:
        return _Travelling()
    known = [place for place in inputs if "%{ClusterId}" not in str(place)]
    return _Travelling(
        objects=look_up_inputs(known, store_of, listed.objects, remedy_for(spec)),
        files=weigh_inputs(known),
        outputs=look_at_outputs(list(zip(*outputs, strict=True)), store_of),
    )
