"""The JSON of hep_sub, with and without -dry-run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from hepsub.actions.submit.result import Preview, Submission
from hepsub.jobid import Again
from hepsub.plan.freshness import Fresh
from hepsub.plan.libraries import Library
from hepsub.plan.model import Proc, Reason
from hepsub.plan.staging import Staging

_SHOWN_PROCS = 10
"""A preview of a million jobs is no document."""


class ResourcesDocument(Struct, frozen=True, kw_only=True):
    """What each job asks for.

    Attributes:
        memory_mb: in MB (2**20 bytes).
        walltime_s: in seconds.
        left_to_slurm: memory_mb and walltime_s, where nobody says them and Slurm's own default counts instead.
    """

    cpus: int
    gpus: int
    memory_mb: int
    walltime_class: str
    walltime_s: int
    left_to_slurm: tuple[str, ...] = ()


class LibraryDocument(Struct, frozen=True, kw_only=True):
    """A packed library.

    Attributes:
        name: its name below $HEPSUB_LIB.
        sha256: of the archive, in hex.
        size: bytes of the archive.
        stored: whether its object was there before this submission.
        uploaded: whether it was uploaded for it.
        where: that object; null when it is sent along.
    """

    name: str
    sha256: str
    size: int
    stored: bool
    uploaded: bool
    where: str | None


class InputDocument(Struct, frozen=True, kw_only=True):
    """What a job gets, by its name there."""

    name: str
    url: str


class OutputDocument(Struct, frozen=True, kw_only=True):
    """What a job leaves behind, by its name there."""

    name: str
    url: str
    optional: bool


class ProcDocument(Struct, frozen=True, kw_only=True):
    """One job that would be submitted; ClusterId stays a name until it is known.

    Attributes:
        arguments: what it gets in argv, the program itself left out.
        stdout: the path of its standard output.
        stderr: the path of its standard error.
    """

    proc: int
    executable: str
    arguments: tuple[str, ...]
    stdout: str
    stderr: str
    inputs: tuple[InputDocument, ...]
    outputs: tuple[OutputDocument, ...]


class RouteDocument(Struct, frozen=True, kw_only=True):
    """Where the jobs go, and why.

    Attributes:
        site: the remote sites, with commas between; null for the local cluster.
        transfer: whether HTCondor carries the files, there being no shared file system.
        requirements: ClassAd expressions that all have to hold.
        kind: how the sites are reached: `glidein`, `ce` or `schedd`; null for the local cluster.
        rule: the rule of the policy about remote sites that fits the jobs; null for none.
        refused: the sites that do not take the jobs, and why.
    """

    pool: str
    site: str | None
    transfer: bool
    requirements: tuple[str, ...]
    reasons: tuple[Reason, ...]
    kind: str | None
    rule: str | None
    refused: Mapping[str, str]


class PreviewDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_sub -dry-run.

    Attributes:
        jobs: how many.
        script: the program's path.
        pool: the pool's name in the policy.
        credentials: what would travel with the jobs.
        secret_variables: the names of the variables that would travel in a private file.
        first: the Index of the first job.
        factory: whether the schedd would make the jobs as they are needed.
        procs: the first jobs.
        schedd: the schedd that would take it; null when the pool did not answer.
        description: what HTCondor would get.
        notes: what people are told besides.
        fresh: who would keep fresh what travels with the jobs and ends.
        runs_again: by what the jobs were known before, `cluster.proc` in their order; empty for new jobs.
        removes: the jobs on hold, as they are known now, that would be removed first.
    """

    jobs: int
    script: str
    resources: ResourcesDocument
    group: str
    os: str | None
    image: str | None
    name: str | None
    pool: str
    universe: str
    priority: int
    credentials: tuple[str, ...]
    fresh: tuple[Fresh, ...]
    libraries: tuple[LibraryDocument, ...]
    secret_variables: tuple[str, ...]
    first: int
    factory: bool
    procs: tuple[ProcDocument, ...]
    route: RouteDocument
    schedd: str | None
    description: str
    notes: tuple[str, ...]
    runs_again: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()


class LogsDocument(Struct, frozen=True, kw_only=True):
    """Where a job of a submitted cluster writes.

    Attributes:
        stdout: the path of its standard output.
        stderr: the path of its standard error.
    """

    proc: int
    stdout: str
    stderr: str


class SubmissionDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_sub.

    Attributes:
        cluster: its number.
        jobs: how many jobs it has.
        pool: the pool's name in the policy.
        schedd: the schedd's name.
        uuid: of the submission.
        notes: what people are told besides.
        procs: the jobs, as far as it is known where they write.
        new: whether it was submitted now, and not earlier with the same key.
        runs_again: by what its jobs were known before, `cluster.proc` in their order; empty for new jobs.
    """

    cluster: int
    jobs: int
    pool: str
    schedd: str
    uuid: str
    new: bool
    libraries: tuple[LibraryDocument, ...]
    notes: tuple[str, ...]
    procs: tuple[LogsDocument, ...]
    runs_again: tuple[str, ...] = ()


def preview_document(preview: Preview) -> PreviewDocument:
    """What would be submitted as it stands under `result` in JSON."""
    plan, route = preview.plan, preview.plan.route
    return PreviewDocument(
        jobs=plan.number,
        script=plan.script,
        resources=ResourcesDocument(
            cpus=plan.cpus,
            gpus=plan.gpus,
            memory_mb=plan.memory_mb,
            walltime_class=plan.walltime.name,
            walltime_s=plan.walltime.limit,
            left_to_slurm=tuple(
                name
                for name, option in (("memory_mb", "mem"), ("walltime_s", "time"))
                if plan.leaves(option)
            ),
        ),
        group=plan.group,
        os=plan.os or None,
        image=plan.image or None,
        name=plan.name or None,
        pool=route.pool,
        universe=plan.universe,
        priority=plan.priority,
        credentials=tuple(each.name for each in plan.staging.credentials) if plan.staging else (),
        fresh=preview.fresh,
        libraries=_libraries(plan.staging, uploaded=False),
        secret_variables=tuple(plan.secrets),
        first=plan.first,
        factory=plan.factory_idle > 0,
        procs=tuple(_proc(each) for each in plan.procs(_SHOWN_PROCS)),
        route=RouteDocument(
            pool=route.pool,
            site=",".join(route.sites) or None,
            transfer=not route.delivery.shared,
            requirements=route.requirements,
            reasons=route.reasons,
            kind=route.kind or None,
            rule=route.rule or None,
            refused=route.refused,
        ),
        schedd=preview.schedd or None,
        description=preview.description,
        notes=plan.notes,
        runs_again=_names(plan.again),
        removes=preview.removes,
    )


def submission_document(submission: Submission) -> SubmissionDocument:
    """A submission as it stands under `result` in JSON."""
    ref, plan = submission.submitted, submission.plan
    procs: tuple[LogsDocument, ...] = ()
    libraries: tuple[LibraryDocument, ...] = ()
    if plan is not None:
        names = ((each.proc, each.stdout, each.stderr) for each in plan.procs())
        procs = _logs(names, ref.cluster)
        libraries = _libraries(plan.staging, uploaded=True)
    elif submission.bundle is not None:
        request = submission.bundle.request
        earlier = ((proc, *request.log_names(proc)) for proc in range(request.number))
        procs = _logs(earlier, ref.cluster)
        libraries = _libraries(request.staging, uploaded=False)
    return SubmissionDocument(
        cluster=ref.cluster,
        jobs=ref.number,
        pool=ref.pool,
        schedd=ref.schedd,
        uuid=ref.uuid,
        new=plan is not None,
        libraries=libraries,
        notes=submission.notes,
        procs=procs,
        runs_again=_names(plan.again) if plan is not None else (),
    )


def _names(again: Again | None) -> tuple[str, ...]:
    return tuple(again.named(proc) for proc in range(len(again.procs))) if again else ()


def library_document(library: Library, *, uploaded: bool) -> LibraryDocument:
    """A library; `uploaded` tells whether one that was missing was uploaded, or only would be."""
    return LibraryDocument(
        name=library.name,
        sha256=library.sha256,
        size=library.size,
        stored=library.stored,
        uploaded=uploaded and library.is_missing,
        where=str(library.place) if library.place is not None else None,
    )


def _libraries(staging: Staging | None, *, uploaded: bool) -> tuple[LibraryDocument, ...]:
    if staging is None:
        return ()
    return tuple(library_document(each, uploaded=uploaded) for each in staging.libraries)


def _proc(proc: Proc) -> ProcDocument:
    return ProcDocument(
        proc=proc.proc,
        executable=proc.executable,
        arguments=proc.arguments,
        stdout=proc.stdout,
        stderr=proc.stderr,
        inputs=tuple(InputDocument(name=each.name, url=str(each.place)) for each in proc.inputs),
        outputs=tuple(
            OutputDocument(name=each.name, url=str(each.place), optional=each.optional)
            for each in proc.outputs
        ),
    )


def _logs(names: Iterable[tuple[int, str, str]], cluster: int) -> tuple[LogsDocument, ...]:
    """Where jobs write: in their names all is filled in but ClusterId, which nobody knew before the commit."""
    return tuple(
        LogsDocument(
            proc=proc,
            stdout=stdout.replace("%{ClusterId}", str(cluster)),
            stderr=stderr.replace("%{ClusterId}", str(cluster)),
        )
        for proc, stdout, stderr in names
    )
