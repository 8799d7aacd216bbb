"""hep_rm, hep_hold, hep_release, hep_edit of jobs on their way into another pool, or already there."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from hepsub.actions.queue.control import Control, control
from hepsub.actions.queue.edit import edit
from hepsub.actions.queue.word import Word
from hepsub.batch import Act
from hepsub.batch_edit import Edit
from hepsub.bundle.directory import locked
from hepsub.cli.output import value_text
from hepsub.jobid import parse_job_id
from hepsub.result import Result
from tests.fakes.batch import FakeSchedd
from tests.unit.actions.test_onward import assert_went, removed_alone, word
from tests.unit.actions.test_resend import World, procs_of, world

__all__ = ["world"]


def act(world: World, what: Act, *jobs: str, pool: str | None = None) -> Result[Control]:
    return control(world.session(), what, tuple(map(parse_job_id, jobs)), pool)


@pytest.mark.parametrize(
    ("jobs", "pool", "number", "halted", "left"),
    [
        (["13.0"], "far", 1, "1 job(s) of 13.0 were", (1, 2, 4)),
        (["schedd01.far:13.0-1"], None, 2, "2 job(s) of schedd01.far:13.0-1 were", (2, 4)),
        (["schedd01.far:13.2-4"], None, 3, "2 job(s) of schedd01.far:13.2-4 were", (0, 1)),
        (["13"], "far", 5, "4 job(s) of 13 were", ()),
        ([], None, 1, "4 job(s) were", ()),
    ],
)
def test_what_is_removed_on_its_way_is_not_submitted(
    world: World, jobs: list[str], pool: str | None, number: int, halted: str, left: tuple[int, ...]
) -> None:
    removed_alone(world)
    result = act(world, Act.REMOVE, *jobs, pool=pool)
    assert (result.exit_code, result.problems, result.value.number) == (0, (), number)
    assert result.notes == (f"{halted} on their way to another pool, and are not submitted there",)
    world.round()
    assert procs_of(world.again()) == ([left] if left else [])
    assert world.moves() == {}
    if not left:
        assert word(world) is Word.FAILED


def test_what_a_round_is_at_is_said(world: World) -> None:
    """It may be about to submit the jobs; what is in the queue is removed all the same."""
    removed_alone(world)
    context = multiprocessing.get_context("fork")
    ready, over = context.Event(), context.Event()

    def be_at_it() -> None:
        with locked(world.session().bundles / ".renew"):
            ready.set()
            over.wait(60)

    other = context.Process(target=be_at_it)
    other.start()
    try:
        assert ready.wait(60)
        result = act(world, Act.REMOVE, "13", pool="far")
    finally:
        over.set()
        other.join()
    assert result.value.number == 1
    assert [each.message for each in result.problems] == [
        "hep_auth renew is at work, and may be about to submit some of these jobs in another pool"
    ]
    assert result.problems[0].remedy == "try again in a minute"


def test_only_hep_rm_halts(world: World) -> None:
    removed_alone(world)
    assert act(world, Act.HOLD, "13.0", pool="far").exit_code != 0
    assert_went(world)


@pytest.mark.parametrize(
    ("what", "command"),
    [(Act.REMOVE, "hep_rm"), (Act.HOLD, "hep_hold"), (Act.RELEASE, "hep_release")],
)
def test_what_runs_again_is_named(world: World, what: Act, command: str) -> None:
    """And left alone: the id means another job."""
    assert_went(world)
    result = act(world, what, "13.4", pool="far")
    assert [(each.message, each.remedy) for each in result.problems] == [
        ("13.4 is not in the queue: 13.4 runs again as 13.3", f"{command} 13.3")
    ]
    assert len(world.home.jobs) == 4
    if what is Act.REMOVE:
        result = act(world, what, "13", pool="far")
        assert (result.exit_code, result.value.number) == (0, 1)
        assert result.notes == ("13.0-2,4 run again as 13.0-3: hep_rm 13",)


def test_hep_edit_names_it_too(world: World) -> None:
    assert_went(world)
    result = edit(world.session(), (parse_job_id("13.4"),), Edit(memory_mb=4000), "far")
    assert [(each.message, each.remedy) for each in result.problems] == [
        ("13.4 is not in the queue: 13.4 runs again as 13.3", "hep_edit with 13.3")
    ]


def test_a_change_whose_effect_cannot_be_asked_for_is_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedd goes away when it has changed the walltime."""
    change = FakeSchedd.edit

    def edit_and_go(schedd: FakeSchedd, *words: Any) -> None:
        change(schedd, *words)
        schedd.reachable = False

    monkeypatch.setattr(FakeSchedd, "edit", edit_and_go)
    wanted = Edit(walltime=lambda _: ("", 7200))
    result = edit(world.session(), (parse_job_id("13.4"),), wanted, "far")
    assert (result.exit_code, result.problems) == (0, ())
    assert [(each.number, each.what, each.new) for each in result.value.changes] == [
        (1, "walltime", None)
    ]
    assert "walltime " in value_text(result.value)
    assert "-> (not known)" in value_text(result.value)
