"""What a batch system says of the logs of a job: the values that cross the seam for hep_tail."""

from __future__ import annotations

import enum

from msgspec import Struct

from hepsub.batch import JobStatus


class Stream(enum.Enum):
    """One of a job's two logs."""

    STDOUT = "stdout"
    STDERR = "stderr"


class LogPlaces(Struct, frozen=True, kw_only=True):
    """A job, and where its logs are.

    Attributes:
        run: stands for its present run, or its last one: each run begins its logs anew; 0 before the first.
        stdout: the file on the schedd's host; empty for not known.
        stderr: likewise.
        while_running: whether a run writes them there; else they come there at its end.
        element: whether a computing element has the job, behind which nobody can look.
        queued: whether the job is in the queue; else it is in the history.
        on_node: whether they stay on the node, of which this host sees nothing.
    """

    status: JobStatus
    run: float
    stdout: str = ""
    stderr: str = ""
    while_running: bool = False
    element: bool = False
    queued: bool = True
    on_node: bool = False


class Piece(Struct, frozen=True, kw_only=True):
    """A part of a log.

    Attributes:
        offset: where in the log it begins, in bytes.
    """

    offset: int
    data: bytes
