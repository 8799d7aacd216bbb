"""Tables: what is drawn without rich looks as rich draws it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hepsub.actions.auth.status import AuthStatus
from hepsub.actions.auth.status import Row as AuthRow
from hepsub.actions.queue.status import Status
from hepsub.cli.output import value_text
from hepsub.cli.table import Column, Row, Table, drawn, fits
from tests.fakes.world import NOON
from tests.unit.cli.test_auth_text import MISSING
from tests.unit.cli.test_status_text import cluster

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


@pytest.mark.parametrize(
    ("variables", "styled"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "COLUMNS": "60"}, False),
    ],
)
def test_what_a_terminal_gets_is_readable_on_white_and_on_black(
    variables: dict[str, str], styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own colour, bold, and red alone: yellow, white, grey and what is dim vanish on one of the two."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in (
        {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80"} | variables
    ).items():
        monkeypatch.setenv(name, value)
    clusters = (cluster(running=1, failed=1), cluster(held=1), cluster(done=3), cluster(failed=2))
    shown = value_text(Status(pool="local", clusters=clusters, now=NOON))
    needed = AuthRow(kind="token", name="x", needed_by=("pool local",), problem=MISSING)
    rows = (replace(needed, problem=None), needed, replace(needed, needed_by=()))
    shown += value_text(AuthStatus(credentials=rows, now=NOON))
    codes = {code for found in re.findall("\x1b\\[([0-9;]*)m", shown) for code in found.split(";")}
    assert codes <= {"0", "1", "22", "39", "31"}
    assert ("31" in codes) is styled


def test_colours_are_rich_s_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    row = Row(cells=("a", "b", "3"), styles=("", "", "red"))
    assert "\x1b[31m" in drawn(Table(columns=COLUMNS, rows=(row,)))
