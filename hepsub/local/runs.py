"""The queue as the runner sees it: what could start, what runs, and what an end means."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from msgspec import Struct

from hepsub.batch import JobStatus, State
from hepsub.batch_logs import LogPlaces
from hepsub.local.database import JOINED, WAITING
from hepsub.local.launch import Launch, read_launch
from hepsub.local.machine import Machine, Waiting
from hepsub.local.outcome import HoldCause, after, complaint_of
from hepsub.local.record import Record

_RUN = "procs.cluster, proc, run, state, boot, mark, cores, memory_mb, launch"


class Run(Struct, frozen=True, kw_only=True):
    """A run that holds a slot.

    Attributes:
        run: which run of the job, from 1.
        state: what the user wants of the job by now.
        mark: what stands in the environment of its processes.
        bundle: the directory of its bundle; empty for a job whose files do not travel.
    """

    cluster: int
    proc: int
    run: int
    state: State
    boot: str
    mark: str
    request: Machine
    bundle: str = ""


class Start(Struct, frozen=True, kw_only=True):
    """A run that was noted and is to begin.

    Attributes:
        environment: what the jobs of its cluster share.
        hold_memory: whether the memory asked for is a limit.
    """

    run: Run
    launch: Launch
    environment: Mapping[str, str]
    walltime_s: int
    hold_memory: bool


def has_work(connection: sqlite3.Connection) -> bool:
    """Whether a runner is needed."""
    # Two terms: each finds an index, while one with OR would read every row of the history.
    row = connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM procs WHERE active = 1) OR EXISTS (SELECT 1 FROM procs WHERE {WAITING})"  # noqa: S608
    )
    return bool(row.fetchone()[0])


def active(connection: sqlite3.Connection) -> list[Run]:
    """The runs that hold slots."""
    rows = connection.execute(f"SELECT {_RUN} FROM {JOINED} WHERE active = 1")  # noqa: S608
    return [_run(row, read_launch(json.loads(row["launch"]))) for row in rows]


def _run(row: sqlite3.Row, launch: Launch) -> Run:
    return Run(
        cluster=row["cluster"],
        proc=row["proc"],
        run=row["run"],
        state=State(row["state"]),
        boot=row["boot"],
        mark=row["mark"],
        request=Machine(cores=row["cores"], memory_mb=row["memory_mb"]),
        bundle=launch.bundle,
    )


def waiting(connection: sqlite3.Connection, machine: Machine, most: int) -> list[Waiting]:
    """The jobs that come next, by priority and then by id; requests capped to the machine."""
    rows = connection.execute(
        f"SELECT procs.cluster, proc, cores, memory_mb FROM {JOINED}"  # noqa: S608
        f" WHERE {WAITING} ORDER BY priority DESC, procs.cluster, proc LIMIT ?",
        (most,),
    )
    return [
        Waiting(
            cluster=row["cluster"],
            proc=row["proc"],
            request=machine.capped(Machine(cores=row["cores"], memory_mb=row["memory_mb"])),
        )
        for row in rows
    ]


def begin(
    connection: sqlite3.Connection, job: Waiting, *, mark: str, boot: str, host: str, now: float
) -> Start:
    """Note that a run of a job begins."""
    connection.execute(
        "UPDATE procs SET state = 'R', active = 1, run = run + 1, mark = ?, boot = ?, host = ?, started = ?,"
        " peak_mb = 0, exit_code = NULL, exit_signal = NULL WHERE cluster = ? AND proc = ?",
        (mark, boot, host, now, job.cluster, job.proc),
    )
    row = connection.execute(
        f"SELECT {_RUN}, environment, walltime_s, hold_memory FROM {JOINED}"  # noqa: S608
        " WHERE procs.cluster = ? AND proc = ?",
        (job.cluster, job.proc),
    ).fetchone()
    launch = read_launch(json.loads(row["launch"]))
    return Start(
        run=_run(row, launch),
        launch=launch,
        environment=json.loads(row["environment"]),
        walltime_s=row["walltime_s"],
        hold_memory=bool(row["hold_memory"]),
    )


def unbegin(connection: sqlite3.Connection, run: Run) -> None:
    """Take back a run that is certain never to have begun."""
    # Its number stays used: the record of that name has a tombstone.
    if run.state is State.REMOVED:
        _leave(connection, run, State.REMOVED, 0)
    elif run.state is State.RUNNING:
        _set(connection, run, "state = 'I', active = 0", ())
    else:
        _set(connection, run, "active = 0", ())


def end(connection: sqlite3.Connection, run: Run, record: Record) -> None:
    """Note how a run ended."""
    ended = record.end
    assert ended is not None  # noqa: S101 (the caller looked)
    _set(
        connection,
        run,
        "active = 0, past_s = past_s + max(0, ? - started), cpu_s = cpu_s + ?, peak_mb = ?",
        (ended.when, ended.cpu_s, record.peak_mb),
    )
    if not ended.cause:  # what a stopped program returns tells nothing
        values = (ended.exit_code, ended.exit_signal)
        _set(connection, run, "exit_code = ?, exit_signal = ?", values)
    complaint = complaint_of(run.bundle, run.proc, ended.exit_code) if run.bundle else None
    state, hold = after(run.state, record, complaint)
    if hold is not None:
        _hold(connection, run, hold)
    elif state in (State.COMPLETED, State.REMOVED):
        _leave(connection, run, state, ended.when)


def lose(connection: sqlite3.Connection, run: Run, cause: HoldCause, now: float) -> None:
    """Note that nobody knows how a run ended: the job is held, and never run again by itself."""
    # What its user wants by now goes first: one that was released meanwhile is to run again.
    _set(connection, run, "active = 0", ())
    if run.state is State.REMOVED:
        _leave(connection, run, State.REMOVED, now)
    elif run.state is State.RUNNING:
        _hold(connection, run, cause)


def prune(connection: sqlite3.Connection, before: float) -> None:
    """Forget the jobs that left the queue before a moment."""
    connection.execute("DELETE FROM procs WHERE queued = 0 AND ended < ?", (before,))
    connection.execute(
        "DELETE FROM clusters WHERE NOT EXISTS"
        " (SELECT 1 FROM procs WHERE procs.cluster = clusters.cluster)"
    )


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


def _hold(connection: sqlite3.Connection, run: Run, cause: HoldCause) -> None:
    _set(
        connection,
        run,
        "state = 'H', hold_code = ?, hold_subcode = ?, hold_reason = ?",
        (cause.code, cause.subcode, json.dumps(cause.reason)),
    )


def _leave(connection: sqlite3.Connection, run: Run, state: State, when: float) -> None:
    _set(
        connection,
        run,
        "queued = 0, active = 0, state = ?, ended = max(ended, ?), hold_code = 0",
        (state.value, when),
    )


def _set(
    connection: sqlite3.Connection, run: Run, changes: str, values: tuple[object, ...]
) -> None:
    connection.execute(
        f"UPDATE procs SET {changes} WHERE cluster = ? AND proc = ?",  # noqa: S608 (this file's own words)
        (*values, run.cluster, run.proc),
    )
