"""What sacct of both versions printed of real jobs → jobs that have ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.batch import Selection, State
from hepsub.jobid import JobId
from hepsub.slurm import sacct
from hepsub.slurm.accounting import FIELDS, read_accounts
from hepsub.slurm.rows import Row
from hepsub.slurm.status import status_of
from hepsub.slurm.tasks import number_of
from tests.fakes.programs import Programs

BETWEEN = "|T|"


def recorded(version: str) -> str:
    """As it printed them, in FIELDS."""
    return Path(__file__).with_name(f"sacct-{version}.txt").read_bytes().decode()


def told(version: str) -> dict[tuple[int, int], Row]:
    """The jobs, by the first of their ids."""
    return {(row.cluster, row.proc): row for row in read_accounts(recorded(version), BETWEEN)}


@pytest.mark.parametrize(("version", "cluster"), [("22.05", 29_937), ("24.11", 29_939)])
def test_a_job_that_failed(version: str, cluster: int) -> None:
    job = status_of("hpc", told(version)[cluster, 0], None)
    assert (job.state, job.exit_code, job.exit_signal) == (State.COMPLETED, 3, None)
    assert (job.owner, job.host, job.requested_mb, job.cores) == ("hepalice", "hpc01", 2000, 1)
    assert 200 < job.memory_mb < 204  # a program of 200 MB: of the .batch step
    assert 0.9 < job.cpu_seconds < 1.3
    assert (job.walltime_s, job.run_seconds) == (
        36_000,
        job.ended - job.submitted - (version > "23"),
    )


@pytest.mark.parametrize(
    ("version", "ran", "waited", "limit"),
    [("22.05", 29_942, 29_947, 29_945), ("24.11", 29_944, 29_949, 29_947)],
)
def test_what_slurm_ended(version: str, ran: int, waited: int, limit: int) -> None:
    jobs = told(version)
    assert (jobs[ran, 0].state, jobs[ran, 0].cancelled_by) == (State.REMOVED, "6101")
    never = jobs[waited, 0]
    assert (number_of(never.tasks), never.started, never.nodes) == (10, 0, "")
    timed = status_of("hpc", jobs[limit, 0], None)
    assert (timed.state, timed.exit_code, timed.exit_signal) == (State.COMPLETED, None, None)
    assert timed.remove_reason == "it ran longer than its walltime of 1 min"


def test_names_and_comments_may_hold_anything() -> None:
    """Whoever does not know the delimiter makes no job of another's; what runs has not ended."""
    jobs = told("22.05")
    assert jobs[29_944, 0].name == "a|b\nc\x1fd"
    assert jobs[29_944, 0].uuid == ""
    assert (29_942, 1) not in jobs
    assert jobs[29_937, 0].uuid == "6f471987-0029-4821-9d45-0ccd2e38fe1a"


@pytest.mark.parametrize("text", ["", "\n", "garbage", "a|T|b|T|", "|T|" * 100])
def test_what_is_no_job_is_passed_over(text: str) -> None:
    assert list(read_accounts(text, BETWEEN)) == []


@pytest.mark.parametrize(
    ("selection", "most", "asked", "calls"),
    [
        (Selection(), 10, ["--allusers"], len(sacct._DAYS)),
        (Selection(), 0, ["--allusers"], 1),
        (Selection(owner="bob"), 10, ["--user=bob"], len(sacct._DAYS)),
        (Selection(once="k"), 0, ["--user=alice"], 1),
        (
            Selection(owner="bob", ids=(JobId(cluster=7, first=1, last=1),)),
            10,
            ["--user=bob", "--jobs=7_1"],
            1,
        ),
    ],
)
def test_what_sacct_is_asked(
    selection: Selection, most: int, asked: list[str], calls: int, programs: Programs
) -> None:
    """The latest days first, as far as there are not enough jobs in them; of ids, all days at once."""
    programs.add("sacct", 'echo >> "$0.calls"')
    assert list(sacct.accounts_of(selection, "alice", most, 0, 2e9)) == []
    words = programs.words("sacct")
    assert [each for each in words if each.startswith(("--user", "--allusers", "--jobs"))] == asked
    assert (programs.directory / "sacct.calls").read_text().count("\n") == calls


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("OUT_OF_MEMORY", "0:125", "it used more memory than the 2000 MB that it asked for"),
        ("NODE_FAIL", "0:0", "its node hpc01 failed"),
        ("PREEMPTED", "0:0", "another job took its place"),
        ("DEADLINE", "0:0", "its deadline was over"),
        ("FAILED", "0:53", "it was not started, for its node cannot write its logs (-o, -e)"),
    ],
)
def test_reasons_in_words(state: str, code: str, words: str) -> None:
    usual = dict(zip(FIELDS, recorded("22.05").split(BETWEEN)[: len(FIELDS)], strict=True))
    fields = usual | {"State": state, "ExitCode": code, "ReqMem": "2000Mc", "ReqCPUS": ""}
    (row,) = read_accounts("".join(f"{each}{BETWEEN}" for each in fields.values()) + "\n", BETWEEN)
    job = status_of("hpc", row, None)
    assert (job.state, job.exit_code, job.exit_signal) == (State.COMPLETED, None, None)
    assert (job.remove_reason, job.cores) == (words, 1)
