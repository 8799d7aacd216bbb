"""Files on this machine: what is there of the outputs of jobs, copies of returned files, logs of failed jobs."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from msgspec.structs import replace

from hepsub.actions.fetch.result import JobOutputs, LocalFile, LocalState, Output
from hepsub.batch import ACTIVE
from hepsub.bundle.request import BundleRequest
from hepsub.bundle.returned import ReturnedFile
from hepsub.files import write_all
from hepsub.jobid import Again
from hepsub.plan.location import ObjectPlace
from hepsub.storage.destination import PART, Destination, obstacle_text, safe_parts

_CHUNK = 2**20
_NOT_IT = "it came home, but is not the file that the job's report tells of: an earlier run may have left it"
_SAME_TIME_S = 2.0
"""File systems round the times of files, FAT to two seconds."""


def local_state(
    job: JobOutputs, directory: Path, cluster: int, again: Again | None = None
) -> Iterator[LocalFile]:
    """The state of each output of a job on this machine: compared with what lies where it belongs, in CLUSTER/PROC.

    Args:
        job: the job with all of its outputs.
        directory: below which CLUSTER/PROC is.
        cluster: its ClusterId.
        again: the earlier jobs that those of its cluster are, run again: their files belong where those of the earlier
            ones do; None for new ones.
    """
    home = (str(cluster), str(job.proc))
    if again is not None:
        home = (str(again.cluster), str(again.procs[job.proc]))
    taken = frozenset(each.name.rpartition("/")[2] for each in job.outputs)
    for output in job.outputs:
        if output.stays and isinstance(output.source, Path):
            yield LocalFile(output=output, path=output.source, state=LocalState.IN_PLACE)
            continue
        destination = _destination(output.name, directory, home, taken)
        if destination is None:
            yield LocalFile(
                output=output,
                path=directory.joinpath(*home),
                state=LocalState.FAILED,
                trouble="no file can have this name here",
            )
            continue
        state, trouble = compare(output, destination)
        yield LocalFile(
            output=output,
            path=destination.path,
            state=state,
            trouble=trouble,
            destination=destination,
        )


def _destination(
    name: str, directory: Path, home: tuple[str, str], taken: frozenset[str]
) -> Destination | None:
    """Where an output has to be; None when its name could lead out of its job's directory."""
    parts = safe_parts(name)
    if parts is None:
        return None
    part = parts[-1] + PART
    while part in taken:  # another output of the job has the name that this one has while it comes
        part += PART
    return Destination(root=directory, parts=(*home, *parts), part=part)


def compare(output: Output, destination: Destination) -> tuple[LocalState, str]:
    """How the file at a destination compares with an output; and what is wrong, in words.

    Size and checksum decide; the time of the last change, which a transfer sets, where there is no checksum.
    """
    try:
        there = destination.look()
        if there is None:
            return LocalState.ABSENT, ""
        if stat.S_ISDIR(there.st_mode):
            return LocalState.FAILED, "a directory is in the way"
        if not stat.S_ISREG(there.st_mode):
            return LocalState.DIFFERENT, "what is here is no regular file"
        if there.st_size != output.size:
            return (
                LocalState.DIFFERENT,
                f"the file here has {there.st_size} bytes, not {output.size}",
            )
        return _compare_content(output, destination, there.st_mtime)
    except OSError as error:
        return LocalState.FAILED, f"it cannot be compared: {obstacle_text(error)}"


def _compare_content(
    output: Output, destination: Destination, modified: float
) -> tuple[LocalState, str]:
    wanted = output.md5
    if not wanted and not isinstance(output.source, ObjectPlace):
        with _open(output.source) as file:
            wanted = hashlib.file_digest(file, "md5").hexdigest()
    if wanted:
        with os.fdopen(destination.open(), "rb") as file:
            same = hashlib.file_digest(file, "md5").hexdigest() == wanted
        return (
            (LocalState.EQUAL, "")
            if same
            else (LocalState.DIFFERENT, "the file here has other contents")
        )
    if output.modified and abs(output.modified - modified) < _SAME_TIME_S:
        return LocalState.EQUAL, ""
    return (
        LocalState.DIFFERENT,
        "the file here is as large, but of another time, and there is no checksum",
    )


def copy_returned(file: LocalFile) -> LocalFile:
    """Copy a file that HTCondor returned; whole, or not at all."""
    source = file.output.source
    assert file.destination is not None and not isinstance(source, ObjectPlace)  # noqa: S101, PT018 (objects are fetched)
    try:
        with file.destination.open_part() as part, _open(source) as origin:
            if part.size:  # copying goes on nowhere: it is at home, and quick
                os.ftruncate(part.descriptor, 0)
            digest = hashlib.md5(usedforsecurity=False)
            while piece := origin.read(_CHUNK):
                digest.update(piece)
                write_all(part.descriptor, piece)
            if file.output.md5 not in ("", digest.hexdigest()):
                return replace(file, state=LocalState.FAILED, trouble=_NOT_IT)
            part.finish(file.output.modified)
    except OSError as error:
        return replace(
            file, state=LocalState.FAILED, trouble=f"it cannot be copied: {obstacle_text(error)}"
        )
    return replace(file, state=LocalState.FETCHED)


def _open(source: ReturnedFile | Path) -> BufferedReader:
    return source.open() if isinstance(source, ReturnedFile) else source.open("rb")


def with_logs(job: JobOutputs, request: BundleRequest, cluster: int) -> JobOutputs:
    """The files of a job, with its logs where it failed or left something out: who fetches it will ask why."""
    if not _has_failed(job):
        return job
    taken = {each.name for each in job.outputs}
    logs = (each for each in _logs(job.proc, request, cluster) if each.name not in taken)
    return replace(job, outputs=(*job.outputs, *logs))


def stderr_of(request: BundleRequest, proc: int, cluster: int) -> Path | None:
    """Where a job's stderr is; None when it is not there."""
    _, path = request.logs(proc, cluster)
    return path if os.path.isfile(path) else None


def _has_failed(job: JobOutputs) -> bool:
    if job.status is not None and job.status.state in ACTIVE:
        return False  # what its logs hold now is not what they will hold
    if job.report is not None and not job.report.has_succeeded:
        return True
    return any(not each.optional for each in job.missing)


def _logs(proc: int, request: BundleRequest, cluster: int) -> Iterator[Output]:
    for path in dict.fromkeys(request.logs(proc, cluster)):
        try:
            facts = path.stat()
        except OSError:  # it is not there, or not to be looked at
            continue
        if stat.S_ISREG(facts.st_mode):
            yield Output(
                proc=proc,
                name=path.name,
                source=path,
                size=facts.st_size,
                modified=facts.st_mtime,
            )
