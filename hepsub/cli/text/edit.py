"""The text of hep_edit: old and new memory, for each id."""

from __future__ import annotations

from hepsub.actions.queue.edit import Edited
from hepsub.terminal import joined


def text(value: Edited) -> str:
    """The text of what was changed."""
    if not value.changes:
        return "0 job(s) changed"
    return joined(
        f"{each.meant}: memory {each.old_mb} MB -> {each.new_mb} MB ({each.number} job(s))"
        for each in value.changes
    )
