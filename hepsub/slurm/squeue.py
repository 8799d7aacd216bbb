"""Slurm's queue, as squeue tells it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from hepsub.batch import Selection
from hepsub.errors import PoolError
from hepsub.slurm.rows import Row, read_rows, squeue_format
from hepsub.slurm.selected import (
    asked_for,
    ids_by_cluster,
    narrowed,
    own_marks,
    owner_in,
    perhaps_alone,
)
from hepsub.tools.slurm import ask, said

_MOST = 2**28
"""Some hundred bytes of each of a million jobs."""


def rows_of(
    selection: Selection, user: str, *, apart: bool = False, past: bool = False
) -> Iterator[Row]:
    """The jobs of a selection that Slurm knows.

    Tasks of an array that wait are one row, however many they are, as far as they are in the same state: what they ask
    for may differ where some were edited.

    Args:
        selection: which jobs.
        user: whose they are where it means one's own; hepsub's mark counts on no others.
        apart: whether each task is a row by itself.
        past: whether those that ended some minutes ago are among them.

    Raises:
        PoolUnreachable, PoolError: squeue does not tell.
    """
    ids = ids_by_cluster(selection.ids) if selection.ids else None
    owner = owner_in(selection, user)
    rows = list(_asked(owner, asked_for(selection.ids), apart=apart, past=past))
    if alone := perhaps_alone(selection.ids, rows):
        rows += _asked(owner, alone, apart=apart, past=past)
    # Tasks on hold and others are one row, and squeue shows the reasons of both: it is asked for each by itself.
    mixed = set[int]() if apart else {row.cluster for row in rows if row.is_mixed}
    rows = [row for row in rows if row.cluster not in mixed]
    if mixed:
        jobs = [str(cluster) for cluster in sorted(mixed)]
        rows += _asked(owner, jobs, apart=True, past=past)
    for row in rows:
        if (found := narrowed(own_marks(row, user), selection, ids)) is not None:
            yield found


def _asked(owner: str, jobs: Sequence[str], *, apart: bool, past: bool) -> Iterator[Row]:
    token = os.urandom(8).hex()
    words = ["squeue", "--noheader", "--all", f"--Format={squeue_format(token)}"]
    words += ["--array"] if apart else []
    words += ["--states=all"] if past else []
    words += [f"--user={owner}"] if owner else []
    words += [f"--jobs={','.join(jobs)}"] if jobs else []
    done = ask(words, check=False, most=_MOST)
    # What it says of a single job that it has forgotten; among several it passes over that one.
    if done.code != 0 and "Invalid job id" not in done.stderr:
        raise PoolError(f"squeue failed: {said(done)}", remedy="see its words")
    return read_rows(done.stdout, token)
