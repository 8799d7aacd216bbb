"""Jobs that failed, grouped by the reason, and the end of what one of them said on its standard error."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field

from hepsub.batch import JobStatus, State
from hepsub.files import open_own
from hepsub.jobid import procs_text

_TAIL_BYTES = 4096
_TAIL_LINES = 3
_LONGEST_LINE = 300
_LOOKED_AT = 20
_MANY_IDS = 10
"""A command that names more ranges is no command that anybody types."""
HEPSUB_CODES = {
    80: "its manifest was missing or wrong",
    81: "an input did not come",
    82: "an input was not what was submitted",
    83: "the program could not be started",
    84: "an output was not made",
    85: "its outputs are at home, not in their place",
    86: "the walltime ended the program",
    87: "its outputs could be saved nowhere",
    88: "there was neither curl nor python3",
    89: "the libraries could not be unpacked",
    90: "what was sent was not what was submitted",
}
"""The wrapper's own exit codes (worker/README.md)."""
_SHELL_CODES = {126: "a program could not be executed", 127: "a program was not found"}
_BY_SIGNAL = 128
"""A shell adds it to the number of the signal that ended its last program."""


class Stderr(Struct, frozen=True, kw_only=True):
    """The end of what a job said on its standard error.

    Attributes:
        job: the job.
        path: the file.
        lines: its last lines; none where it is empty, or not here.
    """

    job: str
    path: str
    lines: tuple[str, ...] = ()


class Failure(Struct, frozen=True, kw_only=True):
    """Jobs that failed, or are on hold, for the same reason.

    Attributes:
        state: C for jobs that ended by themselves, X for removed ones, H for those on hold.
        reason: in words.
        exit_code: null for what ended without one.
        exit_signal: null where none ended them.
        ids: the jobs, as ranges.
        number: how many.
        message: what the report of one of them complains of; null where it does not, or there is none.
        stderr: of one of them; null where nothing is known of it.
        next_command: what to do; null where there is nothing for these alone.
    """

    state: State
    reason: str
    exit_code: int | None
    exit_signal: int | None
    ids: tuple[str, ...]
    number: int = field(name="jobs")
    message: str | None = None
    stderr: Stderr | None = None
    next_command: str | None = field(name="next", default=None)


def groups_of(jobs: Iterable[JobStatus]) -> list[list[JobStatus]]:
    """Jobs that have ended, those that did so in the same way together, the largest group first."""
    found: dict[tuple[object, ...], list[JobStatus]] = {}
    for job in jobs:
        kind = (job.state, job.exit_code, job.exit_signal, job.remove_reason, job.settled)
        found.setdefault(kind, []).append(job)
    return sorted(found.values(), key=lambda group: (-len(group), group[0].proc))


def failure_of(
    group: Sequence[JobStatus], meant: str, stderr: Stderr | None = None, message: str = ""
) -> Failure:
    """Jobs of a cluster that failed in the same way, with what one of them said, and what its report complains of."""
    first = group[0]
    return Failure(
        state=first.state,
        reason=end_text(first),
        exit_code=first.exit_code,
        exit_signal=first.exit_signal,
        ids=ranges(meant, (job.proc for job in group)),
        number=len(group),
        message=message or None,
        stderr=stderr,
    )


def end_text(job: JobStatus) -> str:
    """How a job that failed ended, in a few words."""
    if job.state is State.REMOVED:
        return f"removed: {job.remove_reason}" if job.remove_reason else "removed"
    if job.remove_reason:
        return job.remove_reason
    if job.exit_signal is not None:
        return f"signal {job.exit_signal}{_named(job.exit_signal)}"
    if job.exit_code is None:
        return "it has no exit code"
    code = job.exit_code
    said = HEPSUB_CODES.get(code) or _SHELL_CODES.get(code)
    if said is None and (name := _named(code - _BY_SIGNAL)):
        said = f"a program in it was ended by signal {code - _BY_SIGNAL}{name}"
    return f"exit code {code}" + (f": {said}" if said else "")


def _named(number: int) -> str:
    try:
        return f", {signal.Signals(number).name}"
    except ValueError:
        return ""


def ranges(meant: str, procs: Iterable[int]) -> tuple[str, ...]:
    """Jobs of a cluster as ids, in a row as ranges: `13.3`, `13.17-20`."""
    text = procs_text(procs)
    return tuple(f"{meant}.{each}" for each in text.split(",")) if text else ()


def meaning(ids: Sequence[str], everything: str, *, whole: bool) -> str:
    """What means some jobs in the next command.

    Args:
        ids: the jobs, as ranges.
        everything: what means them and others.
        whole: whether there are no others in the queue.
    """
    # hep_edit or hep_rm of the cluster would hit those that wait or run, too.
    return everything if whole or len(ids) > _MANY_IDS else " ".join(ids)


def last_stderr(
    group: Sequence[JobStatus], meant: str, path_of: Callable[[JobStatus], str]
) -> Stderr | None:
    """The end of the standard error of the first job of a group that said anything."""
    # Not of all: thousands may have failed in silence, each with a file on a busy file system.
    silent: Stderr | None = None
    for job in group[:_LOOKED_AT]:
        path = path_of(job)
        if not path or path == os.devnull:
            continue
        if lines := last_lines(path):
            return Stderr(job=f"{meant}.{job.proc}", path=path, lines=lines)
        silent = silent or Stderr(job=f"{meant}.{job.proc}", path=path)
    return silent


def last_lines(path: str) -> tuple[str, ...]:
    """The last lines of a regular file of this user's own; none of anything else."""
    from pathlib import Path

    with contextlib.suppress(OSError, ValueError):
        descriptor = open_own(Path(path), os.O_RDONLY, path)
        with os.fdopen(descriptor, "rb") as file:
            start = max(0, os.fstat(descriptor).st_size - _TAIL_BYTES)
            file.seek(start)
            content = file.read(_TAIL_BYTES)
        # What the read began in the middle of is no line.
        whole = content.partition(b"\n")[2] if start and b"\n" in content else content
        lines = [each.decode(errors="replace").rstrip() for each in whole.split(b"\n")]
        return tuple(line[:_LONGEST_LINE] for line in lines if line.strip())[-_TAIL_LINES:]
    return ()
