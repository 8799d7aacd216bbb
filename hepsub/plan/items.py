"""The items of a list: how jobs share them, and under which names a job finds its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath


def ends_by_count(number: int, per: int) -> tuple[int, ...]:
    """The ends of groups of `per` items; the last job gets what is left."""
    return tuple(min(end, number) for end in range(per, number + per, per))


def ends_by_size(sizes: Iterable[int], most: int) -> tuple[int, ...]:
    """The ends of groups of consecutive items that hold so much together, and no more.

    Args:
        sizes: of all items, in bytes; one that is larger than `most` is a group by itself.
        most: of a group, in bytes.
    """
    ends: list[int] = []
    position = held = 0
    for size in sizes:
        if position > (ends[-1] if ends else 0) and held + size > most:
            ends.append(position)
            held = 0
        held += size
        position += 1
    return (*ends, position) if position else ()


def item_names(paths: Sequence[str]) -> tuple[str, ...]:
    """Names for files of one job: `hist.root`, or `run1/hist.root` and `run2/hist.root`.

    Args:
        paths: where the files are, the bucket's name or `/` first.
    """
    # Files of one last part get as many of the directories above it as tell them apart, and no numbers: so their names
    # say where they come from, and do not depend on their order.
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
