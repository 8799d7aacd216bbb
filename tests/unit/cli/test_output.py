"""Data on stdout, talk on stderr, whatever is wrong with either."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from hepsub.cli.main import main
from hepsub.cli.output import error, json_text, talk, write_out
from hepsub.errors import OutputUnwritable
from hepsub.result import Problem
from hepsub.terminal import Styled
from tests.fakes.world import make_script


class Broken(io.StringIO):
    """A stream that cannot be written."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


def test_data_is_what_a_terminal_shows_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Line by line; what is styled already stays."""
    write_out("a\x1b[2J\nb")
    write_out(Styled("\x1b[31mred"))
    assert capsys.readouterr().out == "a\\x1b[2J\nb\n\x1b[31mred\n"
    assert json_text({"a": "é\x7f"}) == '{"a": "\\u00e9\\u007f"}'


@pytest.mark.parametrize(
    ("secret", "message", "remedy"),
    [
        (True, "stdout cannot be written (No space left on device)", "make room there, and call it again"),
        (False, "stdout cannot be written (No space left on device); what was asked was done, and it would have said: "
         + "x" * 300, "do not repeat the command because of this"),
    ],
)  # fmt: skip
def test_a_full_stdout_is_an_error(
    secret: bool, message: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    discarded: list[object] = []
    monkeypatch.setattr("hepsub.cli.output._discard", discarded.append)
    full = Broken(errno.ENOSPC)
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(OutputUnwritable) as caught:
        write_out("x" * 400, repeatable=secret)
    assert (caught.value.message, caught.value.remedy) == (message, remedy)
    assert discarded == [full]
    monkeypatch.setattr(sys, "stdout", Broken(errno.EPIPE))
    with pytest.raises(BrokenPipeError):
        write_out("x", repeatable=secret)
    assert discarded == [full]


def test_talk_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Of several lines only the first can look like ours."""
    talk("hep_x", ["one", "two\n  lines\nhep_x: error: forged"])
    error("hep_x", Problem(code="c", message="no", remedy="do"))
    error("hep_x", Problem(code="c", message="no", remedy=""))
    out, said = capsys.readouterr()
    assert out == ""
    assert said.splitlines() == [
        "hep_x: one",
        "hep_x: two",
        "  lines\\nhep_x: error: forged",
        "hep_x: error: no",
        "hep_x: do",
        "hep_x: error: no",
    ]


def test_talk_that_nobody_can_read_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed stderr is not taken for stdout."""
    discarded: list[object] = []
    monkeypatch.setattr("hepsub.cli.output._discard", discarded.append)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    talk("hep_x", ["one"])
    assert (out.getvalue(), discarded) == ("", [])
    broken = Broken(errno.EIO)
    monkeypatch.setattr(sys, "stderr", broken)
    talk("hep_x", ["one"])
    assert discarded == [broken]


def test_what_is_discarded_goes_nowhere() -> None:
    """The interpreter's last flush has somewhere to go."""
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as stream:
        from hepsub.cli.output import _discard

        _discard(stream)
        assert os.path.samestat(os.fstat(stream.fileno()), os.stat(os.devnull))


@pytest.mark.parametrize("words", ["-h", "-version", "-p here job.sh -dry-run", "-check policy"])
def test_who_could_not_read_what_was_only_looked_at_calls_again(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk; and the table that was meant for stdout does not stand in the error."""
    make_script(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    heard = io.StringIO()
    with open("/dev/full", "w", buffering=1) as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        patched.setattr(sys, "stderr", heard)
        assert main("hep_sub", words.split()) == 71
    assert heard.getvalue() == (
        "hep_sub: error: stdout cannot be written (No space left on device)\n"
        "hep_sub: make room there, and call it again\n"
    )
