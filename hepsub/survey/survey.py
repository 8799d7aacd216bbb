"""survey: everything the planner needs to know about the world, in one look."""

from __future__ import annotations

import os
from collections.abc import Callable

from hepsub.condor.expressions import unreadable
from hepsub.errors import UsageError
from hepsub.job import JobSpec
from hepsub.plan.facts import Facts
from hepsub.plan.layout import (
    asked_places,
    check_item_names,
    directories,
    job_values,
    lay_out,
    written_out,
)
from hepsub.plan.place import ObjectPlace
from hepsub.plan.planner import job_count
from hepsub.plan.staging import ObjectFact, plan_staging
from hepsub.plan.staging_checks import check_storages
from hepsub.plan.template import Values
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.storage.s3 import Store
from hepsub.storage.shelf import Shelf
from hepsub.survey.files import inspect_place, inspect_program
from hepsub.survey.libraries import Libraries, look_at_libraries
from hepsub.survey.lists import Listed, read_list
from hepsub.survey.objects import look_up_inputs


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
    places = {path: inspect_place(path) for path in asked_places(spec, situation.cwd)}
    layout = lay_out(spec, situation.cwd, places)
    programs = {path: inspect_program(path) for path in written_out(layout.executable, jobs)}
    logs = [str(layout.stdout), str(layout.stderr), layout.event_log]
    places |= {path: inspect_place(path) for path in logs if path}
    needed = directories(layout, jobs, places)
    objects = _objects(spec, policy, situation, jobs, listed, store_of)
    packed = Libraries()
    if spec.libraries and shelf is not None:  # last, because it takes longest
        packed = look_at_libraries(spec, policy, situation, store_of, shelf)
    return Facts(
        situation=situation,
        items=listed.items,
        ends=listed.ends,
        programs=programs,
        places=places | {path: inspect_place(path) for path in needed},
        image_exists=spec.image is None or os.path.exists(situation.cwd / spec.image),
        objects=objects,
        libraries=packed.libraries,
        library_trouble=packed.trouble,
        unreadable=_unreadable(spec, policy),
    )


def _unreadable(spec: JobSpec, policy: Policy) -> frozenset[str]:
    """What of the policy HTCondor could not read; the embedded pool has no use for it."""
    pool = policy.pool[policy.pool_named(spec.placement.pool or policy.default_pool())]
    wanted = [site.requirements for site in policy.site.values()]
    wanted += [pool.worker_group] if spec.placement.worker_group else []
    return unreadable(wanted) if wanted and pool.kind != "here" else frozenset()


def _objects(
    spec: JobSpec,
    policy: Policy,
    situation: Situation,
    jobs: list[Values],
    listed: Listed,
    store_of: Callable[[str], Store],
) -> dict[ObjectPlace, ObjectFact]:
    """The inputs, as far as their places do not depend on the cluster's id."""
    staging = plan_staging(spec, policy, {}, cwd=situation.cwd, root="", shared=True)
    if staging is None:
        return {}
    outputs = [each.place for values in jobs for each in staging.outputs_of(values)]
    inputs = [each.place for values in jobs for each in staging.inputs_of(values)]
    check_storages([*inputs, *outputs], policy.storage)
    known = [place for place in inputs if "%{ClusterId}" not in str(place)]
    return look_up_inputs(known, store_of, listed.objects) if spec.check_objects else {}
