"""hep_mount -f: a mount that lives as long as the command."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from hepsub.actions.mount.list import Mounts, Shown, State, state_of
from hepsub.actions.mount.mount import Order, make_mount
from hepsub.actions.mount.record import Record
from hepsub.actions.mount.unmount import End, take_away
from hepsub.errors import Interrupted, MountFailed
from hepsub.result import Result
from hepsub.session import Session
from hepsub.tools.fuse import unmounter
from hepsub.tools.rclone_mount import last_trouble

_POLL_S = 0.2


def mount_here(
    session: Session, order: Order, end: End, tell: Callable[[str], None]
) -> Result[Mounts]:
    """Mount, stay until ^C (or SIGTERM, or the terminal's end), and take it away.

    Raises:
        MountFailed: rclone ended by itself.
        MountBusy: the mount stays, because it is in use or something is not sent.
        Interrupted: ^C again, while it waited for what is not sent; the mount stays.
        HepsubError: as `make_mount`.
    """
    tell = _to_anybody(tell)
    with _like_interrupts():
        made = make_mount(session, order, tell)
        record = made.record
        try:
            for note in made.notes:
                tell(note)
            tell(f"{record.remote} is mounted on {record.directory}; ^C takes it away")
            while made.server.is_alive():  # until somebody unmounts, or it dies
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            tell(f"{record.directory} is being taken away")
        try:
            notes = _leave(session, record, end, tell)
        except KeyboardInterrupt:
            raise Interrupted(
                f"interrupted: {record.directory} stays mounted",
                remedy=f"hep_mount -u {shlex.quote(record.directory)} takes it away",
            ) from None
    shown = Shown(record=record, state=State.UNMOUNTED)
    return Result(value=Mounts(mounts=(shown,), ending=True), notes=notes)


def _to_anybody(tell: Callable[[str], None]) -> Callable[[str], None]:
    """The same, but a terminal that is gone stops nothing."""

    def told(line: str) -> None:
        with suppress(OSError):
            tell(line)

    return told


def _leave(
    session: Session, record: Record, end: End, tell: Callable[[str], None]
) -> tuple[str, ...]:
    died = state_of(record) is State.STALE
    program = unmounter(session.situation.environment.get("PATH", ""))
    words = last_trouble(record.log) if died else ""  # now: the log goes with the mount
    notes = take_away(record, program, end, tell)
    if died:
        raise MountFailed(
            f"rclone ended by itself, and {record.directory} was taken away"
            + (f": {words}" if words else ""),
            remedy="mount it again",
        )
    return notes


@contextmanager
def _like_interrupts() -> Iterator[None]:
    """Let the terminal's end and SIGTERM mean the same as ^C."""
    before = {each: signal.signal(each, _interrupt) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
