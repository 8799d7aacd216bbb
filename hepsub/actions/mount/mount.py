"""hep_mount: a bucket as a directory, by rclone, with keys that are got anew whenever they end."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.actions.mount.cache import cache_directory, rescue
from hepsub.actions.mount.list import Mounts, Shown, State, offer_login, waiting_writes
from hepsub.actions.mount.point import prepare_point, resolve_point
from hepsub.actions.mount.record import (
    Record,
    Remote,
    find_remote,
    home_of,
    identity,
    only_one,
    read_records,
)
from hepsub.actions.mount.start import bring_up
from hepsub.actions.mount.unmount import see_gone
from hepsub.errors import MountFailed, StorageRefused
from hepsub.result import Result
from hepsub.session import Session
from hepsub.storage.listing import PrefixInfo, check_prefix
from hepsub.storage.store import Store
from hepsub.tools.fuse import require_fuse
from hepsub.tools.rclone import find_rclone
from hepsub.tools.rclone_mount import OLDEST
from hepsub.tools.run import Server


class Order(Struct, frozen=True, kw_only=True):
    """What the user wants."""

    what: str
    directory: str
    writable: bool = False


class Made(Struct, frozen=True, kw_only=True):
    """A mount that is up: what is remembered of it, its process, and what the user should know."""

    record: Record
    server: Server
    notes: tuple[str, ...]


def mount(session: Session, order: Order, tell: Callable[[str], None]) -> Result:
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
    peeked = _peek(store, remote)
    home = home_of(session)
    with _told(home), only_one(home):
        point = resolve_point(order.directory, where.cwd)
        name = identity(rules.endpoint, remote, point)
        cache = cache_directory(session, name)
        record = Record(
            storage=remote.storage,
            bucket=remote.bucket,
            prefix=remote.prefix,
            directory=str(point),
            writable=order.writable,
            since=where.now,
            state=str(home / name),
            cache=str(cache),
            made=prepare_point(point, unmounter),
        )
        _end_the_former(record, home)
        offer_login(session, read_records(home))
        notes = (
            *store.keys.note.splitlines(),
            *_notes(record, peeked),
            *rescue(cache, store, remote),
        )
        record, server = bring_up(session, record, unmounter, tell)
    return Made(record=record, server=server, notes=notes)


def _end_the_former(record: Record, home: Path) -> None:
    """See the rclone gone that served the same before: two of them would spoil the one cache."""
    for former in read_records(home):
        if former.state == record.state and former.is_alive():
            see_gone(former, force=False)


def _peek(store: Store, remote: Remote) -> PrefixInfo:
    """Ask the storage before rclone does: its errors are our own, and come at once."""
    peeked = check_prefix(store, remote.bucket, remote.prefix)
    if peeked.is_object and not peeked.below:
        raise StorageRefused(
            f"{remote} is an object, and no directory", remedy="mount what it lies in"
        )
    return peeked


def _notes(record: Record, peeked: PrefixInfo) -> Iterator[str]:
    if not peeked.below:
        here = "and appears with the first file" if record.writable else "as far as you may see"
        yield f"nothing lies below {record.remote} yet, {here}"
    if number := len(waiting_writes(record)):
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
