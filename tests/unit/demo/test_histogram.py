"""The demo's events and histograms."""

from __future__ import annotations

import csv

from hepsub.actions.demo.dimuon import mass
from hepsub.actions.demo.events import HEADER, Histogram, add_up, events_csv, read_histogram


def test_the_same_seed_gives_the_same_events() -> None:
    """Reproducible on any machine, different for another seed."""
    assert events_csv(5, 1) == events_csv(5, 1) != events_csv(5, 2)
    lines = events_csv(5, 1).splitlines()
    assert (lines[0], len(lines)) == (HEADER, 6)


def test_the_events_peak_at_the_z() -> None:
    """Masses from four-vectors: most within 5 GeV of 91.2, none imaginary."""
    rows = list(csv.DictReader(events_csv(2000, 3).splitlines()))
    masses = [mass(row) for row in rows]
    assert sum(1 for each in masses if 86 < each < 96) > 1200
    assert min(masses) > 50


def test_each_muon_has_a_muons_mass() -> None:
    """Energy and momentum belong together, within the four digits that are written."""
    for row in csv.DictReader(events_csv(200, 3).splitlines()):
        for muon in "12":
            energy, *momentum = (float(row[name + muon]) for name in ("E", "px", "py", "pz"))
            assert abs(energy**2 - sum(part**2 for part in momentum)) < 1.0


def test_reading_and_adding() -> None:
    """What the jobs write is read back and added bin by bin."""
    first = read_histogram("60.0,1\r\n62.0,5\r\n")
    second = read_histogram("60.0,10\n62.0,2\n")
    total = add_up([first, second])
    assert total == Histogram((60.0, 62.0), (11, 7))
    assert (total.total(), total.peak()) == (18, 60.0)


def test_drawing() -> None:
    """The fullest bin is 50 wide; an empty histogram is drawn too."""
    assert Histogram((60.0, 62.0), (10, 5)).lines() == [
        "    60 GeV ################################################## 10",
        "    62 GeV #########################                          5",
    ]
    assert Histogram((60.0,), (0,)).lines() == [f"    60 GeV {' ' * 50} 0"]
