"""What jobs are called when Slurm's programs are told to do something to them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from hepsub.slurm.rows import Row
from hepsub.slurm.tasks import named

_MOST = 100_000
"""So many characters of names are given to one program: a word of its command line has an end."""


def words_for(rows: Iterable[Row]) -> Iterator[str]:
    """The names of jobs, those of an array's tasks in ranges."""
    clusters = defaultdict[int, list[range]](list)
    for row in rows:
        if row.is_array:
            clusters[row.cluster] += row.tasks
        else:
            yield str(row.cluster)
    for cluster, tasks in clusters.items():
        yield from named(cluster, chain.from_iterable(tasks))


def in_lines(words: Iterable[str]) -> Iterator[list[str]]:
    """Names, as many together as one program is given."""
    some: list[str] = []
    length = 0
    for word in words:
        if some and length + len(word) >= _MOST:
            yield some
            some, length = [], 0
        some.append(word)
        length += len(word) + 1
    if some:
        yield some
