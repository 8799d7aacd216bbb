"""Processes as /proc shows them: who descends from whom, memory, and who carries a job's mark."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_STATE, _PARENT, _START = 0, 1, 19
"""Places in /proc/PID/stat behind the command's name (proc(5) counts from 1 and from the pid)."""


def boot_id() -> str:
    """Which boot of the machine this is."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def start_of(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 for none. With the pid it is unique."""
    return int(_stat(pid, _START))


def is_process(pid: int, start: int) -> bool:
    """Whether the process of this pid is still the one that started then."""
    return pid > 0 and start > 0 and start_of(pid) == start


def is_zombie(pid: int) -> bool:
    """Whether a process has ended, and nobody has taken its status."""
    return _stat(pid, _STATE) in {"Z", "X", "0"}


def descendants(roots: Iterable[int]) -> set[int]:
    """All processes below some, not they themselves; zombies included."""
    below = _family()
    found: set[int] = set()
    left = list(roots)
    while left:
        for child in below(left.pop()):
            if child not in found:
                found.add(child)
                left.append(child)
    return found


def children(pid: int) -> set[int]:
    """The processes whose parent this one is."""
    return set(_family()(pid))


def _family() -> Callable[[int], list[int]]:
    """What tells the children of a process; a kernel without CONFIG_PROC_CHILDREN needs a table."""
    if (_PROC / f"self/task/{os.getpid()}/children").exists():
        return _children_of
    table: dict[int, list[int]] = {}
    for pid in _all():
        table.setdefault(int(_stat(pid, _PARENT)), []).append(pid)
    return lambda pid: table.get(pid, [])


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def marked(mark: str) -> set[int]:
    """The processes in whose environment a text stands."""
    wanted = mark.encode()
    found = set()
    for pid in _all():
        with contextlib.suppress(OSError):  # somebody else's, or gone
            if wanted in (_PROC / str(pid) / "environ").read_bytes():
                found.add(pid)
    return found - {os.getpid()}


def memory_mb(pids: Iterable[int], limit_mb: float) -> float:
    """Memory in use by some processes, in MB.

    Args:
        pids: the processes.
        limit_mb: above it pages that they share are shared out (Pss); 0 for never.
    """
    # The kernel walks all page tables for that: only where it decides about a job.
    members = list(pids)
    total = sum(map(_resident_kb, members)) / 1024
    if limit_mb and total > limit_mb:
        return sum(map(_proportional_kb, members)) / 1024
    return total


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may be gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _resident_kb(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_KB
    except OSError:
        return 0


def _proportional_kb(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return _resident_kb(pid)
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _stat(pid: int, place: int) -> str:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return "0"
    # The command's name, in brackets, may hold brackets.
    return text.rpartition(")")[2].split()[place]


def _all() -> Iterator[int]:
    return (int(each.name) for each in _PROC.iterdir() if each.name.isdigit())
