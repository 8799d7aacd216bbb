"""Selections → conditions in SQL, with their values beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hepsub.batch import Selection, State
from hepsub.jobid import JobId

Value = int | str


class Condition(Struct, frozen=True):
    """A condition on `procs JOIN clusters`, and the values of its question marks."""

    text: str
    values: tuple[Value, ...] = ()


def condition(selection: Selection) -> Condition:
    """The condition that is true for the jobs of a selection."""
    parts: list[Condition] = []
    for column, text in (
        ("owner", selection.owner),
        ("uuid", selection.uuid),
        ("once", selection.once),
    ):
        if text:
            parts.append(Condition(f"clusters.{column} = ?", (text,)))
    if selection.once:  # what was removed before it could start was taken back, and its key is free
        parts.append(Condition("NOT (procs.gated = 1 AND procs.state = ?)", (State.REMOVED.value,)))
    if selection.ids:
        parts.append(_any_of(_id_condition(each) for each in selection.ids))
    if selection.states:
        parts.append(in_states(selection.states))
    return _joined(parts, " AND ") if parts else Condition("1")


def in_states(states: Iterable[State]) -> Condition:
    """The condition that is true for jobs in one of these states."""
    letters = tuple(state.value for state in states)
    return Condition(f"procs.state IN ({', '.join('?' * len(letters))})", letters)


def _id_condition(each: JobId) -> Condition:
    if each.first is None or each.last is None:
        return Condition("procs.cluster = ?", (each.cluster,))
    return Condition(
        "(procs.cluster = ? AND procs.proc BETWEEN ? AND ?)", (each.cluster, each.first, each.last)
    )


def _any_of(parts: Iterable[Condition]) -> Condition:
    joined = _joined(list(parts), " OR ")
    return Condition(f"({joined.text})", joined.values)


def _joined(parts: list[Condition], word: str) -> Condition:
    values = tuple(value for part in parts for value in part.values)
    return Condition(word.join(part.text for part in parts), values)
