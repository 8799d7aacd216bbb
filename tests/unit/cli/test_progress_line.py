"""Where the line that says what takes long is shown, what it says, and how it takes its place."""

from __future__ import annotations

import io
import os
import re

import pytest
from rich.console import Console
from rich.spinner import Spinner

from hepsub.cli.in_place import InPlace
from hepsub.cli.progress import Line, _drawn, _Seen, can_show
from hepsub.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
        ({}, False),
    ],
)
def test_where_a_line_is_wanted(environment: dict[str, str], shown: bool) -> None:
    """NO_COLOR counts where it is not empty (no-color.org)."""
    assert can_show(Terminal(), environment) is shown
    assert not can_show(io.StringIO(), environment)
    assert not can_show(None, environment)


def line(width: int, seconds: float, **seen: object) -> str:
    """The line as it is drawn."""
    values = {"what": "listing herd:many/runs/", "done": 0, "total": 0, "in_bytes": False}
    drawn = _drawn(_Seen(**(values | seen), began=0), Spinner("line"), width, seconds)  # type: ignore[arg-type]
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(drawn)
    text = out.getvalue().rstrip("\n ")
    assert len(text) <= width - 3
    return text[2:].rstrip()


@pytest.mark.parametrize(
    ("width", "seen", "text"),
    [
        (80, {}, "listing herd:many/runs/ 1 min 30 s"),
        (80, {"done": 2000}, "listing herd:many/runs/ 2000, 1 min 30 s"),
        (80, {"done": 5, "total": 10}, "listing herd:many/runs/ BAR 5 of 10, 1 min 30 s"),
        (40, {"done": 5, "total": 10}, "listing herd:many/runs/ 5 of 10"),
        (20, {"done": 5, "total": 10}, "listing herd:…"),
        (
            80,
            {"what": "1 of 2 files", "done": 90 << 20, "total": 180 << 20, "in_bytes": True},
            "1 of 2 files BAR 90.0 MB of 180.0 MB, 1.0 MB/s, 1 min 30 s left",
        ),
        (80, {"what": "x" * 200}, "x" * 63 + "… 1 min 30 s"),
        (80, {"what": "日" * 100}, "日" * 31 + " … 1 min 30 s"),
        (8, {}, "l…"),
    ],
)  # fmt: skip
def test_the_line_fits_at_every_width(width: int, seen: dict[str, object], text: str) -> None:
    """What it is comes first, then numbers, then a bar."""
    assert re.sub("━+╸? *", "BAR ", line(width, 90, **seen)) == text


def test_what_is_shown_in_place_is_removed_also_when_it_was_wrapped() -> None:
    """A terminal that has become half as wide has two rows for each line."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=10, color_system=None)
    place = InPlace(console)
    place.show("a" * 60 + "\n" + "b" * 30)
    console.width = 40
    out.truncate(0)
    place.clear()
    assert out.getvalue().count("\x1b[2K") == 3
    assert out.getvalue().count("\x1b[1A") == 2
    out.truncate(0)
    place.clear()
    assert out.getvalue().strip("\0") == ""


def test_more_than_fits_on_the_screen_is_left_out() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=5, color_system=None)
    InPlace(console).show("\n".join("abcdefgh"))
    assert out.getvalue().split() == ["a", "b", "c", "d"]


def test_names_cannot_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process that draws is given is printable, and short."""
    monkeypatch.setattr(os, "fork", lambda: 1)
    monkeypatch.setattr(os, "waitpid", lambda *_: (1, 0))
    shown = Line()
    with Progress(shown.show).step("listing \x1b[2J\r" + "x" * 10_000):
        assert shown._area is not None
        text = shown._area[:].partition(b"\0")[0].decode()
    shown.hide()
    assert '"what":"listing \\\\x1b[2J\\\\rxxx' in text
    assert len(text) < 1000
