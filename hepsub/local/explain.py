"""Why a job of the embedded pool is where it is: what the queue knows of it, and the sentence that it makes."""

from __future__ import annotations

import json
import sqlite3

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Advice, JobStatus, State
from hepsub.condor.holds import Hold, explain_hold
from hepsub.local import runs
from hepsub.local.database import WAITING
from hepsub.local.launch import Launch, read_launch
from hepsub.local.machine import Machine, capped_note, free_of
from hepsub.local.outcome import IMAGE_CODE, LOST_CODE, UNSAVED_CODE

_BEFORE = f"SELECT count(*) FROM procs WHERE {WAITING} AND (-priority, cluster, proc) < (?, ?, ?)"  # noqa: S608


class Idle(Struct, frozen=True, kw_only=True):
    """An idle job among the others.

    Attributes:
        free: what of it is not in use.
        ending: whether an earlier run of it has still to end.
        stale: whether it is idle no more: the queue has moved on since it was listed.
        gated: whether the command that submitted it is not done with it.
    """

    request: Machine
    machine: Machine
    free: Machine
    running: int
    before: int
    ending: bool
    stale: bool
    gated: bool


def explain_idle(idle: Idle) -> Advice:
    """Why an idle job does not run yet."""
    machine, free = idle.machine, idle.free
    note = capped_note(machine, idle.request.cores, idle.request.memory_mb)
    details = (
        f"cores: {machine.cores - free.cores} of {machine.cores} in use by {idle.running} job(s)",
        f"memory: {machine.memory_mb - free.memory_mb} of {machine.memory_mb} MB given to them",
        *([note] if note else []),
    )
    return Advice(sentence=_kept_back(idle) or _waiting(idle), details=details)


def _kept_back(idle: Idle) -> str:
    """Why it does not wait for its turn; empty for one that does."""
    if idle.stale:
        return "it has started, or left the queue, since the queue was read: look again"
    if idle.gated:
        return "it is being prepared: its bundle is not complete yet"
    if idle.ending:
        return (
            "it was released while its earlier run is still being ended; it starts anew after that"
        )
    return ""


def _waiting(idle: Idle) -> str:
    wanted = idle.machine.capped(idle.request)
    if idle.before:
        return f"{idle.before} job(s) go first, by priority and then by id"
    if idle.free.holds(wanted):
        return "it is next, and starts in a moment"
    short = [
        *([f"{wanted.cores} core(s)"] if wanted.cores > idle.free.cores else []),
        *([f"{wanted.memory_mb} MB of memory"] if wanted.memory_mb > idle.free.memory_mb else []),
    ]
    return f"it is next, and waits until {' and '.join(short)} are free"


def explain_held(job: JobStatus, launch: Launch, meant: str) -> Advice:
    """Why a job is on hold, and what to do.

    Args:
        job: the job.
        launch: what is started for it.
        meant: what the next command shall name.
    """
    if job.hold_code == LOST_CODE:
        return Advice(
            sentence=f"it was {job.hold_reason}; how it would have ended is not known",
            next_command=f"hep_release {meant}, to run it again from its beginning",
        )
    if job.hold_code == UNSAVED_CODE:
        return Advice(
            sentence=f"it ran to its end, but {job.hold_reason}",
            next_command="mend the storage or make room, and copy what is kept if you want it; then"
            f" hep_release {meant} runs it again from its beginning",
        )
    if job.hold_code == IMAGE_CODE:
        return Advice(
            sentence=f"it could not be started: {job.hold_reason}",
            next_command=f"mend the image, or the #! line of the script, then hep_release {meant}",
        )
    advice = explain_hold(
        Hold(
            job=meant,
            code=job.hold_code,
            subcode=job.hold_subcode,
            reason=job.hold_reason,
            executable=launch.argv[0],
            stdout=launch.stdout,
            memory_mb=job.requested_mb,
            used_mb=round(job.memory_mb),
            walltime_s=job.walltime_s,
        )
    )
    return replace(advice, details=(f"{job.hold_code}/{job.hold_subcode} {job.hold_reason}",))


def idle(connection: sqlite3.Connection, job: JobStatus, machine: Machine) -> Idle:
    """An idle job among the others."""
    # It is there, whatever became of it: what has left the queue is remembered for weeks.
    row = connection.execute(
        "SELECT state, active, gated FROM procs WHERE cluster = ? AND proc = ?",
        (job.cluster, job.proc),
    ).fetchone()
    before = connection.execute(_BEFORE, (-job.priority, job.cluster, job.proc)).fetchone()[0]
    busy = runs.active(connection)
    return Idle(
        request=Machine(cores=job.cores, memory_mb=job.requested_mb),
        machine=machine,
        free=free_of(machine, (run.request for run in busy)),
        running=len(busy),
        before=before,
        ending=bool(row["active"]),
        stale=row["state"] != State.IDLE.value,
        gated=bool(row["gated"]),
    )


def launch_of(connection: sqlite3.Connection, job: JobStatus) -> Launch:
    """What is started for a job."""
    text = "SELECT launch FROM procs WHERE cluster = ? AND proc = ?"
    row = connection.execute(text, (job.cluster, job.proc)).fetchone()
    return read_launch(json.loads(row["launch"]))
