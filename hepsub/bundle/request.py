"""What a bundle was made for, so that anybody can write it anew: JSON both ways, no secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hepsub.documents import Malformed, read_json
from hepsub.errors import HepsubError
from hepsub.jobid import SubmissionRef
from hepsub.plan.credentials import JobCredential
from hepsub.plan.files import FileRule
from hepsub.plan.items import ends_by_count, values_of
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.plan.model import BUNDLE, ELEMENT, SHARED, SPOOL, Delivery, Plan
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Values, parse_template
from hepsub.policy.model import Storage
from hepsub.terminal import printable
from hepsub.version import __version__

_FORMAT = 2
"""1 was everything before this was written down."""
_LARGEST = 2**30
"""No request is larger, in bytes: a million items of a thousand characters."""


class OfAnotherHepsub(Malformed):
    """A request in a form that this hepsub does not know: it may say what must not be overlooked."""

    @classmethod
    def by(cls, version: str) -> OfAnotherHepsub:
        """The request of a version of hepsub."""
        return cls(f"it was written by hepsub {printable(version)}, and this is {__version__}")


class BundleRequest(Struct, frozen=True, kw_only=True):
    """What the manifests of a submission are written from.

    Attributes:
        ref: the submission; its cluster is not known yet.
        user: login name.
        first: the Index of the first job.
        items: the items of all jobs.
        ends: where in them the items of each job end; empty for one item each.
        executable: the program, as a template.
        walltime: seconds that a job may run.
        factory: whether the schedd makes the jobs as they are needed.
        staging: how the files travel.
        delivery: how its files got there; read from a bundle, the embedded pool's is that of a shared file system.
        stdout: where standard output goes, as a template; empty for not known.
        stderr: the same for standard error.
    """

    ref: SubmissionRef
    user: str
    first: int
    items: tuple[str, ...]
    ends: tuple[int, ...]
    executable: str
    walltime: int
    factory: bool
    staging: StagingPlan
    delivery: Delivery
    stdout: str = ""
    stderr: str = ""

    def logs(self, proc: int, cluster: int) -> tuple[Path, ...]:
        """Where the standard output and the standard error of a job are, in this order."""
        values = self.values(proc, cluster)
        told = (text for text in (self.stdout, self.stderr) if text)
        return tuple(Path(parse_template(text).fill(values)) for text in told)

    def log_names(self, proc: int) -> tuple[str, str]:
        """The user's names for the standard output and error of a job; ClusterId stays a name in them."""
        values = self.values(proc, None)
        return parse_template(self.stdout).fill(values), parse_template(self.stderr).fill(values)

    def values(self, proc: int, cluster: int | None) -> Values:
        """What the names stand for in one job."""
        return values_of(proc, self.first, self.items, self.ends, cluster)

    def to_json(self) -> bytes:
        """The request as JSON."""
        return json.dumps(msgspec.to_builtins(_document(self))).encode()


_Count = Annotated[int, Meta(ge=0, le=10**12)]
_Natural = Annotated[int, Meta(ge=0, le=2**31)]


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    url: str
    optional: bool


class _Staging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    shared: bool
    chirp: bool
    cwd: str
    bundle_root: str
    grace: _Natural
    home_limit: _Count
    put_limit: _Count
    inputs: tuple[_Rule, ...]
    outputs: tuple[_Rule, ...]
    storages: dict[str, Storage]
    objects: tuple[tuple[str, str, str, _Count, str], ...]
    copy_limit: _Count = 0
    in_place: bool = False
    confined: bool = False
    credentials: tuple[JobCredential, ...] = ()
    libraries: tuple[Library, ...] = ()
    isolation: str = ""
    secrets: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()


class _Writer(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote a request, in what form: every version says it in these words."""

    format: int = 1
    hepsub: Annotated[str, Meta(max_length=100)] = ""


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in request.json; what has a default was not said by every version."""

    uuid: str
    pool: str
    schedd: str
    user: str
    number: _Natural
    first: int
    executable: str
    walltime: _Natural
    factory: bool
    items: tuple[str, ...]
    staging: _Staging
    ends: tuple[_Natural, ...] | None = None
    per: _Natural = 1
    spool: bool = False
    element: bool = False
    stdout: str = ""
    stderr: str = ""
    format: int = 1
    hepsub: str = ""


def request_for(plan: Plan, staging: StagingPlan, uuid: str, schedd: str) -> BundleRequest:
    """The request of a plan whose files travel."""
    return BundleRequest(
        ref=SubmissionRef(uuid=uuid, pool=plan.route.pool, schedd=schedd, number=plan.number),
        user=plan.user,
        first=plan.first,
        items=plan.items,
        ends=plan.ends,
        executable=str(plan.executable),
        walltime=plan.walltime.limit,
        factory=plan.factory_idle > 0,
        staging=staging,
        delivery=plan.route.delivery,
        stdout=str(plan.stdout),
        stderr=str(plan.stderr),
    )


def _document(request: BundleRequest) -> _Document:
    staging = request.staging
    return _Document(
        uuid=request.ref.uuid,
        pool=request.ref.pool,
        schedd=request.ref.schedd,
        user=request.user,
        number=request.ref.number,
        first=request.first,
        executable=request.executable,
        walltime=request.walltime,
        factory=request.factory,
        items=request.items,
        ends=request.ends,
        spool=request.delivery.handed_over,
        element=request.delivery == ELEMENT,
        stdout=request.stdout,
        stderr=request.stderr,
        format=_FORMAT,
        hepsub=__version__,
        staging=_Staging(
            shared=staging.shared,
            chirp=staging.chirp,
            cwd=staging.cwd,
            bundle_root=staging.bundle_root,
            grace=staging.grace,
            home_limit=staging.home_limit,
            put_limit=staging.put_limit,
            copy_limit=staging.copy_limit,
            in_place=staging.in_place,
            confined=staging.confined,
            isolation=staging.isolation,
            secrets=staging.secrets,
            paths=staging.paths,
            inputs=tuple(_rule_document(rule) for rule in staging.inputs),
            outputs=tuple(_rule_document(rule) for rule in staging.outputs),
            credentials=staging.credentials,
            libraries=staging.libraries,
            storages=dict(staging.storages),
            objects=tuple(
                (
                    place.storage,
                    place.bucket,
                    place.key,
                    fact.size,
                    "" if fact.encrypted else fact.etag,
                )
                for place, fact in staging.objects.items()
            ),
        ),
    )


def from_json(text: bytes) -> BundleRequest:
    """The request that `to_json` wrote, of this hepsub or an earlier one.

    Raises:
        OfAnotherHepsub: another one wrote it, in a form that this one does not know.
        Malformed: it is none.
    """
    try:
        document = read_json(text, _Document, most=_LARGEST, any_text=True)
    except Malformed as error:
        writer = read_json(text, _Writer, most=_LARGEST, any_text=True)
        if writer.format > _FORMAT or writer.hepsub not in ("", __version__):
            raise OfAnotherHepsub.by(writer.hepsub) from error
        raise
    if document.format > _FORMAT:
        raise OfAnotherHepsub.by(document.hepsub)
    ends = document.ends
    if ends is None:  # all that was said before 0.2
        ends = ends_by_count(len(document.items), document.per)
    return BundleRequest(
        ref=SubmissionRef(
            uuid=document.uuid,
            pool=document.pool,
            schedd=document.schedd,
            number=document.number,
        ),
        user=document.user,
        first=document.first,
        executable=document.executable,
        walltime=document.walltime,
        factory=document.factory,
        delivery=_delivery(document),
        stdout=document.stdout,
        stderr=document.stderr,
        items=document.items,
        ends=ends,
        staging=_staging(document.staging),
    )


def _delivery(document: _Document) -> Delivery:
    if document.spool:
        return SPOOL
    if document.element:
        return ELEMENT
    return SHARED if document.staging.shared else BUNDLE


def _staging(document: _Staging) -> StagingPlan:
    return StagingPlan(
        shared=document.shared,
        chirp=document.chirp,
        cwd=document.cwd,
        bundle_root=document.bundle_root,
        grace=document.grace,
        home_limit=document.home_limit,
        put_limit=document.put_limit,
        copy_limit=document.copy_limit,
        in_place=document.in_place,
        confined=document.confined,
        isolation=document.isolation,
        secrets=document.secrets,
        paths=document.paths,
        inputs=tuple(_rule(each) for each in document.inputs),
        outputs=tuple(_rule(each) for each in document.outputs),
        credentials=document.credentials,
        libraries=document.libraries,
        storages=document.storages,
        objects={
            ObjectPlace(storage=storage, bucket=bucket, key=key): ObjectInfo(size=size, etag=etag)
            for storage, bucket, key, size, etag in document.objects
        },
    )


def _rule_document(rule: FileRule) -> _Rule:
    return _Rule(name=str(rule.name), url=str(rule.url), optional=rule.optional)


def _rule(document: _Rule) -> FileRule:
    try:
        name, url = parse_template(document.name), parse_template(document.url)
    except HepsubError as error:
        raise Malformed(error.message) from error
    return FileRule(name=name, url=url, optional=document.optional)
