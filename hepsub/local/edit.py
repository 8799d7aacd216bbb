"""What jobs ask for is changed in the queue."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from msgspec.structs import replace

from hepsub.batch import Selection
from hepsub.batch_edit import Edit
from hepsub.errors import NotDone
from hepsub.jobid import JobId
from hepsub.local.database import JOINED
from hepsub.local.launch import read_launch
from hepsub.local.queue import condition, select, update


def edit(connection: sqlite3.Connection, selection: Selection, wanted: Edit) -> None:
    """Change what jobs ask for; a run that has begun keeps its limit.

    Raises:
        NotDone: nothing was changed.
    """
    if wanted.disk_mb is not None:
        raise NotDone(
            f"the {wanted} was not changed: on this machine jobs are given no disk of their own",
            remedy="leave out -disk",
        )
    limit = wanted.walltime("")[1] if wanted.walltime is not None else None
    shared = {"cores": wanted.cpus, "walltime_s": limit}
    own = {"memory_mb": wanted.memory_mb, "priority": wanted.priority}
    # First what may be refused: then nothing is changed.
    if changed := {name: value for name, value in shared.items() if value is not None}:
        where = condition(selection)
        _check_shared(connection, selection, wanted)
        named = f"SELECT procs.cluster FROM {JOINED} WHERE queued = 1 AND {where.text}"  # noqa: S608
        text = f"UPDATE clusters SET {_set(changed)} WHERE cluster IN ({named})"  # noqa: S608
        connection.execute(text, (*changed.values(), *where.values))
    if changed := {name: value for name, value in own.items() if value is not None}:
        update(connection, selection, "1", _set(changed), tuple(changed.values()))


def _set(changes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = ?" for name in changes)


def _check_shared(connection: sqlite3.Connection, selection: Selection, wanted: Edit) -> None:
    """Refuse to change what all jobs of a cluster have in common where not all of them are meant.

    Raises:
        NotDone: nothing is changed.
    """
    whole = replace(
        selection, ids=tuple(JobId(cluster=each.cluster) for each in selection.ids), states=()
    )
    runs = select(connection, "count(*)", "queued = 1 AND active = 1", whole, "")
    if any(each.first is not None for each in selection.ids) or int(next(runs)[0]):
        raise NotDone(
            f"the {wanted} was not changed: on this machine cores and walltime are those of a whole cluster",
            remedy="name the whole cluster, while none of its jobs runs (hep_hold)",
        )
    if wanted.walltime is None:
        return
    # One that was not limited when it was submitted is not limited by a new number either, as at HTCondor.
    if any(select(connection, "1", "queued = 1 AND walltime_s = 0", selection, "LIMIT 1")):
        raise NotDone(
            f"the {wanted} was not changed: the policy ends none of these jobs for its walltime",
            remedy="leave out -wt",
        )
    bundles = select(connection, "launch", "queued = 1", selection, "")
    if any(read_launch(json.loads(row["launch"])).bundle for row in bundles):
        raise NotDone(
            f"the {wanted} was not changed: files or credentials travel with the jobs, and their walltime is"
            " among these",
            remedy="hep_rm, then hep_sub -resubmit with other options: those jobs keep their names and outputs",
        )
