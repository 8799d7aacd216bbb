"""What hep_fetch is asked for, finds and does, as values."""

from __future__ import annotations

import enum
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import JobStatus
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.report import Report
from hepsub.bundle.returned import OUTPUTS, Returned, ReturnedFile
from hepsub.errors import UsageError
from hepsub.jobid import JobId
from hepsub.plan.files import Carried
from hepsub.plan.location import ObjectPlace, absolute
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.destination import Destination

if TYPE_CHECKING:
    from hepsub.actions.fetch.documents import FetchedDocument


class FetchRequest(Struct, frozen=True, kw_only=True):
    """What the user wants.

    Attributes:
        directory: below which the files shall be, absolute.
        only: patterns of names; empty for all.
        listing: only look.
        force: replace files that differ.
        push: first upload what HTCondor had returned.
        wait: first wait for the jobs' ends.
    """

    ids: tuple[JobId, ...]
    directory: Path
    pool: str | None = None
    only: tuple[str, ...] = ()
    listing: bool = False
    force: bool = False
    push: bool = False
    wait: bool = False

    def wants(self, name: str) -> bool:
        """Whether an output of this name is meant: its last component may match, too."""
        last = name.rpartition("/")[2]
        return not self.only or any(
            fnmatchcase(name, each) or fnmatchcase(last, each) for each in self.only
        )

    def part_of(self, job: JobOutputs) -> JobOutputs:
        """A job with only those of its outputs that are meant."""
        if not self.only:
            return job
        return replace(
            job,
            outputs=tuple(each for each in job.outputs if self.wants(each.name)),
            missing=tuple(each for each in job.missing if self.wants(each.name)),
        )


def directory_for(asked: str, cwd: Path) -> Path:
    """Where the files shall be, as the user says it; empty for the working directory.

    Raises:
        UsageError: that is no directory.
    """
    path = Path(absolute(asked, cwd)) if asked else cwd
    if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112 (Path raises where it may not look)
        raise UsageError(
            f"-d {asked}: {path} is no directory", remedy="name another one: it is made"
        )
    return path


class LocalState(enum.Enum):
    """How a file on this machine compares with the output that it should be."""

    ABSENT = "absent"
    EQUAL = "equal"
    DIFFERENT = "different"
    FETCHED = "fetched"
    FAILED = "failed"
    IN_PLACE = "in place"


class Output(Struct, frozen=True, kw_only=True):
    """An output of a job that exists.

    Attributes:
        name: its name in the job's directory.
        source: the object, the file that HTCondor returned, or the user's own file, that it is.
        size: its size in bytes.
        md5: its MD5 in hex; empty for unknown.
        etag: its ETag; empty for a file.
        modified: when it was written, in seconds since the epoch; 0 for unknown.
        stays: whether it is where -out says, on this machine, and needs no copy.
    """

    proc: int
    name: str
    source: ObjectPlace | ReturnedFile | Path
    size: int
    md5: str = ""
    etag: str = ""
    modified: float = 0.0
    stays: bool = False


class Missing(Struct, frozen=True, kw_only=True):
    """An output that there is not, and why.

    Attributes:
        optional: whether it may be missing.
        unseen: whether nobody could look: its storage does not answer.
    """

    proc: int
    name: str
    why: str
    optional: bool = False
    unseen: bool = False


class RemoteListing(Struct, frozen=True, kw_only=True, dict=True):
    """What the stores have of a submission's outputs.

    Attributes:
        objects: the objects that exist, those below the prefixes of patterns included.
        urls: the unquoted URL of a place, without signature.
        troubles: storages that could not be asked, and why.
        reported: objects that the reports of the submission's jobs name.
        shared: prefixes below which several of its jobs write what matches a pattern.
    """

    objects: Mapping[ObjectPlace, ObjectInfo]
    urls: Mapping[ObjectPlace, str] = {}
    troubles: Mapping[str, str] = {}
    reported: frozenset[str] = frozenset()
    shared: frozenset[ObjectPlace] = frozenset()

    @cached_property
    def _below(self) -> Mapping[ObjectPlace, list[ObjectPlace]]:
        """The objects by what they lie in: ten thousand jobs look for theirs, each in its own prefix."""
        below: defaultdict[ObjectPlace, list[ObjectPlace]] = defaultdict(list)
        for where in self.objects:
            last = where.key.rpartition("/")[2]
            if last:  # else it stands for the directory itself
                below[replace(where, key=where.key.removesuffix(last))].append(where)
        return below

    def directly_below(self, prefix: ObjectPlace) -> Iterable[ObjectPlace]:
        """The objects whose names are this prefix and a last part."""
        return self._below.get(prefix, ())


class Job(Struct, frozen=True, kw_only=True):
    """One job, as far as it is known before its outputs are looked at.

    Attributes:
        carried: its outputs, as they were asked for.
        returned: its outputs that HTCondor returned.
        marker: its marker; None where no output goes to a store.
        report: what its wrapper reported last; None for nothing.
        report_file: the report as an output that hep_fetch brings.
        marked: the report that its marker holds; None for nothing.
        unusable: what of all this cannot be used, in words.
    """

    proc: int
    carried: tuple[Carried, ...]
    bundle: Bundle
    returned: Returned = Returned()
    marker: ObjectPlace | None = None
    report: Report | None = None
    report_file: Output | None = None
    marked: Report | None = None
    unusable: tuple[str, ...] = ()

    @property
    def returned_directory(self) -> Path:
        """Where its returned outputs are, for people."""
        return self.bundle.returned(self.proc) / OUTPUTS

    @property
    def reference(self) -> Report | None:
        """The report with which outputs in a store are compared: the marker's, which was written last."""
        return self.marked or self.report


class JobOutputs(Struct, frozen=True, kw_only=True):
    """What there is of a job.

    Attributes:
        oddities: what is strange about what exists, in words.
        complete: whether its marker is there, and everything that it tells of; None where no output
            goes to a store.
        status: the job as its schedd knows it; None when it was not asked, or does not know.
    """

    proc: int
    outputs: tuple[Output, ...] = ()
    missing: tuple[Missing, ...] = ()
    oddities: tuple[str, ...] = ()
    report: Report | None = None
    complete: bool | None = None
    status: JobStatus | None = None


class LocalFile(Struct, frozen=True, kw_only=True):
    """An output, and the file on this machine that it is or becomes.

    Attributes:
        trouble: what is wrong with it, in words.
        destination: where it is put; None for what stays where it is, or can be nowhere.
    """

    output: Output
    path: Path
    state: LocalState
    trouble: str = ""
    destination: Destination | None = None


class FetchedCluster(Struct, frozen=True, kw_only=True):
    """What was found of a cluster's jobs, and the state of each file on this machine."""

    cluster: int
    schedd: str
    jobs: tuple[JobOutputs, ...]
    files: tuple[LocalFile, ...]


class Fetched(Struct, frozen=True, kw_only=True):
    """What hep_fetch did.

    Attributes:
        directory: below which the files are.
        listing: whether it was only looked.
        moved: bytes that were fetched.
        seconds: how long that took.
    """

    directory: Path
    clusters: tuple[FetchedCluster, ...]
    listing: bool = False
    moved: int = 0
    seconds: float = 0.0

    def count(self, state: LocalState) -> int:
        """How many files are in a state."""
        return sum(1 for each in self.clusters for file in each.files if file.state is state)

    def document(self) -> FetchedDocument:
        """What was done as it stands under `result` in JSON."""
        from hepsub.actions.fetch.documents import fetched_document

        return fetched_document(self)
