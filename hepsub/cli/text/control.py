"""The text of hep_rm, hep_hold and hep_release: how many jobs, for each id."""

from __future__ import annotations

from hepsub.actions.queue.control import DONE_WORDS, Control
from hepsub.terminal import joined


def text(value: Control) -> str:
    """The text of what was done to jobs."""
    word = DONE_WORDS[value.act]
    lines = [f"{each.meant}: {each.number} job(s) {word}" for each in value.outcomes if each.number]
    return joined(lines) or f"0 job(s) {word}"
