"""Tables: what is drawn without rich looks as rich draws it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.cli.table import Column, Row, Table, drawn, fits

CELLS = st.text(st.characters(max_codepoint=126), max_size=12)
COLUMNS = (Column("FIRST"), Column("A NAME", wrapped=True), Column("N", right=True))


@given(st.lists(st.tuples(CELLS, CELLS, st.integers(0, 99999).map(str))))
def test_a_table_is_the_same_with_rich_and_without(rows: list[tuple[str, str, str]]) -> None:
    """A letter that no ASCII has makes rich draw it."""
    marked = [*rows, ("-", "-", "-")]
    plain = Table(columns=COLUMNS, rows=tuple(Row(cells=row) for row in marked))
    rich = Table(columns=COLUMNS, rows=tuple(Row(cells=row) for row in [*rows, ("-", "é", "-")]))
    assert drawn(plain) == drawn(rich).replace("é", "-")
    assert fits(plain)


def test_a_table_without_rows_has_its_titles() -> None:
    assert drawn(Table(columns=COLUMNS, rows=())) == "FIRST  A NAME  N"


def test_a_wide_table_is_wrapped() -> None:
    """At 160 columns, where nobody looks at a terminal."""
    row = Row(cells=("a", "word " * 60, "1"))
    lines = drawn(Table(columns=COLUMNS, rows=(row,))).splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 160


def test_colours_are_rich_s_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    row = Row(cells=("a", "b", "3"), styles=("", "", "red"))
    assert "\x1b[31m" in drawn(Table(columns=COLUMNS, rows=(row,)))
