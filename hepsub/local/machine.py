"""What this machine has to give, cores and memory, and which jobs get it next."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
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

    def capped(self, request: Machine) -> Machine:
        """A request, made no larger than this machine."""
        return Machine(
            cores=min(request.cores, self.cores), memory_mb=min(request.memory_mb, self.memory_mb)
        )

    def holds(self, request: Machine) -> bool:
        """Whether a request fits."""
        return request.cores <= self.cores and request.memory_mb <= self.memory_mb

    def less(self, request: Machine) -> Machine:
        """What is left beside a request."""
        return Machine(
            cores=self.cores - request.cores, memory_mb=self.memory_mb - request.memory_mb
        )


def free_of(machine: Machine, running: Iterable[Machine]) -> Machine:
    """What is left of a machine beside what runs.

    Args:
        machine: all of it.
        running: what the jobs asked for; they get no more than there is.
    """
    free = machine
    for request in running:
        free = free.less(machine.capped(request))
    return free


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
    # Each of them counts: a container's own limit may be the smallest, or that of what it runs in.
    found = []
    for group in (innermost, *innermost.parents):
        if not group.is_relative_to(_CGROUPS):
            break
        with contextlib.suppress(OSError):  # the root has none
            text = (group / "memory.max").read_text().strip()
            found += [int(text) // 2**20] if text.isdigit() else []
    return found


class Waiting(Struct, frozen=True, kw_only=True):
    """A job that could start, with the cores and memory that it gets, capped to the machine."""

    cluster: int
    proc: int
    request: Machine


def choose(waiting: Iterable[Waiting], free: Machine) -> list[Waiting]:
    """The jobs that start now: as many from the front of the queue as there is room for.

    Args:
        waiting: in the order in which they should; one that has to wait is not passed by others, so that none
            waits for ever.
        free: what of the machine is not in use.
    """
    chosen = []
    for job in waiting:
        if not free.holds(job.request):
            break
        chosen.append(job)
        free = free.less(job.request)
    return chosen
