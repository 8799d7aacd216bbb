"""The one place that starts other programs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hepsub.errors import ToolFailed
from hepsub.tools.run import (
    Completed,
    installed,
    run,
    run_attached,
    run_within,
)

ROOT = Path(__file__).resolve().parents[3]
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


def test_a_program_is_run_to_its_end() -> None:
    """Exit code, stdout and stderr."""
    assert run(["sh", "-c", "echo out; echo err >&2"], timeout=10) == Completed(
        code=0, stdout="out\n", stderr="err\n"
    )


def test_words_arrive_as_they_are() -> None:
    """No shell in between."""
    words = ["a b", "$HOME", "*", "'", "", "ü"]
    assert run(["printf", "%s\\n", *words], timeout=10).stdout.split("\n")[:-1] == words


def test_a_program_has_no_terminal_to_ask_from() -> None:
    """Its stdin is empty."""
    assert run(["cat"], timeout=10).stdout == ""


def test_output_that_is_not_utf8_is_no_trouble() -> None:
    """What cannot be read is replaced."""
    assert run(["printf", "a\\377b"], timeout=10).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_a_failure_tells_what_ran_its_code_and_its_words() -> None:
    """The end of its stderr, on one line."""
    with pytest.raises(ToolFailed) as caught:
        run(["sh", "-c", "echo line one >&2; echo line two >&2; exit 3"], timeout=10)
    assert caught.value.message.startswith("sh -c ")
    assert caught.value.message.endswith("failed with exit code 3: line one line two")


def test_a_failure_without_stderr_shows_stdout() -> None:
    """Some programs complain there."""
    with pytest.raises(ToolFailed, match="failed with exit code 1: said here"):
        run(["sh", "-c", "echo said here; exit 1"], timeout=10)


def test_a_failure_may_be_looked_at() -> None:
    """Without check the caller judges."""
    assert run(["sh", "-c", "exit 3"], timeout=10, check=False).code == 3


def test_a_program_that_does_not_end_is_ended() -> None:
    """After its time, not after its wish, also when it has a child that holds the pipe."""
    begun = time.monotonic()
    with pytest.raises(ToolFailed, match="did not end within 1 s"):
        run(["sh", "-c", "sleep 20 & wait"], timeout=0.6)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("where", ["", " >&2"])
def test_a_program_that_writes_without_end_is_ended(where: str) -> None:
    """Before its time is over, and before this machine's memory is."""
    begun = time.monotonic()
    with pytest.raises(ToolFailed, match="sh wrote more than 16 MB, and was ended"):
        run(["sh", "-c", f"exec cat /dev/zero{where}"], timeout=60)
    assert time.monotonic() - begun < 30


def test_a_program_that_closes_its_pipes_has_its_time_too() -> None:
    assert run_within(["sh", "-c", "exec >&- 2>&-; sleep 30"], timeout=0.5) is None


def test_lines_end_as_they_do_here() -> None:
    assert run(["printf", "a\\r\\nb\\rc\\n"], timeout=10).stdout == "a\nb\nc\n"


def test_a_program_that_is_not_installed_is_named() -> None:
    """With the package to look for."""
    with pytest.raises(ToolFailed) as caught:
        run(["no-such-program-here"], timeout=1)
    assert caught.value.message == "no-such-program-here is not installed"


def test_a_program_that_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    """A file without exec bit on PATH is a fact of this machine, not a bug of hepsub."""
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    with pytest.raises(ToolFailed):
        run([str(tmp_path / "tool")], timeout=1)


def test_secrets_are_not_shown() -> None:
    """What failed is told with its arguments."""
    with pytest.raises(ToolFailed) as caught:
        run(["false", JWT, "plain"], timeout=10)
    assert caught.value.message.startswith("false *** plain failed")


def test_what_the_launcher_put_aside_is_not_handed_on() -> None:
    """Other programs run as hepsub does: without the experiment's library path."""
    script = "from hepsub.tools.run import run; print(run(['env'], timeout=9).stdout)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT), "HEPSUB_SAVED_LD_LIBRARY_PATH": "/exp", "KEPT": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert "KEPT=1" in done.stdout
    assert "/exp" not in done.stdout


def test_what_is_installed_is_found_on_path() -> None:
    """As a shell would find it."""
    assert installed("sh")
    assert not installed("no-such-program-here")


def test_a_program_may_get_more_environment() -> None:
    """Besides hepsub's own, and before it."""
    told = run(["sh", "-c", "echo $MORE $HOME"], timeout=9, environment={"MORE": "1", "HOME": "/h"})
    assert told.stdout == "1 /h\n"


def test_a_program_that_does_not_end_in_time_may_be_a_fact() -> None:
    """Who asks decides what it means."""
    assert run_within(["sleep", "20"], timeout=0.3) is None
    assert run_within(["sh", "-c", "exit 3"], timeout=9) == Completed(code=3, stdout="", stderr="")


def test_a_program_at_the_terminal_has_our_stdin_and_stdout() -> None:
    """What it says is not kept, and what it is told does not go through us."""
    words = ["sh", "-c", "read w; echo $w$X; exit 4"]
    call = f"print(run_attached({words!r}, environment={{'X': '1'}}))"
    script = f"from hepsub.tools.run import run_attached; {call}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        input="typed\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["typed1", "4"]


def test_a_program_at_the_terminal_that_is_not_installed_is_named() -> None:
    """As every other one."""
    with pytest.raises(ToolFailed, match="not installed"):
        run_attached(["no-such-program-here"])
