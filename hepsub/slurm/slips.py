"""What is kept of each submission to Slurm, which forgets a job some minutes after its end (MinJobAge, slurm.conf(5)).

In DIRECTORY/UUID lie `slip.json`, and what is known of the ends of its jobs (ends.py). DIRECTORY/gates/UUID is there
while the jobs wait for hepsub to release them, and says `cancelled` where their user took them back;
DIRECTORY/clusters/POOL.ID says which submission a cluster is. So nothing has to read all slips.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct, field, to_builtins
from msgspec.structs import replace

from hepsub.documents import Malformed, read_file, read_json
from hepsub.files import lock_open, make_private, name_beside, open_own, write_whole
from hepsub.jobid import procs_text
from hepsub.slurm.notes import ENDS, REMOVED
from hepsub.tree import open_tree, remove_tree

if TYPE_CHECKING:
    from hepsub.slurm.rows import Row

_LARGEST = 2**26
"""The names of logs of a whole array may be in one, each by itself."""
_KEPT_S = 100 * 86400
"""As long as what is kept of other jobs that have ended."""
SLIP, GATES, CLUSTERS = "slip.json", "gates", "clusters"
_PRUNED = ".pruned"
_CANCELLED = "cancelled"
_DAY_S = 86400
_UUID_LENGTH = 36

_Text = Annotated[str, Meta(max_length=2**16)]
_Number = Annotated[int, Meta(ge=0, lt=1 << 31)]


class Slip(Struct, frozen=True, kw_only=True):
    """A submission to Slurm.

    Attributes:
        cluster: the job id of its array; 0 while it is not known.
        submitted: in seconds since the epoch.
        name: what -name says; empty for none.
        command: the base name of the program.
        memory_mb: in MB (2**20 bytes).
        logs: stdout and stderr: of all jobs, with what sbatch(1) fills in, or of each.
    """

    uuid: _Text
    pool: _Text
    number: _Number
    submitted: float
    cluster: _Number = 0
    owner: _Text = ""
    once: _Text = ""
    name: _Text = ""
    command: _Text = ""
    memory_mb: _Number = 0
    cpus: _Number = 1
    walltime_s: _Number = 0
    logs: tuple[tuple[_Text, _Text], ...] = ()

    def logs_of(self, proc: int) -> tuple[str, str]:
        """Where stdout and stderr of a job are, absolute; empty for not known."""
        if not self.logs or (len(self.logs) > 1 and proc >= len(self.logs)):
            return "", ""
        out, err = self.logs[proc if len(self.logs) > 1 else 0]
        return self._filled(out, proc), self._filled(err, proc)

    def _filled(self, pattern: str, proc: int) -> str:
        names = {"A": str(self.cluster), "a": str(proc)}
        return re.sub("%(.)", lambda found: names.get(found[1], found[1]), pattern)


class Slips(Struct, kw_only=True, eq=False):
    """Those of one user.

    Attributes:
        gates: the descriptors by which this process has its own submissions locked, until their jobs are released.
    """

    directory: Path
    gates: dict[str, int] = field(default_factory=dict)

    def place(self, uuid: str) -> Path:
        """The directory of a submission."""
        return self.directory / uuid

    def begin(self, slip: Slip) -> None:
        """Keep a submission that is about to be made, and forget old ones.

        Raises:
            OSError: it cannot be written.
        """
        make_private(self.place(slip.uuid) / ENDS)
        self._write(slip)
        # The gate is the last: who finds one that nobody has locked finds its slip, too. And it is locked before it has
        # its name: else another hep_sub could lock it first, and forget this submission as one that was interrupted.
        make_private(self.directory / GATES)
        gate = self.directory / GATES / slip.uuid
        unnamed = gate.with_name(name_beside(slip.uuid))
        try:
            self.gates[slip.uuid] = _lock(unnamed, os.O_CREAT)
            unnamed.rename(gate)
        except OSError:
            unnamed.unlink(missing_ok=True)
            raise
        self._prune()

    def _prune(self) -> None:
        """Once a day, remove what is too old."""
        mark, now = self.directory / _PRUNED, time.time()
        with contextlib.suppress(OSError):
            if mark.exists() and now - mark.stat().st_mtime < _DAY_S:
                return
            mark.touch(mode=0o600)
            os.utime(mark)
            for each in self.all():
                if now - each.submitted > _KEPT_S:
                    self.forget(each)

    def _index(self, slip: Slip) -> Path:
        return self.directory / CLUSTERS / _named(slip.pool, slip.cluster)

    def _write(self, slip: Slip) -> None:
        import json  # names of files need not be UTF-8

        text = json.dumps(to_builtins(slip), separators=(",", ":"))
        write_whole(self.place(slip.uuid) / SLIP, text, 0o600, durable=True)

    def know(self, slip: Slip, cluster: int) -> Slip:
        """Note the cluster of a submission, as far as it can be written: Slurm knows it, too."""
        known = replace(slip, cluster=cluster)
        with contextlib.suppress(OSError):
            self._write(known)
            make_private(self.directory / CLUSTERS)
            write_whole(self._index(known), known.uuid, 0o600)
        return known

    def of_cluster(self, pool: str, cluster: int) -> Slip | None:
        """The slip of the last submission that was this cluster; None where there is none."""
        with contextlib.suppress(OSError), open_tree(self.directory / CLUSTERS) as tree:
            uuid = tree.read(_named(pool, cluster), _UUID_LENGTH).decode("ascii", "replace")
            slip = self.find(uuid) if "/" not in uuid else None
            return slip if slip is not None and slip.cluster == cluster else None
        return None

    def forget(self, slip: Slip) -> None:
        """Remove all that is kept of a submission: it was never made, is not wanted, or is long over."""
        self.open(slip.uuid)
        # A Slurm that lost its state gives ids once more, and the name may be that of a later submission by now.
        if (known := self.of_cluster(slip.pool, slip.cluster)) and known.uuid == slip.uuid:
            with contextlib.suppress(OSError):
                self._index(slip).unlink()
        remove_tree(self.place(slip.uuid))

    def note_removed(self, rows: Iterable[Row], when: float) -> None:
        """Note that jobs were removed, those that were ending by themselves excepted.

        Args:
            rows: the jobs, as Slurm showed them before.
            when: before it was told, in seconds since the epoch.
        """
        from hepsub.slurm.ends import note_removed

        removed = defaultdict[str, list[range]](list)
        for row in rows:
            if row.uuid and not row.has_ended and row.slurm_state != "COMPLETING":
                removed[row.uuid] += row.tasks
        for uuid, tasks in removed.items():
            note_removed(self.place(uuid), procs_text(chain.from_iterable(tasks)), when)

    def cancel(self, uuid: str) -> None:
        """Note that the jobs of a submission are not to be released, if they still wait for that."""
        gate = self.directory / GATES / uuid
        with contextlib.suppress(OSError):
            if gate.exists():
                gate.write_text(_CANCELLED)  # in place: it is locked

    def is_cancelled(self, uuid: str) -> bool:
        """Whether that is noted."""
        with contextlib.suppress(OSError, Malformed):
            return read_file(self.directory / GATES / uuid, 100) == _CANCELLED.encode()
        return False

    def open(self, uuid: str) -> None:
        """Note that the jobs of a submission were released, or never will be."""
        # Removed while it is locked: nobody finds it who could lock it.
        with contextlib.suppress(OSError):
            (self.directory / GATES / uuid).unlink()
        if uuid in self.gates:
            os.close(self.gates.pop(uuid))

    def interrupted(self) -> Iterator[Slip]:
        """The submissions whose jobs still wait to be released, and that no living process makes; locked meanwhile."""
        for uuid in self.waiting():
            with contextlib.suppress(OSError):
                descriptor = _lock(self.directory / GATES / uuid, 0)
                if descriptor < 0:
                    continue
                self.gates[uuid] = descriptor
                if (slip := self.find(uuid)) is not None:
                    yield slip
                # Still: nobody opened it meanwhile, and the next command tries again.
                if uuid in self.gates:
                    os.close(self.gates.pop(uuid))

    def waiting(self) -> tuple[str, ...]:
        """The UUIDs of the submissions whose jobs wait to be released."""
        try:
            with open_tree(self.directory / GATES) as tree:
                return tuple(name for name in tree.names(2**20) if len(name) == _UUID_LENGTH)
        except OSError:
            return ()

    def all(self) -> Iterator[Slip]:
        """All that can be read."""
        try:
            with open_tree(self.directory) as tree:
                names = tree.names(2**20)
        except OSError:
            return
        for name in names:
            if len(name) == _UUID_LENGTH and (slip := self.find(name)) is not None:
                yield slip

    def find(self, uuid: str) -> Slip | None:
        """The slip of a submission; None where there is none."""
        with contextlib.suppress(OSError, Malformed), open_tree(self.place(uuid)) as tree:
            return read_json(tree.read(SLIP, _LARGEST), Slip, most=_LARGEST, any_text=True)
        return None

    def latest(self) -> Iterator[tuple[float, Slip]]:
        """All that can be read, and when a job of each ended last or so, the latest first."""
        found: list[tuple[float, str]] = []
        with contextlib.suppress(OSError), open_tree(self.directory) as tree:
            for name in tree.names(2**20):
                if len(name) == _UUID_LENGTH:
                    looks = (tree.look(f"{name}/{each}") for each in (ENDS, REMOVED))
                    found.append((max((each.st_mtime for each in looks if each), default=0), name))
        for moment, name in sorted(found, reverse=True):
            if (slip := self.find(name)) is not None:
                yield moment, slip


def _named(pool: str, cluster: int) -> str:
    """The name of the file that says which submission a cluster is: a pool may be called anything."""
    return f"{pool.replace('/', '%2f')}.{cluster}"


def _lock(gate: Path, flags: int) -> int:
    """A descriptor that has a gate locked until it is closed, whatever becomes of this process; -1 where others have.

    Raises:
        OSError: there is no gate, or it cannot be opened.
    """
    descriptor = open_own(gate, os.O_RDWR | flags, "its gate")
    # Who had it locked may have removed it since it was opened here: that submission is done.
    if lock_open(descriptor) and os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    return -1
