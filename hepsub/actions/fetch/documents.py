"""The JSON of hep_fetch."""

from __future__ import annotations

from collections import defaultdict

from msgspec import Struct

from hepsub.actions.fetch.result import Fetched, FetchedCluster, JobOutputs, LocalFile, LocalState
from hepsub.batch import State
from hepsub.terminal import printable


class FileDocument(Struct, frozen=True, kw_only=True):
    """An output that exists, and how it stands here.

    Attributes:
        source: where it is.
        size: its size in bytes.
        md5: its MD5 in hex; null for unknown.
        path: where it is here, or would be.
        message: what is wrong with it; null for nothing.
    """

    name: str
    source: str
    size: int
    md5: str | None
    path: str
    state: LocalState
    message: str | None


class MissingDocument(Struct, frozen=True, kw_only=True):
    """An output that there is not, and why.

    Attributes:
        optional: whether the job may do without it.
    """

    name: str
    why: str
    optional: bool


class FetchedJobDocument(Struct, frozen=True, kw_only=True):
    """What there is of a job.

    Attributes:
        state: how its schedd knows it; null when that was not asked, or does not know.
        complete: whether its marker is there, and everything that it tells of; null where no output goes to a store.
        oddities: what is strange about what exists.
    """

    job: str
    state: State | None
    exit_code: int | None
    complete: bool | None
    files: tuple[FileDocument, ...]
    missing: tuple[MissingDocument, ...]
    oddities: tuple[str, ...]


class FetchedClusterDocument(Struct, frozen=True, kw_only=True):
    """What was found of a cluster's jobs."""

    cluster: int
    schedd: str
    jobs: tuple[FetchedJobDocument, ...]


class FilesDocument(Struct, frozen=True, kw_only=True):
    """How many files stand so."""

    absent: int
    equal: int
    different: int
    fetched: int
    failed: int
    in_place: int


class FetchedDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_fetch.

    Attributes:
        directory: below which the files are.
        bytes: how many were fetched.
    """

    directory: str
    files: FilesDocument
    bytes: int
    clusters: tuple[FetchedClusterDocument, ...]


def fetched_document(fetched: Fetched) -> FetchedDocument:
    """What was done as it stands under `result` in JSON."""
    counts = {state.value.replace(" ", "_"): fetched.count(state) for state in LocalState}
    return FetchedDocument(
        directory=str(fetched.directory),
        files=FilesDocument(**counts),
        bytes=fetched.moved,
        clusters=tuple(_cluster(each) for each in fetched.clusters),
    )


def _cluster(cluster: FetchedCluster) -> FetchedClusterDocument:
    by_proc: defaultdict[int, list[FileDocument]] = defaultdict(list)
    for each in cluster.files:
        by_proc[each.output.proc].append(_file(each))
    return FetchedClusterDocument(
        cluster=cluster.cluster,
        schedd=cluster.schedd,
        jobs=tuple(
            FetchedJobDocument(
                job=f"{cluster.cluster}.{job.proc}",
                state=job.status.state if job.status is not None else None,
                exit_code=_exit_code(job),
                complete=job.complete,
                files=tuple(by_proc[job.proc]),
                missing=tuple(
                    MissingDocument(name=printable(each.name), why=each.why, optional=each.optional)
                    for each in job.missing
                ),
                oddities=job.oddities,
            )
            for job in cluster.jobs
        ),
    )


def _file(local: LocalFile) -> FileDocument:
    output = local.output
    return FileDocument(
        name=printable(output.name),
        source=printable(str(output.source)),
        size=output.size,
        md5=output.md5 or None,
        path=printable(str(local.path)),
        state=local.state,
        message=local.trouble or None,
    )


def _exit_code(job: JobOutputs) -> int | None:
    if job.report is not None:
        return job.report.exit_code
    return job.status.exit_code if job.status is not None else None
