"""The tour of hepsub(7), typed as it stands by somebody who begins, on the embedded pool."""

from __future__ import annotations

import re

import pytest

from hepsub.cli.generate.tour import sections, typed
from tests.here.shell import Home

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


def test_first_jobs(home: Home) -> None:
    """The first hep_wait ends with 60 and names the job; the second one with 0."""
    failed = r"1\.2 ended with exit code 1 \(stderr: .*/work/job\.sh\.err\.1\.2\)"
    waits = iter([(60, failed), (0, r"4 of 4 job\(s\) ended with exit code 0")])
    for line in typed("FIRST JOBS, ON THIS MACHINE"):
        known = [wanted for start, wanted in FIRST.items() if re.match(start, line)]
        code, pattern = next(waits) if line == "hep_wait 1" else known[0]
        done = home.type(line)
        assert done.returncode == code, (line, done)
        assert re.search(pattern, done.stdout + done.stderr, re.MULTILINE), (line, done)
    assert next(waits, None) is None


def test_many_jobs(home: Home) -> None:
    """Each line of it, behind the first section's script; what is submitted ends or is removed."""
    home.type(typed("FIRST JOBS, ON THIS MACHINE")[0])
    counts: list[str] = []
    for line in typed("MANY JOBS"):
        done = home.type(line)
        assert done.returncode == 0, (line, done)
        counts += re.findall(r"^(\d+) job\(s\) submitted", done.stdout)
    assert counts == ["6", "1", "2", "2"]
    assert (home.work / "log").is_dir()
    assert home.type("hep_q -u").stdout.splitlines()[-1].startswith("0 jobs; ")


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
        (
            "SLURM",
            {
                "hep_clus": 22,
                "hep_sub -p": 31,
                "hep_q -p": 22,
                "hep_wait": 51,
                "hep_sub -r": 51,
                "hep_fetch": 51,
                "hep_": 44,
            },
        ),
        ("REMOTE SITES", {"hep_sub -rmt": 24, "hep_sub -site": 31, "hep_fetch": 53, "hep_": 0}),
    ],
)
def test_the_other_sections_are_understood(
    home: Home, heading: str, codes: dict[str, int | None]
) -> None:
    """Where no pool, site or credential is: 13 is a cluster of this machine, and what is missing is said."""
    home.type(typed("FIRST JOBS, ON THIS MACHINE")[0])
    cluster = re.search(r"cluster (\d+)", home.type("hep_sub job.sh").stdout)
    assert cluster is not None
    for line in typed(heading):
        meant = re.sub(r"(?<![\w.])13\b", cluster[1], line).replace(".2", ".0")
        code = next(code for start, code in codes.items() if line.startswith(start))
        if code is None:  # it asks for passwords
            continue
        done = home.type(meant)
        assert done.returncode == code, (line, done)


def test_the_tour_has_all_of_this() -> None:
    """What is typed here, and with a store (tests/staging), is all that there is to type."""
    assert {heading for heading in sections() if typed(heading)} == {
        "FIRST JOBS, ON THIS MACHINE", "MANY JOBS", "AT HTCONDOR", "DATA", "CREDENTIALS", "REMOTE SITES",
        "SLURM", "FROM SCRIPTS", "WHEN SOMETHING IS WRONG",
    }  # fmt: skip
