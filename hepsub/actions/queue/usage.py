"""What jobs used of what they asked for, and what to ask for the next time. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from hepsub.batch import JobStatus, memory_to_ask_for

_TIME_MARGIN = 1.5
"""How much more than the most that was measured is advised, of run times: they depend on the machine."""
_WASTED = 0.5
"""What used less than this part of what it asked for asked for too much."""
_LITTLE_MB = 500
"""So little is not worth a word."""
_LITTLE_S = 3600
_SHORT_S = 60.0
"""What ran shorter says little of its CPU time and memory: HTCondor looks at them now and then."""
_FEW = 3
"""Of fewer jobs nobody concludes on walltime."""
_BINS = 8


class Bin(Struct, frozen=True, kw_only=True):
    """How many jobs used from so much to less than so much."""

    least: float = field(name="from")
    below: float = field(name="to")
    number: int = field(name="jobs")


class Amount(Struct, frozen=True, kw_only=True):
    """How much of one thing jobs used.

    Attributes:
        median: of all of them.
        most: the most that one of them used.
        job: that job.
        asked: how much each of them asked for; 0 for not known.
        histogram: the jobs by what they used.
        advice: what to ask for the next time, as an option of hep_sub; null where it was about right.
    """

    median: float
    most: float
    job: str
    asked: float
    histogram: tuple[Bin, ...] = ()
    advice: str | None = None


class Usage(Struct, frozen=True, kw_only=True):
    """What jobs that have ended used.

    Attributes:
        number: how many jobs this is about.
        memory_mb: peaks, in MB; null where none was measured.
        run_seconds: run times, in seconds; null where none is known.
        cores: cores that each asked for.
        cpu_efficiency: CPU time by run time and cores, from 0 to 1; null where it says nothing.
        cpu_advice: what to ask for the next time; null where it was about right.
    """

    number: int = field(name="jobs")
    memory_mb: Amount | None
    run_seconds: Amount | None
    cores: int
    cpu_efficiency: float | None
    cpu_advice: str | None = None


def usage_of(jobs: Sequence[JobStatus]) -> Usage | None:
    """What jobs used that ran to their end; None where there are none."""
    # What was removed while it waited used nothing.
    ran = [job for job in jobs if job.run_seconds > 0]
    if not ran:
        return None
    cores = max(job.cores for job in ran)
    asked_mb = float(max(job.requested_mb for job in ran))
    limit_s = float(max(job.walltime_s for job in ran))
    efficiency = _efficiency(ran)
    return Usage(
        number=len(ran),
        memory_mb=_amount(ran, lambda job: job.memory_mb, asked_mb, _memory_advice(ran)),
        run_seconds=_amount(ran, lambda job: job.run_seconds, limit_s, _time_advice),
        cores=cores,
        cpu_efficiency=efficiency,
        cpu_advice=_cores_advice(cores, efficiency),
    )


def _amount(
    jobs: Sequence[JobStatus],
    value: Callable[[JobStatus], float],
    asked: float,
    advice: Callable[[float, float, int], str | None],
) -> Amount | None:
    measured = [job for job in jobs if value(job) > 0]
    if not measured:
        return None
    values = [value(job) for job in measured]
    top = max(measured, key=value)
    return Amount(
        # One job that hung does not move it, as it would the mean.
        median=statistics.median(values),
        most=value(top),
        job=top.id,
        asked=asked,
        histogram=histogram(values),
        advice=advice(value(top), asked, len(measured)),
    )


def histogram(values: Sequence[float]) -> tuple[Bin, ...]:
    """Values in equal bins from the smallest to the largest; one bin where they are all the same."""
    low, high = min(values), max(values)
    if high <= low:
        return (Bin(least=low, below=high, number=len(values)),)
    width = (high - low) / _BINS
    counts = [0] * _BINS
    for each in values:
        counts[min(_BINS - 1, int((each - low) / width))] += 1
    return tuple(
        Bin(least=low + width * place, below=low + width * (place + 1), number=number)
        for place, number in enumerate(counts)
    )


def _memory_advice(jobs: Sequence[JobStatus]) -> Callable[[float, float, int], str | None]:
    long = any(job.run_seconds >= _SHORT_S for job in jobs)

    def advice(most: float, asked: float, _: int) -> str | None:
        wanted = memory_to_ask_for(most)
        wasteful = long and most < asked * _WASTED and asked - wanted >= _LITTLE_MB
        return f"-mem {wanted}" if wasteful or (asked and most > asked) else None

    return advice


def _time_advice(most: float, limit: float, number: int) -> str | None:
    # Within the same few hours a shorter limit gains nothing, and one that is too short loses the job.
    if number < _FEW or not limit or most >= limit * _WASTED or limit <= _LITTLE_S:
        return None
    # Whole minutes, and at least ten: what starts on a busy file system may take as long as the job.
    minutes = max(10, -(-int(most * _TIME_MARGIN) // 60))
    wanted = f"{minutes}min" if minutes < 120 else f"{-(-minutes // 60)}h"
    return f"-wt {wanted}" if minutes * 60 < limit * _WASTED else None


def _efficiency(jobs: Sequence[JobStatus]) -> float | None:
    """CPU time by run time and cores, of the jobs of which it says something."""
    long = [job for job in jobs if job.run_seconds >= _SHORT_S and job.cpu_seconds > 0]
    wall = sum(job.run_seconds * job.cores for job in long)
    return round(sum(job.cpu_seconds for job in long) / wall, 3) if wall else None


def _cores_advice(cores: int, efficiency: float | None) -> str | None:
    if cores < 2 or efficiency is None or efficiency >= _WASTED:
        return None
    return f"-np {max(1, -(-int(cores * efficiency * 100) // 100))}"
