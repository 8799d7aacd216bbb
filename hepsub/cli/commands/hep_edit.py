"""hep_edit: change waiting and held jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import (
    ALL,
    COMMON,
    POOL,
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
    from hepsub.result import Result
    from hepsub.session import Session

_MEMORY = option("-m -mem --memory", "MB",
    "The memory that each job asks for from now on; a bare number is MB.", kind=Kind.MEMORY)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> Result:
    """Change jobs.

    Raises:
        HepsubError: nothing was said to change, the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.edit import edit

    if values["memory"] is None:
        raise UsageError("nothing to change was named", remedy="hep_edit -m MB ID…")
    return edit(session, named_ids(values, "hep_edit"), values["memory"], values["pool"])


COMMAND = Command(
    name="hep_edit",
    summary="Change the memory of waiting and held jobs",
    description=(
        "hep_edit changes the memory that waiting and held jobs ask for, and says old -> new. Running jobs"
        " are left alone: what they have was given to them when they started. What a computing element has"
        " already cannot be changed.",
        "The exit code is 0 only if all that was asked was done.",
    ),
    options=(_MEMORY, ALL, POOL, *COMMON),
    words=QUEUED_IDS,
    examples=(
        ("hep_edit -m 3000 13", "3000 MB for the jobs of cluster 13 that do not run"),
        (
            "hep_edit -m 3000 -a && hep_release -a",
            "more memory for all of your jobs, then release them",
        ),
    ),
    run=run,
    results=("hepsub.actions.queue.edit:Edited",),
)
