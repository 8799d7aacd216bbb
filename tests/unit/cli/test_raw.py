"""What a job wrote, on a terminal and in a pipe."""

from __future__ import annotations

import io
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.cli.raw import RawOutput, SafeText
from hepsub.errors import OutputUnwritable


@pytest.mark.parametrize(
    ("pieces", "shown", "within"),
    [
        ([b"a\tb\n"], "a\tb\n", False),
        ([b"\x1b[31mred\x1b[0m"], "\\x1b[31mred\\x1b[0m", True),
        ([b"\xc3", b"\xa9\n"], "é\n", False),
        ([b"\xc3"], "\\xc3", True),
        ([b"\xff\x00\n"], "\\xff\\x00\n", False),
        ([b"a\r\nb\r", b"\nc"], "a\nb\nc", True),
        ([b"10%\r", b"20%\r"], "10%\n20%\n", False),
        (["\u202egpj\u2028".encode()], "\\u202egpj\\u2028", True),
        ([b""], "", False),
    ],
)
def test_a_log_in_pieces_is_shown_as_it_is(
    pieces: list[bytes], shown: str, *, within: bool
) -> None:
    """Lines and tabs stay; a letter in two pieces is one; a progress bar writes over nothing."""
    text = SafeText()
    came = "".join(text.feed(each) for each in pieces) + text.feed(b"", last=True)
    assert (came, text.is_within_line) == (shown, within)


@given(st.binary(), st.integers(0, 50))
def test_whatever_a_job_writes_a_terminal_obeys_nothing(data: bytes, cut: int) -> None:
    """However it is cut, and the same in one piece."""
    whole, parts = SafeText(), SafeText()
    shown = whole.feed(data, last=True)
    assert parts.feed(data[:cut]) + parts.feed(data[cut:]) + parts.feed(b"", last=True) == shown
    assert not {unicodedata.category(each) for each in shown if each not in "\n\t"} & {
        "Cc", "Cf", "Cs", "Zl", "Zp",
    }  # fmt: skip


class Screen(io.TextIOWrapper):
    """A terminal, or a pipe, whose bytes are kept."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def bytes(self) -> bytes:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue()


@pytest.mark.parametrize(
    ("is_terminal", "shown"),
    [(True, b"a\\x1b[2J\n\\xff\nb\n"), (False, b"a\x1b[2J\n\xff\rb")],
)
def test_raw_in_a_pipe_and_safe_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, shown: bytes, *, is_terminal: bool
) -> None:
    """What is said next begins on a line of its own where people see both."""
    screen = Screen(is_terminal=is_terminal)
    monkeypatch.setattr(sys, "stdout", screen)
    output = RawOutput()
    output.write(b"a\x1b[2J\n\xff\r")
    output.write(b"b")
    output.break_line()
    output.break_line()
    assert screen.bytes() == shown


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputUnwritable, match="No space left"):
            RawOutput().write(b"a")
        monkeypatch.undo()
