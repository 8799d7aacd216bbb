"""HTCondor's own commands, as stubs on PATH."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.programs import write_program

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """A directory that stands first on PATH."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def stub(directory: Path, name: str, body: str) -> None:
    """A program that writes its words into `NAME.words` and goes on with `body`."""
    write_program(directory / name, f'#!/bin/sh\nprintf "%s\\n" "$@" > "$0.words"\n{body}\n')


def words_of(directory: Path, name: str) -> list[str]:
    """The words that a stub was called with."""
    return (directory / f"{name}.words").read_text().splitlines()


def python(directory: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Python code with the stubs on PATH."""
    return subprocess.run(
        [sys.executable, "-c", f"from pathlib import Path\nfrom hepsub.tools.condor import *\n{code}"],
        env={"PYTHONPATH": str(ROOT), "PATH": f"{directory}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def fetched(directory: Path, tokens: Path, schedd: str = "q1@schedd01", now: float = 0) -> str:
    """What fetch_token answers."""
    code = f"print(fetch_token({schedd!r}, Path({str(tokens)!r}), {now or time.time()}))"
    return python(directory, code).stdout.strip()


def test_a_token_is_fetched_and_kept_private(bin_directory: Path, tmp_path: Path) -> None:
    """In HTCondor's token directory, 0600 below 0700, under a name of the schedd."""
    stub(bin_directory, "condor_token_fetch", f"echo {TOKEN}")
    tokens = tmp_path / "condor" / "tokens.d"
    assert fetched(bin_directory, tokens) == "True"
    assert words_of(bin_directory, "condor_token_fetch") == [
        "-type", "SCHEDD", "-name", "q1@schedd01", "-lifetime", "604800",
    ]  # fmt: skip
    assert [path.name for path in tokens.iterdir()] == ["hepsub-q1_schedd01"]
    assert (tokens / "hepsub-q1_schedd01").read_text() == f"{TOKEN}\n"
    assert oct((tokens / "hepsub-q1_schedd01").stat().st_mode & 0o777) == "0o600"
    assert oct(tokens.stat().st_mode & 0o777) == "0o700"


def test_a_token_that_cannot_be_kept_is_none(bin_directory: Path, tmp_path: Path) -> None:
    """No room at home, say: what the schedd refused is told, and no bug."""
    stub(bin_directory, "condor_token_fetch", f"echo {TOKEN}")
    (tmp_path / "file").touch()
    assert fetched(bin_directory, tmp_path / "file" / "tokens.d") == "False"


def test_an_old_token_is_replaced(bin_directory: Path, tmp_path: Path) -> None:
    """A refused token is of no use any more."""
    old = tmp_path / "hepsub-q1_schedd01"
    old.write_text("old")
    os.utime(old, (0, 0))
    stub(bin_directory, "condor_token_fetch", f"echo {TOKEN}")
    assert fetched(bin_directory, tmp_path) == "True"
    assert old.read_text() == f"{TOKEN}\n"


def test_a_token_of_a_moment_ago_is_not_fetched_again(bin_directory: Path, tmp_path: Path) -> None:
    """If it was refused, another one would be refused as well."""
    (tmp_path / "hepsub-q1_schedd01").write_text("new")
    stub(bin_directory, "condor_token_fetch", f"echo {TOKEN}")
    assert fetched(bin_directory, tmp_path) == "False"
    assert not (bin_directory / "condor_token_fetch.words").exists()
    long_ago = time.time() - 400 * 86400  # now that a clock that was ahead is right again
    assert fetched(bin_directory, tmp_path, now=long_ago) == "True"


@pytest.mark.parametrize(
    "body", ["exit 1", "echo no token for you", f"echo {TOKEN}; exit 1", "true"]
)
def test_what_is_no_token_is_not_kept(bin_directory: Path, tmp_path: Path, body: str) -> None:
    """A failure, an explanation, or nothing at all: the caller reports the refusal itself."""
    stub(bin_directory, "condor_token_fetch", body)
    assert fetched(bin_directory, tmp_path / "tokens") == "False"
    assert not (tmp_path / "tokens").exists()


def test_without_the_program_there_is_no_token(bin_directory: Path, tmp_path: Path) -> None:
    """A machine that is no access point."""
    assert fetched(bin_directory, tmp_path / "tokens") == "False"


@pytest.mark.parametrize(
    ("collector", "words"),
    [
        ("", ["-name", "s1", "20", "RequestMemory", "3000"]),
        ("c1:9618", ["-pool", "c1:9618", "-name", "s1", "20", "RequestMemory", "3000"]),
    ],
)
def test_a_factorys_cluster_is_edited(
    bin_directory: Path, collector: str, words: list[str]
) -> None:
    """By condor_qedit, which alone reaches the cluster ad."""
    stub(bin_directory, "condor_qedit", "")
    code = f"edit_cluster('s1', {collector!r}, 20, 'RequestMemory', '3000')"
    assert python(bin_directory, code).returncode == 0
    assert words_of(bin_directory, "condor_qedit") == words


def test_an_edit_that_fails_is_told(bin_directory: Path) -> None:
    """With the program's own words."""
    stub(bin_directory, "condor_qedit", "echo no such cluster >&2; exit 1")
    done = python(bin_directory, "edit_cluster('s1', '', 20, 'RequestMemory', '3000')")
    assert "ToolFailed: condor_qedit -name s1 20 RequestMemory 3000 failed" in done.stderr
    assert "no such cluster" in done.stderr


def produced(directory: Path, program: Path) -> subprocess.CompletedProcess[str]:
    """What produce_ticket gives for a cache full of zero bytes, or says."""
    return python(
        directory, f"print(produce_ticket({str(program)!r}, bytes([5, 4, 0, 0, 200, 10])))"
    )


def test_a_producer_sees_the_ticket_and_its_output_stays_whole(bin_directory: Path) -> None:
    """Zero bytes, line ends and bytes that are no text included."""
    stub(bin_directory, "producer", r'cat "${KRB5CCNAME#FILE:}"; printf "\000\r\n\377end"')
    done = produced(bin_directory, bin_directory / "producer")
    assert done.stdout.strip() == repr(b"\x05\x04\x00\x00\xc8\n\x00\r\n\xffend"), done.stderr


@pytest.mark.parametrize(
    ("body", "why"),
    [("echo no aklog >&2; exit 3", "exit code 3: no aklog"), ("true", "it wrote nothing")],
)
def test_a_producer_that_makes_nothing_is_named_with_its_words(
    bin_directory: Path, body: str, why: str
) -> None:
    """And what works instead."""
    stub(bin_directory, "producer", body)
    done = produced(bin_directory, bin_directory / "producer")
    assert f"({bin_directory}/producer: {why})" in done.stderr
    missing = produced(bin_directory, bin_directory / "absent")
    assert "made nothing of your ticket" in missing.stderr
