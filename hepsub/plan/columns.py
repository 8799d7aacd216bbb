"""The columns of a list: how a line is divided, and what `%{item.2}` and `%{item.run.stem}` stand for. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.errors import UsageError
from hepsub.job import BLANK, COMMA, TAB, Columns, JobSpec
from hepsub.plan.layout import list_name, path_texts, said_texts
from hepsub.plan.template import Name, Values, parse_template
from hepsub.suggest import closest

_NAME, _STEM = "name", "stem"
"""The last part of a path, and the same without its last suffix: so no column can be called that."""
_WRITABLE = r"[^\s{}.,]+"
_BETWEEN = {COMMA: ",", TAB: "\t"}


class ItemPart(Struct, frozen=True, kw_only=True):
    """A part of an item: `%{item.2}`, `%{items.run}`, `%{item.stem}`, `%{item.file.name}`.

    Attributes:
        name: whether the job's first item is meant, or all of them.
        column: a number from 1, or a name; empty for the whole line.
        last: `name` or `stem`, for the last part of the path that stands there; empty for all of it.
    """

    name: Name
    column: str = ""
    last: str = ""

    @property
    def value(self) -> str:
        """What stands between the braces."""
        return ".".join(each for each in (self.name.value, self.column, self.last) if each)

    def text(self, values: Values) -> str:
        """What it stands for in one job."""
        if self.name is Name.ITEMS:
            return " ".join(self.texts(values))
        return self.of(values.item, values.columns)

    def texts(self, values: Values) -> tuple[str, ...]:
        """What it stands for in each of a job's items."""
        return tuple(self.of(item, values.columns) for item in values.items)

    def of(self, item: str, columns: Columns | None) -> str:
        """What it stands for in one item."""
        if self.column:
            item = cell(item, columns or Columns(), self.column)
        if not self.last:
            return item
        name = item.rstrip("/").rpartition("/")[2]
        dot = name.rfind(".")
        # .bashrc is a name, and no suffix of nothing.
        return name[:dot] if self.last == _STEM and dot > 0 else name


def item_part(name: Name, behind: str) -> ItemPart:
    """The part of an item that is meant by what stands behind `%{item`: `.2`, `.run.stem`, `.name`.

    Raises:
        UsageError: it means nothing.
    """
    column, _, last = behind[1:].rpartition(".")
    if last.casefold() in (_NAME, _STEM):
        last = last.casefold()
    else:
        column, last = behind[1:], ""
    if "." in column or column.casefold() in (_NAME, _STEM):
        raise UsageError(
            f"'%{{{name.value}{behind}}}' means no part of an item",
            remedy="%{item.2} is a column, %{item.2.name} and %{item.2.stem} are parts of a path in it",
        )
    return ItemPart(name=name, column=column, last=last)


def cell(line: str, columns: Columns, column: str) -> str:
    """One column of a line."""
    return cells(line, columns)[_place(column, columns)]


def cells(line: str, columns: Columns) -> Sequence[str]:
    """The columns of a line.

    Raises:
        ValueError: its quotes are not those of CSV.
    """
    if columns.separator == BLANK:
        # As HTCondor's queue statement: the last variable gets the rest, and a single one the whole line. (Tried with
        # the bindings of 25.14.1; what separates is one comma or blank, and the blanks behind it.)
        if len(columns.names) == 1:
            return [line]
        return re.split(r"[, \t][ \t]*", line, maxsplit=max(len(columns.names) - 1, 0))
    between = _BETWEEN[columns.separator or COMMA]
    try:
        return next(csv.reader([line], delimiter=between, strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _place(column: str, columns: Columns) -> int:
    """Where in a line a column is, from 0; -1 for nowhere."""
    if column.isdecimal():
        return int(column) - 1
    meant = column.casefold()
    return next((at for at, name in enumerate(columns.names) if name.casefold() == meant), -1)


def asked_columns(spec: JobSpec) -> Columns | None:
    """How the lines of the list are to be divided; None where nothing asks for columns.

    Raises:
        UsageError: the names that were given are none that columns can have.
    """
    if spec.columns is None and not any(part.column for part in item_parts(said_texts(spec))):
        return None
    asked = spec.columns or Columns()
    for each in asked.names:
        if not re.fullmatch(_WRITABLE, each):
            raise UsageError(
                f"-columns: '{each}' cannot be the name of a column",
                remedy="a name has no blanks, dots or braces: -columns run,file",
            )
    check_column_names(asked.names, "-columns")
    if asked.separator:
        return asked
    tabs = (spec.list_file or "").casefold().endswith(".tsv")
    return replace(asked, separator=TAB if tabs else COMMA)


def check_column_names(names: Iterable[str], where: str) -> None:
    """Refuse names that mean something else already, or two columns; `where` is what gives them.

    Raises:
        UsageError: one is refused.
    """
    found: set[str] = set()
    for each in names:
        folded = each.casefold()
        if folded in (_NAME, _STEM) or folded.isdecimal():
            meant = "a column by its number" if folded.isdecimal() else "a part of a path"
            raise UsageError(
                f"{where}: no column can be called '{each}': %{{item.{each}}} is {meant}",
                remedy="give it another name with -columns",
            )
        if folded in found and folded:
            raise UsageError(
                f"{where}: two columns are called '{each}' (capital letters make no difference)",
                remedy="give them different names with -columns",
            )
        found.add(folded)


def item_parts(texts: Iterable[str]) -> list[ItemPart]:
    """The parts of items that texts name."""
    parts = (part for text in texts for part in parse_template(text).parts)
    return [part for part in parts if isinstance(part, ItemPart)]


def check_parts(spec: JobSpec, items: Sequence[str], columns: Columns | None) -> None:
    """Refuse columns that the list, all of whose lines have as many, does not have.

    Raises:
        UsageError: one is named that is not there.
    """
    named = [part for part in item_parts(said_texts(spec)) if part.column]
    if not named or not items:
        return
    number = len(cells(items[0], columns)) if columns is not None else 0
    for part in named:
        if columns is None or not 0 <= _place(part.column, columns) < number:
            raise _no_column(part, list_name(spec), number, columns)
    for text in path_texts(spec):
        _check_path(text, items, columns)


def _check_path(text: str, items: Sequence[str], columns: Columns | None) -> None:
    """Refuse a path whose last part is an empty column: it would be that of a directory."""
    *before, last = parse_template(text).parts or ("",)
    if (
        not isinstance(last, ItemPart)
        or not last.column
        or (before and not str(before[-1]).endswith("/"))
    ):
        return
    for item in items:
        if not last.of(item, columns):
            raise UsageError(
                f"%{{{last.value}}} is empty in '{item}', and no path can be",
                remedy=f"correct the list, or write more than '{text}'",
            )


def _no_column(part: ItemPart, name: str, number: int, columns: Columns | None) -> UsageError:
    trouble = f"%{{{part.value}}}: {name} has no column {part.column}"
    if columns is None:
        return UsageError(
            f"{trouble}, for its items are objects",
            remedy="%{item.name} and %{item.stem} are parts of an object's name",
        )
    many = f"{number} column{'s' if number > 1 else ''}"
    if columns.names:
        match = closest(part.column, columns.names)
        meant = f"did you mean '{match}'? " if match else ""
        return UsageError(trouble, remedy=f"{meant}it has {many}: {', '.join(columns.names)}")
    if not part.column.isdecimal():
        return UsageError(
            f"{trouble}, nor names of columns",
            remedy="-columns run,file gives names; -columns header takes those in its first line",
        )
    return UsageError(
        f"{trouble}: divided at each {columns.separator}, it has {many}",
        remedy="-sep comma, tab or blank says what stands between them",
    )
