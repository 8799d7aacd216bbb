"""From a record to a mount that can be listed: rclone is started, watched, and taken away when it fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from hepsub.actions.mount.cache import cache_mb
from hepsub.actions.mount.list import waiting_writes
from hepsub.actions.mount.record import Record, forget, write_record
from hepsub.errors import FuseUnavailable, HepsubError, MountFailed
from hepsub.session import Session
from hepsub.tools.fuse import Answer, lists, mount_at, unmount
from hepsub.tools.rclone_mount import RcloneMount, fuse_refused, last_trouble, start_mount
from hepsub.tools.run import Server, uninterrupted

_UP_S = 30.0
_LISTED_S = 60.0
_SAY_AFTER_S = 5.0
_POLL_S = 0.05


def bring_up(
    session: Session, record: Record, unmounter: str, tell: Callable[[str], None]
) -> tuple[Record, Server]:
    """Start rclone, and return when the directory is a mount that can be listed.

    Returns:
        The record with its process, and the process.

    Raises:
        MountFailed, FuseUnavailable: it does not come up; nothing is left of it but unsent writes.
    """
    rules = session.policy.storage[record.storage]
    asked = RcloneMount(
        name=record.storage,
        storage=rules,
        bucket=record.bucket,
        prefix=record.prefix,
        point=record.point,
        writable=record.writable,
        state=Path(record.state),
        cache=Path(record.cache),
        cache_mb=cache_mb(Path(record.cache), session.policy.mount.cache_size),
    )
    write_record(record)
    server: Server | None = None
    try:
        with uninterrupted():
            server = start_mount(asked, session.situation.environment)
            record = record.run_by(server.process.pid)
            write_record(record)
        _wait_until_up(record, server)
        _wait_until_listed(record, server, tell)
    except BaseException:  # Ctrl-C too: nothing may stay that nobody asked for
        _undo(record, server, unmounter)
        raise
    return record, server


def _wait_until_up(record: Record, server: Server) -> None:
    deadline = time.monotonic() + _UP_S
    while time.monotonic() < deadline:
        if not server.is_alive():
            raise _failure(record, "rclone ended at once")
        mounted = mount_at(record.point)
        if mounted is not None and mounted.is_rclone:
            return
        time.sleep(_POLL_S)
    raise _failure(record, f"rclone did not mount it within {_UP_S:.0f} s")


def _wait_until_listed(record: Record, server: Server, tell: Callable[[str], None]) -> None:
    answer = lists(record.point, _SAY_AFTER_S)
    if answer is Answer.SILENT:
        tell(f"{record.remote} is being listed for the first time")
        answer = lists(record.point, _LISTED_S)
    if answer is Answer.YES and server.is_alive():
        return
    why = "cannot be listed" if answer is Answer.NO else f"was not listed within {_LISTED_S:.0f} s"
    raise _failure(record, f"{record.remote} {why} through it")


def _failure(record: Record, what: str) -> HepsubError:
    words = last_trouble(record.log)
    said = f": {words}" if words else ""
    if fuse_refused(record.log):
        return FuseUnavailable(
            f"{record.directory} could not be mounted{said}",
            remedy="try a directory on a local disk; where that does not help, ask the administrators of this"
            " machine to let its users mount with FUSE: worker nodes and containers often do not",
        )
    return MountFailed(
        f"{record.directory} could not be mounted: {what}{said}",
        remedy=f"hep_auth s3 {record.storage} shows whether there are keys; then try again",
    )


def _undo(record: Record, server: Server | None, unmounter: str) -> None:
    mounted = mount_at(record.point)
    if mounted is not None and mounted.is_rclone:
        unmount(unmounter, record.point, lazily=True)
    if server is not None:
        server.stop()
    if record.made:
        with contextlib.suppress(OSError):
            record.point.rmdir()
    if not waiting_writes(record):
        forget(record, cache=True)
