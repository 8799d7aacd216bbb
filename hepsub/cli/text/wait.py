"""The text of hep_sub -wait: how many jobs ended with 0, and how the others did."""

from __future__ import annotations

from hepsub.actions.queue.wait import Waited, end_text
from hepsub.terminal import joined


def text(value: Waited) -> str:
    """The text of a cluster that was waited for; empty when the user had enough of it."""
    if value.interrupted:
        return ""
    good = len(value.jobs) - len(value.failed())
    lines = [f"{good} of {len(value.jobs)} job(s) ended with exit code 0"]
    lines += [f"{job.job} {end_text(job)}" for job in value.failed()]
    return joined(lines)
