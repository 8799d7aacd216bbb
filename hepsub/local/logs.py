"""Where the logs of the embedded pool's jobs are: where -o and -e said, and written as the jobs go."""

from __future__ import annotations

import json
import sqlite3

from hepsub.batch import JobStatus
from hepsub.batch_logs import LogPlaces
from hepsub.local.launch import read_launch


def log_places(
    connection: sqlite3.Connection, status: JobStatus, *, queued: bool
) -> LogPlaces | None:
    """Where the logs of a job are; None where there is no such job any more."""
    text = "SELECT launch, run FROM procs WHERE cluster = ? AND proc = ?"
    row = connection.execute(text, (status.cluster, status.proc)).fetchone()
    if row is None:
        return None
    launch = read_launch(json.loads(row["launch"]))
    return LogPlaces(
        status=status,
        run=row["run"],
        stdout=launch.stdout,
        stderr=launch.stderr,
        while_running=True,
        queued=queued,
    )
