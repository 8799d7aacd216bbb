"""Lists of lines: which of them are items, and into which columns they are divided."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from msgspec.structs import replace

from hepsub.errors import ListUnreadable
from hepsub.job import TAB, Columns
from hepsub.plan.columns import cells, check_column_names
from hepsub.plan.draft import Reading


def read_lines(path: str, cwd: Path) -> list[str]:
    """The lines of a list, less what ends them.

    Raises:
        ListUnreadable: the file cannot be read, or is not UTF-8.
    """
    # utf-8-sig: Windows' editors begin a file with a byte order mark.
    with refused_list(path), (cwd / path).open(encoding="utf-8-sig") as file:
        return lines_in(file)


@contextlib.contextmanager
def refused_list(name: str) -> Iterator[None]:
    """Say of what cannot be read that it is this list."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ListUnreadable(
            f"the list {name} cannot be read: {reason}", remedy="give a text file, one job a line"
        ) from error


def lines_in(file: TextIO) -> list[str]:
    """The lines of a list that is open, less what ends them."""
    return file.read().split("\n")  # splitlines() would take U+2028 and form feeds for line ends


def items_of(lines: Iterable[str], name: str, *, blanks: str | None = None) -> dict[int, str]:
    """The items of a list by the numbers of their lines, from 1: all but empty ones and those with `#` in front.

    Args:
        lines: of the list.
        name: what messages call it.
        blanks: what does not belong to an item at its ends; None for all white space.

    Raises:
        ListUnreadable: it holds no item.
    """
    found = ((number, line.strip(blanks)) for number, line in enumerate(lines, start=1))
    items = {
        number: line for number, line in found if line.strip() and not line.lstrip().startswith("#")
    }
    if not items:
        raise ListUnreadable(f"the list {name} holds no item", remedy="write one job a line")
    return items


def divided(lines: Iterable[str], columns: Columns | None, name: str) -> Reading:
    """The items of a list, and the names of their columns.

    Raises:
        ListUnreadable: it holds no item, or its lines have not all as many columns.
        UsageError: its first line holds names that columns cannot have.
    """
    if columns is None:
        return Reading(items=tuple(items_of(lines, name).values()))
    # An empty column at the end of a line is one.
    blanks = " \r\f\v" if columns.separator == TAB else None
    items = items_of(lines, name, blanks=blanks)
    if columns.header:
        number = min(items)
        names = tuple(each.strip() for each in _cells(items.pop(number), columns, name, number))
        check_column_names(names, f"the first line of {name}")
        columns = replace(columns, names=names, header=False)
        if not items:
            raise ListUnreadable(
                f"the list {name} holds no item behind the names of its columns",
                remedy="write one job a line",
            )
    _check_rows(items, columns, name)
    return Reading(items=tuple(items.values()), columns=columns)


def _check_rows(items: Mapping[int, str], columns: Columns, name: str) -> None:
    first = min(items)
    wanted = len(columns.names) or len(_cells(items[first], columns, name, first))
    why = "there are names for" if columns.names else f"line {first} has"
    for number, line in items.items():
        found = len(_cells(line, columns, name, number))
        if found != wanted:
            raise ListUnreadable(
                f"{name}, line {number}: {found} column{'s' if found > 1 else ''}, divided at each {columns.separator};"
                f" {why} {wanted}",
                remedy="correct the list, or -columns and -sep (comma, tab, blank)",
            )


def _cells(line: str, columns: Columns, name: str, number: int) -> Sequence[str]:
    try:
        return cells(line, columns)
    except ValueError as error:
        raise ListUnreadable(
            f"{name}, line {number}: its quotes are not those of CSV ({error})",
            remedy='a column in quotes ends on its line, and "" is a quote in it',
        ) from error
