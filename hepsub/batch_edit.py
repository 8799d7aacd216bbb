"""What jobs that wait or are on hold ask for instead."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct


class Edit(Struct, frozen=True, kw_only=True):
    """What jobs ask for from now on; None for what stays as it is.

    Attributes:
        memory_mb: in MB (2**20 bytes), as `disk_mb`.
        priority: among their owner's jobs.
        walltime: walltime class, and limit in seconds, for an accounting group; its name is empty where there is none.
    """

    memory_mb: int | None = None
    cpus: int | None = None
    disk_mb: int | None = None
    priority: int | None = None
    walltime: Callable[[str], tuple[str, int]] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What is changed, in words."""
        said = {
            "memory": self.memory_mb,
            "cores": self.cpus,
            "disk": self.disk_mb,
            "priority": self.priority,
            "walltime": self.walltime,
        }
        return tuple(word for word, value in said.items() if value is not None)

    def __str__(self) -> str:
        """What is changed, for people."""
        return " and ".join(self.words)
