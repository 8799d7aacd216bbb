"""Slurm's accounting, as sacct tells it; a Slurm without slurmdbd has none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from hepsub.batch import Selection
from hepsub.errors import HepsubError
from hepsub.slurm.accounting import FIELDS, read_accounts
from hepsub.slurm.rows import Row
from hepsub.slurm.selected import (
    asked_for,
    ids_by_cluster,
    narrowed,
    own_marks,
    owner_in,
    perhaps_alone,
)
from hepsub.slurm.tasks import number_of
from hepsub.tools.slurm import ask

_DAYS = (1, 10, 100)
"""So far back it is asked, one after the other, until there are as many as are wanted."""
_DAY_S = 86400
_STATES = "BF,CA,CD,DL,F,NF,OOM,PR,TO"
"""Of what has ended (sacct(1), -s)."""
_ANSWER_S = 30.0
_MOST = 2**28


def accounts_of(
    selection: Selection, user: str, most: int, since: float, now: float
) -> Iterator[Row]:
    """The jobs of a selection that have ended, in no order; none where there is no accounting, or it is away.

    Args:
        selection: which jobs.
        user: whose they are where it means one's own; hepsub's mark counts on no others.
        most: how many are wanted of what names no ids; there may be more.
        since: what ended before need not be told, in seconds since the epoch.
        now: in seconds since the epoch.
    """
    ids = ids_by_cluster(selection.ids) if selection.ids else None
    owner = owner_in(selection, user)
    whose = [f"--user={owner}"] if owner else ["--allusers"]
    if jobs := [*asked_for(selection.ids), *perhaps_alone(selection.ids, ())]:
        whose.append(f"--jobs={','.join(jobs)}")
    oldest = now - since if since else _DAYS[-1] * _DAY_S
    spans = [min(days * _DAY_S, oldest) for days in _DAYS]
    found, latest = 0, 0.0
    for span in spans[-1:] if jobs else dict.fromkeys(spans):
        rows = _asked([*whose, *_window(span, latest)])
        if rows is None:
            return
        for row in rows:
            if (each := narrowed(own_marks(row, user), selection, ids)) is not None:
                found += number_of(each.tasks)
                yield each
        if found >= most:
            return
        latest = span


def _window(span: float, latest: float) -> Sequence[str]:
    """From so many seconds ago to so many."""
    end = f"now-{latest:.0f}seconds" if latest else "now"
    return (f"--starttime=now-{span:.0f}seconds", f"--endtime={end}", f"--state={_STATES}")


def _asked(words: Sequence[str]) -> Iterator[Row] | None:
    delimiter = f"\x1f{os.urandom(8).hex()}"
    what = ("--noheader", "--parsable", f"--delimiter={delimiter}", f"--format={','.join(FIELDS)}")
    try:
        done = ask(["sacct", *what, *words], check=False, timeout=_ANSWER_S, most=_MOST)
    except HepsubError:  # what it does not tell, others do
        return None
    return read_accounts(done.stdout, delimiter) if done.code == 0 else None
