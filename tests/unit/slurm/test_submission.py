"""Why sbatch refused, in words."""

from __future__ import annotations

import pytest

from hepsub.slurm import submission
from hepsub.slurm.submission import refusal, run_sbatch
from hepsub.tools.run import Completed
from hepsub.tools.slurm import said
from tests.fakes.programs import Programs

SETTINGS = "MaxArraySize            = 1001\nMaxJobCount             = 10000\n"
NO_ROOM = """\
sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying
sbatch: error: Batch job submission failed: Resource temporarily unavailable
"""
LONGEST_RETRY_S = 121


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give how long each program might take, on a Slurm that has no room."""
    found: list[float] = []

    def ask(argv: list[str], *, timeout: float = 0, **_: object) -> Completed:
        if argv[0] == "scontrol":
            return Completed(code=0, stdout=SETTINGS, stderr="")
        found.append(timeout)
        return Completed(code=1, stdout="", stderr=NO_ROOM)

    monkeypatch.setattr(submission, "ask", ask)
    return found


def test_no_room_for_more_jobs_is_a_refusal(timeouts: list[float]) -> None:
    """Sbatch is waited for until it says so: before that nobody would know whether it took the jobs."""
    error = refusal(20_000, said(run_sbatch(["sbatch"], ())))
    assert timeouts[0] > LONGEST_RETRY_S
    assert error.message == "Slurm has no room for 20000 more jobs (MaxJobCount is 10000)"


def test_a_refusal_is_one_though_nobody_tells_of_the_limit(programs: Programs) -> None:
    programs.add("scontrol", "echo 'Unable to contact slurm controller' >&2; exit 1")
    error = refusal(2000, "Batch job submission failed: Invalid job array specification")
    assert "MaxArraySize is not known" in error.message


@pytest.mark.usefixtures("timeouts")
def test_an_array_that_is_too_large() -> None:
    error = refusal(2000, "Batch job submission failed: Invalid job array specification")
    assert "MaxArraySize is 1001" in error.message
    assert "at most 1001" in error.remedy
