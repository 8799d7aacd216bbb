"""Generated dimuon events, Z decays above a falling background as in a collider's data, and their histograms. Pure."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable, Iterator

from msgspec import Struct

HEADER = "E1,px1,py1,pz1,E2,px2,py2,pz2"

_Z_MASS = 91.19
_Z_WIDTH = 2.5
_RESOLUTION = 1.2
_MUON_MASS = 0.10566
_BACKGROUND = 0.15
_LOW, _HIGH = 60.0, 120.0
_BAR = 50


def events_csv(number: int, seed: int) -> str:
    """So many events as CSV: energy and momentum of two muons in GeV; the same seed gives the same."""
    source = random.Random(seed)  # noqa: S311 (physics, not secrets)
    lines = (",".join(f"{value:.4f}" for value in _event(source)) for _ in range(number))
    return "\n".join([HEADER, *lines]) + "\n"


def _event(source: random.Random) -> Iterator[float]:
    # At rest the pair flies apart in any direction; a collider's is boosted along the beam most of all.
    mass = _mass(source)
    momentum = math.sqrt(max(0.0, mass * mass / 4 - _MUON_MASS**2))
    cosine, angle = source.uniform(-1, 1), source.uniform(0, 2 * math.pi)
    sine = math.sqrt(1 - cosine * cosine)
    direction = (sine * math.cos(angle), sine * math.sin(angle), cosine)
    boost = (source.gauss(0, 0.1), source.gauss(0, 0.1), source.uniform(-0.8, 0.8))
    for sign in (1, -1):
        yield from _boosted(mass / 2, [sign * momentum * part for part in direction], boost)


def _mass(source: random.Random) -> float:
    if source.random() < _BACKGROUND:
        return _LOW + source.expovariate(1 / 25)
    while True:  # a resonance has long tails; the ones beyond the window are drawn anew
        mass = _Z_MASS + _Z_WIDTH / 2 * math.tan(math.pi * (source.random() - 0.5))
        if _LOW < mass < _HIGH:
            return mass + source.gauss(0, _RESOLUTION)


def _boosted(
    energy: float, momentum: list[float], velocity: tuple[float, float, float]
) -> list[float]:
    """The four-vector seen from a frame that moves with a velocity in units of c."""
    # The three parts are drawn one by one, and may be faster than light together.
    square = min(0.95, sum(part * part for part in velocity))
    gamma = 1 / math.sqrt(1 - square)
    along = sum(v * p for v, p in zip(velocity, momentum, strict=True))
    factor = (gamma - 1) * along / square + gamma * energy if square else 0.0
    return [
        gamma * (energy + along),
        *(p + factor * v for v, p in zip(velocity, momentum, strict=True)),
    ]


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
