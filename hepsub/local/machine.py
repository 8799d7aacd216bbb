"""What this machine has to give, cores and memory, and which jobs get it next.

Jobs start by priority and then by id, with what is known as EASY backfill (D. A. Lifka, "The ANL/IBM SP
scheduling system", 1995): when the first job has to wait for room, it gets a time at which there will be room at
the latest, as every job is stopped at its walltime. A later job that fits may start before it only if it is gone
by then, or needs nothing of what the first one will need. So nobody waits for ever, and cores do not lie idle
beside a job that needs all of them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

_CGROUPS = Path("/sys/fs/cgroup")


class Machine(Struct, frozen=True, kw_only=True):
    """A machine, or what is left of one.

    Attributes:
        memory_mb: memory in MB (2**20 bytes).
    """

    cores: int
    memory_mb: int

    def capped(self, cores: int, memory_mb: int) -> Machine:
        """A request, made no larger than this machine."""
        return Machine(cores=min(cores, self.cores), memory_mb=min(memory_mb, self.memory_mb))

    def holds(self, request: Machine) -> bool:
        """Whether a request fits."""
        return request.cores <= self.cores and request.memory_mb <= self.memory_mb

    def more(self, request: Machine) -> Machine:
        """What is there when a request has been given back."""
        return Machine(
            cores=self.cores + request.cores, memory_mb=self.memory_mb + request.memory_mb
        )

    def less(self, request: Machine) -> Machine:
        """What is left beside a request."""
        return Machine(
            cores=self.cores - request.cores, memory_mb=self.memory_mb - request.memory_mb
        )


def capped_note(machine: Machine, cores: int, memory_mb: int) -> str:
    """What to tell a user who asks for more than the machine has; empty for less."""
    found = []
    if cores > machine.cores:
        found.append(f"{cores} cores were asked for, this machine has {machine.cores}")
    if memory_mb > machine.memory_mb:
        found.append(f"{memory_mb} MB were asked for, this machine has {machine.memory_mb} MB")
    return f"{'; '.join(found)}: each job gets all of them" if found else ""


def this_machine() -> Machine:
    """The cores that this process may use, and the memory of the machine or of its container."""
    total = re.search(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    limits = [int(total[1]) // 1024 if total else 1024, *_cgroup_limits_mb()]
    return Machine(cores=len(os.sched_getaffinity(0)), memory_mb=min(limits))


def _cgroup_limits_mb() -> list[int]:
    """The memory limits of the cgroups (version 2) around this process."""
    try:
        own = re.search(r"^0::/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    except OSError:
        return []
    if own is None:
        return []
    innermost = _CGROUPS / own[1]
    found = []
    for group in (innermost, *innermost.parents):
        if not group.is_relative_to(_CGROUPS):
            break
        try:
            text = (group / "memory.max").read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            found.append(int(text) // 2**20)
    return found


class Waiting(Struct, frozen=True, kw_only=True):
    """A job that could start.

    Attributes:
        request: the cores and memory that it gets, capped to the machine.
        walltime_s: seconds after which it is stopped; 0 for never.
    """

    cluster: int
    proc: int
    request: Machine
    walltime_s: int = 0


class Busy(Struct, frozen=True, kw_only=True):
    """A part of the machine that is in use.

    Attributes:
        until: when they are free again at the latest, in seconds since the epoch; infinite for unknown.
    """

    request: Machine
    until: float


def latest_end(started: float, walltime_s: int) -> float:
    """When a run has ended at the latest; infinite when nothing stops it."""
    return started + walltime_s if walltime_s else math.inf


def choose(
    waiting: Iterable[Waiting], free: Machine, busy: Iterable[Busy] = (), now: float = 0
) -> list[Waiting]:
    """The jobs that start now.

    Args:
        waiting: in the order in which they should.
        free: what of the machine is not in use.
        busy: what is.
        now: seconds since the epoch.
    """
    chosen: list[Waiting] = []
    in_use = list(busy)
    queue = iter(waiting)
    for job in queue:
        if not free.holds(job.request):
            chosen += _backfill(queue, free, _reservation(job.request, free, in_use), now)
            break
        chosen.append(job)
        free = free.less(job.request)
        in_use.append(Busy(request=job.request, until=latest_end(now, job.walltime_s)))
    return chosen


def _reservation(request: Machine, free: Machine, in_use: list[Busy]) -> Busy:
    """What is left beside a job at the moment when there is room for it at the latest, and that moment."""
    for each in sorted(in_use, key=lambda busy: busy.until):
        free = free.more(each.request)
        if free.holds(request):
            return Busy(request=free.less(request), until=each.until)
    return Busy(request=Machine(cores=0, memory_mb=0), until=math.inf)


def _backfill(
    queue: Iterable[Waiting], free: Machine, reserved: Busy, now: float
) -> Iterator[Waiting]:
    """The later jobs that fit now and do not touch what is reserved."""
    if reserved.until == math.inf:  # nobody knows when the first one could start
        return
    spare = reserved.request
    for job in queue:
        if free.cores < 1:
            return
        if not free.holds(job.request):
            continue
        if latest_end(now, job.walltime_s) > reserved.until:
            if not spare.holds(job.request):
                continue
            spare = spare.less(job.request)
        free = free.less(job.request)
        yield job
