"""What of the inputs on a shared file system is copied, and what is the user's own file. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hepsub.plan.location import FilePlace
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Values
from hepsub.units import size_text

COPIED_FILES = 10_000
"""A directory of more files is not copied: a thousand jobs would make ten million of them."""
_NAMED = 3


class FileFact(Struct, frozen=True, kw_only=True):
    """What is known of an input on this host's file system.

    Attributes:
        size: its bytes, of a directory those of all files in it.
        trouble: why a directory cannot be copied whole; empty when it can.
    """

    size: int
    trouble: str = ""


def linked_inputs(
    staging: StagingPlan, files: Mapping[str, FileFact], jobs: Sequence[Values]
) -> dict[str, str]:
    """The inputs that some job gets as links to the user's own files, and why; as the wrapper decides it.

    Args:
        staging: how the files travel.
        files: what is known of them, by path; nothing is said of others.
        jobs: what the names stand for, job by job.
    """
    found: dict[str, str] = {}
    if not staging.shared or not files:
        return found
    for inputs in staging.carried_by(jobs).inputs:
        left = staging.copy_limit
        for each in inputs:
            fact = files.get(each.place.path) if isinstance(each.place, FilePlace) else None
            if fact is None:
                continue
            if fact.trouble or fact.size > left or not staging.copy_limit:
                found.setdefault(str(each.place), fact.trouble or size_text(fact.size))
            else:
                left -= fact.size
    return found


def link_note(
    staging: StagingPlan | None, files: Mapping[str, FileFact], jobs: Sequence[Values], origin: str
) -> tuple[str, ...]:
    """That a job which writes to such an input changes the user's own file.

    Args:
        staging: how the files travel; None for not at all.
        files: what is known of the inputs, by path.
        jobs: what the names stand for, job by job.
        origin: where the limit was set, in words for people.
    """
    links = linked_inputs(staging, files, jobs) if staging is not None else {}
    if staging is None or not links:
        return ()
    shown = ", ".join(f"{path} ({why})" for path, why in list(links.items())[:_NAMED])
    more = f" and {len(links) - _NAMED} more" if len(links) > _NAMED else ""
    limit = size_text(staging.copy_limit) if staging.copy_limit else "nothing"
    return (
        f"these inputs are not copied, unless the file system can share their blocks: {shown}{more}. A job that writes"
        f" to one changes your own file. A job gets copies of {limit} at the most (staging.copy_limit, {origin})",
    )
