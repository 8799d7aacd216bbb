"""Tasks of an array as Slurm writes them: `0-99,105%20`, however many they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hepsub.jobid import JobId, procs_text

Tasks = tuple[range, ...]
"""Task indexes, which are ProcIds, in ranges; no more than their text says is kept of them."""

_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?")


def read_tasks(text: str) -> Tasks:
    """The tasks of what squeue shows of an array; none of what is something else.

    Args:
        text: ranges, and behind `%` how many of them may run at once.
    """
    found: list[range] = []
    for part in text.partition("%")[0].split(","):
        match = _RANGE.fullmatch(part)
        if match is None:  # a list that was cut, too: half of an array is not the array
            return ()
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        found.append(range(first, last + 1, max(step, 1)))
    return tuple(each for each in found if each)


def number_of(tasks: Tasks) -> int:
    """How many they are."""
    return sum(map(len, tasks))


def common(tasks: Tasks, ids: Sequence[JobId]) -> Tasks:
    """Those of a cluster's tasks that some ids of this cluster mean."""
    if any(each.first is None or each.last is None for each in ids):
        return tasks
    spans = [range(each.first or 0, (each.last or 0) + 1) for each in ids]
    found = [task for part in tasks for task in part if any(task in span for span in spans)]
    return read_tasks(procs_text(found)) if found else ()
