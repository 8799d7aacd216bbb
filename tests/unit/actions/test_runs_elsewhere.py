"""Jobs that went into another pool are told of under their first ids, whatever -p and whoever is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.cluster import ClusterReports, reports
from hepsub.actions.queue.query import Filter
from hepsub.actions.queue.why import Explanations, why
from hepsub.actions.queue.word import Word, job_state
from hepsub.batch import State
from hepsub.errors import HepsubError
from hepsub.jobid import parse_job_id
from hepsub.result import Result
from tests.unit.actions.test_resend import WENT, World

THERE, LONG = parse_job_id("13"), parse_job_id("schedd01.far:13")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Of 13 in the pool far, job 3 runs there; 0, 1, 2 and 4 went into the default pool, as 13.0-3 as well."""
    world = World(tmp_path)
    world.far.jobs[3] = replace(world.far.jobs[3], state=State.RUNNING)
    world.hold(0, 1, 2)
    assert world.round() == [WENT]
    world.home.jobs[3] = replace(world.home.jobs[3], state=State.HELD, hold_code=1)
    return world


def counted(result: Result[ClusterReports]) -> tuple[int, ...]:
    [each] = result.value.clusters
    return (each.number, each.idle, each.running, each.held, each.unknown)


def explained(result: Result[Explanations]) -> list[tuple[tuple[str, ...], State]]:
    return [(each.jobs, each.state) for each in result.value.explanations]


def word(world: World, pool: str | None) -> Word:
    job = THERE if pool else LONG
    value = job_state(world.session(), job, pool, lambda _: None).value
    return value.state


@pytest.mark.parametrize("pool", ["far", None])
def test_in_full(world: World, pool: str | None) -> None:
    result = reports(world.session(), [THERE if pool else LONG], pool)
    assert (result.problems, counted(result)) == ((), (5, 3, 1, 1, 0))
    assert word(world, pool) is Word.RUNNING


@pytest.mark.parametrize("pool", ["far", None])
def test_why(world: World, pool: str | None) -> None:
    result = why(world.session(), Filter(ids=(THERE if pool else LONG,), pool=pool))
    assert result.problems == ()
    states = {state for _, state in explained(result)}
    assert states == {State.IDLE, State.RUNNING, State.HELD}
    jobs = {job for jobs, _ in explained(result) for job in jobs}
    assert len(jobs) == 5


@pytest.mark.parametrize("pool", ["far", None])
def test_while_the_other_pool_is_away(world: World, pool: str | None) -> None:
    """The id's own jobs are told of all the same, and that it does not answer."""
    world.home.reachable = False
    result = reports(world.session(), [THERE if pool else LONG], pool)
    assert counted(result) == (5, 0, 1, 0, 4)
    assert any("schedd01.home" in each.message for each in result.problems)
    told = why(world.session(), Filter(ids=(THERE if pool else LONG,), pool=pool))
    assert [state for _, state in explained(told)] == [State.RUNNING]
    assert any("schedd01.home" in each.message for each in told.problems)
    world.far.jobs = []
    with pytest.raises(HepsubError, match="does not answer"):
        word(world, pool)
