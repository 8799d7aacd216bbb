"""Which jobs start when: priority, then id; cores and memory as slots."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.batch import State
from hepsub.local.machine import this_machine
from tests.here.world import Here, until


@pytest.fixture
def one_core() -> Iterator[None]:
    """This process, and the runner that it starts, may use one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_core")
def test_priority_then_id(here: Here) -> None:
    here.script("until [ -e go ]; do sleep 0.02; done", "first.sh")
    here.script('echo "$_CONDOR_IHEP_JOB_ID" >>order', "next.sh")
    first = here.submit("first.sh")
    here.reach(f"{first}.0", State.RUNNING)
    low = here.submit("next.sh", "-prio", "-3")
    usual = here.submit("next.sh", "-n", "2")
    high = here.submit("next.sh", "-prio", "5")
    assert [job.state for job in here.queued(str(usual))] == [State.IDLE, State.IDLE]
    (here.directory / "go").touch()
    here.ended(low)
    assert here.read("order").split() == [f"{high}.0", f"{usual}.0", f"{usual}.1", f"{low}.0"]


def test_cores_are_slots(here: Here) -> None:
    cores = this_machine().cores
    here.script("echo x >>started; until [ -e go ]; do sleep 0.02; done")
    cluster = here.submit("job.sh", "-n", str(cores + 2))
    until(lambda: here.read("started").count("x") == cores)
    states = [job.state for job in here.queued(str(cluster))]
    assert states == [State.RUNNING] * cores + [State.IDLE] * 2
    (here.directory / "go").touch()
    assert len(here.ended(cluster)) == cores + 2


def test_memory_is_a_slot_and_nobody_is_passed(here: Here) -> None:
    memory = this_machine().memory_mb
    here.script('echo "$_CONDOR_IHEP_JOB_ID" >>started; until [ -e go ]; do sleep 0.02; done')

    def submit(share: float) -> str:
        return f"{here.submit('job.sh', '-mem', str(int(memory * share)))}.0"

    def why(job: str) -> str:
        return here.pool.explain(here.queued(job)[0], job, 0).sentence

    first = submit(0.6)
    here.reach(first, State.RUNNING)
    large = submit(0.9)
    small = submit(0.25)
    assert "of memory are free" in why(large)
    assert why(small) == "1 job(s) go first, by priority and then by id"
    (here.directory / "go").touch()
    until(lambda: not here.queued())
    assert here.read("started").split() == [first, large, small]


def test_a_request_above_the_machine_is_capped_and_said(here: Here) -> None:
    here.script("true")
    words = ("job.sh", "-np", "1000", "-mem", "100TB")
    assert "1000 cores were asked for, this machine has" in here.pool.describe(
        here.plan(*words), "uuid"
    )
    (job,) = here.ended(here.submit(*words))
    assert job.exit_code == 0


def test_nothing_is_made_before_the_first_submission(here: Here) -> None:
    here.script("true")
    here.pool.describe(here.plan("job.sh"), "uuid")
    assert here.queued() == here.past() == ()
    assert not Path(here.place.directory).exists()
