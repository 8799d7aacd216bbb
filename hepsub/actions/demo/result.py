"""What hep_sub demo did."""

from __future__ import annotations

from msgspec import Struct

from hepsub.actions.demo.histogram import Histogram
from hepsub.result import Json


class Shown(Struct, frozen=True, kw_only=True):
    """What the demo did.

    Attributes:
        jobs: how many jobs ran.
        histogram: the jobs' histograms added up.
        seconds: how long each step took, in order.
        commands: what a user would have typed.
    """

    jobs: int
    histogram: Histogram
    seconds: tuple[tuple[str, float], ...]
    commands: tuple[str, ...]

    def document(self) -> dict[str, Json]:
        """What was done as it stands under `result` in JSON."""
        return {
            "jobs": self.jobs,
            "events": self.histogram.total(),
            "peak_gev": self.histogram.peak(),
            "edges": list(self.histogram.edges),
            "counts": list(self.histogram.counts),
            "seconds": dict(self.seconds),
            "commands": list(self.commands),
        }
