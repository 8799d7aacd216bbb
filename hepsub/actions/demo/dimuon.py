#!/usr/bin/env python3
"""The demo's job: read dimuon events from events.csv, write the histogram of their mass to mass.csv.

It runs on a worker node, so it needs nothing but Python's standard library.
"""

import csv
import math

LOW, HIGH, WIDTH = 60.0, 120.0, 2.0


def mass(row: dict[str, str]) -> float:
    """The invariant mass of the two muons, in GeV."""
    energy, x, y, z = (
        float(row[name + "1"]) + float(row[name + "2"]) for name in ("E", "px", "py", "pz")
    )
    return math.sqrt(max(0.0, energy**2 - x**2 - y**2 - z**2))


def main() -> None:
    """Fill the histogram and write it."""
    bins = [0] * int((HIGH - LOW) / WIDTH)
    with open("events.csv", newline="") as events:
        for row in csv.DictReader(events):
            index = int((mass(row) - LOW) // WIDTH)
            if 0 <= index < len(bins):
                bins[index] += 1
    with open("mass.csv", "w", newline="") as histogram:
        csv.writer(histogram).writerows(
            (LOW + WIDTH * index, count) for index, count in enumerate(bins)
        )
    print(f"{sum(bins)} events between {LOW} and {HIGH} GeV")  # noqa: T201


if __name__ == "__main__":
    main()
