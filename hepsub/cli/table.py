"""Tables: plain where stdout is no terminal, else by rich, with colours and wrapped to its width."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.terminal import Styled, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_WIDTH = 160
_BETWEEN = "  "
_BEGINNING = 8
"""So many letters stay of a cell that is cut off."""
_SAYS_TERMINAL = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which rich takes for a terminal what is none."""


class Column(Struct, frozen=True):
    """A column: its title, whether its cells may be wrapped, or cut off, and whether they are flush right."""

    title: str
    wrapped: bool = False
    right: bool = False
    cut: bool = False


class Row(Struct, frozen=True):
    """The cells of a row, whatever their texts hold, and how rich shows each, or all of them, on a terminal.

    Attributes:
        below: lines under the row, over the whole width; none in a table with wrapped columns.
    """

    cells: tuple[str, ...]
    styles: tuple[str, ...] = ()
    style: str = ""
    below: tuple[str, ...] = ()


class Table(Struct, frozen=True):
    """A table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def fits(table: Table, *, cut: bool = False) -> bool:
    """Whether a table is no wider than the terminal; elsewhere there is no limit.

    Args:
        table: the table.
        cut: whether cells may be cut off whose columns are, so that a beginning stays.
    """
    if _is_plain(table):
        return True
    real = _terminal()
    return not real.is_terminal or _measured(_cut(table) if cut else table, real) <= real.width


def _measured(table: Table, real: Console) -> int:
    unlimited = real.options.update(max_width=10_000)
    return real.measure(_rich(table), options=unlimited).maximum


def trimmed(table: Table) -> str:
    """A table as text, without blanks at the ends of its lines."""
    return "\n".join(line.rstrip() for line in drawn(table).split("\n"))


def _cut(table: Table) -> Table:
    """A table in which the beginnings stay of what may be cut off."""

    def cut(row: Row) -> Row:
        pairs = zip(row.cells, table.columns, strict=True)
        cells = (printable(cell)[:_BEGINNING] if column.cut else cell for cell, column in pairs)
        return replace(row, cells=tuple(cells))

    return replace(table, rows=tuple(map(cut, table.rows)))


def drawn(table: Table) -> Styled:
    """A table as text."""
    if _is_plain(table):
        return _plain(table)
    from rich.console import Console

    real = _terminal()
    width = real.width
    if not real.is_terminal:
        # Names are cut there, and texts wrapped; who reads a pipe needs the numbers whole.
        has_wrapped = any(column.wrapped for column in table.columns)
        width = _WIDTH if has_wrapped else max(_WIDTH, _measured(_cut(table), real))
    text = io.StringIO()
    console = Console(
        file=text, force_terminal=real.is_terminal, no_color=real.no_color, width=width
    )
    console.print(_rich(table))
    # rich knows no text below a row: each of its lines is one row, as no table with such texts has wrapped columns.
    title, *lines = text.getvalue().rstrip("\n").split("\n")
    if not any(row.below for row in table.rows):
        return Styled("\n".join([title, *lines]))
    pairs = zip(lines, table.rows, strict=True)
    return Styled(
        "\n".join([title, *(each for line, row in pairs for each in (line, *_below(row)))])
    )


def _terminal() -> Console:
    """Where stdout goes; rich takes each dumb terminal for one of 80 columns."""
    from rich.console import Console

    console = Console()
    return (
        Console(width=shutil.get_terminal_size().columns) if console.is_dumb_terminal else console
    )


def _below(row: Row) -> tuple[str, ...]:
    return tuple(printable(each) for each in row.below)


def _is_plain(table: Table) -> bool:
    """Whether all of a table is as easily drawn without rich, which takes 50 ms to load."""
    # What is not ASCII may be two columns wide, which rich knows.
    if sys.stdout.isatty() or any(name in os.environ for name in _SAYS_TERMINAL):
        return False
    if not all(cell.isascii() for row in table.rows for cell in row.cells):
        return False
    return sum(_widths(table)) + len(_BETWEEN) * (len(table.columns) - 1) <= _WIDTH


def _widths(table: Table) -> list[int]:
    columns = zip(*(row.cells for row in table.rows), strict=True)
    cells = [max(len(printable(each)) for each in column) for column in columns]
    titles = [len(column.title) for column in table.columns]
    return [max(pair) for pair in zip(titles, cells or titles, strict=True)]


def _plain(table: Table) -> Styled:
    widths = _widths(table)
    lines = [tuple(column.title for column in table.columns), *(row.cells for row in table.rows)]
    below = [(), *(_below(row) for row in table.rows)]
    drawn_lines: list[str] = []
    for cells, under in zip(lines, below, strict=True):
        padded = (
            printable(cell).rjust(width) if column.right else printable(cell).ljust(width)
            for cell, width, column in zip(cells, widths, table.columns, strict=True)
        )
        drawn_lines += [_BETWEEN.join(padded), *under]
    return Styled("\n".join(drawn_lines))


def _rich(table: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(box=None, pad_edge=False)
    for column in table.columns:
        made.add_column(
            column.title,
            no_wrap=not column.wrapped and not column.right and not column.cut,
            justify="right" if column.right else "left",
        )
    for row in table.rows:
        styles = row.styles or ("",) * len(row.cells)
        cells = zip(row.cells, styles, strict=True)
        texts = [Text(printable(cell), style) for cell, style in cells]
        for text, column in zip(texts, table.columns, strict=True):
            if column.cut:  # rich makes such a column narrow, and no line of it becomes two
                text.no_wrap, text.overflow = True, "ellipsis"
        made.add_row(*texts, style=row.style)
    return made
