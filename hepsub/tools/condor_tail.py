"""HTCondor's condor_tail, which alone looks into a running job: what it brings, and where in the file that stands.

Following stdout by itself it repeats what it has shown: the worker node answers with the wrong offset. By the file's
name it does not (tried: 23.9.6, 25.14.1). It is asked to tell on stderr what the worker node answers: from where, and
how much. So nothing is lost or shown twice, when it has to be started again.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
from collections.abc import Callable, Iterator

from msgspec import Struct, field

from hepsub.batch_logs import Piece
from hepsub.errors import ToolFailed
from hepsub.terminal import printable
from hepsub.tools.run import installed, piped

_PROGRAM = "condor_tail"
_TICK_S = 2.0
_READ = 2**16
_LONGEST_LINE = 2**14
_OFFSET = rb"TransferOffsets = \{ (\d{1,18}) \}"
_SIZE = rb".*get_file: Receiving (\d{1,18}) bytes"
_TALK = rb"\d\d/\d\d/\d\d |\w+ = |\s*$"
"""Lines that are no complaint: those of its log, those of an ad, and empty ones."""


class Look(Struct, frozen=True, kw_only=True):
    """What is looked at.

    Attributes:
        schedd: full name of the job's schedd.
        collector: host[:port] of its pool; empty for HTCondor's own configuration.
        job: `cluster.proc`.
        file: the file's name in the job's sandbox.
        most: how many bytes one look brings at most.
        follow: whether to go on with what is written next.
    """

    schedd: str
    collector: str
    job: str
    file: str
    most: int
    follow: bool

    @property
    def argv(self) -> list[str]:
        """The command."""
        pool = ["-pool", self.collector] if self.collector else []
        going_on = ["-follow"] if self.follow else []
        which = ["-maxbytes", str(self.most), "-no-stdout", self.job, self.file]
        return [_PROGRAM, "-debug", *pool, "-name", self.schedd, *going_on, *which]


@contextlib.contextmanager
def look_into(look: Look, methods: str) -> Iterator[Iterator[Piece | None]]:
    """Look into a running job, until the block ends.

    Args:
        look: what is looked at.
        methods: the methods by which this process proves who it is; empty for those of HTCondor's configuration.

    Raises:
        ToolFailed: condor_tail is not installed.
    """
    if not installed(_PROGRAM):
        raise ToolFailed(
            f"HTCondor's {_PROGRAM} is not on this host, and its Python bindings cannot look into a running job",
            remedy="type it where HTCondor's own commands are (the access point), or wait until the job has ended",
        )
    variables = {"_CONDOR_TOOL_DEBUG": "D_FULLDEBUG"}
    if methods:
        variables["_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS"] = methods
    with piped(look.argv, environment=variables) as program:
        yield _pieces(program.out, program.err, program.wait)


def _pieces(out: int, err: int, wait: Callable[[], int]) -> Iterator[Piece | None]:
    """What it brings; None when it has brought nothing for a while.

    Raises:
        ToolFailed: it could not look into the job.
    """
    said = Said()
    with selectors.DefaultSelector() as selector:
        for descriptor in (err, out):
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = {key.fd for key, _ in selector.select(_TICK_S)}
            for descriptor in ready:
                read = os.read(descriptor, _READ)
                if not read:
                    selector.unregister(descriptor)
                elif descriptor == err:
                    said.hear(read)
                else:
                    said.data += read
            yield from said.pieces()
            if not ready:
                yield None
    if wait() != 0 or said.data:  # bytes of which nobody said where they belong
        raise ToolFailed(
            f"{_PROGRAM} cannot look into the job: {said.complaint or 'it does not say why'}",
            remedy="if it has just started or ended, try again in a moment",
        )


class Said(Struct, kw_only=True):
    """What condor_tail has said so far: what it was going to bring, and what it brought.

    Attributes:
        data: what it brought, as far as nobody took it.
        complaint: its last line that is neither of its log nor of an answer.
    """

    data: bytearray = field(default_factory=bytearray)
    complaint: str = ""
    _rest: bytes = b""
    _offset: int | None = None
    _coming: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, text: bytes) -> None:
        """More of its stderr."""
        *lines, self._rest = (self._rest + text).split(b"\n")
        # A worker node answers, which is believed to a bound.
        self._rest = self._rest[-_LONGEST_LINE:]
        for line in lines:
            self._hear_line(line)

    def _hear_line(self, line: bytes) -> None:
        if found := re.fullmatch(_OFFSET, line):
            self._offset = int(found[1])
        elif (found := re.fullmatch(_SIZE, line)) and self._offset is not None:
            self._coming.append((self._offset, int(found[1])))
            self._offset = None
        elif not re.match(_TALK, line):
            self.complaint = printable(line.decode(errors="replace")[:500])

    def pieces(self) -> Iterator[Piece]:
        """What has come whole."""
        while self._coming and len(self.data) >= self._coming[0][1]:
            offset, size = self._coming.pop(0)
            data, self.data = bytes(self.data[:size]), self.data[size:]
            yield Piece(offset=offset, data=data)
