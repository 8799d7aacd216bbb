"""hep_wait: any jobs at any time; what was resubmitted counts as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.lineage import Lineage
from hepsub.actions.queue import latest
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.later import WaitedJobs, wait_for
from hepsub.actions.submit.judge import Judged, judge
from hepsub.actions.submit.submit import submit
from hepsub.batch import JobStatus, Queue, Selection, State
from hepsub.cli.output import value_text
from hepsub.errors import PoolUnreachable, UnknownJob
from hepsub.jobid import parse_job_id
from hepsub.result import Result
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, make_job
from tests.fakes.world import NOON, make_spec
from tests.unit.actions.test_resubmit import World, end


class Time:
    """A clock of the test: it goes on while somebody sleeps, and things happen then."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.steps:
            self.steps.pop(0)()
        assert self.seconds < 10_000, "it would wait for ever"

    def clock(self) -> Clock:
        return Clock(sleep=self.sleep, progress=lambda _: None, now=lambda: self.seconds)


def wait_in(
    world: World, time: Time, *ids: str, limit_s: float | None = None
) -> Result[WaitedJobs]:
    wanted = [parse_job_id(each) for each in ids]
    return wait_for(world.session(), wanted, None, time.clock(), limit_s)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Cluster 13 of six jobs that run."""
    world = World(tmp_path)
    world.schedd.jobs = [make_job(f"13.{proc}", State.RUNNING) for proc in range(6)]
    return world


def test_all_well(world: World) -> None:
    """Later, too, when they have left the queue long ago."""
    everything = [end(f"13.{proc}", 0) for proc in range(6)]
    result = wait_in(world, Time(lambda: None, lambda: world.ended(*everything)), "13")
    assert (result.exit_code, result.problems) == (0, ())
    assert value_text(result.value) == "6 of 6 job(s) ended with exit code 0"
    assert wait_in(world, Time(), "13.2", "13.4-5").exit_code == 0


def test_failures_are_named_with_their_stderr(world: World, tmp_path: Path) -> None:
    """One that is on hold ends the waiting, too."""
    log = tmp_path / "job.sh.err.13.1"
    log.write_text("no such run\n")
    world.ended(end("13.0", 0), end("13.1", 3, stderr=str(log)), end("13.2", None, exit_signal=9))
    world.schedd.jobs = [make_job("13.3", State.HELD, hold_reason="memory")]
    result = wait_in(world, Time(), "13.0-3")
    assert result.exit_code == 60
    assert result.problems[0].message == (
        f"3 of 4 job(s) did not end with 0: 13.1 ended with exit code 3 (stderr: {log}),"
        " 13.2 was ended by signal 9, 13.3 is on hold (memory)"
    )
    value = result.value
    assert value_text(value) == "1 of 4 job(s) ended with exit code 0"  # the problem tells the rest
    assert [job.state for job in value.jobs] == ["succeeded", "failed", "failed", "held"]
    assert (value.jobs[1].stderr, value.jobs[1].exit_code) == (str(log), 3)
    assert value.failed == 3


def test_what_was_resubmitted_counts_as_it_is_now(world: World) -> None:
    """Also what is resubmitted while somebody waits."""
    world.ended(*(end(f"13.{proc}", proc % 2) for proc in range(6)))
    assert wait_in(world, Time(), "13").exit_code == 60

    def again() -> None:
        world.ended(end("13.1"), end("14.0", 0), end("14.1", 0), end("14.2", 0))

    world.again()
    result = wait_in(world, Time(again), "13")
    assert result.exit_code == 0
    runs = [(job.job, job.run) for job in result.value.jobs]
    assert runs[:4] == [("13.0", "13.0"), ("13.1", "14.0"), ("13.2", "13.2"), ("13.3", "14.1")]
    assert [job.job for job in wait_in(world, Time(), "14").value.jobs] == [
        "13.1",
        "13.3",
        "13.5",
    ]


def test_the_next_command_is_about_what_failed(world: World) -> None:
    """Of two clusters that are waited for the second one failed, or is on hold."""
    submit(world.session(), make_spec("job.sh"))
    world.ended(*(end(f"13.{proc}", 0) for proc in range(6)), end("14.0", 3))
    [problem] = wait_in(world, Time(), "13", "14").problems
    assert problem.message == "1 of 7 job(s) did not end with 0: 14.0 ended with exit code 3"
    assert problem.remedy == "hep_sub -resubmit 14 -failed runs them again, when that is mended"
    world.schedd.jobs, world.schedd.past = [make_job("14.0", State.HELD)], world.schedd.past[:-1]
    [problem] = wait_in(world, Time(), "13", "14").problems
    assert problem.remedy == "hep_q -i 14 -why tells what to do about the ones on hold"


def test_the_end_of_the_time(world: World) -> None:
    """The jobs go on, and that is an exit code of its own."""
    world.ended(end("13.0", 0))
    time = Time()
    result = wait_in(world, time, "13", limit_s=60)
    assert time.seconds == 60
    assert result.exit_code == 61
    assert "5 of 6 job(s) of cluster 13 go on" in result.problems[0].message
    assert result.value.timed_out
    assert result.value.alive == 5
    assert len(world.schedd.jobs) == 5
    assert value_text(result.value).splitlines() == [
        "1 of 6 job(s) ended with exit code 0",
        "5 is running: 13.1-5",
    ]


def test_the_end_of_the_time_while_the_schedd_is_away(world: World) -> None:
    """The exit code says the same."""

    def goes_away() -> None:
        world.schedd.reachable = False

    result = wait_in(world, Time(goes_away), "13", limit_s=60)
    assert (result.exit_code, value_text(result.value)) == (61, "")
    assert "how the jobs of cluster 13 stand cannot be asked now" in result.problems[0].message


def test_ctrl_c(world: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    result = wait_in(world, Time(interrupt), "13")
    assert result.exit_code == 130
    assert result.value.interrupted
    assert value_text(result.value) == ""
    assert "act remove" not in world.schedd.calls


def test_what_nobody_knows(world: World) -> None:
    with pytest.raises(UnknownJob):
        wait_in(world, Time(), "13.9")
    world.schedd.jobs = []
    result = wait_in(world, Time(), "13")
    assert result.exit_code == 60
    assert result.problems[0].message == (
        "6 of 6 job(s) did not end with 0: the end of 6 is not known"
    )


class Released(FakeSchedd):
    """Somebody releases a job on hold when it was looked at once."""

    looks = 0

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        self.looks += 1
        if self.looks == 2:
            self.jobs = [replace(job, state=State.RUNNING) for job in self.jobs]
        return super().queue(selection, now, brief=brief)


def test_a_job_that_is_released_meanwhile_is_waited_for(tmp_path: Path) -> None:
    """It was on hold when the queue was asked, and runs when all ends are looked up."""
    schedd = Released(host="login01.example.org")
    world = World(tmp_path, "job.sh", schedd=schedd)
    schedd.jobs = [make_job("13.0", State.HELD)]
    time = Time(*[lambda: None] * 5, lambda: world.ended(end("13.0", 0)))
    assert wait_in(world, time, "13").exit_code == 0
    assert schedd.looks > 5


class Restarting(FakeSchedd):
    """It does not answer when all ends are looked up, for a while."""

    looks = 0

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        self.looks += 1
        if self.looks < 3:
            raise PoolUnreachable("the schedd does not answer", remedy="wait")
        return super().history(selection, most, since)


def test_a_schedd_that_restarts_at_the_very_end_is_waited_for(tmp_path: Path) -> None:
    schedd = Restarting(host="login01.example.org")
    world = World(tmp_path, "job.sh", schedd=schedd)
    world.ended(end("13.0", 0))
    time = Time()
    assert wait_in(world, time, "13").exit_code == 0
    assert time.seconds == 6


@pytest.mark.parametrize("code", [15, 16])
def test_a_job_whose_files_are_on_their_way_is_waited_for(tmp_path: Path, code: int) -> None:
    """As long as they can be; then only its user can help."""
    world = World(tmp_path, "job.sh")
    waiting = make_job("13.0", State.HELD, hold_code=code, hold_reason="Spooling", submitted=NOON)
    world.schedd.jobs = [waiting]
    time = Time(*[lambda: None] * 20, lambda: world.ended(end("13.0", 0)))
    assert wait_in(world, time, "13").exit_code == 0
    world = World(tmp_path, "job.sh")
    world.schedd.jobs = [waiting]
    time = Time()
    result = wait_in(world, time, "13")
    assert 600 <= time.seconds < 700
    assert result.exit_code == 60
    assert result.problems[0].remedy.startswith("hep_q -i 13 -why")


def test_of_a_job_that_nobody_knows_the_history_is_not_read_again_and_again(world: World) -> None:
    world.schedd.jobs = []
    wait_in(world, Time(), "13")
    assert world.schedd.calls.count("history") <= 5


def test_outputs_that_a_schedd_keeps_are_fetched_before_it_is_judged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 85 says that they are at home: the report that comes with them says whether that was all."""
    world.spool = True
    world.schedd.jobs = [
        make_job("13.0", State.COMPLETED, exit_code=85, ended=NOON),
        *(make_job(f"13.{proc}", State.COMPLETED, exit_code=0) for proc in range(1, 6)),
    ]
    order: list[str] = []

    def collect(*_: object) -> str:
        order.append("collect")
        return "it is away"

    def look(session: Session, lineage: Lineage, *, thorough: bool) -> tuple[Judged, ...]:
        order.append("judge")
        return judge(session, lineage, thorough=thorough)

    monkeypatch.setattr(latest, "collect_one", collect)
    monkeypatch.setattr(latest, "judge_onward", look)
    result = wait_in(world, Time(), "13")
    assert order == ["collect", "judge"]
    assert (result.exit_code, result.value.jobs[0].state) == (60, "left")
    assert result.problems[0].code == "spool"
