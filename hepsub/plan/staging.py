"""How the files of each job travel: what is fetched, linked, sent, uploaded, moved or brought home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from hepsub.job import JobSpec
from hepsub.plan.credentials import JobCredential
from hepsub.plan.files import (
    Carried,
    CarriedFiles,
    FileRule,
    Naming,
    carried_files,
    file_rule,
)
from hepsub.plan.libraries import Library
from hepsub.plan.location import FilePlace, ObjectPlace, absolute, may_be_object
from hepsub.plan.mailbox import Mailbox
from hepsub.plan.model import Delivery
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.remap import Paths
from hepsub.plan.template import Name, Values
from hepsub.policy.model import Policy, Storage

_MB = 2**20
_Bytes = Annotated[int, Meta(ge=0, le=10**12)]


class Seal(Struct, frozen=True, kw_only=True):
    """What was sent, by its SHA-256 in hex: a job runs nothing before it has compared.

    Attributes:
        sets: of the list of hashes of each set of files that are sent; one set for all jobs, or several.
        set_of: which set each job gets; empty for the only one.
    """

    wrapper: str
    sets: tuple[str, ...]
    set_of: tuple[int, ...] = ()


class InputObject(Struct, frozen=True, array_like=True):
    """What is known of an input in S3: where it is, its size in bytes, and its ETag; empty where that is no MD5."""

    storage: str
    bucket: str
    key: str
    size: _Bytes
    etag: str


class Staging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """How the files of all jobs of a submission travel; the request of its bundle holds this as JSON.

    Attributes:
        storages: those of the policy.
        objects: what is known of the inputs in S3; empty when they were not looked for.
        shared: whether this host's file system is where the jobs run.
        chirp: whether jobs may ask the submit side for newer manifests while they run.
        cwd: what relative paths begin at.
        bundle_root: the directory of the bundles, absolute.
        grace: how long before the end of the walltime the program is ended, in seconds.
        home_limit: bytes of outputs that come home when the store is away.
        put_limit: bytes that S3 takes in one piece.
        copy_limit: bytes of inputs on a shared file system that a job gets as copies; 0 for links to the originals.
        in_place: whether the program runs where hep_sub was called (or, far away, in HTCondor's
            directory) rather than in one of its own: it has neither inputs nor outputs.
        libraries: what is unpacked before the program starts.
        confined: whether jobs, and the sites they run at, may reach nothing on the submit side but their own
            corner of the bundle: HTCondor's shadow lets them in, and the user's file system is not theirs.
        isolation: how the sites keep the directories of users apart, as the policy says; empty for not at all.
        secrets: the names of the variables that hold secrets.
        paths: the directories whose files are objects where the jobs run, and what they stand for.
        image: the container image in which the wrapper starts the program, as the jobs find it; empty where it does
            not.
        mounts: the directories of the worker nodes that the program sees in there.
        mailbox: where jobs find newer manifests and credentials that can reach nothing on this side; None where they
            can, where nothing of theirs ends, or for none.
    """

    inputs: tuple[FileRule, ...]
    outputs: tuple[FileRule, ...]
    storages: Mapping[str, Storage]
    objects: tuple[InputObject, ...]
    shared: bool
    chirp: bool
    cwd: str
    bundle_root: str
    grace: Annotated[int, Meta(ge=0, le=2**31)]
    home_limit: _Bytes
    put_limit: _Bytes
    copy_limit: _Bytes = 0
    credentials: tuple[JobCredential, ...] = ()
    in_place: bool = False
    libraries: tuple[Library, ...] = ()
    confined: bool = False
    isolation: str = ""
    secrets: tuple[str, ...] = ()
    paths: Paths = ()
    image: str = ""
    mounts: tuple[str, ...] = ()
    mailbox: Mailbox | None = None

    @cached_property
    def known_objects(self) -> Mapping[ObjectPlace, ObjectInfo]:
        """What is known of the inputs in S3, by their places."""
        return {
            ObjectPlace(storage=each.storage, bucket=each.bucket, key=each.key): ObjectInfo(
                size=each.size, etag=each.etag
            )
            for each in self.objects
        }

    @property
    def kept(self) -> Staging:
        """What the bundle's request keeps of it."""
        # A StagingPlan is a Staging, and its own fields, every job's files among them, would be written along.
        return Staging(**{name: getattr(self, name) for name in Staging.__struct_fields__})

    @property
    def is_refreshed(self) -> bool:
        """Whether what travels is kept fresh while the jobs run, and not only while they wait."""
        return self.shared or self.chirp or self.mailbox is not None

    @property
    def carries(self) -> bool:
        """Whether tickets or tokens travel as files."""
        return any(each.travels for each in self.credentials)

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

    def name_of(self, path: str) -> str:
        """The name in the job's directory of a file of this host that is sent with all jobs; empty for none."""
        if self.shared:
            return ""
        found = (e for e in self.inputs if absolute(e.url, Path(self.cwd)) == path)
        return next((each.name or PurePosixPath(path).name for each in found), "")

    @property
    def needs_cluster(self) -> bool:
        """Whether a place is named after the cluster, whose id is known only after the submission."""
        return any(Name.CLUSTER in rule.names() for rule in (*self.inputs, *self.outputs))

    def carried_by(self, jobs: Sequence[Values]) -> CarriedFiles:
        """The files of some of the jobs, all of them with the cluster's id or all without.

        Raises:
            UnknownStorage, UsageError: a URL is none that hepsub understands.
        """
        naming = Naming(storages=self.storages, cwd=Path(self.cwd), paths=self.paths)
        return carried_files(self.inputs, self.outputs, jobs, naming)

    def inputs_of(self, values: Values) -> tuple[Carried, ...]:
        """The inputs of one job, as `carried_by` has them."""
        return self.carried_by((values,)).inputs[0]

    def outputs_of(self, values: Values) -> tuple[Carried, ...]:
        """The outputs of one job, as `carried_by` has them."""
        return self.carried_by((values,)).outputs[0]


class StagingPlan(Staging, frozen=True, kw_only=True):
    """How the files of a submission travel that is being made.

    Attributes:
        seal: what jobs check before they use what was sent; None while it is not known.
        carried: the files of all jobs, where somebody filled them in already; what is named after the cluster is so in
            words only.
        texts: what jobs get in place of what is in a file, by its path.
    """

    seal: Seal | None = None
    carried: CarriedFiles | None = None
    texts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def signs(self) -> bool:
        """Whether URLs are signed for the jobs, as far as is known."""
        if any(each.place for each in self.libraries):
            return True
        if self.carried is not None:
            return any(isinstance(each, ObjectPlace) for each in self.carried.places)
        urls = [rule.url for rule in (*self.inputs, *self.outputs)]
        # What begins with a name may be a whole URL, as items of a list are.
        return any(url.startswith("%{") or may_be_object(url, self.storages) for url in urls)

    def with_input(self, path: str) -> StagingPlan:
        """The staging with one more file of this host for all jobs, under its own name."""
        rule = FileRule(name=PurePosixPath(path).name, url=path)
        known = self.carried
        if known is not None:
            one = Carried(name=rule.name, place=FilePlace(path=path))
            known = replace(known, inputs=tuple([(*row, one) for row in known.inputs]))
        return replace(self, inputs=(*self.inputs, rule), carried=known)

    def with_mailbox(self, mailbox: Mailbox | None) -> StagingPlan:
        """The staging with the policy's mailbox, where jobs need one: what they have ends, and nobody replaces it."""
        if self.is_refreshed or not (self.carries or self.signs):
            return self
        return replace(self, mailbox=mailbox)

    def with_uuid(self, uuid: str, jobs: Sequence[Values]) -> StagingPlan:
        """The staging of one submission, whose UUID is no name any more."""
        if not any(Name.UUID in rule.names() for rule in (*self.inputs, *self.outputs)):
            return self
        named = replace(
            self,
            inputs=tuple(each.with_uuid(uuid) for each in self.inputs),
            outputs=tuple(each.with_uuid(uuid) for each in self.outputs),
            carried=None,
        )
        return replace(named, carried=named.carried_by(jobs))

    def carried_by(self, jobs: Sequence[Values]) -> CarriedFiles:
        """The files of some of the jobs, as in `Staging`."""
        known, procs = self.carried, [values.proc for values in jobs]
        # What was filled in before the submission has no cluster's id in it.
        if known is None or not jobs or (jobs[0].cluster is not None and self.needs_cluster):
            return super().carried_by(jobs)
        return CarriedFiles(
            inputs=tuple([known.inputs[proc] for proc in procs]),
            outputs=tuple([known.outputs[proc] for proc in procs]),
        )


def input_objects(facts: Mapping[ObjectPlace, ObjectInfo]) -> tuple[InputObject, ...]:
    """What a request keeps of what is known of objects."""
    return tuple(
        # Of an object that its own key encrypts, the ETag looks like an MD5 and is none.
        InputObject(
            each.storage, each.bucket, each.key, fact.size, "" if fact.encrypted else fact.etag
        )
        for each, fact in facts.items()
    )


def authority_file(storage: str) -> str:
    """The name in the job's directory of the certificates of a storage's own authorities."""
    return f"ca.{storage}.pem"


_IN_PLACE_GRACE_S = 15
"""A program without outputs of its own only needs the time to end."""


def plan_staging(
    spec: JobSpec,
    policy: Policy,
    objects: Mapping[ObjectPlace, ObjectInfo],
    *,
    cwd: Path,
    root: str,
    delivery: Delivery,
    isolation: str = "",
    io_proxy: bool = False,
    in_container: bool = False,
) -> StagingPlan:
    """How the inputs and outputs of a submission travel, by what its pool and its sites let through.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        objects: what is known of the inputs in S3; empty when they were not looked for.
        cwd: what relative paths begin at.
        root: the directory of the bundles, absolute.
        delivery: how files get there and back.
        isolation: how the sites keep the directories of users apart; empty for not at all.
        io_proxy: whether jobs may ask the submit side for something while they run.
        in_container: whether the program sees an image's file system, and perhaps nothing of this host's.

    Raises:
        UsageError: an input or output cannot be read as one.
    """
    rules = policy.staging
    in_place = not spec.is_staged
    return StagingPlan(
        inputs=tuple(file_rule(each) for each in spec.inputs),
        outputs=tuple(file_rule(each) for each in spec.outputs),
        storages=policy.storage,
        objects=input_objects(objects),
        shared=delivery.shared,
        # At home the wrapper reads the bundle itself, unless an image hides it; the program has the user's own uid
        # there, and the proxy gives it nothing more.
        chirp=(delivery.confined and io_proxy and bool(isolation))
        or (delivery.shared and in_container),
        cwd=str(cwd),
        bundle_root=root,
        grace=_IN_PLACE_GRACE_S if in_place else rules.grace,
        # From a batch script's node nothing comes home: what the store does not take is kept there, and told.
        home_limit=0 if delivery.in_script else rules.home_limit * _MB,
        put_limit=rules.put_limit * _MB,
        copy_limit=rules.copy_limit * _MB,
        in_place=in_place,
        confined=delivery.confined,
        isolation=isolation,
    )
