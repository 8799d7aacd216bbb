"""The journal: which submission went to which schedd. Append-only, one file for each host.

A line is a JSON object: first the intent (before the schedd is called), then what became of it.
Hosts that share a home directory write to files of their own, so that appending needs no lock
that a network file system would have to keep; all files are read. The ads carry the same facts,
so a lost journal costs nothing but the look-up.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hepsub.errors import JournalNotWritable
from hepsub.jobid import JobId, same_schedd


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One submission.

    Attributes:
        uuid: the submission's UUID.
        pool: the pool's name in the policy.
        schedd: full name of the schedd.
        number: number of jobs.
        when: seconds since the epoch.
        cluster: ClusterId; 0 while only intended, -1 when it is certain that there is none.
        once: the submission's key; empty for none.
        what: a digest of what was submitted; empty in old entries.
    """

    uuid: str
    pool: str
    schedd: str
    number: int
    when: float
    cluster: int = 0
    once: str = ""
    what: str = ""


NO_CLUSTER = -1
_FIELDS = frozenset(Entry.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """The journal's directory, and the file in it that this host writes."""

    directory: Path
    host: str

    def append(self, entry: Entry) -> None:
        """Add a line, and see it on the disk before returning.

        Raises:
            JournalNotWritable: it cannot be written.
        """
        try:
            self._append(entry)
        except OSError as error:
            raise _not_writable(self.directory, error) from error

    def _append(self, entry: Entry) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps(asdict(entry), separators=(",", ":")) + "\n"
        path = self.directory / f"{self.host}.jsonl"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # a crash's half line
            os.write(descriptor, (b"\n" if torn else b"") + line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> tuple[Entry, ...]:
        """The submissions, the oldest first, each with the last that is known of it."""
        latest: dict[str, Entry] = {}
        for entry in self._lines():
            known = latest.get(entry.uuid)
            if (
                known is None or entry.cluster != 0
            ):  # another host's file may hold the end of a story
                latest[entry.uuid] = entry
        return tuple(sorted(latest.values(), key=lambda entry: entry.when))

    def schedds_of(self, job: JobId) -> tuple[str, ...]:
        """The schedds on which this cluster was submitted."""
        known = [
            entry.schedd
            for entry in self.entries()
            if entry.cluster == job.cluster
            and (not job.schedd or same_schedd(job.schedd, entry.schedd))
        ]
        return tuple(dict.fromkeys(known))

    def cluster_of(self, uuid: str) -> int | None:
        """The cluster of a submission, NO_CLUSTER or 0 (not known); None when it was never intended."""
        found = [entry.cluster for entry in self.entries() if entry.uuid == uuid]
        return found[0] if found else None

    def once(self, key: str) -> Entry | None:
        """The submission with this key that exists or may exist, None for none."""
        found = [
            entry for entry in self.entries() if entry.once == key and entry.cluster != NO_CLUSTER
        ]
        return found[-1] if found else None

    @contextlib.contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Keep other processes with the same key waiting until this block ends.

        Raises:
            JournalNotWritable: the lock cannot be made.
        """
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = (self.directory / f"once-{name}.lock").open("w")
        except OSError as error:
            raise _not_writable(self.directory, error) from error
        with file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            yield

    def _lines(self) -> Iterator[Entry]:
        for path in sorted(self.directory.glob("*.jsonl")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                entry = _entry(line)
                if entry is not None:
                    yield entry


def _not_writable(directory: Path, error: OSError) -> JournalNotWritable:
    return JournalNotWritable(
        f"the journal in {directory} cannot be written: {error.strerror}; nothing was submitted",
        remedy="make room there, or name another place with XDG_STATE_HOME",
    )


def _entry(line: str) -> Entry | None:
    """A line as an entry; None for one that a crash left half written."""
    try:
        record = json.loads(line)
        return Entry(**{name: value for name, value in record.items() if name in _FIELDS})
    except (ValueError, TypeError, AttributeError):
        return None
