"""hep_edit: change waiting and held jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import (
    ALL,
    COMMON,
    POOLS,
    QUEUED_IDS,
    Command,
    Kind,
    Values,
    named_ids,
    option,
)
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    option("-m -mem --memory", "MB",
        "The memory that each job asks for from now on; a bare number is MB.", kind=Kind.MEMORY),
    option("-np -cpu", "CORES", "Cores, likewise.", kind=Kind.POSITIVE, field="cpus", exact=True),
    option("-disk", "MB", "Disk, likewise; a bare number is MB.", kind=Kind.MEMORY, exact=True),
    option("-wt", "CLASS", "Walltime: a class of the policy, or a duration, as for hep_sub.",
        kind=Kind.WALLTIME, field="walltime", exact=True),
    option("-prio", "N", "Priority among your own jobs; the higher, the earlier.",
        kind=Kind.INTEGER, field="priority", exact=True),
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """Change jobs.

    Raises:
        HepsubError: nothing was said to change, the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.edit import edit, walltime_chosen
    from hepsub.batch_edit import Edit

    asked = values["walltime"]
    wanted = Edit(
        memory_mb=values["memory"],
        cpus=values["cpus"],
        disk_mb=values["disk"],
        priority=values["priority"],
        walltime=walltime_chosen(asked, session.policy) if asked is not None else None,
    )
    if not wanted.words:
        raise UsageError("nothing to change was named", remedy="hep_edit -m MB ID…")
    return edit(session, named_ids(values, "hep_edit"), wanted, values["pool"])


COMMAND = Command(
    name="hep_edit",
    summary="Change what waiting and held jobs ask for",
    options=(*_OPTIONS, ALL, *POOLS, *COMMON),
    words=QUEUED_IDS,
    examples=(
        ("hep_edit -m 3000 13", "3000 MB for the jobs of cluster 13 that do not run"),
        ("hep_edit -wt 3d -np 4 13", "three days and four cores for each"),
        (
            "hep_edit -m 3000 -a && hep_release -a",
            "more memory for all of your jobs, then release them",
        ),
    ),
    run=run,
    results=("hepsub.actions.queue.edit:Edited",),
)
