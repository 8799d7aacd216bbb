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
        elif not _may(act, row):
            wrong += 1
        else:
            groups.setdefault(_command(act, row), []).append(row)
    for command, those in groups.items():
        met = _do(command, [row.id for row in those])
        done, wrong = done + met, wrong + len(those) - met
    return ActCount(done=done, already=already, wrong_state=wrong, denied=denied)


def _may(act: Act, row: Row) -> bool:
    if act is Act.RELEASE:
        return row.state is State.HELD
    return act is Act.REMOVE or row.slurm_state != "COMPLETING"


def _do(command: tuple[str, ...], ids: Sequence[str]) -> int:
    """Do something to jobs; how many it met: one that has ended meanwhile is not one of them."""
    met = 0
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        if _has_done(command, some):
            met += len(some)
        elif len(some) > 1:
            met += sum(_has_done(command, [each]) for each in some)
    return met


def _has_done(command: tuple[str, ...], ids: Sequence[str]) -> bool:
    """Whether it was done to all of some jobs: scancel takes words apart, scontrol a list with commas."""
    words = ids if command[0] == "scancel" else [",".join(ids)]
    return ask([*command, *words], check=False).code == 0


def _command(act: Act, row: Row) -> tuple[str, ...]:
    """What does it: a running job is put back into the queue and held there (scontrol(1), requeuehold)."""
    if act is Act.REMOVE:
        return ("scancel",)
    if act is Act.RELEASE:
        return ("scontrol", "release")
    return ("scontrol", "hold" if row.slurm_state == "PENDING" else "requeuehold")
