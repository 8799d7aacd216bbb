"""The table of hep_sub status, by rich."""

from __future__ import annotations

import io

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hepsub.actions.status import Status
from hepsub.cli.queue_text import one_line
from hepsub.jobid import short_name
from hepsub.units import clock_text


def status_table(value: Status) -> str:
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
        held = f"[red]{each.held}[/red]" if each.held else "0"
        table.add_row(
            str(each.cluster),
            short_name(each.schedd),
            when,
            escape(one_line(each.name)),
            str(each.idle),
            str(each.running),
            held,
        )
        if each.reason:
            table.add_row("", "", "", f"[dim]{escape(one_line(each.reason))}[/dim]", "", "", "")
    real = Console()
    text = io.StringIO()
    Console(
        file=text,
        force_terminal=real.is_terminal,
        no_color=real.no_color,
        width=real.width if real.is_terminal else 160,
    ).print(table)
    return text.getvalue().rstrip("\n")
