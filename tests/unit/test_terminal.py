"""Text that is not hepsub's own, on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.terminal import few, joined, printable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job.sh -n 5",
        "/home/alice/späß/数据　1.root",
        "a\N{NO-BREAK SPACE}b",
        "C:\\n \\x1b",
        "\N{THUMBS UP SIGN} \ue0b0",
    ],
)
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    """Letters of any language, wide blanks and backslashes included: scripts read these bytes."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\0b", "a\\x00b"),
        ("one\ntwo\r\n\tx", "one\\ntwo\\r\\n\\tx"),
        ("\x7f\x9b31m", "\\x7f\\x9b31m"),
        ("x\u202egpj.sh", "x\\u202egpj.sh"),
        ("a\u2028b\u2029c\u200bd\ufeff", "a\\u2028b\\u2029c\\u200bd\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("dat\udce9", "dat\\xe9"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_an_escape(text: str, shown: str) -> None:
    """Controls, line ends, marks of direction, what is not seen, bytes that are no character."""
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_whatever_comes_out_is_shown_as_it_is(text: str) -> None:
    """On one line, in any encoding that Python can write, and the same the second time."""
    shown = printable(text)
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert shown.encode().decode() == shown == printable(shown)


def test_lines_stay_lines() -> None:
    """A line end within one of them makes no second one."""
    assert joined(["a", "b\n13.0 root", ""]) == "a\nb\\n13.0 root\n"


@pytest.mark.parametrize(
    ("number", "shown"), [(0, ""), (1, "a"), (2, "a, b"), (3, "a, b and 1 more")]
)
def test_of_a_long_list_it_is_said_how_much_is_left_out(number: int, shown: str) -> None:
    """A list that is short enough is shown whole."""
    assert few("abc"[:number], 2) == shown
