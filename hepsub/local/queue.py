"""The queue as the commands see it: submitted whole, found, listed, acted upon; selections as SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from hepsub.batch import Act, ActCount, JobStatus, Selection, State
from hepsub.jobid import JobId, SubmissionRef
from hepsub.local.database import JOINED
from hepsub.local.launch import make_launch, read_launch, shared_environment
from hepsub.local.outcome import ASKED
from hepsub.plan.model import Plan

_SHOWN = (
    "procs.cluster, proc, priority, memory_mb, shown, state, active, run, started, ended, past_s, cpu_s, peak_mb,"
    " host, exit_code, exit_signal, hold_code, hold_subcode, hold_reason, remove_reason, owner, submitted, name,"
    " cores, walltime_s"
)
"""What a JobStatus is made of: not the environment, which would be read once for each job."""
_WITH_STDERR = f"{_SHOWN}, launch"
_ANY = 2**31
"""No job has so large a ProcId."""

_REMOVE_REASON = "hepsub was asked to remove it"


class Listed(Struct, frozen=True, kw_only=True):
    """A job, and where the record of its run is.

    Attributes:
        run: which run of it, from 1; 0 when none holds a slot.
    """

    status: JobStatus
    run: int


def insert(connection: sqlite3.Connection, plan: Plan, uuid: str, now: float) -> int:
    """Put the jobs of a plan into the queue; returns the cluster."""
    # The environment stands with the cluster: with each of ten thousand jobs it would make tens of megabytes.
    cursor = connection.execute(
        "INSERT INTO clusters (uuid, once, owner, submitted, number, cores, walltime_s, hold_memory, name,"
        " environment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            uuid,
            plan.once,
            plan.user,
            now,
            plan.number,
            plan.cpus,
            plan.walltime.limit if plan.hold_walltime else 0,
            plan.hold_memory,
            json.dumps(plan.name),
            json.dumps(shared_environment(plan)),
        ),
    )
    cluster = cursor.lastrowid
    assert cluster is not None  # noqa: S101 (it was an INSERT)
    connection.executemany(
        "INSERT INTO procs (cluster, proc, priority, gated, memory_mb, shown, launch)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        _rows(plan, cluster, uuid),
    )
    return cluster


def _rows(plan: Plan, cluster: int, uuid: str) -> Iterator[tuple[object, ...]]:
    gated = plan.staging is not None and plan.staging.needs_cluster
    for proc in range(plan.number):
        values = replace(plan.values(proc), cluster=cluster)
        launch = make_launch(plan, values, uuid)
        words = [word.fill(values) for word in (plan.executable, *plan.arguments_of(values))]
        yield (
            cluster,
            proc,
            plan.priority,
            gated,
            plan.memory_mb,
            json.dumps(words),
            json.dumps(to_builtins(launch)),
        )


def find(
    connection: sqlite3.Connection, selection: Selection, pool: str, schedd: str
) -> tuple[SubmissionRef, ...]:
    """The clusters that the jobs of a selection belong to."""
    wanted = "DISTINCT procs.cluster, number, uuid"
    return tuple(
        SubmissionRef(
            uuid=row["uuid"],
            pool=pool,
            schedd=schedd,
            cluster=row["cluster"],
            number=row["number"],
        )
        for row in select(connection, wanted, "1", selection, "ORDER BY procs.cluster")
    )


def listed(
    connection: sqlite3.Connection, selection: Selection, schedd: str, now: float, *, brief: bool
) -> list[Listed]:
    """The jobs of a selection that are in the queue, by id; if brief, without their stderr."""
    # The launch is most of a row, and has to be parsed.
    wanted = _SHOWN if brief else _WITH_STDERR
    rows = select(connection, wanted, "queued = 1", selection, "ORDER BY procs.cluster, proc")
    return [
        Listed(status=_status(row, schedd, now), run=row["run"] if row["active"] else 0)
        for row in rows
    ]


def past(
    connection: sqlite3.Connection, selection: Selection, schedd: str, most: int, since: float
) -> tuple[JobStatus, ...]:
    """The jobs of a selection that left the queue, the latest first."""
    order = f"ORDER BY ended DESC, procs.cluster DESC, proc DESC LIMIT {most:d}"
    also = f"queued = 0 AND ended >= {since:f}"
    rows = select(connection, _WITH_STDERR, also, selection, order)
    return tuple(_status(row, schedd, 0) for row in rows)


def open_gate(connection: sqlite3.Connection, cluster: int) -> None:
    """Let the jobs of a cluster start."""
    connection.execute("UPDATE procs SET gated = 0 WHERE cluster = ?", (cluster,))


def _status(row: sqlite3.Row, schedd: str, now: float) -> JobStatus:
    program, *arguments = json.loads(row["shown"])
    held = row["state"] == State.HELD.value
    return JobStatus(
        schedd=schedd,
        cluster=row["cluster"],
        proc=row["proc"],
        owner=row["owner"],
        submitted=row["submitted"],
        run_seconds=row["past_s"] + (max(0.0, now - row["started"]) if row["active"] else 0),
        state=State(row["state"]),
        priority=row["priority"],
        memory_mb=row["peak_mb"],
        requested_mb=row["memory_mb"],
        command=program.rpartition("/")[2],
        arguments=tuple(arguments),
        name=json.loads(row["name"]),
        hold_code=row["hold_code"] if held else 0,
        hold_subcode=row["hold_subcode"] if held else 0,
        hold_reason=json.loads(row["hold_reason"]) if held else "",
        host=row["host"],
        exit_code=row["exit_code"],
        exit_signal=row["exit_signal"],
        ended=row["ended"],
        remove_reason=row["remove_reason"],
        cpu_seconds=row["cpu_s"],
        cores=row["cores"],
        walltime_s=row["walltime_s"],
        stderr=json.loads(row["launch"])["stderr"] if "launch" in row.keys() else "",  # noqa: SIM118 (a Row has no `in`)
    )


class _Change(Struct, frozen=True, kw_only=True):
    """An act, in SQL.

    Attributes:
        ready: true in the states from which it leads somewhere.
        already: true in the states in which there is nothing to do.
        values: the values of its question marks.
    """

    ready: str
    already: str
    changes: str
    values: tuple[object, ...] = ()


_CHANGES = {
    Act.HOLD: _Change(
        ready="state IN ('I', 'R')",
        already="state = 'H'",
        changes="state = 'H', hold_code = ?, hold_subcode = ?, hold_reason = ?",
        values=(ASKED.code, ASKED.subcode, json.dumps(ASKED.reason)),
    ),
    Act.RELEASE: _Change(
        ready="state = 'H'",
        already="0",
        changes="state = 'I', hold_code = 0, hold_subcode = 0, hold_reason = ''",
    ),
    Act.REMOVE: _Change(
        ready="state IN ('I', 'R', 'H')",
        already="state = 'X'",
        changes="state = 'X', remove_reason = ?, queued = active",
        values=(_REMOVE_REASON,),
    ),
}


def act(connection: sqlite3.Connection, what: Act, selection: Selection, now: float) -> ActCount:
    """Change the jobs of a selection; a run that has to be ended for it is the runner's business."""
    # Counted before anything is changed, by which "already" would be true of all.
    change = _CHANGES[what]
    total = _count(connection, "1", selection)
    already = _count(connection, change.already, selection)
    changes, values = change.changes, change.values
    if what is Act.REMOVE:
        changes, values = f"{changes}, ended = ?", (*values, now)
    done = update(connection, selection, change.ready, changes, values)
    return ActCount(done=done, already=already, wrong_state=total - already - done)


def bundles_of_ended_runs(
    connection: sqlite3.Connection, selection: Selection
) -> list[tuple[str, int]]:
    """Bundle and ProcId of the jobs of a selection that ran and may have left something there."""
    rows = select(
        connection, "proc, launch", "queued = 1 AND active = 0 AND run > 0", selection, ""
    )
    found = [(read_launch(json.loads(row["launch"])).bundle, int(row["proc"])) for row in rows]
    return [(bundle, proc) for bundle, proc in found if bundle]


def _count(connection: sqlite3.Connection, also: str, selection: Selection) -> int:
    rows = select(connection, "count(*)", f"queued = 1 AND {also}", selection, "")
    return int(next(rows)[0])


def select(
    connection: sqlite3.Connection, what: str, also: str, selection: Selection, order: str
) -> Iterator[sqlite3.Row]:
    """Read the jobs of a selection; every word but the selection's is this file's own."""
    where = condition(selection)
    text = f"SELECT {what} FROM {JOINED} WHERE {also} AND {where.text} {order}"  # noqa: S608
    return connection.execute(text, where.values)


def update(
    connection: sqlite3.Connection,
    selection: Selection,
    also: str,
    changes: str,
    values: tuple[object, ...],
) -> int:
    """Change the jobs of a selection that are in the queue; how many were changed."""
    where = condition(selection)
    meant = f"SELECT procs.cluster, proc FROM {JOINED} WHERE queued = 1 AND {also} AND {where.text}"  # noqa: S608
    text = f"UPDATE procs SET {changes} WHERE (cluster, proc) IN ({meant})"  # noqa: S608
    return connection.execute(text, (*values, *where.values)).rowcount


class Condition(Struct, frozen=True):
    """A condition on `procs JOIN clusters`, and the values of its question marks."""

    text: str
    values: tuple[str, ...] = ()


def condition(selection: Selection) -> Condition:
    """The condition that is true for the jobs of a selection."""
    parts: list[Condition] = []
    for column, text in (
        ("owner", selection.owner),
        ("uuid", selection.uuid),
        ("once", selection.once),
    ):
        if text:
            parts.append(Condition(f"clusters.{column} = ?", (text,)))
    if selection.once:  # what was removed before it could start was taken back, and its key is free
        parts.append(Condition("NOT (procs.gated = 1 AND procs.state = ?)", (State.REMOVED.value,)))
    if selection.ids:
        parts.append(_one_of(selection.ids))
    if selection.states:
        letters = tuple(state.value for state in selection.states)
        parts.append(Condition(f"procs.state IN ({', '.join('?' * len(letters))})", letters))
    values = tuple(value for part in parts for value in part.values)
    return Condition(" AND ".join(part.text for part in parts) or "1", values)


def _one_of(ids: Iterable[JobId]) -> Condition:
    """The condition that is true for jobs with one of these ids.

    A table of them, which SQLite looks up one by one: it refuses 1,000 terms joined by OR, and too many question marks.
    """
    ranges = (
        (i.cluster, 0, _ANY) if i.first is None else (i.cluster, i.first, i.last) for i in ids
    )
    rows = ", ".join(f"({c:d}, {first:d}, {last:d})" for c, first, last in ranges)
    return Condition(
        "(procs.cluster, procs.proc) IN (SELECT cluster, proc FROM"  # noqa: S608 (whole numbers)
        f" (VALUES {rows}) AS id JOIN procs ON cluster = id.column1"
        " AND proc BETWEEN id.column2 AND id.column3)"
    )
