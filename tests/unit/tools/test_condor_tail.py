"""condor_tail, as it answers (23.9.6, 25.14.1): what it brings, from where, and why it brings nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.batch_logs import Piece
from hepsub.errors import ToolFailed
from hepsub.tools.condor_tail import Look, Said, look_into
from tests.fakes.programs import write_program

ANSWER = b"""11/30/26 05:14:35 Reading condor configuration from '/etc/condor/condor_config'
Result = true
TransferFiles = { "_condor_stdout" }
TransferOffsets = { 64 }
11/30/26 05:14:35 get_file: Receiving 5 bytes
11/30/26 05:14:35 get_file: wrote 5 bytes to file

"""
LATER = ANSWER.replace(b"{ 64 }", b"{ 69 }").replace(b"Receiving 5", b"Receiving 2")
NOTHING = ANSWER.replace(b"{ 64 }", b"{ 69 }").replace(b"Receiving 5", b"Receiving 0")
REFUSED = b"""ErrorString = "File x requested but not authorized to be sent."
Result = false
Failed to peek at file from starter: \x1b[2JFile x requested but not authorized to be sent.
"""
LOOK = Look(
    schedd="s@ap", collector="pool:9618", job="13.2", file="_condor_stdout", most=99, follow=True
)


def test_pieces_are_told_apart_by_what_it_says_of_them() -> None:
    said = Said()
    said.hear(ANSWER[:150])
    said.data += b"hel"
    assert list(said.pieces()) == []
    said.hear(ANSWER[150:])
    assert list(said.pieces()) == []
    said.data += b"lo!\n"
    assert list(said.pieces()) == [Piece(offset=64, data=b"hello")]
    said.hear(LATER + NOTHING)
    assert list(said.pieces()) == [Piece(offset=69, data=b"!\n"), Piece(offset=69, data=b"")]
    assert (said.complaint, bytes(said.data)) == ("", b"")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            REFUSED,
            r"Failed to peek at file from starter: \x1b[2JFile x requested but not authorized to be sent.",
        ),
        (b"11/30/26 05:14:35 nothing\n\n", ""),
        (b"No such job: 13.2\n", "No such job: 13.2"),
        (b"x" * 600 + b"\n", "x" * 500),
    ],
)
def test_its_complaint_is_the_line_that_is_no_log(text: bytes, complaint: str) -> None:
    said = Said()
    said.hear(text)
    assert said.complaint == complaint


def test_the_command() -> None:
    """By the file's name: following stdout by itself it repeats what it has shown."""
    assert " ".join(LOOK.argv) == (
        "condor_tail -debug -pool pool:9618 -name s@ap -follow -maxbytes 99 -no-stdout 13.2 _condor_stdout"
    )
    once = Look(schedd="s@ap", collector="", job="1.0", file="_condor_stderr", most=1, follow=False)
    assert " ".join(once.argv) == (
        "condor_tail -debug -name s@ap -maxbytes 1 -no-stdout 1.0 _condor_stderr"
    )


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the place of a condor_tail that is found before any other."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "condor_tail"


def put(program: Path, text: str) -> None:
    write_program(program, f"#!/bin/sh\n{text}\n")


def test_where_it_is_not_it_is_said_where_it_is(program: Path) -> None:
    del program
    with pytest.raises(ToolFailed, match="is not on this host") as caught, look_into(LOOK, ""):
        pass
    assert "access point" in caught.value.remedy


def test_it_runs_until_the_block_ends(program: Path, tmp_path: Path) -> None:
    """It is told to say what it does, and by which methods it may prove who it is."""
    (tmp_path / "answer").write_bytes(ANSWER)
    put(
        program,
        f'echo $$ > {tmp_path}/pid; echo "$_CONDOR_TOOL_DEBUG $_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS"'
        f" > {tmp_path}/told; cat {tmp_path}/answer >&2; printf hello; exec sleep 1000",
    )
    with look_into(LOOK, "FS, SCITOKENS") as pieces:
        assert next(pieces) == Piece(offset=64, data=b"hello")
        assert next(pieces) is None
        pid = int((tmp_path / "pid").read_text())
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
    assert (tmp_path / "told").read_text() == "D_FULLDEBUG FS, SCITOKENS\n"


def test_why_it_brings_nothing(program: Path) -> None:
    put(program, "echo 'No such job: 13.2' >&2; exit 1")
    with look_into(LOOK, "") as pieces, pytest.raises(ToolFailed, match=r"No such job: 13\.2"):
        list(pieces)


def test_what_it_does_not_announce_is_not_believed(program: Path) -> None:
    put(program, "echo hello")
    with look_into(LOOK, "") as pieces, pytest.raises(ToolFailed, match="does not say why"):
        list(pieces)
