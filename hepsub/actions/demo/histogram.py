"""Histograms as the demo's jobs write them: added up, and drawn as text. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from msgspec import Struct

_BAR = 50


class Histogram(Struct, frozen=True):
    """Lower edges in GeV, and counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def total(self) -> int:
        """All events in it."""
        return sum(self.counts)

    def peak(self) -> float:
        """The lower edge of the fullest bin, in GeV."""
        return self.edges[self.counts.index(max(self.counts))]

    def lines(self) -> list[str]:
        """The histogram drawn with characters, a bin a line."""
        most = max(*self.counts, 1)
        return [
            f"{edge:6.0f} GeV {'#' * round(_BAR * count / most):<{_BAR}} {count}"
            for edge, count in zip(self.edges, self.counts, strict=True)
        ]


def read_histogram(text: str) -> Histogram:
    """A histogram from the CSV that a job wrote."""
    rows = list(csv.reader(text.splitlines()))
    return Histogram(tuple(float(edge) for edge, _ in rows), tuple(int(count) for _, count in rows))


def add_up(histograms: Iterable[Histogram]) -> Histogram:
    """The sum of histograms with the same bins."""
    every = list(histograms)
    columns = zip(*(each.counts for each in every), strict=True)
    return Histogram(every[0].edges, tuple(sum(column) for column in columns))
