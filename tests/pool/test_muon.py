"""A small analysis from beginning to end: a hundred jobs histogram the mass of muon pairs."""

import csv
import json
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.pool.shell import PYTHON, Shell
from tests.testbed.host import checkout

pytestmark = [pytest.mark.condor]

JOBS = 100
BRANCHES = ("E1", "px1", "py1", "pz1", "E2", "px2", "py2", "pz2")
MUON_MASS = 0.105658
BIN_GEV = 2
TIME = 120

ANALYSIS = f"""
import csv, json, math, sys
part, parts = int(sys.argv[1]), int(sys.argv[2])
with open("events.csv") as file:
    rows = [[float(word) for word in row] for row in list(csv.reader(file))[1:]]
histogram = {{}}
for row in rows[part::parts]:
    e, x, y, z = (row[n] + row[n + 4] for n in range(4))
    mass = math.sqrt(max(0.0, e * e - x * x - y * y - z * z))
    bin = int(mass // {BIN_GEV})
    histogram[bin] = histogram.get(bin, 0) + 1
json.dump(histogram, open("histograms/%d.json" % part, "w"))
print(sum(histogram.values()), "events")
"""


@pytest.fixture(scope="session")
def events() -> list[list[float]]:
    """Give the four-momenta of muon pairs: CMS open data where it is, else generated ones."""
    path = checkout().parent / "shared/data/Zmumu.root"
    return measured(path) if path.exists() else generated(2304)


def measured(path: Path) -> list[list[float]]:
    """The events of a ROOT file."""
    uproot = pytest.importorskip("uproot")
    with uproot.open(path) as file:
        arrays = [file["events"][name].array(library="np").tolist() for name in BRANCHES]
    return [list(row) for row in zip(*arrays, strict=True)]


def generated(number: int) -> list[list[float]]:
    """Decays of a Z at rest: the mass around 91 GeV, the muons back to back in any direction."""
    source = random.Random(91)
    return [_decay(source) for _ in range(number)]


def _decay(source: random.Random) -> list[float]:
    energy = source.gauss(91.19, 2.5) / 2
    momentum = math.sqrt(energy**2 - MUON_MASS**2)
    cosine, angle = source.uniform(-1, 1), source.uniform(0, 2 * math.pi)
    across = momentum * math.sqrt(1 - cosine**2)
    x, y, z = across * math.cos(angle), across * math.sin(angle), momentum * cosine
    return [energy, x, y, z, energy, -x, -y, -z]


def histogram(events: Iterable[Sequence[float]]) -> dict[int, int]:
    """The mass of all pairs, in bins of 2 GeV."""
    bins: dict[int, int] = {}
    for row in events:
        e, x, y, z = (row[n] + row[n + 4] for n in range(4))
        bin_ = int(math.sqrt(max(0.0, e * e - x * x - y * y - z * z)) // BIN_GEV)
        bins[bin_] = bins.get(bin_, 0) + 1
    return bins


def test_generated_events_peak_at_the_mass_of_the_z() -> None:
    """What stands in for the measured events is reproducible and has their peak."""
    bins = histogram(generated(2304))
    assert generated(3) == generated(3)
    assert 88 <= BIN_GEV * max(bins, key=lambda each: bins[each]) <= 94


def test_a_hundred_jobs_histogram_the_dimuon_mass(user: Shell, events: list[list[float]]) -> None:
    """hep_sub -n 100 with %{ProcId}; hep_q follows them; the histograms add up to the whole."""
    with (user.work / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([BRANCHES, *events])
    user.directory("histograms")
    user.directory("log")
    user.script("analysis.py", ANALYSIS, shell=PYTHON)
    words = (
        "analysis.py",
        "-argu",
        "%{ProcId}",
        str(JOBS),
        "-n",
        str(JOBS),
        "-mem",
        "500",
        "-wt",
        "short",
    )
    cluster = user.submit(*words, "-o", "log", "-e", "log")
    seen = [user.counts("-u")]

    def over() -> bool:
        seen.append(user.counts("-u", "-i", str(cluster)))
        return seen[-1]["jobs"] == 0

    user.pool.wait_for(over, TIME, "the analysis")
    followed(seen)
    past = user.result("hep_history", str(cluster), "-n", str(JOBS))["jobs"]
    assert [job["exit_code"] for job in past] == [0] * JOBS
    parts = [json.loads(user.text(f"histograms/{part}.json")) for part in range(JOBS)]
    total: dict[int, int] = {}
    for part in parts:
        for name, number in part.items():
            total[int(name)] = total.get(int(name), 0) + number
    assert total == histogram(events)
    assert sum(total.values()) == len(events) == 2304
    peak = BIN_GEV * max(total, key=lambda each: total[each])
    assert 88 <= peak <= 92
    logs = [user.text(f"log/analysis.py.out.{cluster}.{part}") for part in range(JOBS)]
    assert sum(int(text.split()[0]) for text in logs) == len(events)


def followed(seen: list[dict[str, int]]) -> None:
    """What hep_q showed: first all of them idle or running, some of them running, never one held."""
    assert seen[0]["jobs"] > JOBS / 2
    assert seen[0]["idle"] > 0
    assert any(counts["running"] > 0 for counts in seen)
    assert all(counts["held"] == 0 for counts in seen)
    numbers = [counts["jobs"] for counts in seen]
    assert numbers == sorted(numbers, reverse=True)
