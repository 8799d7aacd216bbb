"""The text of hep_mount: a table, or a line for each mount that was made or taken away."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.mount.list import Mounts, Shown, State
from hepsub.terminal import joined
from hepsub.units import clock_text

_MADE = "{what} is mounted on {where}, {mode}"
_TAKEN = "{what} is no longer mounted on {where}"
_ROW = "%-9s %-4s %-11s %7s  %s"


def mounts(value: Mounts) -> str:
    """The text of mounts."""
    if value.listing:
        return joined(_rows(value))
    words = _TAKEN if value.ending else _MADE
    wanted = State.UNMOUNTED if value.ending else State.OK
    return joined(_line(each, words) for each in value.mounts if each.state is wanted)


def _line(shown: Shown, words: str) -> str:
    record = shown.record
    mode = "writable" if record.writable else "read-only"
    return words.format(what=record.remote, where=record.directory, mode=mode)


def _rows(value: Mounts) -> Iterator[str]:
    yield _ROW % ("STATE", "MODE", "SINCE", "PENDING", "WHAT -> WHERE")
    for each in value.mounts:
        record = each.record
        mode = "rw" if record.writable else "ro"
        where = f"{record.remote} -> {record.directory}"
        yield _ROW % (each.state.value, mode, clock_text(record.since), each.pending, where)
