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
    description=(
        "hep_edit changes the memory, cores, disk, walltime or priority that waiting and held jobs ask for, and says"
        " old -> new. Running jobs are left alone: what they have was given to them when they started; hep_hold ends"
        " their run, and they begin anew. Jobs of a large cluster that the schedd has still to make are changed, too.",
        "Another walltime moves the jobs into the class of their accounting group that holds it. It cannot be changed"
        " where files or credentials travel with the jobs, because it is among these: hep_rm 13, then"
        " hep_sub -resubmit 13 -wt 3d keeps their names and outputs. What a computing element has already cannot be"
        " changed, and it is asked for no disk. On this machine (-p here) cores and walltime are those of a whole"
        " cluster, none of whose jobs runs, and jobs have no disk of their own.",
        "The exit code is 0 only if all that was asked was done.",
    ),
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
