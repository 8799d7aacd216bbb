"""What sinfo prints of nodes, and what that is to jobs. Pure."""

from __future__ import annotations

import re
from typing import Final

from hepsub.batch_offers import Offer

NODE_FORMAT: Final = "%c|%m|%d|%G"
"""Of sinfo(1): cores, memory and disk in MB, generic resources."""
_GPUS: Final = re.compile(r"(?:^|,)gpu(?::[^:,(]+)?:(\d{1,4})")
_MOST: Final = 20


def read_nodes(printed: str) -> tuple[Offer, ...]:
    """The largest nodes of what sinfo printed in NODE_FORMAT, each kind once."""
    kinds = {offer for line in printed.splitlines() if (offer := _offer(line)) is not None}
    return tuple(sorted(kinds, key=lambda each: each.amounts, reverse=True)[:_MOST])


def _offer(line: str) -> Offer | None:
    fields = line.strip().split("|")
    if len(fields) != 4 or not all(each.isdecimal() and len(each) < 13 for each in fields[:3]):
        return None
    cpus, memory, disk = map(int, fields[:3])
    gpus = sum(int(each) for each in _GPUS.findall(fields[3]))
    # TmpDisk is often not told: who says nothing of it refuses nobody.
    return Offer(memory_mb=memory, cpus=cpus, disk_mb=disk or 1 << 30, gpus=gpus)
