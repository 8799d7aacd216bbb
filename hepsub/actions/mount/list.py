"""hep_mount -ls: this user's mounts on this host, and how they are; what is no more is forgotten."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path

from msgspec import Struct

from hepsub.actions.mount.record import Record, forget, home_of, only_one, read_records
from hepsub.auth.login_environment import lasting
from hepsub.errors import HepsubError
from hepsub.files import write_whole
from hepsub.result import Result
from hepsub.session import Session
from hepsub.terminal import few
from hepsub.tools.fuse import Answer, ask, mount_at
from hepsub.tools.rclone import Cached, pending, unreadable
from hepsub.tools.rclone_mount import LOGIN

_ANSWER_S = 3.0
_NAMED = 3
_NAMES = ("OIDC_SOCK", "OIDC_CONFIG_DIR", "KRB5CCNAME", "XDG_RUNTIME_DIR", "BEARER_TOKEN_FILE")
"""Places, never secrets themselves."""


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
        pending: how many files the storage does not have yet.
    """

    record: Record
    state: State
    pending: int = 0
    pending_bytes: int = 0


class MountDocument(Struct, frozen=True, kw_only=True):
    """A mount in JSON.

    Attributes:
        what: the storage, bucket and prefix as one types them.
        directory: where it is mounted.
        since: seconds since the epoch.
        state: how it is: `ok`; `silent`, its rclone lives and does not answer in time; `stale`, its rclone is gone, and
            the directory of no use until it is unmounted; `dead`, no longer mounted; `unmounted`.
        pending: how many files the storage does not have yet.
        pending_bytes: how many bytes these have.
        pid: of its rclone; null where there is none.
        log: the file that its rclone writes.
        cache: the directory of what is not sent yet.
    """

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
    """Mounts: those there are, the one that was made, or those that were taken away."""

    mounts: tuple[Shown, ...]
    listing: bool = False
    ending: bool = False

    def document(self) -> MountsDocument:
        """The mounts as they stand under `result` in JSON."""
        return MountsDocument(mounts=tuple(_document(each) for each in self.mounts))


def _document(shown: Shown) -> MountDocument:
    record = shown.record
    return MountDocument(
        storage=record.remote.storage,
        bucket=record.remote.bucket,
        prefix=record.remote.prefix,
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


_STATES = {Answer.YES: State.OK, Answer.NO: State.STALE, Answer.SILENT: State.SILENT}


def list_mounts(session: Session) -> Result[Mounts]:
    """All mounts of this user on this host, those that do not answer in time as silent."""
    records = read_records(home_of(session))
    offer_login(session, records)
    with ThreadPoolExecutor(max(1, len(records))) as pool:
        found = tuple(pool.map(look_at, records))
    shown = tuple(each for each in found if not _is_gone(each))
    if len(shown) < len(found):
        _clean_up(session)
    return Result(value=Mounts(mounts=shown, listing=True), notes=tuple(_notes(shown)))


def look_at(record: Record) -> Shown:
    """How a mount is, and what it still has to send."""
    waiting = waiting_writes(record)
    return Shown(
        record=record,
        state=state_of(record),
        pending=len(waiting),
        pending_bytes=sum(each.size for each in waiting),
    )


def waiting_writes(record: Record) -> tuple[Cached, ...]:
    """The files of a mount that the storage does not have yet."""
    return pending(Path(record.cache))


def doubts(record: Record) -> str:
    """What to say of the files of a mount of which nobody knows whether they were sent; empty without any."""
    files = [shlex.quote(str(each.data)) for each in unreadable(Path(record.cache))]
    if not files:
        return ""
    return (
        f"; rclone left no record of whether {few(files, _NAMED)} arrived: mounted again, what the storage lacks is"
        " sent, and what differs is kept aside"
    )


def state_of(record: Record) -> State:
    """How a mount is; never waits long."""
    mounted = mount_at(record.point)
    if mounted is None or not mounted.is_rclone or mounted.source != str(record.remote):
        return State.DEAD
    return _STATES[ask(record.point, _ANSWER_S)]


def _is_gone(shown: Shown) -> bool:
    """Whether nothing is left of a mount, as after a reboot."""
    return shown.state is State.DEAD and not shown.pending and not shown.record.is_alive()


def _clean_up(session: Session) -> None:
    """Forget what is no more."""
    home = home_of(session)
    try:
        with only_one(home):
            # Looked at again: what had no process a moment ago may just have been coming up.
            for record in read_records(home):
                if _is_gone(look_at(record)):
                    forget(record, cache=True)
    except (OSError, HepsubError):  # the next look tries again
        return


def _notes(shown: tuple[Shown, ...]) -> list[str]:
    notes = []
    for each in shown:
        place = shlex.quote(each.record.directory)
        mode = "-rw " if each.record.writable else ""
        again = f"hep_mount {mode}{each.record.remote} {place}"
        if each.state is State.STALE:
            notes.append(
                f"{place}: its rclone is gone ({each.record.log}); {again} mends it{doubts(each.record)}"
            )
        elif each.state is State.DEAD:
            notes.append(
                f"{place} is no longer mounted, and {each.pending} write(s) were not sent: {again} sends them"
                f"{doubts(each.record)}"
            )
        elif each.state is State.SILENT:
            notes.append(
                f"{place} does not answer: see {each.record.log}; hep_mount -u -force {place} takes it away"
            )
    return notes


def offer_login(session: Session, records: Iterable[Record]) -> None:
    """Let mounts that are up know where this session keeps its agent and its token.

    One that was made in a session whose agent has ended gets its keys there from now on, and sends what it could not.
    """
    offered = lasting(session.situation, _NAMES)  # rclone runs in another directory
    lines = [f"export {name}={shlex.quote(text)}\n" for name, text in offered.items()]
    if not lines:
        return
    for record in records:
        if record.is_alive():
            with contextlib.suppress(OSError):  # a help; the next command offers it again
                write_whole(Path(record.state) / LOGIN, "".join(lines), 0o600)
