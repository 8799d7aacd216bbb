"""A cluster that was submitted is told, whatever is wrong with stdout, stderr or what comes afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.programs import write_program

ROOT = Path(__file__).resolve().parents[3]
LINE = "1 job(s) submitted to cluster 1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A user whose default is the embedded pool."""
    (tmp_path / "policy.toml").write_text('[defaults]\npool = "here"\nmemory = 10\n')
    write_program(tmp_path / "job.sh", "#!/bin/sh\nexec sleep 1000\n")
    yield tmp_path
    sh(tmp_path, "hep_rm -a")


def sh(desk: Path, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which hepsub's commands are known."""
    function = '{ "$PYTHON" -m hepsub %s "$@"; }'
    names = "".join(f"{name}() {function % name}\n" for name in ("hep_sub", "hep_rm"))
    return subprocess.run(
        ["/bin/bash", "-c", f"{names}{line}"],
        cwd=desk,
        env={
            "PYTHONPATH": str(ROOT),
            "PYTHON": sys.executable,
            "PATH": os.environ["PATH"],
            "HOME": str(desk),
            "CONDOR_CONFIG": "ONLY_ENV",
            "HEPSUB_CONFIG": str(desk / "policy.toml"),
            "HEPSUB_HERE_DIR": str(desk / "queue"),
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("option", ["", "-json"])
def test_nobody_reads_stdout(desk: Path, option: str) -> None:
    """`hep_sub job.sh | true`: the line stands on stderr, and that nothing is to be repeated."""
    line = f"(sleep 0.2; hep_sub job.sh {option}; echo $? >code) | true; sleep 0.1; cat code"
    done = sh(desk, line)
    assert done.stdout == "71\n", done
    assert f"nobody reads stdout; what was asked was done: {LINE}" in done.stderr
    assert "do not repeat" in done.stderr


def test_stdout_is_closed(desk: Path) -> None:
    """`hep_sub job.sh >&-`: the same line on stderr; it is no error."""
    done = sh(desk, "hep_sub job.sh >&-")
    assert done.returncode == 0
    assert done.stderr.startswith(f"hep_sub: {LINE}\n")


def test_stdout_is_full(desk: Path) -> None:
    """The error says what stdout would have."""
    done = sh(desk, "hep_sub job.sh >/dev/full")
    assert done.returncode == 71
    assert LINE in done.stderr


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_stderr_is_broken(desk: Path, where: str) -> None:
    """What was finished or is noted cannot be said: stdout has its line, and nothing else; no error."""
    done = sh(desk, f"hep_sub job.sh {where}", AWS_SECRET_ACCESS_KEY="makes a note")
    assert (done.returncode, done.stdout) == (0, f"{LINE}\n")


def test_what_a_command_does_on_its_way_cannot_fail_it(desk: Path) -> None:
    """The bundles' directory is no directory: the exit code and the one JSON document are the submission's."""
    ticket = desk / "ticket"
    ticket.touch()
    bundle = desk / ".local/share/hepsub/bundles/1/creds/x"
    bundle.mkdir(parents=True)
    (desk / ".local/share/hepsub/bundles/.renew").touch()
    done = sh(desk, "hep_sub job.sh -json", KRB5CCNAME=str(ticket))
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["result"]["cluster"] == 1


BROKEN = """
import sys
from hepsub.cli.main import main
import hepsub.actions.renew.offer as offered

def broken(session):
    raise ZeroDivisionError("a bug")

offered.offer = broken
sys.exit(main("hep_sub", ["job.sh", "-json"]))
"""


def test_a_bug_on_the_way_is_reported_and_spoils_nothing(desk: Path) -> None:
    """The traceback goes to a file, the talk to stderr; the submission's document stands alone."""
    (desk / ".local/share/hepsub/bundles").mkdir(
        parents=True
    )  # without it there is nothing to do on the way
    done = sh(desk, f"\"$PYTHON\" -c '{BROKEN}'")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["ok"]
    assert "hepsub itself failed" in done.stderr
