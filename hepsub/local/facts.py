"""What explanations need to know, from the queue."""

from __future__ import annotations

import json
import sqlite3

from hepsub.batch import JobStatus, State
from hepsub.local import runs
from hepsub.local.explain import Details, Idle
from hepsub.local.launch import read_launch
from hepsub.local.machine import Machine

_BEFORE = (
    "SELECT count(*) FROM procs WHERE queued = 1 AND state = 'I' AND active = 0 AND gated = 0"
    " AND (-priority, cluster, proc) < (?, ?, ?)"
)


def idle(connection: sqlite3.Connection, job: JobStatus, machine: Machine) -> Idle:
    """An idle job among the others."""
    row = connection.execute(
        "SELECT cores, state, active, gated FROM procs JOIN clusters USING (cluster)"
        " WHERE procs.cluster = ? AND proc = ?",
        (job.cluster, job.proc),
    ).fetchone()
    before = connection.execute(_BEFORE, (-job.priority, job.cluster, job.proc)).fetchone()[0]
    busy, free = runs.active(connection), machine
    for run in busy:
        free = free.less(machine.capped(run.request.cores, run.request.memory_mb))
    return Idle(
        request=Machine(cores=row["cores"] if row else 1, memory_mb=job.requested_mb),
        machine=machine,
        free=free,
        running=len(busy),
        before=before,
        ending=bool(row["active"]) if row else False,
        stale=row is None or row["state"] != State.IDLE.value,
        gated=bool(row["gated"]) if row else False,
    )


def details(connection: sqlite3.Connection, job: JobStatus) -> Details:
    """What the explanation of a hold names."""
    row = connection.execute(
        "SELECT launch, walltime_s FROM procs JOIN clusters USING (cluster)"
        " WHERE procs.cluster = ? AND proc = ?",
        (job.cluster, job.proc),
    ).fetchone()
    if row is None:
        return Details(executable="", stdout="", walltime_s=0)
    launch = read_launch(json.loads(row["launch"]))
    return Details(executable=launch.argv[0], stdout=launch.stdout, walltime_s=row["walltime_s"])
