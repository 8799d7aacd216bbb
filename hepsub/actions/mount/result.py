"""What hep_mount reports: mounts, how they are, and what they still have to send."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from hepsub.actions.mount.record import Record


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


class MountDocument(Struct, frozen=True, kw_only=True):
    """A mount in JSON."""

    storage: str
    bucket: str
    prefix: str
    what: str
    directory: str
    writable: bool
    since: float
    state: State
    pending: int
    pending_bytes: int
    pid: int | None
    log: str
    cache: str


class MountsDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_mount."""

    mounts: tuple[MountDocument, ...]


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

    def document(self) -> MountsDocument:
        """The mounts as they stand under `result` in JSON."""
        return MountsDocument(mounts=tuple(_document(each) for each in self.mounts))


def _document(shown: Shown) -> MountDocument:
    record = shown.record
    return MountDocument(
        storage=record.storage,
        bucket=record.bucket,
        prefix=record.prefix,
        what=str(record.remote),
        directory=record.directory,
        writable=record.writable,
        since=record.since,
        state=shown.state,
        pending=shown.pending,
        pending_bytes=shown.pending_bytes,
        pid=record.pid or None,
        log=str(record.log),
        cache=record.cache,
    )
