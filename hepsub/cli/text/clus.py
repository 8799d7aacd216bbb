"""The text of hep_clus: the walltime classes of a group, in HepJob's words."""

from __future__ import annotations

from hepsub.actions.queue.walltimes import Walltimes
from hepsub.terminal import joined


def text(value: Walltimes) -> str:
    """The text of the walltime classes."""
    lines = [f"Walltime Limit INFO for group '{value.group}':"]
    lines += [
        f"'{name}' job walltime limit is: {_limit(seconds)}."
        for name, seconds in value.limits.items()
    ]
    return joined(lines)


def _limit(seconds: int) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
