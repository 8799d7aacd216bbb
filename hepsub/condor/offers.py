"""What a pool's slots have for the jobs of a plan: those that meet all that it asks but for sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hepsub.batch_offers import Offer, largest
from hepsub.condor.attributes import integer
from hepsub.condor.collector import find_slots
from hepsub.condor.match import MOST_KB, WHEN_EMPTY, emptied_where

if TYPE_CHECKING:
    from hepsub.condor.attributes import ClassAd
    from hepsub.plan.model import Plan


def find_offers(plan: Plan, collector: str, domain: str, patience_s: int) -> tuple[Offer, ...]:
    """What the largest slots have that the jobs of a plan may run on; none where no slot is there for them.

    Args:
        plan: the plan.
        collector: host[:port]; empty for HTCondor's own configuration.
        domain: the FileSystemDomain of this host.
        patience_s: for how long the collector may say nothing, in seconds.

    Raises:
        PoolUnreachable: it does not answer.
    """
    clauses = [f"({each})" for each in plan.route.requirements]
    if plan.route.delivery.shared and (own := plan.route.filesystem_domain or domain):
        clauses.append(f'(TARGET.FileSystemDomain == "{own}")')
    written = " && ".join(clauses) or "true"
    attributes = plan.route.attributes
    named = re.findall(r"[A-Za-z_]\w*", " ".join((written, *attributes.values())))
    # Not what is left of a slot now: so those of one kind of machine are alike, and one of them is looked at.
    projection = dict.fromkeys((*WHEN_EMPTY.values(), "GPUs", *named))
    kinds = {str(slot): slot for slot in find_slots(collector, tuple(projection), patience_s)}
    found = [_offer(slot) for slot in emptied_where(written, attributes, kinds.values())]
    return largest(each for each in found if each.memory_mb)


def _offer(slot: ClassAd) -> Offer:
    return Offer(
        memory_mb=integer(slot, "Memory") or 0,
        cpus=integer(slot, "Cpus") or 0,
        disk_mb=(integer(slot, "Disk", most=MOST_KB) or 0) // 1024,
        gpus=integer(slot, "GPUs") or 0,
    )
