"""The table of hep_sub status."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.queue.status import ClusterStatus, Status
from hepsub.cli.table import Column, Row, Table, drawn
from hepsub.jobid import short_name
from hepsub.units import clock_text

_COLUMNS = (
    Column("CLUSTER"), Column("SCHEDD"), Column("SUBMITTED"), Column("NAME", wrapped=True),
    Column("IDLE", right=True), Column("RUNNING", right=True), Column("HELD", right=True),
)  # fmt: skip


def text(value: Status) -> str:
    """The table; plain text where stdout is no terminal."""
    if not value.clusters:
        return "You have no jobs in the queue."
    rows = (row for each in value.clusters for row in _rows(each))
    return drawn(Table(columns=_COLUMNS, rows=tuple(rows)))


def _rows(each: ClusterStatus) -> Iterator[Row]:
    yield Row(
        cells=(
            str(each.cluster), short_name(each.schedd), clock_text(each.submitted) if each.submitted else "",
            each.name, str(each.idle), str(each.running), str(each.held),
        ),
        styles=("",) * 6 + ("red" if each.held else "",),
    )  # fmt: skip
    if each.reason:
        yield Row(
            cells=("", "", "", each.reason, "", "", ""), styles=("", "", "", "dim", "", "", "")
        )
