"""What is known of the ends of jobs of Slurm's without Slurm: each notes its own, and hepsub those that it removed.

ENDS/PROC is written by the job: what it says is data. REMOVED has a line for each hep_rm: when it was, and the ProcIds.
"""

from __future__ import annotations

import contextlib
import heapq
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.documents import Malformed, read_file
from hepsub.files import open_own, write_all
from hepsub.slurm.notes import ENDS, REMOVED
from hepsub.slurm.tasks import Tasks, read_tasks
from hepsub.tree import open_tree

_END_BYTES = 512
_LINES_BYTES = 2**24
_MOST_NOTES = 2**21
"""Of a million jobs: a note of each, and the one that is about to take its place."""


class End(Struct, frozen=True, kw_only=True):
    """How a job's program ended, as the job itself says.

    Attributes:
        code: what the shell made of it: 128 and the signal, where one ended it.
        began: in seconds since the epoch, as is `ended`.
        told: what else it says: ENDED_EARLY, one of NOT_STARTED, or nothing.
    """

    code: int
    began: float
    ended: float
    host: str
    told: str = ""


def ends_in(place: Path, most: int, since: float = 0) -> dict[int, End]:
    """How the jobs of a submission ended that noted it last, by ProcId.

    Args:
        place: the directory of the submission.
        most: so many notes are read at most.
        since: what was noted before is not read, in seconds since the epoch.
    """
    found = {}
    with contextlib.suppress(OSError), open_tree(place / ENDS) as tree:
        notes = (
            (status.st_mtime, name)
            for name, status in tree.entries(_MOST_NOTES)
            if _is_proc(name) and status.st_mtime >= since
        )
        for _, name in heapq.nlargest(most, notes):
            with contextlib.suppress(OSError):
                if end := _read_end(tree.read(name, _END_BYTES)):
                    found[int(name)] = end
    return found


def ends_of(place: Path, procs: Iterable[int]) -> dict[int, End]:
    """How some jobs of a submission ended, by ProcId, as far as they noted it."""
    found = {}
    with contextlib.suppress(OSError), open_tree(place / ENDS) as tree:
        for proc in procs:
            with contextlib.suppress(OSError):
                if end := _read_end(tree.read(str(proc), _END_BYTES)):
                    found[proc] = end
    return found


def noted_in(place: Path) -> frozenset[int]:
    """Which jobs of a submission noted how they ended."""
    with contextlib.suppress(OSError), open_tree(place / ENDS) as tree:
        names = tree.names(_MOST_NOTES)
        return frozenset(int(name) for name in names if _is_proc(name))
    return frozenset()


def _is_proc(name: str) -> bool:
    # A note that is being written is called PROC.new (script.py).
    return name.isdecimal() and len(name) < 10


def note_removed(place: Path, procs: str, when: float) -> None:
    """Note that jobs of a submission were removed, as far as it can be written."""
    with contextlib.suppress(OSError):  # Slurm itself says so, too, as long as it knows of them
        descriptor = open_own(place / REMOVED, os.O_WRONLY | os.O_APPEND | os.O_CREAT, REMOVED)
        try:
            write_all(descriptor, f"{int(when)} {procs}\n".encode())
        finally:
            os.close(descriptor)


def removed_in(place: Path) -> Iterator[tuple[float, Tasks]]:
    """The jobs of a submission that were removed, and when, the latest first."""
    try:
        lines = read_file(place / REMOVED, _LINES_BYTES).decode("ascii", "replace").splitlines()
    except (OSError, Malformed):
        return
    for line in reversed(lines):  # what is written on a full disk may be half a line
        when, _, procs = line.partition(" ")
        if when.isdecimal() and len(when) < 13 and (tasks := read_tasks(procs)):
            yield float(when), tasks


def _read_end(content: bytes) -> End | None:
    words = content.decode("utf-8", "replace").split()
    if not 3 <= len(words) <= 5 or not all(w.isdecimal() and len(w) < 11 for w in words[:3]):
        return None
    code, began, ended = map(int, words[:3])
    if code > 255 or ended < began:
        return None
    host, told = [*words[3:], "", ""][:2]
    return End(code=code, began=began, ended=ended, host="" if host == "-" else host, told=told)
