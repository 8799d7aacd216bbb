"""The names under which a job finds its items: the last part of each, with directories where that is not enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath


def item_names(paths: Sequence[str]) -> tuple[str, ...]:
    """Names for files of one job: `hist.root`, or `run1/hist.root` and `run2/hist.root`.

    Files of one last part get as many of the directories above it as tell them apart; so their names say
    where they come from, and do not depend on their order.

    Args:
        paths: where the files are, the bucket's name or `/` first.
    """
    parts = [PurePosixPath(path).parts for path in paths]
    depth = [1] * len(parts)
    while True:
        names = [part[-min(number, len(part)) :] for part, number in zip(parts, depth, strict=True)]
        taken = Counter(names)
        again = [
            place
            for place, name in enumerate(names)
            if taken[name] > 1 and len(name) < len(parts[place])
        ]
        if not again:
            return tuple("/".join(each for each in name if each != "/") for name in names)
        for place in again:
            depth[place] += 1
