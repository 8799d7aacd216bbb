"""What a submission is like, for rules and sites: sizes, types, architectures; from the draft and the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hepsub.job import NO_CREDENTIALS
from hepsub.plan.accounting import Walltime
from hepsub.plan.draft import Draft
from hepsub.plan.facts import Facts
from hepsub.plan.files import Carried, CarriedFiles
from hepsub.plan.location import FilePlace, ObjectPlace, Place
from hepsub.plan.rules import Profile
from hepsub.plan.sites import Need

_MB = 2**20


def profile_of(made: Draft, facts: Facts, group: str, walltime: Walltime) -> Profile:
    """What rules look at."""
    spec = made.spec
    return Profile(
        type=(spec.type or "").casefold(),
        group=group,
        walltime=walltime.limit,
        input_mb=_largest_input(made, facts),
        output_mb=spec.output_mb,
    )


def need_of(made: Draft, facts: Facts, group: str, walltime: Walltime) -> Need:
    """What the submission asks of a site, as far as it does not come from options and defaults."""
    spec, policy = made.spec, made.policy
    placement = spec.placement
    carried = made.carried or CarriedFiles(inputs=(), outputs=())
    return Need(
        group=group,
        walltime=walltime,
        takes_credentials=NO_CREDENTIALS not in spec.credentials,
        cpus=spec.resources.cpus or policy.defaults.cpus,
        number=made.number,
        made_as_needed=made.number > policy.limits.factory_above,
        in_image=bool(spec.image or spec.os or policy.defaults.os),
        on_node=bool(placement.worker_node or placement.worker_group),
        machines=frozenset(each.machine for each in facts.programs.values() if each.machine),
        files=[
            [(p.path, _file_size(p, facts)) for p in _places(row) if isinstance(p, FilePlace)]
            for row in carried.inputs
        ],
        outputs=frozenset(
            each.path
            for row in carried.outputs
            for each in _places(row)
            if isinstance(each, FilePlace)
        ),
        archives=sum(each.size for each in facts.libraries if each.place is None),
        disk_mb=(_largest_input(made, facts) or 0) + (spec.output_mb or 0),
        storages=frozenset(
            each.storage
            for row in carried.inputs
            for each in _places(row)
            if isinstance(each, ObjectPlace)
        ),
    )


def _places(row: Iterable[Carried]) -> Iterator[Place]:
    return (each.place for each in row)


def _file_size(place: FilePlace, facts: Facts) -> int:
    found = facts.files.get(place.path)
    return found.size if found is not None else 0


def _largest_input(made: Draft, facts: Facts) -> float | None:
    """The most MB of inputs of one job; None where one of them is not known."""
    if made.carried is None:
        return 0.0
    most = 0
    for row in made.carried.inputs:
        sizes = [_size(place, facts) for place in _places(row)]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            return None
        most = max(most, sum(known))
    return most / _MB


def _size(place: Place, facts: Facts) -> int | None:
    if isinstance(place, ObjectPlace):
        seen = facts.objects.get(place)
        return seen.size if seen is not None else None
    found = facts.files.get(place.path)
    return found.size if found is not None else None
