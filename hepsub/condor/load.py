"""How busy a pool is, by its collector: the cores of its slots, and what waits and runs at its schedds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from msgspec import Struct

from hepsub.condor.attributes import integer, text, unreadable
from hepsub.condor.collector import JOB_SLOTS, ask_collector
from hepsub.jobid import same_schedd

_CLAIMED = ("Claimed", "Preempting")
_SLOT = ("SlotType", "State", "Cpus", "TotalSlotCpus")
_SCHEDD = ("Name", "TotalIdleJobs", "TotalRunningJobs")
_OF_SLOT = re.compile(r'("(?:[^"\\]|\\.)*")|\bTARGET\s*\.', re.IGNORECASE)


class Cores(Struct, frozen=True, kw_only=True):
    """The cores of some slots.

    Attributes:
        total: how many there are.
        busy: how many of them jobs have.
    """

    total: int
    busy: int


class Load(Struct, frozen=True, kw_only=True):
    """How busy a pool is.

    Attributes:
        cores: all of its slots.
        idle: jobs of all users that wait at the schedds that were asked for.
        running: those that run.
        parts: some of the slots, by the name under which they were asked for; without those whose expression HTCondor
            cannot read.
    """

    cores: Cores
    idle: int
    running: int
    parts: Mapping[str, Cores]


def load_of(collector: str, schedds: Collection[str], parts: Mapping[str, str]) -> Load:
    """Ask a collector how busy its pool is.

    Args:
        collector: host[:port]; empty for HTCondor's own configuration.
        schedds: the schedds whose jobs count.
        parts: ClassAd expressions about slots, as jobs have them in their requirements, by name.

    Raises:
        PoolUnreachable: it does not answer.
    """
    ads = ask_collector(collector, "Schedd", _SCHEDD)
    mine = [ad for ad in ads if any(same_schedd(each, text(ad, "Name")) for each in schedds)]
    bad = unreadable(parts.values())
    return Load(
        cores=_cores(collector, JOB_SLOTS),
        idle=sum((integer(ad, "TotalIdleJobs") or 0) for ad in mine),
        running=sum((integer(ad, "TotalRunningJobs") or 0) for ad in mine),
        parts={
            name: _cores(collector, f"({JOB_SLOTS}) && ({_about_slot(each)})")
            for name, each in parts.items()
            if each not in bad
        },
    )


def _about_slot(requirements: str) -> str:
    """What a job asks of a slot, as a collector looks for slots: there, the slot itself is what is asked."""
    return _OF_SLOT.sub(lambda found: found[1] or "MY.", requirements)


def _cores(collector: str, wanted: str) -> Cores:
    total = busy = 0
    for ad in ask_collector(collector, "Startd", _SLOT, constraint=wanted):
        free = integer(ad, "Cpus") or 0
        if text(ad, "SlotType") == "Partitionable":
            # Its Cpus are what is left of it; the dynamic slots made of it are not asked for, and so not counted twice.
            cores = max(free, integer(ad, "TotalSlotCpus") or 0)
            taken = cores - free
        else:
            cores = free
            taken = cores if text(ad, "State") in _CLAIMED else 0
        total, busy = total + cores, busy + taken
    return Cores(total=total, busy=busy)
