"""The manifest of a job: what the wrapper reads. Pure; worker/README.md is the contract."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from hepsub.bundle.letters import Letter
from hepsub.bundle.request import BundleRequest
from hepsub.plan.bundle_paths import ENVIRONMENT_FILE, LETTERS_KEY, LETTERS_SIGNER, MANIFEST
from hepsub.plan.credentials import JobCredential
from hepsub.plan.existing import COPIED_FILES
from hepsub.plan.files import Carried
from hepsub.plan.libraries import Library
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.staging import Staging, authority_file

_VERSION = "1"
_LINE_END = "\n"
_WITH_URL = ("input", "output", "glob", "marker", "unmark", "letter")
"""In these lines the last field is a URL, or a form, in which a percent sign is one already."""
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A"})


class Signing(Protocol):
    """What gives URLs their authorisation; today a signature, one day the job's own token."""

    def sign(self, method: str, place: ObjectPlace) -> str:
        """A URL that allows GET, PUT or DELETE of one object."""

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        """A URL and form fields that allow POST of objects below a prefix."""


SignerOf: TypeAlias = Callable[[str], Signing]
"""Gives the signer of a storage by its name."""


class ManifestJob(Struct, frozen=True, kw_only=True):
    """One job of a submission, and where its files are.

    Attributes:
        cluster: ClusterId; None while it is not known and not needed.
        program: its path on the submit side.
        corner: the job's own directory in the bundle, absolute.
        credential_source: the directory of its newest tickets and tokens on the submit side.
        letters: those that it may open; what the manifest holds is as new as they say.
    """

    proc: int
    cluster: int | None
    program: str
    corner: str
    credential_source: str
    inputs: tuple[Carried, ...]
    outputs: tuple[Carried, ...]
    letters: tuple[Letter, ...] = ()


def environment_text(variables: Mapping[str, str]) -> str:
    """The file of variables that the manifest's line `environment` names: each value in so many lines."""
    lines = {name: f"{value}\n" for name, value in variables.items()}
    return "".join(f"{name}\t{value.count(_LINE_END)}\n{value}" for name, value in lines.items())


def manifest_text(request: BundleRequest, job: ManifestJob, signer_of: SignerOf) -> str:
    """The manifest of a job, with freshly signed URLs."""
    lines = itertools.chain(_settings(request, job), _files(request, job, signer_of))
    return "".join([_line(*fields) for fields in lines])


def _settings(request: BundleRequest, job: ManifestJob) -> Iterator[tuple[str, ...]]:
    staging = request.staging
    name = str(job.proc) if job.cluster is None else f"{job.cluster}.{job.proc}"
    yield "hepsub-manifest", _VERSION, name
    # Where nothing is shared it was sent, and lies beside the wrapper.
    yield "payload", job.program if staging.shared else PurePosixPath(job.program).name
    yield "submitdir", staging.cwd
    if staging.workdir:
        yield "workdir", staging.workdir
    if staging.secrets:
        yield "environment", ENVIRONMENT_FILE
    if staging.confined and staging.isolation:
        yield "isolation", staging.isolation
    if staging.image:
        yield "image", staging.image
    for mount in staging.mounts:
        yield "bind", mount
    yield from _authorities(staging, job)
    # The program is not ended before three quarters of a short walltime.
    yield "walltime", str(request.walltime), str(min(staging.grace, request.walltime // 4))
    yield "source", f"{job.corner}/{MANIFEST}"
    yield "homelimit", str(staging.home_limit)
    yield "putlimit", str(staging.put_limit)
    has_paths = any(isinstance(each.place, FilePlace) for each in job.inputs)
    if staging.copy_limit and staging.shared and has_paths:
        yield "copylimit", str(staging.copy_limit), str(COPIED_FILES)


def _files(
    request: BundleRequest, job: ManifestJob, signer_of: SignerOf
) -> Iterator[tuple[str, ...]]:
    staging = request.staging
    for credential in (each for each in staging.credentials if not each.stays):
        yield _credential(credential, job.credential_source)
    yield from _letters(staging, job.letters, signer_of)
    for each in job.inputs:
        yield _input(each, staging, signer_of)
    for library in staging.libraries:
        yield from _library(library, signer_of)
    for each in job.outputs:
        yield _output(each, signer_of, shared=staging.shared)
    if staging.brings_all:
        yield ("newfiles",)
    if staging.confined:
        yield ("confined",)
    marker = marker_place(job.outputs, request.uuid, job.proc)
    if marker is not None:
        signer = signer_of(marker.storage)
        # The marker of an earlier run would call the outputs of this one complete.
        yield "unmark", signer.sign("DELETE", marker)
        yield "marker", signer.sign("PUT", marker)


def marker_place(outputs: tuple[Carried, ...], uuid: str, proc: int) -> ObjectPlace | None:
    """The object that tells that all outputs of a job are complete; None when none of them goes to S3."""
    first = next((each.place for each in outputs if isinstance(each.place, ObjectPlace)), None)
    if first is None:
        return None
    # Beside the outputs, where the same rights hold. By the submission, because two may write into one directory; and
    # hidden, because `*` of a pattern begins with no dot.
    directory = first.key.rpartition("/")[0]
    prefix = f"{directory}/" if directory else ""
    return replace(first, key=f"{prefix}.hepsub/{uuid}/{proc}.json")


def _authorities(staging: Staging, job: ManifestJob) -> Iterator[tuple[str, str, str]]:
    """What URLs begin with whose servers have authorities of their own, and the file with these."""
    if not staging.authorities:
        return
    found: dict[str, str] = {}
    places = [each.place for each in (*job.inputs, *job.outputs)]
    letters = [each.place for each in job.letters]
    for place in (*places, *letters, *(each.place for each in staging.libraries)):
        if not isinstance(place, ObjectPlace):
            continue
        storage = staging.storages.get(place.storage)
        if storage is not None and storage.ca_file:
            parts = urlsplit(storage.bucket_url(place.bucket))
            found[f"{parts.scheme}://{parts.netloc}/"] = authority_file(place.storage)
    for prefix, file in found.items():
        yield "ca", prefix, file


def _credential(each: JobCredential, source: str) -> tuple[str, ...]:
    if each.by_condor:
        # No field may be empty: a shell's `read` takes two tabulators for one.
        return "condorcred", each.name, each.kind, each.service or "-"
    return "credential", each.name, each.kind, each.file, f"{source}/{each.file}"


def _letters(
    staging: Staging, letters: tuple[Letter, ...], signer_of: SignerOf
) -> Iterator[tuple[str, ...]]:
    """What the job opens letters with, and where they are."""
    if staging.mailbox is None or not letters:
        return
    yield "mailbox", LETTERS_KEY, LETTERS_SIGNER
    for each in letters:
        if staging.mailbox.public:
            url = staging.storages[each.place.storage].object_url(each.place.bucket, each.place.key)
        else:
            url = _signed("GET", each.place, signer_of)
        yield "letter", each.kind, each.to, str(each.serial), url


def _input(each: Carried, staging: Staging, signer_of: SignerOf) -> tuple[str, ...]:
    if isinstance(each.place, FilePlace):
        if not staging.shared:
            return "sent", each.name
        return "copy" if staging.copy_limit else "link", each.name, each.place.path
    fact = staging.known_objects.get(each.place)  # None with -nocheck
    size = str(fact.size) if fact else "-"
    checksum = f"md5:{fact.md5}" if fact and fact.md5 else "-"
    return "input", each.name, size, checksum, _signed("GET", each.place, signer_of)


def _signed(method: str, place: ObjectPlace, signer_of: SignerOf) -> str:
    return signer_of(place.storage).sign(method, place)


def _library(each: Library, signer_of: SignerOf) -> Iterator[tuple[str, ...]]:
    """The archive arrives as an input does, and is unpacked then."""
    if each.place is None:
        yield "sent", each.archive
    else:
        url = _signed("GET", each.place, signer_of)
        yield "input", each.archive, str(each.size), f"sha256:{each.sha256}", url
    yield "library", each.name, "dir" if each.is_directory else "file", each.archive


def _output(each: Carried, signer_of: SignerOf, *, shared: bool) -> tuple[str, ...]:
    flags = "?" if each.optional else "-"
    if isinstance(each.place, FilePlace):
        action, goal = ("move", each.place.path) if shared else ("home", "-")
        return f"{action}glob" if each.is_pattern else action, each.name, flags, goal
    if not each.is_pattern:
        return "output", each.name, flags, _signed("PUT", each.place, signer_of)
    url, fields = signer_of(each.place.storage).form(each.place)
    form = "&".join(f"{_escape(k)}={_escape(v)}" for k, v in fields.items())
    return "glob", each.name, flags, url, form


def _escape(text: str) -> str:
    return escaped(text).replace("&", "%26").replace("=", "%3D")


def _line(*fields: str) -> str:
    if fields[0] in _WITH_URL:
        return "\t".join([*map(escaped, fields[:-1]), fields[-1]]) + "\n"
    return "\t".join(map(escaped, fields)) + "\n"


def escaped(text: str) -> str:
    """A text as it stands in a field: tabulators, line ends and percent signs are escaped."""
    return text.translate(_ESCAPED)
