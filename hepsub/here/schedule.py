"""Which jobs start next. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hepsub.here.machine import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job that could start.

    Attributes:
        cluster: ClusterId.
        proc: ProcId.
        request: the cores and memory that it gets, capped to the machine.
    """

    cluster: int
    proc: int
    request: Machine


def choose(waiting: Iterable[Waiting], free: Machine) -> list[Waiting]:
    """The jobs that start now, in the order given; none overtakes one that has to wait for room."""
    chosen = []
    for job in waiting:
        if not free.holds(job.request):
            break
        chosen.append(job)
        free = free.less(job.request)
    return chosen
