"""What is known of a job, and what was seen of its outputs, before they are looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from hepsub.actions.fetch.result import Output
from hepsub.batch import JobStatus
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.report import Report
from hepsub.bundle.returned import OUTPUTS, Returned
from hepsub.plan.files import Carried
from hepsub.plan.location import ObjectPlace
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
    _below: Mapping[ObjectPlace, list[ObjectPlace]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the objects by what they lie in: ten thousand jobs look for theirs, each in its own prefix."""
        below: defaultdict[ObjectPlace, list[ObjectPlace]] = defaultdict(list)
        for where in self.objects:
            last = where.key.rpartition("/")[2]
            if last:  # else it stands for the directory itself
                below[replace(where, key=where.key.removesuffix(last))].append(where)
        object.__setattr__(self, "_below", below)

    def directly_below(self, prefix: ObjectPlace) -> Iterable[ObjectPlace]:
        """The objects whose names are this prefix and a last part."""
        return self._below.get(prefix, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as far as it is known before its outputs are looked at.

    Attributes:
        proc: ProcId.
        carried: its outputs, as they were asked for.
        bundle: what travelled with it.
        returned: its outputs that came home.
        marker: its marker; None where no output goes to a store.
        report: what its wrapper reported last; None for nothing.
        report_file: the report as an output that hep_fetch brings.
        marked: the report that its marker holds; None for nothing.
        status: the job as its schedd knows it; None for unknown.
        unusable: what of all this cannot be used, in words.
    """

    proc: int
    carried: tuple[Carried, ...]
    bundle: Bundle = field(repr=False, compare=False)
    returned: Returned = field(default_factory=Returned)
    marker: ObjectPlace | None = None
    report: Report | None = None
    report_file: Output | None = None
    marked: Report | None = None
    status: JobStatus | None = None
    unusable: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """Where its outputs are that came home, for people."""
        return self.bundle.returned(self.proc) / OUTPUTS

    @property
    def truth(self) -> Report | None:
        """The report that outputs in a store are measured by."""
        return self.marked or self.report
