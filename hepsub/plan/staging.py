"""How the files of each job travel: what is fetched, linked, sent, uploaded, moved or brought home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from hepsub.errors import UsageError
from hepsub.job import FileRequest, JobSpec
from hepsub.plan.credentials import JobCredential
from hepsub.plan.item_names import item_names
from hepsub.plan.job_names import check_name, is_pattern
from hepsub.plan.libraries import Library
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.place import FilePlace, ObjectPlace, Place, find_place
from hepsub.plan.template import Name, Template, Values, parse_template
from hepsub.policy.model import Policy, Storage

_MB = 2**20
ENVIRONMENT_FILE = "hepsub.environment"
"""The file from which a job gets the variables that hold secrets."""
ITEMS_FILE = "items.txt"
"""The file in which a job finds its items, one a line."""


class FileRule(Struct, frozen=True, kw_only=True):
    """A file of every job: its name there, and where it is elsewhere, as templates."""

    name: Template
    url: Template
    optional: bool = False

    def with_uuid(self, uuid: str) -> FileRule:
        """The rule of one submission, whose UUID is no name any more."""
        return replace(self, name=self.name.with_uuid(uuid), url=self.url.with_uuid(uuid))


class Carried(Struct, frozen=True, kw_only=True):
    """A file of one job.

    Attributes:
        name: its name in the job's directory; for outputs perhaps a shell pattern.
        place: where it is, or has to go.
        optional: whether it may be missing.
    """

    name: str
    place: Place
    optional: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether the name is a shell pattern."""
        return is_pattern(self.name)


class Seal(Struct, frozen=True, kw_only=True):
    """What was sent, by its SHA-256 in hex: a job runs nothing before it has compared.

    Attributes:
        wrapper: of wrapper.sh.
        sets: of the list of hashes of each set of files that are sent; one set for all jobs, or several.
        set_of: which set each job gets; empty for the only one.
    """

    wrapper: str
    sets: tuple[str, ...]
    set_of: tuple[int, ...] = ()


class StagingPlan(Struct, frozen=True, kw_only=True):
    """How the files of all jobs of a submission travel.

    Attributes:
        inputs: what each job gets.
        outputs: what each job leaves behind.
        storages: the storages of the policy.
        objects: what is known of the inputs in S3; empty when they were not looked for.
        shared: whether this host's file system is where the jobs run.
        chirp: whether jobs may ask the submit side for newer manifests while they run.
        cwd: what relative paths begin at.
        bundle_root: the directory of the bundles, absolute.
        grace: how long before the end of the walltime the program is ended, in seconds.
        home_limit: bytes of outputs that come home when the store is away.
        put_limit: bytes that S3 takes in one piece.
        copy_limit: bytes of inputs on a shared file system that a job gets as copies; 0 for links to the originals.
        credentials: the tickets and tokens that go along.
        in_place: whether the program runs where hep_sub was called (or, far away, in HTCondor's
            directory) rather than in one of its own: it has neither inputs nor outputs.
        libraries: what is unpacked before the program starts.
        confined: whether jobs, and the sites they run at, may reach nothing on the submit side but their own
            corner of the bundle: HTCondor's shadow lets them in, and the user's file system is not theirs.
        isolation: how the sites keep the directories of users apart, as the policy says; empty for not at all.
        secrets: the names of the variables that hold secrets.
        seal: what jobs check before they use what was sent; None while it is not known.
    """

    inputs: tuple[FileRule, ...]
    outputs: tuple[FileRule, ...]
    storages: Mapping[str, Storage]
    objects: Mapping[ObjectPlace, ObjectInfo]
    shared: bool
    chirp: bool
    cwd: str
    bundle_root: str
    grace: int
    home_limit: int
    put_limit: int
    copy_limit: int = 0
    credentials: tuple[JobCredential, ...] = ()
    in_place: bool = False
    libraries: tuple[Library, ...] = ()
    confined: bool = False
    isolation: str = ""
    secrets: tuple[str, ...] = ()
    seal: Seal | None = None

    @property
    def is_refreshed(self) -> bool:
        """Whether what travels is kept fresh while the jobs run, and not only while they wait."""
        return self.shared or self.chirp

    @property
    def brings_all(self) -> bool:
        """Whether all that a job leaves new comes home: far away, where no outputs were named."""
        return self.in_place and not self.shared

    @property
    def workdir(self) -> str:
        """Where the program runs instead of in the scratch directory; empty for there."""
        return self.cwd if self.in_place and self.shared else ""

    @property
    def authorities(self) -> Mapping[str, str]:
        """The certificates of storages' own authorities: the name in the job's directory → the file of the policy."""
        return {
            authority_file(name): each.ca_file
            for name, each in self.storages.items()
            if each.ca_file
        }

    @property
    def needs_cluster(self) -> bool:
        """Whether a place is named after the cluster, whose id is known only after the submission."""
        rules = (*self.inputs, *self.outputs)
        return any(Name.CLUSTER in (rule.name.names() | rule.url.names()) for rule in rules)

    def with_uuid(self, uuid: str) -> StagingPlan:
        """The staging of one submission, whose UUID is no name any more."""
        return replace(
            self,
            inputs=tuple(each.with_uuid(uuid) for each in self.inputs),
            outputs=tuple(each.with_uuid(uuid) for each in self.outputs),
        )

    def inputs_of(self, values: Values) -> tuple[Carried, ...]:
        """The inputs of one job.

        Raises:
            UnknownStorage, UsageError: a URL is none that hepsub understands.
        """
        return tuple(one for rule in self.inputs for one in _inputs(rule, values, self))

    def outputs_of(self, values: Values) -> tuple[Carried, ...]:
        """The outputs of one job.

        Raises:
            UnknownStorage, UsageError: a URL is none that hepsub understands.
        """
        return tuple(_output(rule, values, self) for rule in self.outputs)


def authority_file(storage: str) -> str:
    """The name in the job's directory of the certificates of a storage's own authorities."""
    return f"ca.{storage}.pem"


def is_staged(spec: JobSpec) -> bool:
    """Whether the program needs a private scratch directory."""
    return bool(spec.inputs or spec.outputs)


_IN_PLACE_GRACE_S = 15
"""A program without outputs of its own only needs the time to end."""


def plan_staging(
    spec: JobSpec,
    policy: Policy,
    objects: Mapping[ObjectPlace, ObjectInfo],
    *,
    cwd: Path,
    root: str,
    shared: bool,
    spool: bool = False,
    isolation: str = "",
    io_proxy: bool = False,
    in_container: bool = False,
    credentials: tuple[JobCredential, ...] = (),
    libraries: tuple[Library, ...] = (),
    secrets: tuple[str, ...] = (),
) -> StagingPlan | None:
    """How the files of a submission travel; None when it has nothing that does.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        objects: what is known of the inputs in S3.
        cwd: what relative paths begin at.
        root: the directory of the bundles, absolute.
        shared: whether this host's file system is where the jobs run.
        spool: whether the jobs are handed over with their files, so that they can ask for nothing.
        isolation: how the sites keep the directories of users apart; empty for not at all.
        io_proxy: whether jobs may ask the submit side for something while they run.
        in_container: whether the program sees an image's file system, and perhaps nothing of this host's.
        credentials: the tickets and tokens that go along.
        libraries: what is unpacked before the program starts.
        secrets: the names of the variables that hold secrets.

    Raises:
        UsageError: an input or output cannot be read as one.
    """
    if shared and not (is_staged(spec) or credentials or libraries or secrets):
        return None
    rules = policy.staging
    in_place = not is_staged(spec)
    confined = not shared and not spool
    inputs = tuple(_rule(each) for each in spec.inputs)
    outputs = tuple(_rule(each) for each in spec.outputs)
    return StagingPlan(
        inputs=inputs,
        outputs=outputs,
        storages=policy.storage,
        objects=objects,
        shared=shared,
        # At home the wrapper reads the bundle itself, unless an image hides it; the program has the user's own uid
        # there, and the proxy gives it nothing more.
        chirp=(confined and io_proxy and bool(isolation)) or (shared and in_container),
        cwd=str(cwd),
        bundle_root=root,
        grace=_IN_PLACE_GRACE_S if in_place else rules.grace,
        home_limit=rules.home_limit * _MB,
        put_limit=rules.put_limit * _MB,
        copy_limit=rules.copy_limit * _MB,
        credentials=credentials,
        in_place=in_place,
        libraries=libraries,
        confined=confined,
        isolation=isolation,
        secrets=secrets,
    )


def _rule(request: FileRequest) -> FileRule:
    return FileRule(
        name=parse_template(request.name),
        url=parse_template(request.url),
        optional=request.optional,
    )


def _inputs(rule: FileRule, values: Values, plan: StagingPlan) -> Iterable[Carried]:
    """`%{items}` stands for all of the job's items, any other URL for one file."""
    if rule.url.parts == (Name.ITEMS,):
        places = [find_place(item, plan.storages, Path(plan.cwd)) for item in values.items]
        for place, name in zip(
            places, item_names([_path_of(each) for each in places]), strict=True
        ):
            yield _named(Carried(name=name, place=place))
        return
    place = find_place(rule.url.fill(values), plan.storages, Path(plan.cwd))
    yield _named(Carried(name=rule.name.fill(values), place=place))


def _path_of(place: Place) -> str:
    return f"{place.bucket}/{place.key}" if isinstance(place, ObjectPlace) else place.path


def _named(carried: Carried) -> Carried:
    """With the last part of the place as name, where none was given."""
    if carried.place.is_prefix:
        raise UsageError(f"-in {carried.place}: that is a directory", remedy="name one file of it")
    name = carried.name or PurePosixPath(_path_of(carried.place)).name
    check_name(name)
    return replace(carried, name=name)


def _output(rule: FileRule, values: Values, plan: StagingPlan) -> Carried:
    name = rule.name.fill(values)
    check_name(name)
    place = find_place(rule.url.fill(values), plan.storages, Path(plan.cwd))
    carried = Carried(name=name, place=place, optional=rule.optional)
    if carried.is_pattern:
        if "\\" in name:
            raise UsageError(
                f"-out {name}={place}: shells disagree about a backslash in a pattern",
                remedy="write [*], [?] or ? for the character itself",
            )
        if not place.is_prefix:
            raise UsageError(
                f"-out {name}={place}: a pattern needs a directory to go to",
                remedy=f"-out '{name}={place}/'",
            )
        return carried
    return replace(carried, place=_completed(place, name)) if place.is_prefix else carried


def _completed(place: Place, name: str) -> Place:
    last = PurePosixPath(name).name
    if isinstance(place, ObjectPlace):
        return replace(place, key=place.key + last)
    return FilePlace(path=place.path + last)
