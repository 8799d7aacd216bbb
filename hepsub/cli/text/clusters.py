"""The table of one's clusters: as wide as the terminal allows, and no number is cut."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.cli.table import Column, Row, Table, drawn, fits
from hepsub.jobid import short_name
from hepsub.terminal import Styled, joined
from hepsub.units import clock_text, rough_text

if TYPE_CHECKING:
    from hepsub.actions.queue.counted import ClusterStatus
    from hepsub.actions.queue.status import Status

_ENDED = 20
"""So many clusters are shown that have ended."""
_WIDE, _NARROW = 20, 10
"""How many letters a bar has: in the table, and in one that has to be narrow."""
_LINE = 30
"""How many letters a line has where no table fits."""
_NO_BREAK = "\xa0"
SIGNS = (
    ("done", "#"), ("failed", "x"), ("removed", "~"), ("unknown", "?"), ("resubmitted", "+"), ("running", ">"),
    ("held", "!"), ("idle", "."),
)  # fmt: skip
"""The jobs of a bar, in this order; the letters tell them apart without colours."""
_NUMBERS = (
    Column("DONE", right=True), Column("FAILED", right=True), Column("RUNNING", right=True),
    Column("IDLE", right=True), Column("HELD", right=True),
)  # fmt: skip
_NAME = Column("NAME", cut=True)
_WIDE_COLUMNS = (
    Column("CLUSTER"), Column("SCHEDD"), Column("SUBMITTED"), _NAME, Column("PROGRESS"), *_NUMBERS, Column("SINCE"),
)  # fmt: skip
_NARROW_COLUMNS = (
    Column("CLUSTER"), _NAME, Column("PROGRESS"), Column("DONE", right=True), Column("FAILED", right=True),
    Column("RUN", right=True), Column("IDLE", right=True), Column("HELD", right=True), Column("WAITS/ENDED"),
)  # fmt: skip
_NARROWEST_COLUMNS = tuple(
    column for column in _NARROW_COLUMNS if column.title not in ("PROGRESS", "WAITS/ENDED")
)


def status(value: Status) -> str:
    """The table; plain text where stdout is no terminal."""
    if not value.clusters:
        return "You have no jobs in the queue, and none that ended in the last days."
    living = [each for each in value.clusters if not each.is_over]
    over = [each for each in value.clusters if each.is_over]
    shown = [*living, *over[:_ENDED]]
    text = _drawn_clusters(shown, value)
    more = over[_ENDED:]
    if not more:
        return text
    bad = sum(1 for each in more if each.failed or each.unknown)
    said = f"and {len(more)} more that have ended, {bad} of them with failed jobs: hep_sub status -json has all"
    return Styled(f"{text}\n{said}")


def _drawn_clusters(shown: Sequence[ClusterStatus], value: Status) -> Styled:
    """The widest table that fits the terminal without cutting a number; where none does, each cluster in lines."""
    wide = Table(columns=_WIDE_COLUMNS, rows=tuple(_row(each, value, wide=True) for each in shown))
    if fits(wide):
        return drawn(wide)
    narrow = Table(
        columns=_NARROW_COLUMNS, rows=tuple(_row(each, value, wide=False) for each in shown)
    )
    for table in (narrow, _without(narrow, _NARROWEST_COLUMNS)):
        # A name may be cut: rich would take letters from the numbers as well.
        if fits(table, cut=True):
            return drawn(table)
    return Styled(joined(line for each in shown for line in _lines(each, value.now)))


def _without(table: Table, columns: tuple[Column, ...]) -> Table:
    """A table with some of its columns alone."""
    kept = [place for place, column in enumerate(table.columns) if column in columns]

    def part(row: Row) -> Row:
        cells, styles = (tuple(each[place] for place in kept) for each in (row.cells, row.styles))
        return replace(row, cells=cells, styles=styles)

    return Table(columns=columns, rows=tuple(map(part, table.rows)))


def _lines(each: ClusterStatus, now: float) -> Iterator[str]:
    """A cluster where no table fits: no line breaks within a number."""
    yield each.id or str(each.cluster)
    yield f"    {each.name[: _LINE - 4]}"
    # textwrap breaks at plain blanks alone.
    whole = ", ".join(each.replace(" ", _NO_BREAK) for each in counts(each, now))
    for line in textwrap.wrap(whole, _LINE - 4, break_long_words=False):
        yield f"    {line.replace(_NO_BREAK, ' ')}"
    yield from _below(each)


def _row(each: ClusterStatus, value: Status, *, wide: bool) -> Row:
    schedd = short_name(each.schedd) if each.pool == value.pool else each.schedd
    cluster = str(each.cluster) if wide else each.id or str(each.cluster)
    where = (schedd, clock_text(each.submitted) if each.submitted else "") if wide else ()
    numbers = (each.done, each.failed, each.running, each.idle, each.held)
    since = _since(each, value.now, wide=wide)
    return Row(
        cells=(
            cluster, *where, each.name, bar(each, _WIDE if wide else _NARROW), *map(str, numbers), since,
        ),
        styles=(
            "bold", *("" for _ in where), "", "", "", "red" if each.failed else "", "", "",
            "red" if each.held else "", "",
        ),
        below=tuple(_below(each)),
    )  # fmt: skip


def _below(each: ClusterStatus) -> Iterator[str]:
    """What stands under the row of a cluster."""
    indent = "    "
    others = [
        f"{n} {word}"
        for n, word in (
            (each.removed, "removed"),
            (each.unknown, "of unknown end"),
            (each.resubmitted, f"run again: {', '.join(each.again)}"),
        )
        if n
    ]
    if each.reason:
        yield f"{indent}on hold: {each.reason}"
    if others:
        yield f"{indent}{', '.join(others)}"
    if each.next_command:
        yield f"{indent}next: {each.next_command}"


def bar(each: ClusterStatus, width: int) -> str:
    """The jobs of a cluster as a bar: each kind that there is has a letter at least."""
    counts = [(sign, int(getattr(each, name))) for name, sign in SIGNS]
    there = [(sign, number) for sign, number in counts if number]
    total = sum(number for _, number in there)
    if not total:
        return ""
    widths = [max(1, number * width // total) for _, number in there]
    # Many kinds of few jobs have a letter each: it is the widest that give them up.
    while sum(widths) > width:
        widths[widths.index(max(widths))] -= 1
    largest = max(range(len(there)), key=lambda place: there[place][1])
    widths[largest] += width - sum(widths)
    return "".join(sign * each for (sign, _), each in zip(there, widths, strict=True))


def _since(each: ClusterStatus, now: float, *, wide: bool) -> str:
    """Since when the first idle job waits, or when the last one ended."""
    if each.is_over:
        when = clock_text(each.ended) if each.ended else ""
        return f"ended {when}".rstrip() if wide else when
    if each.waiting_since and each.waiting_since < now:
        return f"{'waits ' if wide else ''}{rough_text(now - each.waiting_since)}"
    return ""


def counts(each: ClusterStatus, now: float) -> Iterator[str]:
    """How many jobs of a cluster are in each way, with the letters of a bar."""
    for name, sign in SIGNS:
        number = getattr(each, name)
        if number or name in ("done", "failed", "running", "idle", "held"):
            word = "of unknown end" if name == "unknown" else name
            waits = ""
            if name == "idle" and each.waiting_since and each.waiting_since < now:
                waits = f" (for {rough_text(now - each.waiting_since)})"
            yield f"{number} {word} {sign}{waits}" if number else f"0 {word}"
