"""Removing, holding and releasing jobs of Slurm's."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hepsub.batch import Act, ActCount, State
from hepsub.slurm.rows import Row
from hepsub.tools.slurm import ask

_AT_ONCE = 500
"""So many ids are named to one program; a command line has an end."""


def act_on(act: Act, rows: Sequence[Row], user: str) -> ActCount:
    """Do something to jobs.

    Args:
        act: what.
        rows: the jobs, also those that have ended.
        user: who does it.

    Raises:
        PoolUnreachable, ToolFailed: some were not met.
    """
    living = [row for row in rows if not row.has_ended]
    done, already, wrong, denied = 0, 0, len(rows) - len(living), 0
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in living:
        if row.owner != user and os.getuid() != 0:
            denied += 1
        elif act is Act.HOLD and row.state is State.HELD:
            already += 1
        elif act is Act.RELEASE and row.state is not State.HELD:
            wrong += 1
        else:
            groups.setdefault(_command(act, row), []).append(row)
    for command, those in groups.items():
        done += _do(command, those)
    return ActCount(done=done, already=already, wrong_state=wrong, denied=denied)


def _do(command: tuple[str, ...], rows: Sequence[Row]) -> int:
    """Do something to jobs; how many it met. scancel takes words apart, scontrol a list with commas."""
    for start in range(0, len(rows), _AT_ONCE):
        ids = [row.id for row in rows[start : start + _AT_ONCE]]
        ask([*command, *(ids if command[0] == "scancel" else [",".join(ids)])])
    return len(rows)


def _command(act: Act, row: Row) -> tuple[str, ...]:
    """What does it: a running job is put back into the queue and held there (scontrol(1), requeuehold)."""
    if act is Act.REMOVE:
        return ("scancel",)
    if act is Act.RELEASE:
        return ("scontrol", "release")
    return ("scontrol", "hold" if row.slurm_state == "PENDING" else "requeuehold")
