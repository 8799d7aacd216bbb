"""hep_mount: a bucket as a directory, by rclone, with keys that are got anew whenever they end."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.actions.mount.list import Mounts, Shown, State, offer_login, waiting_writes
from hepsub.actions.mount.places import (
    cache_directory,
    cache_mb,
    prepare_point,
    rescue,
    resolve_point,
)
from hepsub.actions.mount.record import (
    Record,
    find_remote,
    forget,
    home_of,
    identity,
    only_one,
    read_records,
    write_record,
)
from hepsub.actions.mount.unmount import see_gone, tidy_point
from hepsub.errors import FuseUnavailable, HepsubError, MountFailed
from hepsub.result import Result
from hepsub.session import Session
from hepsub.storage.listing import check_prefix
from hepsub.storage.store import Store
from hepsub.tools.fuse import Answer, lists, mount_at, require_fuse, unmount
from hepsub.tools.rclone import find_rclone, unreadable
from hepsub.tools.rclone_mount import OLDEST, RcloneMount, fuse_refused, last_trouble, start_mount
from hepsub.tools.run import Server, uninterrupted

_UP_S = 30.0
_LISTED_S = 60.0
_SAY_AFTER_S = 5.0
_POLL_S = 0.05


class Order(Struct, frozen=True, kw_only=True):
    """What is to be mounted, and where."""

    what: str
    directory: str
    writable: bool = False


class Made(Struct, frozen=True, kw_only=True):
    """A mount that is up: what is remembered of it, its process, and what the user should know."""

    record: Record
    server: Server
    notes: tuple[str, ...]


def mount(session: Session, order: Order, tell: Callable[[str], None]) -> Result[Mounts]:
    """Mount, and leave it to itself; the errors are those of `make_mount`."""
    made = make_mount(session, order, tell)
    place = shlex.quote(made.record.directory)
    shown = Shown(record=made.record, state=State.OK)
    return Result(
        value=Mounts(mounts=(shown,)), notes=(*made.notes, f"hep_mount -u {place} takes it away")
    )


def make_mount(session: Session, order: Order, tell: Callable[[str], None]) -> Made:
    """Mount, and return when the directory can be listed.

    Raises:
        UsageError, UnknownStorage: what is to be mounted cannot be understood.
        FuseUnavailable, ToolFailed: this machine cannot mount, or has no rclone.
        StorageRefused, StorageUnreachable: the bucket cannot be listed.
        MountPointRefused: the directory cannot become a mount.
        MountFailed: rclone did not bring it up.
        HepsubError: there are no keys.
    """
    where = session.situation
    remote = find_remote(order.what, session.policy.storage, where.cwd)
    unmounter = require_fuse(where.environment.get("PATH", ""))
    find_rclone(OLDEST, "hep_mount")
    rules = session.policy.storage[remote.storage]
    store = Store(name=remote.storage, storage=rules, keys=session.keys(remote.storage, rules))
    # Before rclone does: these errors are our own, and come at once.
    is_empty = not check_prefix(store, remote.bucket, remote.prefix)
    home = home_of(session)
    with _told(home), only_one(home):
        point = resolve_point(order.directory, where.cwd)
        name = identity(rules.endpoint, remote, point)
        cache = cache_directory(session, name)
        record = Record(
            remote=remote,
            directory=str(point),
            writable=order.writable,
            since=where.now,
            state=str(home / name),
            cache=str(cache),
            made=prepare_point(point, unmounter),
        )
        try:
            # Before anything looks into the cache: two rclones would spoil it.
            _end_the_former(record, home)
            offer_login(session, read_records(home))
            notes = (
                *store.keys.note.splitlines(),
                *_notes(record, is_empty=is_empty),
                *rescue(cache, store, remote),
            )
            record, server = _bring_up(session, record, unmounter, tell)
        except BaseException:  # Ctrl-C too: nothing may stay that nobody asked for
            tidy_point(record)
            raise
    return Made(record=record, server=server, notes=notes)


def _end_the_former(record: Record, home: Path) -> None:
    """See the rclone gone that served the same before."""
    for former in read_records(home):
        if former.state == record.state and former.is_alive():
            see_gone(former, force=False)


def _notes(record: Record, *, is_empty: bool) -> Iterator[str]:
    if is_empty:
        here = "and appears with the first file" if record.writable else "as far as you may see"
        yield f"nothing lies below {record.remote} yet, {here}"
    # Of those that `rescue` looks at it tells itself what becomes of them.
    unknown = {each.name for each in unreadable(Path(record.cache))}
    if number := sum(each.name not in unknown for each in waiting_writes(record)):
        yield f"{number} write(s) of the former mount had not been sent: they are sent now"


@contextlib.contextmanager
def _told(home: Path) -> Iterator[None]:
    """Turn what the operating system says of the mounts' directory into words."""
    try:
        yield
    except OSError as error:
        raise MountFailed(
            f"{error.filename or home}: {error.strerror}", remedy="make room there, and try again"
        ) from error


def _bring_up(
    session: Session, record: Record, unmounter: str, tell: Callable[[str], None]
) -> tuple[Record, Server]:
    """Start rclone, and give the record with its process, and that, when the directory can be listed."""
    remote = record.remote
    asked = RcloneMount(
        name=remote.storage,
        storage=session.policy.storage[remote.storage],
        bucket=remote.bucket,
        prefix=remote.prefix,
        point=record.point,
        writable=record.writable,
        state=Path(record.state),
        cache=Path(record.cache),
        cache_mb=cache_mb(Path(record.cache), session.policy.mount.cache_size),
    )
    server: Server | None = None
    try:
        # Before rclone runs: what ends in between leaves a record without a process, and never one that nobody knows.
        write_record(record)
        with uninterrupted():
            server = start_mount(asked, session.situation.environment)
            record = record.run_by(server.process.pid)
            write_record(record)
        _wait_until_up(record, server)
        _wait_until_listed(record, server, tell)
    except BaseException:
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
    # A large directory takes rclone many pages; the first command that looks into it shall not wait for them.
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
        remedy=f"hep_auth s3 {record.remote.storage} shows whether there are keys; then try again",
    )


def _undo(record: Record, server: Server | None, unmounter: str) -> None:
    mounted = mount_at(record.point)
    if mounted is not None and mounted.is_rclone:
        unmount(unmounter, record.point, lazily=True)
    if server is not None:
        server.stop()
    if not waiting_writes(record):
        forget(record, cache=True)
