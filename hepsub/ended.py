"""What is kept of jobs that have ended: their schedd forgets them, and their user asks the morning after.

One file for each submission, append-only: a line is a job as it was told of, that its schedd was asked and did not
know more, or that what a job had left at home was put in its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from hepsub.batch import SAVED_AT_HOME, JobStatus
from hepsub.documents import LATEST, Malformed, read_json

_LARGEST = 1 << 28
"""Of a larger file only the end is read, in bytes: half a million jobs."""
_LINE_BYTES = 1 << 16
_LONGEST_TEXT = 4000
_MORE = "…"
CLOCKS_S = 300.0
"""So much the clocks of hosts differ, and so much later may something be written that ended earlier."""
_ASKED_AGAIN_S = 60.0
"""A schedd writes its history a moment after a job left: what it does not know a minute later it never will."""

KEPT_S = 100 * 86400.0
"""So long is kept what became of jobs, at least: what they were made from is kept three months and the running one."""
_DAY_S = 86400.0
_PRUNED = ".pruned"
_FILES = 10_000_000
_OF_A_JOB = b'"proc":'
"""What stands in each line about a job once: quotes within texts are escaped."""

_Natural = Annotated[int, Meta(ge=0, lt=1 << 31)]
_Integer = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]
_Moment = Annotated[float, Meta(ge=0, le=LATEST)]
_Amount = Annotated[float, Meta(ge=0, le=2.0**40)]
_Text = Annotated[str, Meta(max_length=_LINE_BYTES)]


class _Line(JobStatus, frozen=True, kw_only=True, omit_defaults=True):
    """A job as it stands in the file; the bounds are those of a line that is believed."""

    schedd: _Text
    cluster: _Natural
    proc: _Natural
    owner: _Text
    submitted: _Moment
    run_seconds: _Amount
    priority: _Integer
    memory_mb: _Amount
    requested_mb: _Natural
    command: _Text
    arguments: Annotated[tuple[_Text, ...], Meta(max_length=_LINE_BYTES)]
    name: _Text = ""
    host: _Text = ""
    exit_code: _Integer | None = None
    exit_signal: _Natural | None = None
    ended: _Moment = 0
    remove_reason: _Text = ""
    cpu_seconds: _Amount = 0
    cores: _Natural = 1
    walltime_s: _Natural = 0
    stderr: _Text = ""


class Asked(Struct, frozen=True, kw_only=True):
    """When a schedd was asked, in seconds since the epoch, and did not know all jobs that had ended; how many had."""

    asked: _Moment
    ended: _Natural


class Settled(Struct, frozen=True, kw_only=True):
    """The ProcId of a job whose outputs had come home, and were put in their places, with its marker."""

    settled: _Natural


class Tally(Struct, frozen=True, kw_only=True):
    """How much is kept of a submission.

    Attributes:
        jobs: how many of its jobs have ended, at the most: one may have been told of twice.
        noted: when the last of that was noted, in seconds since the epoch.
        size: of the file, in bytes.
    """

    jobs: int
    noted: float
    size: int


class Kept(Struct, frozen=True, kw_only=True):
    """What is kept of one submission.

    Attributes:
        jobs: its jobs that have ended, by ProcId.
        settled: the ProcIds of those whose outputs had come home, and are in their places since.
    """

    jobs: Mapping[int, JobStatus]
    asked: tuple[Asked, ...] = ()
    settled: frozenset[int] = frozenset()

    def told(self, job: JobStatus) -> JobStatus:
        """A job of the submission, as its schedd or its report tells of it, with what was put in its place since."""
        if job.exit_code != SAVED_AT_HOME or job.proc not in self.settled:
            return job
        return replace(job, settled=True)

    def is_final(self, ended: int) -> bool:
        """Whether the schedd knows no more of so many jobs that have ended."""
        # About as many jobs, twice: what has ended since the first time may still be on its way into the history.
        times = [each.asked for each in self.asked if each.ended == ended]
        return bool(times) and times[-1] - times[0] >= _ASKED_AGAIN_S

    @property
    def latest(self) -> float:
        """When the last of the jobs ended, in seconds since the epoch; 0 for none."""
        return max((job.ended for job in self.jobs.values()), default=0.0)


_NOTHING = Kept(jobs={})
_LINE = msgspec.json.Decoder(_Line)


class EndedJobs(Struct, frozen=True, kw_only=True):
    """The jobs of one user that have ended, by the UUIDs of their submissions."""

    directory: Path

    def read(self, uuid: str) -> Kept:
        """What is kept of a submission; nothing where that cannot be read."""
        path = self._path(uuid)
        if path is None:
            return _NOTHING
        try:
            content = _end_of(path)
        except OSError:
            return _NOTHING
        jobs: dict[int, JobStatus] = {}
        asked: list[Asked] = []
        settled: set[int] = set()
        for line in content.split(b"\n"):
            found = _read_line(line)
            if isinstance(found, Asked):
                asked.append(found)
            elif isinstance(found, Settled):
                settled.add(found.settled)
            elif found is not None:
                jobs[found.proc] = found
        kept = Kept(jobs=jobs, asked=tuple(asked), settled=frozenset(settled))
        return replace(kept, jobs={proc: kept.told(job) for proc, job in jobs.items()})

    def noted(self, uuid: str) -> float:
        """When anything was noted of a submission the last time, in seconds since the epoch; 0 for nothing."""
        path = self._path(uuid)
        try:
            return path.stat().st_mtime if path is not None else 0.0
        except OSError:
            return 0.0

    def tally(self, uuid: str, most: int) -> Tally | None:
        """How much is kept of a submission, by a file of so many bytes at most; None where it is larger."""
        # Lines are counted, not read: hep_sub status looks at a hundred submissions.
        from hepsub.files import open_own

        path = self._path(uuid)
        if path is None:
            return None
        with contextlib.suppress(OSError):
            descriptor = open_own(path, os.O_RDONLY, path.name)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if found.st_size <= most:
                    jobs = file.read(most).count(_OF_A_JOB)
                    return Tally(jobs=jobs, noted=found.st_mtime, size=found.st_size)
        return None

    def keep(self, uuid: str, jobs: Iterable[JobStatus], asked: Asked | None = None) -> None:
        """Add jobs of a submission, and that its schedd did not know all of them."""
        lines = [_written(job) for job in jobs]
        lines += [msgspec.json.encode(asked)] if asked is not None else []
        # A full disk hides nothing: what is not kept is asked for again.
        with contextlib.suppress(OSError):
            self._append(uuid, lines)

    def settle(self, uuid: str, proc: int) -> None:
        """Add that what a job had left at home is in its place: nobody else knows that when its bundle is gone.

        Raises:
            OSError: it cannot be kept.
        """
        self._append(uuid, [msgspec.json.encode(Settled(settled=proc))])

    def _append(self, uuid: str, lines: list[bytes]) -> None:
        from hepsub.files import make_private, open_own, write_all

        path = self._path(uuid)
        if path is None or not lines:
            return
        make_private(self.directory)
        if not path.exists() and self._is_due():
            self.prune(time.time())
        descriptor = open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, path.name)
        try:
            # A crash, or another host that appended at once, may have torn the last line. It ends here, and is passed
            # over, as an empty one is; its job is asked for again.
            write_all(descriptor, b"\n" + b"\n".join(lines) + b"\n")
        finally:
            os.close(descriptor)

    def prune(self, now: float) -> None:
        """Forget submissions of which nothing was learnt for so long that their jobs cannot be run again any more."""
        from hepsub.tree import open_tree

        with contextlib.suppress(OSError), open_tree(self.directory) as tree:
            for name, status in tree.files(_FILES):
                if name.endswith(".jsonl") and now - status.st_mtime > KEPT_S:
                    tree.remove(name)
            tree.write(_PRUNED, "", 0o600)

    def _is_due(self) -> bool:
        """Whether nobody has looked for what is old for a day."""
        try:
            return time.time() - (self.directory / _PRUNED).stat().st_mtime > _DAY_S
        except OSError:
            return True

    def _path(self, uuid: str) -> Path | None:
        """The file of a submission; None for a word that names none."""
        plain = uuid.replace("-", "").isalnum() and uuid.isascii() and len(uuid) <= 100
        return self.directory / f"{uuid}.jsonl" if plain else None


def _end_of(path: Path) -> bytes:
    from hepsub.files import open_own

    descriptor = open_own(path, os.O_RDONLY, path.name)
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - _LARGEST))
        return file.read(_LARGEST)


def _read_line(line: bytes) -> JobStatus | Asked | Settled | None:
    """What a line says; None where it says nothing that is believed."""
    if not 0 < len(line) <= 2 * _LINE_BYTES:
        return None
    # Nearly all lines are jobs, of which a file may have 20,000: a decoder that is made once, and no other look.
    with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
        return _LINE.decode(line)
    with contextlib.suppress(Malformed):
        return read_json(line, Asked, most=2 * _LINE_BYTES)
    with contextlib.suppress(Malformed):
        return read_json(line, Settled, most=2 * _LINE_BYTES)
    with contextlib.suppress(Malformed):
        return read_json(line, _Line, most=2 * _LINE_BYTES, any_text=True)
    return None


def _written(job: JobStatus) -> bytes:
    """A job as a line, with texts that are much too long cut off: a line above the bounds would not be read."""
    short = replace(
        job,
        command=_cut(job.command),
        arguments=tuple(_few(job.arguments)),
        name=_cut(job.name),
        hold_code=0,
        hold_subcode=0,
        hold_reason="",
        settled=False,
        remove_reason=_cut(job.remove_reason),
        stderr=job.stderr if len(job.stderr) <= _LONGEST_TEXT else "",
        pool="",
    )
    line = _Line(**asdict(short))
    try:
        return msgspec.json.encode(line)
    except UnicodeEncodeError:  # a name of a file that is no UTF-8
        return json.dumps(msgspec.to_builtins(line), separators=(",", ":")).encode()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + _MORE


def _few(words: tuple[str, ...]) -> Iterator[str]:
    left = _LONGEST_TEXT
    for word in words:
        if left <= 0:
            yield _MORE
            return
        yield word if len(word) <= left else word[:left] + _MORE
        left -= len(word) + 1
