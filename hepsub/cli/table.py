"""Tables drawn by rich: the one text that has escape sequences, and only hepsub's own."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hepsub.terminal import Styled, printable

_WIDTH = 160


def cell(text: str, style: str = "") -> Text:
    """A cell of a table, whatever its text holds.

    Args:
        text: the text.
        style: how rich shows it where stdout is a terminal.
    """
    return Text(printable(text), style)


def fits(table: Table) -> bool:
    """Whether a table is no wider than the terminal; elsewhere there is no limit."""
    real = Console()
    unlimited = real.options.update(max_width=10_000)
    return not real.is_terminal or real.measure(table, options=unlimited).maximum <= real.width


def drawn(table: Table) -> Styled:
    """A table as text; plain where stdout is no terminal."""
    real = Console()
    text = io.StringIO()
    Console(
        file=text,
        force_terminal=real.is_terminal,
        no_color=real.no_color,
        width=real.width if real.is_terminal else _WIDTH,
    ).print(table)
    return Styled(text.getvalue().rstrip("\n"))
