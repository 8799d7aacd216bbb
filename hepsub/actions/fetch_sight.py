"""What is known of a job, and what was seen of its outputs, before they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hepsub.actions.fetch_report import Report
from hepsub.batch import JobStatus
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import Carried
from hepsub.storage.page import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen of a submission's outputs.

    Attributes:
        objects: the objects that exist, those below the prefixes of patterns included.
        urls: the unquoted URL of a place, without signature.
        troubles: storages that could not be asked, and why.
        claimed: objects that the reports of the submission's jobs name.
        shared: prefixes below which several of its jobs write what matches a pattern.
    """

    objects: Mapping[ObjectPlace, Seen]
    urls: Mapping[ObjectPlace, str] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    claimed: frozenset[str] = frozenset()
    shared: frozenset[ObjectPlace] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as far as it is known before its outputs are looked at.

    Attributes:
        proc: ProcId.
        carried: its outputs, as they were asked for.
        home: the directory of what came home.
        marker: its marker; None where no output goes to a store.
        report: what its wrapper reported last; None for nothing.
        marked: the report that its marker holds; None for nothing.
        status: the job as its schedd knows it; None for unknown.
    """

    proc: int
    carried: tuple[Carried, ...]
    home: Path
    marker: ObjectPlace | None = None
    report: Report | None = None
    marked: Report | None = None
    status: JobStatus | None = None

    @property
    def truth(self) -> Report | None:
        """The report that outputs in a store are measured by."""
        return self.marked or self.report
