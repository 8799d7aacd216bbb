"""Which of Slurm's jobs, and of the submissions that are kept, a selection means. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from hepsub.batch import Selection
from hepsub.jobid import JobId
from hepsub.slurm.rows import Row
from hepsub.slurm.slips import Slip
from hepsub.slurm.tasks import common

_MOST_NAMED = 500


def clusters_in(ids: Iterable[JobId]) -> list[int]:
    """The clusters that ids are of."""
    return sorted({each.cluster for each in ids})


def asked_for(ids: Sequence[JobId]) -> list[str]:
    """What squeue is asked for (--jobs), which knows no ranges: a few jobs by themselves, else whole clusters."""
    if sum(each.width() or _MOST_NAMED + 1 for each in ids) > _MOST_NAMED:
        return [str(cluster) for cluster in clusters_in(ids)]
    procs = ((each, range(each.first or 0, (each.last or 0) + 1)) for each in ids)
    return sorted({f"{each.cluster}_{proc}" for each, those in procs for proc in those})


def perhaps_alone(ids: Iterable[JobId], rows: Iterable[Row]) -> list[str]:
    """The jobs, as squeue is asked for them, that are not shown as the first of an array, but may be none of one."""
    # hep_q shows what is no array as CLUSTER.0, and people type that; Slurm knows it as CLUSTER, and not as CLUSTER_0.
    shown = {row.cluster for row in rows}
    first = {each.cluster for each in ids if each.first == 0}
    return [str(cluster) for cluster in sorted(first - shown)]


def owner_in(selection: Selection, user: str) -> str:
    """Whose jobs Slurm is asked for; empty for everybody's. hepsub's mark counts on one's own alone (`own_marks`)."""
    return selection.owner or (user if selection.uuid or selection.once else "")


def ids_by_cluster(ids: Iterable[JobId]) -> Mapping[int, list[JobId]]:
    """The ids of each cluster."""
    found = defaultdict[int, list[JobId]](list)
    for each in ids:
        found[each.cluster].append(each)
    return found


def narrowed(
    row: Row, selection: Selection, ids: Mapping[int, Sequence[JobId]] | None
) -> Row | None:
    """What a selection means of the jobs that Slurm knows in one row; None for nothing.

    Args:
        row: the jobs.
        selection: which are meant; its ids are in `ids`.
        ids: of each cluster; None where it names none.
    """
    if selection.states and row.state not in selection.states:
        return None
    if selection.once and row.once != selection.once:
        return None
    if selection.uuid and row.uuid != selection.uuid:
        return None
    if ids is None:
        return row
    meant = ids.get(row.cluster, ())
    # Which tasks those are that never ran, only the submission's slip can tell (past.py).
    tasks = row.tasks if row.is_rest and meant else common(row.tasks, meant)
    return replace(row, tasks=tasks) if tasks else None


def own_marks(row: Row, user: str) -> Row:
    """The job without hepsub's mark where it is another user's: anybody can write any UUID into a comment."""
    return row if row.owner == user else replace(row, uuid="", once="")


def is_slip_meant(slip: Slip, selection: Selection) -> bool:
    """Whether a selection may mean jobs of a submission that is kept."""
    if selection.ids and all(each.cluster != slip.cluster for each in selection.ids):
        return False
    if selection.owner and slip.owner != selection.owner:
        return False
    if selection.once and slip.once != selection.once:
        return False
    return not selection.uuid or slip.uuid == selection.uuid


def is_whole_meant(slip: Slip, selection: Selection) -> bool:
    """Whether a selection means all jobs of a submission that is kept, whatever states they are in."""
    widths = [each.width() for each in selection.ids if each.cluster == slip.cluster]
    whole = not widths or any(width is None or width >= slip.number for width in widths)
    return whole and is_slip_meant(slip, selection)
