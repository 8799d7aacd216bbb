"""The text of hep_sub demo: the histogram, and what a user would have typed."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.demo.demo import DemoResult
from hepsub.terminal import joined


def demo(value: DemoResult) -> str:
    """The histogram drawn, the times of the steps, and the commands."""
    return joined(_lines(value))


def _lines(value: DemoResult) -> Iterator[str]:
    yield f"Invariant mass of {value.histogram.total()} generated muon pairs, from {value.jobs} jobs:"
    yield from value.histogram.lines()
    yield ""
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in value.seconds)
    yield f"It took: {times}."
    yield "With a storage in your policy you would have typed:"
    yield from (f"  {command}" for command in value.commands)
