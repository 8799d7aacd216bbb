"""What the slots of a pool have for a job, when they are empty."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Offer(Struct, frozen=True, kw_only=True):
    """What one slot has, or what one job asks for; memory and disk in MB (2**20 bytes)."""

    memory_mb: int = 0
    cpus: int = 0
    disk_mb: int = 0
    gpus: int = 0

    @property
    def amounts(self) -> tuple[int, int, int, int]:
        """All of it: memory, cores, disk, GPUs."""
        return self.memory_mb, self.cpus, self.disk_mb, self.gpus

    def holds(self, asked: Offer) -> bool:
        """Whether nothing that is asked for is more than this."""
        return all(has >= wants for has, wants in zip(self.amounts, asked.amounts, strict=True))


def largest(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """Those beside which no other one has as much of everything; whatever fits into any slot fits into one of them."""
    # From the largest down: what another one holds is met after it.
    found: list[Offer] = []
    for each in sorted(set(offers), key=lambda offer: offer.amounts, reverse=True):
        if not any(other.holds(each) for other in found):
            found.append(each)
    return tuple(found)
