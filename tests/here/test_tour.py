"""The tour of hepsub(7), typed as it stands by somebody who begins, on the embedded pool."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.cli.generate.tour import sections, typed
from hepsub.cli.main import PROGRAMS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a home with hepsub's commands on PATH; no HTCondor is configured."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        path = programs / name
        path.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m hepsub {name} "$@"\n'
        )
        path.chmod(0o755)
    (tmp_path / "work").mkdir()
    yield tmp_path
    type_line(tmp_path, "hep_rm -a")


def type_line(home: Path, line: str) -> tuple[int, str, str]:
    """A line in a shell: exit code, stdout, stderr."""
    environment = {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}:/usr/bin:/bin",
        "HEPSUB_HERE_DIR": str(home / "queue"),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=home / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, line
    return done.returncode, done.stdout, done.stderr


FIRST = {
    r"printf": (0, ""),
    r"hep_sub -p here job.sh": (0, r"4 job\(s\) submitted to cluster 1\n"),
    r"hep_q -u": (0, r"\d jobs; "),
    r"hep_sub status$": (0, r"1 +here .* job.sh .* 3 +1 +0 +0 +0"),
    r"hep_sub status 1": (0, r"failed, exit code 1 \(1 job\(s\)\): 1.2\n"),
    r"hep_tail 1.2": (0, r"^job 2\n$"),
    r"cat job.sh.out.1.2": (0, r"^job 2\n$"),
    r"sed": (0, ""),
    r"hep_sub -resubmit 1 -failed": (0, r"1 job\(s\) submitted to cluster 2\n"),
    r"hep_history 1": (0, r"1\.3 .* 0+.*job.sh 3"),
}
"""Lines, by how they begin, and what becomes of them."""


def test_first_jobs(home: Path) -> None:
    """The first hep_wait ends with 60 and names the job; the second one with 0."""
    failed = r"1\.2 ended with exit code 1 \(stderr: .*/work/job\.sh\.err\.1\.2\)"
    waits = iter([(60, failed), (0, r"4 of 4 job\(s\) ended with exit code 0")])
    for line in typed("FIRST JOBS, ON THIS MACHINE"):
        known = [wanted for start, wanted in FIRST.items() if re.match(start, line)]
        code, pattern = next(waits) if line == "hep_wait 1" else known[0]
        ended, stdout, stderr = type_line(home, line)
        assert ended == code, (line, stdout, stderr)
        assert re.search(pattern, stdout, re.MULTILINE), (line, stdout)
    assert next(waits, None) is None


def test_many_jobs(home: Path) -> None:
    """Each line of it, behind the first section's script; what is submitted ends or is removed."""
    type_line(home, typed("FIRST JOBS, ON THIS MACHINE")[0])
    counts: list[str] = []
    for line in typed("MANY JOBS"):
        ended, stdout, stderr = type_line(home, line)
        assert ended == 0, (line, stdout, stderr)
        counts += re.findall(r"^(\d+) job\(s\) submitted", stdout)
    assert counts == ["6", "1", "2", "2"]
    assert (home / "work/log").is_dir()
    assert type_line(home, "hep_q -u")[1].splitlines()[-1].startswith("0 jobs; ")


@pytest.mark.parametrize(
    ("heading", "codes"),
    [
        ("FROM SCRIPTS", {"hep_": 0}),
        ("WHEN SOMETHING IS WRONG", {"hep_": 0}),
        ("AT HTCONDOR", {"hep_edit": 51, "hep_": 0}),  # it has ended
        (
            "CREDENTIALS",
            {"hep_auth renew": 59, "hep_auth login": None, "hep_sub -cred": 54, "hep_auth": 0},
        ),
        ("REMOTE SITES", {"hep_sub -rmt": 24, "hep_sub -site": 31, "hep_fetch": 53, "hep_": 0}),
    ],
)
def test_the_other_sections_are_understood(
    home: Path, heading: str, codes: dict[str, int | None]
) -> None:
    """Where no pool, site or credential is: 13 is a cluster of this machine, and what is missing is said."""
    type_line(home, typed("FIRST JOBS, ON THIS MACHINE")[0])
    cluster = re.search(r"cluster (\d+)", type_line(home, "hep_sub job.sh")[1])
    assert cluster is not None
    for line in typed(heading):
        meant = re.sub(r"(?<![\w.])13\b", cluster[1], line).replace(".2", ".0")
        code = next(code for start, code in codes.items() if line.startswith(start))
        if code is None:  # it asks for passwords
            continue
        ended, stdout, stderr = type_line(home, meant)
        assert ended == code, (line, stdout, stderr)


def test_the_tour_has_all_of_this() -> None:
    """What is typed here, and with a store (tests/staging), is all that there is to type."""
    assert {heading for heading in sections() if typed(heading)} == {
        "FIRST JOBS, ON THIS MACHINE", "MANY JOBS", "AT HTCONDOR", "DATA", "CREDENTIALS", "REMOTE SITES",
        "FROM SCRIPTS", "WHEN SOMETHING IS WRONG",
    }  # fmt: skip
