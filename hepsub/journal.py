"""The journal: which submission went to which schedd. Append-only, one file for each host.

A line is a JSON object: first the intent (before the schedd is called), then what became of it. Hosts that share a
home directory write to files of their own, so that appending needs no lock that a network file system would have to
keep; all files are read. The ads carry the same facts, so a lost journal costs nothing but the look-up.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from hepsub import __version__
from hepsub.errors import JournalNotWritable, UsageError
from hepsub.jobid import Again, SubmissionRef, parse_procs, procs_text
from hepsub.terminal import printable

if TYPE_CHECKING:
    from hepsub.tree import Tree

T = TypeVar("T")

NO_CLUSTER = -1
AT_IT_S = 120.0
"""No submission takes so long from its intent to the schedd's answer."""
_VERSION = 1
_LINE_BYTES = 8 << 20
"""The ids of every second one of a million jobs are 4 MB."""
_FILE_BYTES = 64 << 20
"""Of a larger file only the end is read: the latest submissions are the ones that matter."""
_FILES = 10_000_000
"""The lock of each key that was ever used lies there, too."""
_YEAR_9999 = 253_402_300_800

_LONGEST_SHOWN = 200
"""Of a name that is there for people, so much is kept."""

_Name = Annotated[str, Meta(max_length=1000)]


class Entry(Struct, frozen=True, kw_only=True):
    """What is known of one submission.

    Attributes:
        ref: the submission; its cluster is 0 while it is only intended, NO_CLUSTER when it is certain that there
            is none.
        when: seconds since the epoch.
        once: the submission's key; empty for none.
        what: a digest of what was submitted; empty without a key.
        again: the jobs of an earlier submission that it runs again; None for new jobs.
        gone: whether it had a cluster, which was taken back.
        name: what people know its jobs by; empty for not known.
        intended: when its intent was noted, which may be long after `when`: seconds since the epoch; 0 for not known.
    """

    ref: SubmissionRef
    when: float
    once: str = ""
    what: str = ""
    again: Again | None = None
    gone: bool = False
    name: str = ""
    intended: float = 0

    def may_be_under_way(self, now: float) -> bool:
        """Whether somebody may be about to submit it."""
        return self.ref.cluster == 0 and now - (self.intended or self.when) < AT_IT_S

    def with_cluster(self, cluster: int) -> Entry:
        """The entry when more is known: the ClusterId, or NO_CLUSTER."""
        return replace(self, ref=replace(self.ref, cluster=cluster))

    def taken_back(self) -> Entry:
        """The entry when its cluster was removed again before a job could start."""
        return replace(self.with_cluster(NO_CLUSTER), gone=True)


class _Writer(Struct, frozen=True, kw_only=True):
    """Who wrote a line, in what form: every version says it in these words."""

    v: int = 1
    hepsub: _Name = ""


class _Line(Struct, frozen=True, kw_only=True):
    """An entry as it stands in the file; the bounds are those of a line that is believed."""

    uuid: _Name
    pool: _Name
    schedd: _Name
    number: Annotated[int, Meta(ge=0, lt=1 << 31)]
    when: Annotated[float, Meta(ge=0, le=_YEAR_9999)]
    cluster: Annotated[int, Meta(ge=NO_CLUSTER, lt=1 << 31)] = 0
    once: Annotated[str, Meta(max_length=_LINE_BYTES)] = ""
    what: _Name = ""
    again: _Name = ""
    again_cluster: Annotated[int, Meta(ge=0, lt=1 << 31)] = 0
    procs: Annotated[str, Meta(max_length=_LINE_BYTES)] = ""
    gone: bool = False
    name: Annotated[str, Meta(max_length=_LINE_BYTES)] = ""
    intended: Annotated[float, Meta(ge=0, le=_YEAR_9999)] = 0

    @property
    def weight(self) -> int:
        """Of several lines about a submission the one that weighs most counts, the later of equal ones."""
        # Hosts that share a home write files of their own, and these have no order: who looked for a cluster before
        # it was there says nothing against the host that made it, and who took it back knows that it was there.
        if self.gone:
            return 3
        return 2 if self.cluster > 0 else -self.cluster  # NO_CLUSTER, or an intent

    def entry(self, pool: str) -> Entry:
        """The entry, with what its pool is called now."""
        ref = SubmissionRef(
            uuid=self.uuid,
            pool=pool,
            schedd=self.schedd,
            cluster=self.cluster,
            number=self.number,
        )
        return Entry(
            ref=ref,
            when=self.when,
            once=self.once,
            what=self.what,
            again=self._again(),
            gone=self.gone,
            name=self.name,
            intended=self.intended,
        )

    def _again(self) -> Again | None:
        if not self.again:
            return None
        with contextlib.suppress(UsageError):
            procs = parse_procs(self.procs)
            if len(procs) == self.number:
                return Again(uuid=self.again, cluster=self.again_cluster, procs=procs)
        return None


class Journal(Struct, frozen=True, kw_only=True):
    """The journal of one user.

    Attributes:
        host: by its name this process writes its file in the directory.
        pool_now: what a pool is called now, by the name of its time.
    """

    directory: Path
    host: str
    pool_now: Callable[[str], str] = str

    def append(self, entry: Entry) -> None:
        """Add a line, and see it on the disk before returning: a submission without its intent could be lost.

        Raises:
            JournalNotWritable: it cannot be written.
        """
        try:
            self._append(entry)
        except OSError as error:
            raise _not_writable(self.directory, error) from error

    def note(self, entry: Entry) -> bool:
        """Add a line, if it can be written; whether it was."""
        with contextlib.suppress(JournalNotWritable):
            self.append(entry)
            return True
        return False

    def _append(self, entry: Entry) -> None:
        import json  # not msgspec: the file is read by other programs, and always has these members

        from hepsub.files import write_all

        ref = entry.ref
        document = {
            "v": _VERSION,
            "hepsub": __version__,
            "uuid": ref.uuid,
            "pool": ref.pool,
            "schedd": ref.schedd,
            "number": ref.number,
            "when": entry.when,
            "cluster": ref.cluster,
            "once": entry.once,
            "what": entry.what,
        }
        if entry.name:
            document["name"] = printable(entry.name)[:_LONGEST_SHOWN]
        if entry.intended:
            document["intended"] = entry.intended
        if entry.again is not None:
            document |= {
                "again": entry.again.uuid,
                "again_cluster": entry.again.cluster,
                "procs": procs_text(entry.again.procs),
            }
        if entry.gone:
            document["gone"] = True
        line = json.dumps(document, separators=(",", ":"))
        if len(line) > _LINE_BYTES:  # it would not be read, and its jobs would run once more
            raise OSError(errno.EFBIG, "what is to be noted is too long")
        line += "\n"
        descriptor = self._open_own(f"{self.host}.jsonl", os.O_RDWR | os.O_APPEND)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # a crash's half line
            write_all(descriptor, (b"\n" if torn else b"") + line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open_own(self, name: str, flags: int) -> int:
        """A regular file of this user in the journal's directory, which is made where it is not there."""
        from hepsub.files import make_private, open_own

        make_private(self.directory)
        return open_own(self.directory / name, flags | os.O_CREAT, name)

    def is_of_day(self, now: float) -> bool:
        """Whether this host has written into it on the day of a time, by the local calendar."""
        import time

        try:
            written = (self.directory / f"{self.host}.jsonl").stat().st_mtime
        except OSError:
            return False
        return time.localtime(written)[:3] == time.localtime(now)[:3]

    def entries(self) -> tuple[Entry, ...]:
        """The submissions, the oldest first, each with the last that is known of it."""
        latest: dict[str, _Line] = {}
        for _, line in self._read(_Line):
            if line.uuid not in latest or line.weight >= latest[line.uuid].weight:
                latest[line.uuid] = line
        lines = sorted(latest.values(), key=lambda each: each.when)
        # Here and not where entries are used: there are a dozen places that compare a pool's name with the policy's.
        return tuple(line.entry(self.pool_now(line.pool)) for line in lines)

    def find(self, uuid: str) -> Entry | None:
        """What is known of a submission; None for nothing."""
        return next((each for each in self.entries() if each.ref.uuid == uuid), None)

    def writers(self, uuid: str) -> frozenset[str]:
        """The hosts that noted anything of a submission."""
        return frozenset(host for host, line in self._read(_Line) if line.uuid == uuid)

    def once(self, key: str) -> Entry | None:
        """The submission with this key that exists or may exist, None for none."""
        mine = (each for each in reversed(self.entries()) if each.once == key)
        return next((each for each in mine if each.ref.cluster != NO_CLUSTER), None)

    @contextlib.contextmanager
    def locked(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Keep other processes with the same key waiting until this block ends; False where one has it, and no wait.

        Raises:
            JournalNotWritable: the lock cannot be made.
        """
        import hashlib  # brings OpenSSL with it

        from hepsub.files import lock_process

        # A key may be any text; a name of a file may not.
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        with contextlib.ExitStack() as stack:
            try:
                descriptor = self._open_own(f"once-{name}.lock", os.O_RDWR)
                file = stack.enter_context(os.fdopen(descriptor, "w"))
                mine = lock_process(file.fileno(), wait=wait)  # which a file system may not have
            except OSError as error:
                raise _not_writable(self.directory, error) from error
            yield mine

    def why_of_another(self) -> str:
        """What to say of lines that another version of hepsub wrote in a form of its own; empty for none."""
        writers = {each.hepsub for _, each in self._read(_Writer) if each.v > _VERSION}
        if not writers:
            return ""
        names = " and ".join(sorted(printable(each) or "another version" for each in writers))
        return (
            f"the journal in {self.directory} has lines that were written by hepsub {names}, and this is"
            f" {__version__}: what this one does not understand of them is passed over"
        )

    def _read(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        """Every line that can be read as what it should be, and the host that wrote it."""
        from hepsub.tree import open_tree

        try:
            with open_tree(self.directory) as tree:
                for name in tree.names(_FILES):
                    if name.endswith(".jsonl"):
                        host = name.removesuffix(".jsonl")
                        yield from ((host, line) for line in _entries(tree, name, kind))
        except OSError:  # there is none; an append says what is wrong with one that is no directory
            return


def _not_writable(directory: Path, error: OSError) -> JournalNotWritable:
    room = "make room there, or " if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
    return JournalNotWritable(
        f"the journal in {directory} cannot be written: {error.strerror}; nothing was submitted",
        remedy=f"{room}name another place with XDG_STATE_HOME",
    )


def _entries(tree: Tree, name: str, kind: type[T]) -> Iterator[T]:
    """The entries of a file, in their order; none of one that cannot be opened."""
    from hepsub.documents import Malformed, read_json

    with contextlib.suppress(OSError), os.fdopen(tree.open(name), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _FILE_BYTES))
        # A line may be anything: a crash leaves half of one, a file system in trouble zeros.
        for line in file.read(_FILE_BYTES).split(b"\n"):
            with contextlib.suppress(Malformed):
                yield read_json(line, kind, most=_LINE_BYTES)
