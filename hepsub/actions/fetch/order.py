"""What the user of hep_fetch wants."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.fetch.result import JobFiles
from hepsub.jobid import JobId


class Order(Struct, frozen=True, kw_only=True):
    """What the user wants.

    Attributes:
        ids: clusters, jobs and ranges.
        directory: below which the files shall be, absolute.
        pool: name of a pool of the policy; None for any.
        only: patterns of names; empty for all.
        listing: only look.
        force: replace files that differ.
        push: first upload what had come home.
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

    def part_of(self, job: JobFiles) -> JobFiles:
        """A job with only those of its outputs that are meant."""
        if not self.only:
            return job
        return replace(
            job,
            outputs=tuple(each for each in job.outputs if self.wants(each.name)),
            missing=tuple(each for each in job.missing if self.wants(each.name)),
        )
