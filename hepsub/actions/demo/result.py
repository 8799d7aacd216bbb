"""What hep_sub demo did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hepsub.actions.demo.histogram import Histogram


class DemoDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_sub demo: as `Shown`, and the histogram's edges and peak in GeV."""

    jobs: int
    events: int
    peak_gev: float
    edges: Sequence[float]
    counts: Sequence[int]
    seconds: Mapping[str, float]
    commands: tuple[str, ...]


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

    def document(self) -> DemoDocument:
        """What was done as it stands under `result` in JSON."""
        return DemoDocument(
            jobs=self.jobs,
            events=self.histogram.total(),
            peak_gev=self.histogram.peak(),
            edges=self.histogram.edges,
            counts=self.histogram.counts,
            seconds=dict(self.seconds),
            commands=self.commands,
        )
