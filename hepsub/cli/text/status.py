"""The table of hep_sub status, by rich."""

from __future__ import annotations

from rich.table import Table

from hepsub.actions.queue.status import Status
from hepsub.cli.table import cell, drawn
from hepsub.jobid import short_name
from hepsub.units import clock_text


def text(value: Status) -> str:
    """The table; plain text where stdout is no terminal."""
    if not value.clusters:
        return "You have no jobs in the queue."
    table = Table(box=None, pad_edge=False)
    for title in ("CLUSTER", "SCHEDD", "SUBMITTED", "NAME"):
        table.add_column(title, no_wrap=title != "NAME")
    for title in ("IDLE", "RUNNING", "HELD"):
        table.add_column(title, justify="right")
    for each in value.clusters:
        when = clock_text(each.submitted) if each.submitted else ""
        table.add_row(
            cell(str(each.cluster)),
            cell(short_name(each.schedd)),
            cell(when),
            cell(each.name),
            cell(str(each.idle)),
            cell(str(each.running)),
            cell(str(each.held), "red" if each.held else ""),
        )
        if each.reason:
            table.add_row("", "", "", cell(each.reason, "dim"), "", "", "")
    return drawn(table)
