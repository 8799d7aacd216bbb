"""hep_mount -ls: this user's mounts on this host, and how they are; what is no more is forgotten."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hepsub.actions.mount.login import offer_login
from hepsub.actions.mount.record import Record, forget, home_of, only_one, read_records
from hepsub.actions.mount.result import Mounts, Shown, State
from hepsub.actions.session import Session
from hepsub.errors import HepsubError
from hepsub.result import Result
from hepsub.tools.fuse import Answer, ask, mount_at
from hepsub.tools.rclone_cache import Cached, pending, unreadable

_ANSWER_S = 3.0
_NAMED = 3
_STATES = {Answer.YES: State.OK, Answer.NO: State.STALE, Answer.SILENT: State.SILENT}


def list_mounts(session: Session) -> Result:
    """All mounts of this user on this host; never waits long for one that does not answer."""
    records = read_records(home_of(session))
    offer_login(session, records)
    with ThreadPoolExecutor(max(1, len(records))) as pool:
        found = tuple(pool.map(look_at, records))
    gone = [each.record for each in found if is_gone(each)]
    if gone:
        _clean_up(session)
    shown = tuple(each for each in found if each.record not in gone)
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
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return (
        f"; rclone left no record of whether {', '.join(files[:_NAMED])}{more} arrived: mounted again, what the storage"
        " lacks is sent, and what differs is kept aside"
    )


def state_of(record: Record) -> State:
    """How a mount is; never waits long."""
    mounted = mount_at(record.point)
    if mounted is None or not mounted.is_rclone or mounted.source != str(record.remote):
        return State.DEAD
    return _STATES[ask(record.point, _ANSWER_S)]


def is_gone(shown: Shown) -> bool:
    """Whether nothing is left of a mount, as after a reboot."""
    return shown.state is State.DEAD and not shown.pending and not shown.record.is_alive()


def _clean_up(session: Session) -> None:
    """Forget what is no more; looked at again, for a mount may just be coming up."""
    home = home_of(session)
    try:
        with only_one(home):
            for record in read_records(home):
                if is_gone(look_at(record)):
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
