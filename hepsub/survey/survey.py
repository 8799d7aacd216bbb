"""survey: everything the planner needs to know about the world, in two looks."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.errors import HepsubError, UsageError
from hepsub.job import JobSpec
from hepsub.plan.draft import Draft, Reading, check_words
from hepsub.plan.facts import Facts, FileFacts
from hepsub.plan.items import values_of
from hepsub.plan.layout import asked_places
from hepsub.plan.model import delivery_for
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.survey.files import inspect_place, inspect_program

if TYPE_CHECKING:
    from hepsub.libraries.cache import ArchiveCache
    from hepsub.plan.files import CarriedFiles
    from hepsub.plan.remap import Paths
    from hepsub.storage.store import Store


def read(
    spec: JobSpec, policy: Policy, situation: Situation, store_of: Callable[[str], Store]
) -> Reading:
    """Look at what the words of a submission depend on: the list, and what the paths of its logs are.

    Args:
        spec: what the user asked for.
        policy: what the site decided; a number of jobs above its limit is not looked at.
        situation: who calls, where from and when.
        store_of: gives a storage with its keys by its name; asked only for what is in S3.

    Raises:
        HepsubError: the list cannot be read, or the words cannot mean anything.
    """
    if not situation.cwd.is_dir():
        raise UsageError("the current directory no longer exists", remedy="cd to one that does")
    found = Reading()
    if spec.list_file is not None:
        from hepsub.survey.lists import read_list

        found = read_list(spec, policy, situation.cwd, store_of)
    check_words(spec, policy, found.items, found.ends)
    whole: frozenset[str] = frozenset()
    if spec.check_objects and any(each.whole for each in spec.inputs):
        from hepsub.survey.objects import whole_inputs

        first = values_of(0, spec.first, found.items, found.ends)
        whole = whole_inputs(spec, policy, situation.cwd, first, store_of)
    places = {path: inspect_place(path) for path in asked_places(spec, situation.cwd)}
    return replace(found, whole=whole, places=places)


def survey(
    made: Draft, store_of: Callable[[str], Store], archives: ArchiveCache | None = None
) -> Facts:
    """Look at the files and objects of a submission.

    Args:
        made: its jobs, and the places that matter to them.
        store_of: gives a storage with its keys by its name; asked only for what is in S3.
        archives: where packed libraries are, and, if it may be written, are put; None for no libraries.

    Raises:
        HepsubError: inputs are missing, or a library cannot be packed.
    """
    spec, situation = made.spec, made.situation
    programs = {path: inspect_program(path) for path in made.programs}
    places = {**made.reading.places, **{path: inspect_place(path) for path in made.logs}}
    needed = made.needed_directories(places)
    above = {os.path.dirname(path) for path in made.said_directories & needed}
    facts = Facts(
        programs=programs,
        places=places | {path: inspect_place(path) for path in needed | above},
        image_exists=spec.image is None or os.path.exists(situation.cwd / spec.image),
        unreadable=_unreadable(spec, made.policy),
    )
    if made.carried is not None and spec.check_objects:
        facts = _with_files(facts, made, store_of)
    if spec.libraries and archives is not None:  # last, because it takes longest
        from hepsub.survey.libraries import look_at_libraries

        packed = look_at_libraries(spec, made.policy, situation, store_of, archives)
        facts = replace(facts, libraries=packed.libraries, library_trouble=packed.trouble)
    return facts


def _with_files(facts: Facts, made: Draft, store_of: Callable[[str], Store]) -> Facts:
    """With what is known of inputs and outputs, here and at sites where paths among them are objects.

    A submission that goes to a site is not held to what is true here: its files may be there alone.
    """
    assert made.carried is not None  # noqa: S101 (the caller looks)
    elsewhere: dict[Paths, FileFacts | HepsubError] = {}
    for paths, carried in made.elsewhere.items():
        try:
            elsewhere[paths] = _look_at(carried, made, store_of)
        except HepsubError as error:
            elsewhere[paths] = error
    try:
        found = _look_at(made.carried, made, store_of)
    except HepsubError as error:
        if not elsewhere:
            raise
        return replace(facts, elsewhere={**elsewhere, (): error})
    return replace(
        facts,
        elsewhere=elsewhere,
        objects=found.objects,
        files=found.files,
        outputs=found.outputs,
    )


def _look_at(carried: CarriedFiles, made: Draft, store_of: Callable[[str], Store]) -> FileFacts:
    """What is known of inputs and outputs, as far as their places do not depend on the cluster's id."""
    from hepsub.survey.inputs import weigh_inputs
    from hepsub.survey.objects import look_up_inputs, remedy_for
    from hepsub.survey.outputs import look_at_outputs

    inputs = [each.place for row in carried.inputs for each in row]
    known = [place for place in inputs if "%{ClusterId}" not in str(place)]
    return FileFacts(
        objects=look_up_inputs(known, store_of, made.reading.objects, remedy_for(made.spec)),
        files=weigh_inputs(known),
        outputs=look_at_outputs(list(zip(*carried.outputs, strict=True)), store_of),
    )


def _unreadable(spec: JobSpec, policy: Policy) -> frozenset[str]:
    """What of the policy HTCondor could not read; the embedded pool has no use for it."""
    pool = policy.pool[policy.pool_for(spec.placement.pool)]
    said = [(site.requirements, site.rank) for site in policy.site.values()]
    wanted = [each for both in said for each in both if each]
    wanted += [pool.worker_group] if spec.placement.worker_group else []
    if not wanted or delivery_for(pool).on_this_machine:
        return frozenset()
    from hepsub.condor.attributes import unreadable

    return unreadable(wanted)
