"""How jobs share the items of a list: where in it the items of each job end."""

from __future__ import annotations

from collections.abc import Iterable


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
