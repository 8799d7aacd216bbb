"""The table of hep_auth."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.auth.row import KERBEROS, KEYS, SCHEDD, AuthStatus, Row
from hepsub.cli.table import Column, Table, drawn, fits
from hepsub.cli.table import Row as TableRow
from hepsub.terminal import Styled, joined, printable
from hepsub.units import moment_text, rough_text

_WRAPPED = (1, 4)
_TITLES = ("", "WHO", "VALID UNTIL", "RENEWABLE UNTIL", "NEEDED BY", "NEXT COMMAND")


def text(value: AuthStatus) -> str:
    """The table, and below it what is wrong with what is needed only elsewhere."""
    rows = tuple(
        TableRow(
            cells=_cells(row, value.now),
            style="dim" if row.is_idle else "red" if row.trouble is not None else "",
        )
        for row in value.rows
    )
    columns = (Column(title, wrapped=n in _WRAPPED) for n, title in enumerate(_TITLES))
    table = Table(columns=tuple(columns), rows=rows)
    if not fits(table):
        return joined([*_blocks(value), *_causes(value)])
    lines = [line.rstrip() for line in drawn(table).split("\n")]
    return Styled("\n".join([*lines, *map(printable, _causes(value))]))


def _blocks(value: AuthStatus) -> Iterator[str]:
    """The same, one fact a line, for a terminal too narrow for the table."""
    for row in value.rows:
        first, *rest = _cells(row, value.now)
        yield f"{first}: {rest[0]}"
        for title, each in zip(_TITLES[2:], rest[1:], strict=True):
            if each != "-":
                yield f"    {title.lower()}: {each}"


def _cells(row: Row, now: float) -> tuple[str, str, str, str, str, str]:
    good = row.trouble is None
    return (
        f"{_kind_text(row.kind)} {row.name}",
        row.who if good else f"({row.trouble.code})" if row.trouble else "",
        _until(row.expires, now, "does not end") if good and row.kind != SCHEDD else "-",
        _renewable(row, now) if good and row.kind != SCHEDD else "-",
        ", ".join(row.needed_by) or "-",
        row.next_command or "-",
    )


def _kind_text(kind: str) -> str:
    return {KERBEROS: "Kerberos", KEYS: "S3 keys", SCHEDD: "schedd"}.get(kind, kind)


def _until(moment: float | None, now: float, never: str) -> str:
    if moment is None:
        return never
    return f"{moment_text(moment, now)} (in {rough_text(max(0.0, moment - now))})"


def _renewable(row: Row, now: float) -> str:
    if row.renewable_until is None:
        return "-" if row.expires is None else "its source ends"
    if row.expires is not None and row.renewable_until <= row.expires:
        return "no"
    return moment_text(row.renewable_until, now)


def _causes(value: AuthStatus) -> Iterator[str]:
    """Why what nothing requires is not good (the others are told as errors), and words on what is."""
    for row in value.rows:
        if row.note:
            yield f"{row.kind} {row.name}: {row.note}"
        if row.trouble is not None and not row.required and row.needed_by:
            remedy = f": {row.trouble.remedy}" if row.trouble.remedy else ""
            yield f"{row.trouble.message}{remedy}"
