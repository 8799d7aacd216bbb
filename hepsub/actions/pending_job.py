"""A job with outputs at home, measured against what its stores hold: whose outputs lie there now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hepsub.actions.home_report import AT_HOME, UPLOADED, HomeReport, Said
from hepsub.actions.pending_list import place_of
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import ObjectFact


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAtHome:
    """A job with outputs at home.

    Attributes:
        name: `cluster.proc`.
        home: its directory.
        report: what its last run says of them.
        goals: what it was to write, by URLs without signature.
    """

    name: str
    home: Path
    report: HomeReport
    goals: Mapping[str, ObjectPlace]

    def stored(self) -> Iterator[tuple[Said, ObjectPlace]]:
        """Its outputs that are, or are to be, in a store."""
        for each in self.report.outputs:
            place = place_of(each.url, self.goals) if each.state in (AT_HOME, UPLOADED) else None
            if place is not None:
                yield each, place

    def superseded(self, there: Mapping[ObjectPlace, ObjectFact]) -> str:
        """What to say if another run wrote one of the places after this one had begun; empty for nothing."""
        for said, place in self.stored():
            fact = there.get(place)
            if fact is None or said.is_what(fact):
                continue
            if said.state == UPLOADED or fact.modified > self.report.started:
                return (
                    f"outputs of {self.name} stay at home: {place} was written by somebody else"
                    f" ({_time(fact.modified)}) after this job had begun ({_time(self.report.started)}). hep_fetch"
                    f" {self.name} brings them here; hep_fetch {self.name} -push -force puts them there all the same"
                )
        return ""

    def why_incomplete(
        self, there: Mapping[ObjectPlace, ObjectFact], written: Mapping[ObjectPlace, str]
    ) -> str:
        """What to say if the stores do not hold the outputs that the report tells of; empty for nothing.

        Args:
            there: what the stores hold.
            written: the ETags of what was uploaded since the report was written.
        """
        for said, place in self.stored():
            fact = there.get(place)
            if fact is not None and replace(said, etag=written.get(place, said.etag)).is_what(fact):
                continue
            what = "is not there, though it was uploaded" if fact is None else "is another run's"
            return f"{self.name} is not complete, and gets no marker: {place} {what}; run the job again"
        return ""


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds else "?"
