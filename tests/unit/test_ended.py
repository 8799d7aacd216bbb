"""What is kept of jobs that have ended."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hepsub.batch import State, has_succeeded
from hepsub.ended import Asked, EndedJobs
from tests.fakes.batch import make_job
from tests.fakes.world import NOON

UUID = "7e0f6e3c-0000-4000-8000-000000000001"


def kept_at(directory: Path) -> EndedJobs:
    return EndedJobs(directory=directory / "state" / "ended")


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    job = make_job(
        "13.2", State.COMPLETED, exit_code=3, ended=NOON, memory_mb=12.5, arguments=("a b", "é"), cores=4,
        walltime_s=3600, stderr="/work/alice/e\udcff", host="slot1@b",
    )  # fmt: skip
    gone = make_job("13.5", State.REMOVED, ended=NOON - 5, remove_reason="by alice")
    kept.keep(UUID, [job])
    kept.keep(UUID, [gone])
    found = kept.read(UUID)
    assert {proc: each.exit_code for proc, each in found.jobs.items()} == {2: 3, 5: None}
    for name in (
        "arguments",
        "stderr",
        "cores",
        "walltime_s",
        "memory_mb",
        "host",
        "state",
        "ended",
        "owner",
    ):
        assert getattr(found.jobs[2], name) == getattr(job, name)
    assert found.jobs[5].remove_reason == "by alice"
    assert found.latest == NOON
    assert (kept.directory / f"{UUID}.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_was_put_in_its_place_later_is_told_of_that_job_alone(tmp_path: Path) -> None:
    """Whichever line is first; a job that ended otherwise did not end well because of it."""
    kept = kept_at(tmp_path)
    kept.settle(UUID, 1)
    jobs = [
        make_job(f"13.{proc}", State.COMPLETED, exit_code=code, ended=NOON)
        for proc, code in enumerate((85, 85, 85, 3))
    ]
    kept.keep(UUID, jobs[:3])
    kept.settle(UUID, 2)
    kept.settle(UUID, 3)
    found = kept.read(UUID)
    assert [has_succeeded(job) for job in found.jobs.values()] == [False, True, True]
    assert [has_succeeded(found.told(job)) for job in jobs] == [False, True, True, False]
    assert [job.exit_code for job in found.jobs.values()] == [85, 85, 85]
    tally = kept.tally(UUID, 10_000)
    assert tally is not None
    assert tally.jobs == 3


def test_what_a_crash_tore_hides_nothing_else(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(UUID, [make_job("13.0", State.COMPLETED, exit_code=0, ended=NOON)])
    path = kept.directory / f"{UUID}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"schedd":"x","clus')
    kept.keep(UUID, [make_job("13.1", State.COMPLETED, exit_code=0, ended=NOON)])
    assert sorted(kept.read(UUID).jobs) == [0, 1]


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 9000,
        b"\0" * 100,
        b'{"schedd":"s","cluster":13,"proc":-1,"owner":"a","submitted":1,"run_seconds":0,"state":"C","priority":0,'
        b'"memory_mb":0,"requested_mb":0,"command":"c","arguments":[]}',
        b'{"schedd":"s","cluster":13,"proc":1,"owner":"a","submitted":1e300,"run_seconds":0,"state":"C","priority":0,'
        b'"memory_mb":0,"requested_mb":0,"command":"c","arguments":[]}',
        b'{"asked":1e300,"ended":1}',
        b'{"settled":-1}',
    ],
)
def test_a_line_that_cannot_be_believed_is_passed_over(tmp_path: Path, line: bytes) -> None:
    kept = kept_at(tmp_path)
    kept.keep(UUID, [make_job("13.0", State.COMPLETED, exit_code=0)])
    path = kept.directory / f"{UUID}.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    found = kept.read(UUID)
    assert (list(found.jobs), found.asked, found.settled) == ([0], (), frozenset())


@pytest.mark.parametrize("uuid", ["", "../x", "a/b", ".hidden", "x" * 101])
def test_a_word_that_names_no_submission_keeps_nothing(tmp_path: Path, uuid: str) -> None:
    kept = kept_at(tmp_path)
    kept.keep(uuid, [make_job("13.0", State.COMPLETED)])
    assert kept.read(uuid).jobs == {}
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    kept = kept_at(tmp_path)
    kept.keep(UUID, [make_job("13.0", State.COMPLETED)])
    assert kept.read(UUID).jobs == {}


def test_arguments_that_are_much_too_long_are_cut(tmp_path: Path) -> None:
    kept = kept_at(tmp_path)
    kept.keep(UUID, [make_job("13.0", State.COMPLETED, arguments=("x" * 3000, "y" * 3000, "z"))])
    words = kept.read(UUID).jobs[0].arguments
    assert words == ("x" * 3000, "y" * 999 + "…", "…")


@pytest.mark.parametrize(
    ("asked", "final"), [((), False), ((0,), False), ((0, 30), False), ((0, 90), True)]
)
def test_a_schedd_that_twice_knew_no_more_is_not_asked_again(
    tmp_path: Path, asked: tuple[int, ...], *, final: bool
) -> None:
    kept = kept_at(tmp_path)
    for moment in asked:
        kept.keep(UUID, [], Asked(asked=NOON + moment, ended=5))
    assert kept.read(UUID).is_final(5) is final
    assert kept.read(UUID).is_final(6) is False


def test_what_is_old_is_forgotten_once_a_day_by_who_writes(tmp_path: Path) -> None:
    """Nothing grows for ever; and a command that writes does not look at all of it each time."""
    kept, job = kept_at(tmp_path), make_job("13.0", State.COMPLETED, exit_code=0, ended=NOON)
    for uuid in ("old", "older", "young"):
        kept.keep(uuid, [job])
    now = time.time()
    for uuid, days in (("old", 101), ("older", 500), ("young", 99)):
        os.utime(kept.directory / f"{uuid}.jsonl", (now, now - days * 86400))
    kept.keep("new", [job])
    assert kept.read("old").jobs  # it was looked for today
    os.utime(kept.directory / ".pruned", (now, now - 2 * 86400))
    kept.keep("newer", [job])
    names = {path.name for path in kept.directory.iterdir()}
    assert names == {"young.jsonl", "new.jsonl", "newer.jsonl", ".pruned"}
    kept.prune(now + 101 * 86400)
    assert [path.name for path in kept.directory.iterdir()] == [".pruned"]
