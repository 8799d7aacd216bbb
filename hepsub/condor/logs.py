"""Where the logs of a job are: on the schedd's host, and what they are called where it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hepsub.batch import Selection
from hepsub.batch_logs import LogPlaces, Stream
from hepsub.condor.ads import PROJECTION, constraint
from hepsub.condor.attributes import (
    GRID_UNIVERSE,
    LONGEST,
    ClassAd,
    boolean,
    integer,
    seconds,
    text,
)
from hepsub.condor.connection import Connection
from hepsub.condor.jobs import absolute, read_job
from hepsub.jobid import JobId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from hepsub.batch_logs import Piece

_PROJECTION = (*PROJECTION, "Out", "ShouldTransferFiles", "StreamOut", "StreamErr", "JobUniverse")
FILE_THERE = {Stream.STDOUT: "_condor_stdout", Stream.STDERR: "_condor_stderr"}
"""What HTCondor calls the logs in the job's sandbox; one log for both has the first name (tried: 23.9.6, 25.14.1)."""


class LookInto(Protocol):
    """What reads a file of a running job; the bindings cannot do that."""

    def __call__(
        self, schedd: str, collector: str, job: str, file: str, most: int, *, follow: bool
    ) -> AbstractContextManager[Iterator[Piece | None]]:
        """Look into a job (`cluster.proc`) of a pool, as `batch_system.BatchSystem.watch` says it."""


def log_places(connection: Connection, job: JobId) -> LogPlaces | None:
    """One job, of the queue or of the history, and where its logs are; None where it is in neither."""
    one = constraint(Selection(ids=(job,)))
    queued = connection.query(one, _PROJECTION)
    ads = queued or connection.history(one, _PROJECTION, 1)
    return read_places(ads[0], connection.name, queued=bool(queued)) if ads else None


def read_places(ad: ClassAd, schedd: str, *, queued: bool) -> LogPlaces | None:
    """Where the logs of a job are, by its ad of the queue or the history; None where that names no job."""
    status = read_job(ad, schedd, 0)
    if status is None:
        return None
    # Else they are in the sandbox of the worker node until the job ends.
    stays = text(ad, "ShouldTransferFiles").upper() == "NO"
    streamed = boolean(ad, "StreamOut") or boolean(ad, "StreamErr") or False
    return LogPlaces(
        status=status,
        run=seconds(ad, "JobCurrentStartDate"),
        stdout=absolute(text(ad, "Iwd", LONGEST), text(ad, "Out", LONGEST)),
        stderr=status.stderr,
        while_running=stays or streamed,
        element=integer(ad, "JobUniverse") == GRID_UNIVERSE,
        queued=queued,
    )
