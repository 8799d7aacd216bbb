"""The manifest of a job: what the wrapper reads. Pure; worker/README.md is the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from hepsub.plan.bundle_paths import MANIFEST
from hepsub.plan.credentials import JobCredential
from hepsub.plan.existing import COPIED_FILES
from hepsub.plan.files import Carried
from hepsub.plan.libraries import Library
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.objects import ObjectInfo

FILE_NAME = MANIFEST
_VERSION = "1"
_LINE_END = "\n"
_WITH_URL = ("input", "output", "glob", "marker", "unmark")
_ESCAPED = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A"})


class Signing(Protocol):
    """What gives URLs their authorisation; today a signature, one day the job's own token."""

    def sign(self, method: str, place: ObjectPlace) -> str:
        """A URL that allows GET, PUT or DELETE of one object."""

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        """A URL and form fields that allow POST of objects below a prefix."""


class JobFiles(Struct, frozen=True, kw_only=True):
    """What the manifest of one job says.

    Attributes:
        job: `cluster.proc`, or the proc alone while the cluster is not known.
        payload: the program: absolute, or its name in the scratch directory.
        submit_dir: where hep_sub was called.
        walltime: seconds that the job may run.
        grace: how long before that the program is ended, in seconds.
        source: path of the manifest on the submit side.
        home_limit: bytes that may come home.
        put_limit: bytes that S3 takes in one piece.
        shared: whether paths of the submit side are valid where the job runs.
        inputs: what it gets.
        outputs: what it leaves behind.
        objects: what is known of the inputs.
        marker: the object that is written last; None when no output goes to S3.
        workdir: where the program runs; empty for the scratch directory.
        credentials: the tickets and tokens that go along.
        credential_source: the directory of their newest versions on the submit side.
        authorities: what URLs begin with, and the file with the authorities to trust for them.
        libraries: what is unpacked before the program starts.
        isolation: how the site keeps the directories of users apart, as the policy says; empty where nobody does.
        environment: the file with variables that hold secrets; empty for none.
        brings_all: whether all that the job leaves new in its directory comes home.
        copy_limit: bytes of inputs on a shared file system that are copied; 0 for links.
        confined: whether HTCondor writes into the job's corner of the bundle and nowhere else.
    """

    job: str
    payload: str
    submit_dir: str
    walltime: int
    grace: int
    source: str
    home_limit: int
    put_limit: int
    shared: bool
    inputs: tuple[Carried, ...]
    outputs: tuple[Carried, ...]
    objects: Mapping[ObjectPlace, ObjectInfo]
    marker: ObjectPlace | None
    workdir: str = ""
    credentials: tuple[JobCredential, ...] = ()
    credential_source: str = ""
    authorities: tuple[tuple[str, str], ...] = ()
    libraries: tuple[Library, ...] = ()
    isolation: str = ""
    environment: str = ""
    brings_all: bool = False
    copy_limit: int = 0
    confined: bool = False


def environment_text(variables: Mapping[str, str]) -> str:
    """The file of variables that the manifest's line `environment` names: each value in so many lines."""
    lines = {name: f"{value}\n" for name, value in variables.items()}
    return "".join(f"{name}\t{value.count(_LINE_END)}\n{value}" for name, value in lines.items())


def manifest_text(files: JobFiles, signing: Signing) -> str:
    """The manifest, with freshly signed URLs."""
    return "".join([_line(*fields) for fields in _fields(files, signing)])


def _fields(files: JobFiles, signing: Signing) -> Iterator[tuple[str, ...]]:
    yield "hepsub-manifest", _VERSION, files.job
    yield "payload", files.payload
    yield "submitdir", files.submit_dir
    yield from _optional(
        ("workdir", files.workdir),
        ("environment", files.environment),
        ("isolation", files.isolation),
    )
    for prefix, file in files.authorities:
        yield "ca", prefix, file
    yield "walltime", str(files.walltime), str(files.grace)
    yield "source", files.source
    yield "homelimit", str(files.home_limit)
    yield "putlimit", str(files.put_limit)
    if files.copy_limit and files.shared and any(_is_file(each) for each in files.inputs):
        yield "copylimit", str(files.copy_limit), str(COPIED_FILES)
    for credential in (each for each in files.credentials if not each.stays):
        yield _credential(credential, files)
    for each in files.inputs:
        yield _input(each, files, signing)
    for library in files.libraries:
        yield from _library(library, signing)
    for each in files.outputs:
        yield _output(each, files, signing)
    if files.brings_all:
        yield ("newfiles",)
    if files.confined:
        yield ("confined",)
    if files.marker is not None:
        yield "unmark", signing.sign("DELETE", files.marker)
        yield "marker", signing.sign("PUT", files.marker)


def _optional(*lines: tuple[str, str]) -> Iterator[tuple[str, str]]:
    return (line for line in lines if line[1])


def _credential(each: JobCredential, files: JobFiles) -> tuple[str, ...]:
    if each.by_condor:
        return "condorcred", each.name, each.kind, each.service or "-"
    return "credential", each.name, each.kind, each.file, f"{files.credential_source}/{each.file}"


def _is_file(each: Carried) -> bool:
    return isinstance(each.place, FilePlace)


def _input(each: Carried, files: JobFiles, signing: Signing) -> tuple[str, ...]:
    if isinstance(each.place, FilePlace):
        if not files.shared:
            return "sent", each.name
        return "copy" if files.copy_limit else "link", each.name, each.place.path
    fact = files.objects.get(each.place)
    size, checksum = (str(fact.size), _checksum(fact)) if fact else ("-", "-")
    return "input", each.name, size, checksum, signing.sign("GET", each.place)


def _library(each: Library, signing: Signing) -> Iterator[tuple[str, ...]]:
    """The archive arrives as an input does, and is unpacked then."""
    if each.place is None:
        yield "sent", each.archive
    else:
        url = signing.sign("GET", each.place)
        yield "input", each.archive, str(each.size), f"sha256:{each.sha256}", url
    yield "library", each.name, "dir" if each.is_directory else "file", each.archive


def _checksum(fact: ObjectInfo) -> str:
    return f"md5:{fact.md5}" if fact.md5 else "-"


def _output(each: Carried, files: JobFiles, signing: Signing) -> tuple[str, ...]:
    flags = "?" if each.optional else "-"
    if isinstance(each.place, FilePlace):
        action, goal = ("move", each.place.path) if files.shared else ("home", "-")
        return f"{action}glob" if each.is_pattern else action, each.name, flags, goal
    if each.is_pattern:
        url, fields = signing.form(each.place)
        return (
            "glob",
            each.name,
            flags,
            url,
            "&".join(f"{_escape(k)}={_escape(v)}" for k, v in fields.items()),
        )
    return "output", each.name, flags, signing.sign("PUT", each.place)


def _escape(text: str) -> str:
    return escaped(text).replace("&", "%26").replace("=", "%3D")


def _line(*fields: str) -> str:
    if fields[0] in _WITH_URL:
        return "\t".join([*map(escaped, fields[:-1]), fields[-1]]) + "\n"
    return "\t".join(map(escaped, fields)) + "\n"


def escaped(text: str) -> str:
    """A text as it stands in a field: tabulators, line ends and percent signs are escaped."""
    return text.translate(_ESCAPED)
