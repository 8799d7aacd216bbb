"""hep_mount -u: take mounts away, when everything that was written has arrived."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from hepsub.actions.mount.list import (
    Mounts,
    Shown,
    State,
    doubts,
    look_at,
    offer_login,
    waiting_writes,
)
from hepsub.actions.mount.places import resolve_point
from hepsub.actions.mount.record import Record, forget, home_of, only_one, read_records
from hepsub.errors import FuseUnavailable, HepsubError, MountBusy, UnknownMount
from hepsub.result import Result, failures
from hepsub.session import Session
from hepsub.tools.fuse import mount_at, unmount, unmounter, users_of
from hepsub.tools.rclone import Cached
from hepsub.tools.rclone_mount import last_trouble
from hepsub.units import duration_text, size_text

_POLL_S = 0.2
_TELL_S = 3.0
_END_S = 3.0
_SENDING_S = 20.0
_NAMED = 3


class End(Struct, frozen=True, kw_only=True):
    """How mounts are to be taken away.

    Attributes:
        directories: which, as the user wrote them; none for all.
        force: wait for nothing, and give up what is not sent.
    """

    directories: tuple[str, ...] = ()
    limit_s: float = 600.0
    force: bool = False


def unmount_all(session: Session, end: End, tell: Callable[[str], None]) -> Result[Mounts]:
    """Take mounts away; those that stay are told with the reason.

    Raises:
        FuseUnavailable: there is no fusermount3.
        UnknownMount: nothing is mounted where the only word says.
    """
    program = unmounter(session.situation.environment.get("PATH", ""))
    if not program:
        raise FuseUnavailable("fusermount3 is not installed", remedy="install fuse3")
    records, errors = _meant(session, end.directories)
    offer_login(session, records)
    done: list[Shown] = []
    notes: list[str] = []
    if not end.directories and not records:
        notes.append("hep_mount has mounted nothing on this host")
    for record in records:
        try:
            notes += take_away(record, program, end, tell)
            done.append(Shown(record=record, state=State.UNMOUNTED))
        except HepsubError as error:
            errors.append(error)
            done.append(look_at(record))
    problems, exit_code = failures(errors, MountBusy.exit_code)
    return Result(
        value=Mounts(mounts=tuple(done), ending=True),
        notes=tuple(notes),
        problems=problems,
        exit_code=exit_code,
    )


def _meant(
    session: Session, directories: tuple[str, ...]
) -> tuple[list[Record], list[HepsubError]]:
    records = read_records(home_of(session))
    if not directories:
        return list(records), []
    found: dict[str, Record] = {}
    errors: list[HepsubError] = []
    for text in directories:
        point = str(resolve_point(text, session.situation.cwd))
        here = [each for each in records if each.directory == point]
        # One directory may have shown several things: that with a mount or with unsent writes is meant.
        here.sort(key=lambda each: (each.is_alive(), bool(waiting_writes(each))))
        if here:
            found[here[-1].state] = here[-1]
        else:
            errors.append(_unknown(text, Path(point), records))
    return list(found.values()), errors


def _unknown(text: str, point: Path, records: tuple[Record, ...]) -> UnknownMount:
    mounted = mount_at(point)
    if mounted is not None:
        return UnknownMount(
            f"{point} is a mount ({mounted.kind}), but not one of hep_mount on this host",
            remedy=f"fusermount3 -u {shlex.quote(str(point))}, if rclone or sshfs mounted it",
        )
    known = ", ".join(each.directory for each in records)
    return UnknownMount(
        f"hep_mount has mounted nothing at {text} on this host",
        remedy=f"there is: {known}" if known else "hep_mount -ls shows what there is",
    )


def take_away(
    record: Record, program: str, end: End, tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Take one mount away, and give what the user should know.

    Raises:
        MountBusy: it stays: something is not sent, a program uses it, or it was mounted anew meanwhile.
    """
    if record.is_alive() and not end.force:
        _wait_until_sent(record, end, tell)
    # What is not sent was waited for without the lock, for minutes in which others may mount: the same, too, with the
    # same cache.
    with only_one(Path(record.state).parent):
        _refuse_another(record)
        return _end_alone(record, program, end)


def _refuse_another(record: Record) -> None:
    now = [each for each in read_records(Path(record.state).parent) if each.state == record.state]
    if now and now[0] != record:
        raise MountBusy(
            f"{record.directory} was mounted anew by another command",
            remedy="the same command again takes that one away",
        )


def _end_alone(record: Record, program: str, end: End) -> tuple[str, ...]:
    """Unmount, see rclone gone, and forget the mount."""
    if mount_at(record.point) is not None:
        _unmount(record, program, end)
    see_gone(record, force=end.force)
    lost = waiting_writes(record)
    if lost and not end.force:
        raise MountBusy(
            f"{record.directory} is no longer mounted, but {_writes(lost)} did not arrive"
            f"{doubts(record)}",
            remedy=f"hep_mount -rw {record.remote} {shlex.quote(record.directory)} sends them; hep_mount -u -force"
            f" {shlex.quote(record.directory)} gives them up",
        )
    forget(record, cache=True)
    tidy_point(record)
    return (f"{record.directory}: {_writes(lost)} given up: {_names(lost)}",) if lost else ()


def _wait_until_sent(record: Record, end: End, tell: Callable[[str], None]) -> None:
    begin = told = time.monotonic()
    first = True
    while left := waiting_writes(record):
        now = time.monotonic()
        if now - begin > end.limit_s:
            words = last_trouble(record.log)
            raise MountBusy(
                f"{record.directory} stays: after {duration_text(end.limit_s)} {_writes(left)} did not arrive"
                f" ({_names(left)})" + (f"; rclone says: {words}" if words else ""),
                remedy="try again later, or with a longer -t; -force gives them up",
            )
        if not record.is_alive():
            return
        if (first and now - begin > _POLL_S) or now - told > _TELL_S:
            tell(f"{record.directory}: {_writes(left)} on the way ({_names(left)})")
            first, told = False, now
        time.sleep(_POLL_S)


def _unmount(record: Record, program: str, end: End) -> None:
    alive = record.is_alive()
    # What an rclone that is gone has left cannot be used by anyone: who stands in it does not count.
    words = unmount(program, record.point, lazily=end.force or not alive)
    if words:
        # hep_mount called in the mount stands in it, too; that the user cannot end.
        own = f"{os.getpid()} ("
        users = [each for each in users_of(record.point) if not each.startswith(own)]
        who = f", in use by {', '.join(users[:_NAMED])}" if users else f": {words}"
        raise MountBusy(
            f"{record.directory} stays{who}",
            remedy="leave it (cd), or end what uses it; -force takes it away all the same",
        )


def see_gone(record: Record, *, force: bool) -> None:
    """See the rclone gone whose mount is taken away already; by force, before it has sent what it has to send."""
    # It ends by itself, but not where another mount namespace has got a copy of the mount: then it is told to.
    begin = time.monotonic()
    while record.is_alive():
        patience = _SENDING_S if waiting_writes(record) else _END_S
        if time.monotonic() - begin > (_POLL_S if force else patience):
            break
        time.sleep(_POLL_S / 4)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _end(record, number)


def _end(record: Record, number: signal.Signals) -> None:
    deadline = time.monotonic() + _END_S
    with contextlib.suppress(ProcessLookupError):
        if record.is_alive():
            os.kill(record.pid, number)
    while record.is_alive() and time.monotonic() < deadline:
        time.sleep(_POLL_S / 4)


def tidy_point(record: Record) -> None:
    """Remove the directory of a mount that is no more, if it was made for it."""
    if record.made:
        with contextlib.suppress(OSError):  # somebody put something there
            record.point.rmdir()


def _writes(files: tuple[Cached, ...]) -> str:
    size = size_text(sum(each.size for each in files))
    return f"{len(files)} write(s) ({size})"


def _names(files: tuple[Cached, ...]) -> str:
    names = ", ".join(each.data.name for each in files[:_NAMED])
    return names + (", …" if len(files) > _NAMED else "")
