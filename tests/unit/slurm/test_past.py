"""Which of the jobs that have ended are told, by whom, and how much is read for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.batch import JobStatus, Selection, State
from hepsub.jobid import JobId
from hepsub.slurm import ends, past
from hepsub.slurm.past import Past
from hepsub.slurm.rows import Row
from hepsub.slurm.slips import Slip, Slips
from tests.unit.slurm.test_rows import one

NOW = 2_000_000_000


class World:
    """A Slurm that knows some jobs, and slips."""

    def __init__(self, directory: Path) -> None:
        self.slips = Slips(directory=directory)
        self.queue: list[Row] = []
        self.accounts: list[Row] = []
        self.read: list[str] = []

    def slip(self, cluster: int, number: int = 1) -> Slip:
        """A submission of alice's."""
        slip = Slip(
            uuid=f"{cluster:036}", pool="hpc", number=number, submitted=NOW - 1000, owner="alice"
        )
        self.slips.begin(slip)
        return self.slips.know(slip, cluster)

    def note(self, slip: Slip, proc: int, ended: int, rest: str = "") -> None:
        """Let a job note that it ended with 0."""
        place = self.slips.place(slip.uuid) / "ends"
        (place / str(proc)).write_text(f"0 {ended - 10} {ended} n1 {rest}\n")
        for each in (place / str(proc), place):
            os.utime(each, (ended, ended))

    def past(self, most: int = 100, since: float = 0, ids: Sequence[JobId] = ()) -> list[JobStatus]:
        """What is told."""
        asked = Past(
            pool="hpc",
            slips=self.slips,
            user="alice",
            now=NOW,
            selection=Selection(ids=tuple(ids)),
            most=most,
            since=since,
        )
        return list(asked.jobs())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a Slurm that knows nothing."""
    made = World(tmp_path / "slurm")

    def accounts_of(*_: object) -> Iterator[Row]:
        return iter(made.accounts)

    def rows_of(*_: object, past: bool) -> Iterator[Row]:
        assert past
        return iter(made.queue)

    def ends_in(place: Path, most: int, since: float) -> object:
        made.read.append(place.name)
        return ends.ends_in(place, most, since)

    monkeypatch.setattr(past, "accounts_of", accounts_of)
    monkeypatch.setattr(past, "rows_of", rows_of)
    monkeypatch.setattr(past, "ends_in", ends_in)
    return made


def ids(jobs: Sequence[JobStatus]) -> list[str]:
    """`cluster.proc` of each."""
    return [job.job for job in jobs]


def test_no_more_notes_are_read_than_are_asked_for(world: World) -> None:
    for cluster in range(1, 41):
        world.note(world.slip(cluster), 0, NOW - 1000 * cluster)
    assert ids(world.past(3)) == ["1.0", "2.0", "3.0"]
    assert len(world.read) == 3
    world.read.clear()
    assert ids(world.past(since=NOW - 2500)) == ["1.0", "2.0"]
    assert len(world.read) == 2
    assert ids(world.past(since=NOW - 2000)) == ["1.0", "2.0"]


def test_of_a_large_submission_the_latest_are_read(world: World) -> None:
    slip = world.slip(7, 1000)
    for proc in range(1000):
        world.note(slip, proc, NOW - proc)
    assert ids(world.past(2)) == ["7.0", "7.1"]


def test_who_lives_has_not_ended(world: World) -> None:
    """One that was requeued noted the end of its first run."""
    slip = world.slip(7, 2)
    world.note(slip, 0, NOW - 50)
    world.note(slip, 1, NOW - 60)
    world.queue = [one(ArrayJobID="7", JobID="7", ArrayTaskID="0", Reason="BeginTime")]
    assert ids(world.past()) == ["7.1"]
    world.note(slip, 5, NOW)  # of which there is no such job
    assert ids(world.past()) == ["7.1"]


def test_who_lives_among_many_has_not_ended(world: World) -> None:
    slip = world.slip(7, 12)
    for proc in (0, 3, 9, 10):
        world.note(slip, proc, NOW - 50)
    world.queue = [one(ArrayJobID="7", JobID="7", ArrayTaskID="0-9", Reason="BeginTime")]
    assert ids(world.past()) == ["7.10"]


def test_what_was_removed(world: World) -> None:
    slip = world.slip(7, 20_000)
    rows = [one(ArrayJobID="7", JobID="7", ArrayTaskID="0-19999", Comment=f"hepsub:{slip.uuid}")]
    world.note(slip, 3, NOW - 200)
    world.slips.note_removed(rows, NOW - 100)
    world.note(slip, 4, NOW - 90, "TERM")
    jobs = {job.proc: job for job in world.past(10)}
    assert len(jobs) == 10
    assert (jobs[4].state, jobs[4].ended, jobs[4].host) == (State.REMOVED, NOW - 90, "n1")
    assert (jobs[0].state, jobs[0].remove_reason) == (State.REMOVED, "by hep_rm")
    (own,) = world.past(ids=[JobId(cluster=7, first=3, last=3)])
    assert (own.state, own.exit_code) == (State.COMPLETED, 0)
    (last,) = world.past(1, ids=[JobId(cluster=7, first=19_999, last=19_999)])
    assert (last.proc, last.state) == (19_999, State.REMOVED)
    assert len(world.past(30_000)) == 20_000


def test_one_job_of_many_is_found(world: World) -> None:
    slip = world.slip(7, 100)
    for proc in range(100):
        world.note(slip, proc, NOW - proc)
    assert ids(world.past(1, ids=[JobId(cluster=7, first=70, last=70)])) == ["7.70"]


def test_accounting_adds_what_only_it_knows(world: World) -> None:
    slip = world.slip(7, 3)
    usual = {"ArrayJobID": "7", "JobID": "7", "State": "COMPLETED", "exit_code": "0:0"}
    usual |= {"Comment": f"hepsub:{slip.uuid}", "EndTime": str(NOW - 5)}
    world.queue = [one(**usual, ArrayTaskID="0")]
    world.accounts = [replace(one(**usual, ArrayTaskID=task), peak_mb=42.0) for task in ("0", "1")]
    for proc in range(3):
        world.note(slip, proc, NOW - 5)
    found = world.past()
    assert ids(found) == ["7.0", "7.1", "7.2"]
    assert [job.memory_mb for job in found] == [42, 42, 0]


def test_the_rest_of_an_array_that_was_cancelled_is_what_nobody_else_tells_of(world: World) -> None:
    """Slurm shows it as one job that is no array's."""
    slip = world.slip(7, 4)
    usual = {"ArrayJobID": "7", "JobID": "7", "Comment": f"hepsub:{slip.uuid}"}
    cancelled = one(**usual, ArrayTaskID="N/A", State="CANCELLED", EndTime=str(NOW))
    world.queue = [cancelled, one(**usual, ArrayTaskID="0", State="RUNNING")]
    world.note(slip, 1, NOW - 5)
    found = world.past()
    assert [(job.proc, job.state.value) for job in found] == [(2, "X"), (3, "X"), (1, "C")]
    (second,) = world.past(ids=[JobId(cluster=7, first=3, last=3)])
    assert (second.proc, second.state) == (3, State.REMOVED)


@pytest.mark.parametrize(("ran", "state"), [(5, State.REMOVED), (58, State.COMPLETED)])
def test_a_short_job_that_was_told_to_end(world: World, ran: int, state: State) -> None:
    """By whoever cancelled it, or by Slurm at the end of its minute: nobody knows but by the time that it had."""
    slip = world.slip(7)
    world.slips.know(replace(slip, walltime_s=60), 7)
    place = world.slips.place(slip.uuid) / "ends/0"
    place.write_text(f"143 {NOW - ran} {NOW} n1 TERM\n")
    (job,) = world.past()
    assert (job.state, job.remove_reason.partition(" ")[0]) == (
        state,
        "cancelled" if state is State.REMOVED else "it",
    )


def test_a_note_of_an_earlier_run_says_nothing_of_the_last(world: World) -> None:
    """That one could not note its end: its user's quota was used up."""
    slip = world.slip(7)
    place = world.slips.place(slip.uuid) / "ends/0"
    place.write_text(f"143 {NOW - 100} {NOW - 90} n1 TERM\n")
    done = one(
        ArrayJobID="7", JobID="7", ArrayTaskID="0", State="COMPLETED", Comment=f"hepsub:{slip.uuid}"
    )
    world.queue = [done]
    (job,) = world.past()
    assert (job.exit_code, job.exit_signal) == (0, None)
    world.queue = [replace(done, slurm_state="FAILED", exit_code=143)]
    (job,) = world.past()
    assert (job.exit_code, job.exit_signal) == (None, 15)
