"""What hep_mount reports: mounts, how they are, and what they still have to send."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from hepsub.actions.mount.record import Record
from hepsub.result import Json


class State(Enum):
    """How a mount is.

    OK: it answers. SILENT: its rclone lives, and does not answer in time. STALE: its rclone is gone, and
    the directory of no use until it is unmounted. DEAD: it is no longer mounted.
    """

    OK = "ok"
    SILENT = "silent"
    STALE = "stale"
    DEAD = "dead"
    UNMOUNTED = "unmounted"


class Shown(Struct, frozen=True, kw_only=True):
    """A mount as it is now.

    Attributes:
        record: what is remembered of it.
        state: how it is.
        pending: how many files the storage does not have yet.
        pending_bytes: how many bytes they are.
    """

    record: Record
    state: State
    pending: int = 0
    pending_bytes: int = 0

    def document(self) -> dict[str, Json]:
        """The mount as it stands in JSON."""
        record = self.record
        return {
            "storage": record.storage,
            "bucket": record.bucket,
            "prefix": record.prefix,
            "what": str(record.remote),
            "directory": record.directory,
            "writable": record.writable,
            "since": record.since,
            "state": self.state.value,
            "pending": self.pending,
            "pending_bytes": self.pending_bytes,
            "pid": record.pid or None,
            "log": str(record.log),
            "cache": record.cache,
        }


class Mounts(Struct, frozen=True, kw_only=True):
    """Mounts: those there are, the one that was made, or those that were taken away.

    Attributes:
        mounts: each of them.
        listing: whether they were asked for as a list.
        ending: whether they were to be taken away.
    """

    mounts: tuple[Shown, ...]
    listing: bool = False
    ending: bool = False

    def document(self) -> dict[str, Json]:
        """The mounts as they stand under `result` in JSON."""
        return {"mounts": [each.document() for each in self.mounts]}
