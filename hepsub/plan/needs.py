"""What a submission is like, for rules and sites: sizes, types, architectures; from the draft and the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct, field

from hepsub.errors import HepsubError
from hepsub.job import NO_CREDENTIALS
from hepsub.plan.accounting import Walltime
from hepsub.plan.draft import Draft
from hepsub.plan.environment import secret_names
from hepsub.plan.facts import Facts
from hepsub.plan.files import Carried, CarriedFiles
from hepsub.plan.location import FilePlace, ObjectPlace, Place, may_be_object, own_image
from hepsub.plan.remap import Paths, path_map
from hepsub.plan.route import the_program
from hepsub.plan.rules import Profile
from hepsub.plan.template import Values, parse_template

_MB = 2**20


class Need(Struct, frozen=True, kw_only=True):
    """What a submission asks of a site.

    Attributes:
        memory_mb: MB of 2**20 bytes.
        os: operating system; empty for any.
        secrets: what goes along that no other user there may see; empty for nothing.
        takes_credentials: whether those that pool and site want go along, too.
        made_as_needed: whether the schedd makes the jobs as they are needed.
        in_image: whether the jobs run in a container image.
        image: the user's own image, a path here; empty for none.
        on_node: whether a worker node or a group of them was named.
        on_schedd: whether a schedd was named.
        built: for each program and library the architectures that it was built for, in HTCondor's words, and a file
            of each; what runs anywhere is not in it.
        program: what the jobs find by their PATH, as it is here, and have to find there; empty for nothing.
        files: the inputs of each job that are files here, with their bytes.
        outputs: the places of outputs that are paths here.
        archives: bytes of libraries that travel with the jobs.
        disk_mb: the most MB of inputs and outputs of one job, as far as they are known.
        storages: the storages that inputs are in.
        missing: why the files cannot be had at sites, by what paths stand for there.
        left_out: the sites that get no jobs of this user now, and why.
    """

    group: str
    walltime: Walltime
    memory_mb: int = 0
    os: str = ""
    secrets: tuple[str, ...] = ()
    takes_credentials: bool = True
    cpus: int = 1
    number: int = 1
    made_as_needed: bool = False
    in_image: bool = False
    image: str = ""
    image_is_directory: bool = False
    on_node: bool = False
    on_schedd: bool = False
    built: Sequence[Mapping[str, str]] = ()
    program: str = ""
    files: Sequence[Sequence[tuple[str, int]]] = ()
    outputs: frozenset[str] = frozenset()
    archives: int = 0
    disk_mb: float = 0
    storages: frozenset[str] = frozenset()
    missing: Mapping[Paths, HepsubError] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> Iterator[str]:
        """The inputs and outputs that are paths here."""
        yield from self.outputs
        yield from (path for job in self.files for path, _ in job)


def profile_of(made: Draft, facts: Facts, group: str, walltime: Walltime) -> Profile:
    """What rules look at."""
    return Profile(
        program=the_program(made.known_as),
        type=made.spec.type or "",
        recognised=made.reading.type,
        group=group,
        walltime=walltime.limit,
        input_mb=input_mb(made, facts),
        output_mb=_output_mb(made, facts),
    )


def need_of(
    made: Draft, facts: Facts, *, group: str, walltime: Walltime, memory_mb: int, os: str
) -> Need:
    """What the submission asks of a site."""
    spec, policy = made.spec, made.policy
    placement = spec.placement
    carried = made.carried or CarriedFiles(inputs=(), outputs=())
    return Need(
        group=group,
        walltime=walltime,
        memory_mb=memory_mb,
        os=os,
        secrets=_secrets(made, facts),
        takes_credentials=NO_CREDENTIALS not in spec.credentials,
        cpus=spec.resources.cpus or policy.defaults.cpus,
        number=made.number,
        made_as_needed=made.number > policy.limits.factory_above,
        in_image=bool(spec.image or spec.os or policy.defaults.os),
        image=own_image(spec.image or "", made.situation.cwd),
        image_is_directory=facts.image_is_directory,
        on_node=bool(placement.worker_node or placement.worker_group),
        on_schedd=placement.schedd is not None,
        built=tuple(_built(facts)),
        program=made.found,
        files=[
            [(p.path, _size(p, facts) or 0) for p in _places(row) if isinstance(p, FilePlace)]
            for row in carried.inputs
        ],
        outputs=frozenset(
            each.path
            for row in carried.outputs
            for each in _places(row)
            if isinstance(each, FilePlace)
        ),
        archives=sum(each.size for each in facts.libraries if each.place is None),
        # What is not known counts for nothing: a site refuses only what is known to be too large for it.
        disk_mb=(input_mb(made, facts) or 0) + (_output_mb(made, facts) or 0),
        storages=frozenset(
            each.storage
            for row in carried.inputs
            for each in _places(row)
            if isinstance(each, ObjectPlace)
        ),
        missing={
            paths: trouble
            for paths in {path_map(site) for site in policy.site.values()}
            if (trouble := made.unusable.get(paths) or facts.trouble_at(paths)) is not None
        },
        left_out=facts.left_out,
    )


def _secrets(made: Draft, facts: Facts) -> tuple[str, ...]:
    """What goes to the worker node and nobody but the job may see there."""
    spec, policy = made.spec, made.policy
    urls = (text for each in (*spec.inputs, *spec.outputs) for text in _filled(each.url, made.jobs))
    signed = any(may_be_object(url, policy.storage) for url in urls) or any(
        each.place for each in facts.libraries
    )
    credentials = any(word != NO_CREDENTIALS for word in spec.credentials)
    variables = secret_names(spec.environment, made.situation.environment)
    return (
        *(["signed URLs"] if signed else []),
        *(["credentials"] if credentials else []),
        *(["secret variables"] if variables else []),
    )


def _filled(url: str, jobs: Sequence[Values]) -> Iterable[str]:
    """What a URL is; that of each item where it begins with one."""
    # Whether it is an object its beginning tells, which is the same for all jobs otherwise.
    template = parse_template(url)
    if not template.begins_with_item:
        return (url,)
    if template.is_list:
        return (text for values in jobs for text in template.listed(values))
    return template.fill_all(jobs)


def _built(facts: Facts) -> Iterator[Mapping[str, str]]:
    """What was built for an architecture: of the programs the first for each."""
    # Each program is needed by some job, so each architecture counts; a library may have files for several.
    programs: dict[str, str] = {}
    for path, program in facts.programs.items():
        if program.machine:
            programs.setdefault(program.machine, PurePosixPath(path).name)
    yield from ({machine: name} for machine, name in programs.items())
    yield from (each.machines for each in facts.libraries if each.machines)


def _places(row: Iterable[Carried]) -> Iterator[Place]:
    return (each.place for each in row)


def _output_mb(made: Draft, facts: Facts) -> float | None:
    """The most MB of outputs of one job: by its user's word, else by experience; None for not known."""
    return made.spec.output_mb if made.spec.output_mb is not None else facts.output_mb


def input_mb(made: Draft, facts: Facts) -> float | None:
    """The most MB of inputs of one job, as they are here, else at a site; None where one of them is not known."""
    if made.carried is None:
        return 0.0
    if (here := _largest_input(made.carried, facts)) is not None:
        return here
    # A rule about sizes shall fit a job whose files are only objects at a site, too.
    there = (
        _largest_input(carried, facts.at(paths))
        for paths, carried in made.elsewhere.items()
        if facts.trouble_at(paths) is None
    )
    return max((each for each in there if each is not None), default=None)


def _largest_input(carried: CarriedFiles, facts: Facts) -> float | None:
    most = 0
    for row in carried.inputs:
        sizes = [_size(place, facts) for place in _places(row)]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            return None
        most = max(most, sum(known))
    return most / _MB


def _size(place: Place, facts: Facts) -> int | None:
    if isinstance(place, ObjectPlace):
        known = facts.objects.get(place)
        return known.size if known is not None else None
    found = facts.files.get(place.path)
    return found.size if found is not None else None
