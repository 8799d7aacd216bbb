"""Jobs that leave another pool: what its schedd makes up, or what this machine cannot do, spoils nothing else."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Collection
from typing import Any

import htcondor2
import pytest
from msgspec.structs import replace

from hepsub.batch_sites import Removed
from hepsub.bundle.leaving import Move, note_move, read_moves
from hepsub.condor.description import describe
from hepsub.errors import NotDone
from hepsub.jobid import SubmissionRef
from hepsub.plan.model import LEFT_SITES
from tests.fakes.batch import FakeLeaving
from tests.unit.actions.test_resend import HOUR, NOW, WENT, World, dying, procs_of, world

__all__ = ["world"]


HOSTILE = (
    "x\"\nuniverse = local\nMy.A = \"", "$ENV(HOME)", "$(Cmd)", "y" * 1010, "$$(A)", "\x1b[2J", "other-site",
)  # fmt: skip


@pytest.mark.parametrize("killed", [False, True])
def test_what_another_pool_calls_sites_gets_into_no_submission_here(
    world: World, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """A line end there would be a submit command here; what is no site of the policy is nothing, and spoils no note."""

    def lying(clusters: Collection[int], jobs: Callable[..., Any] = world.leaving.held) -> Any:
        return tuple(replace(each, left=HOSTILE) for each in jobs(clusters))

    monkeypatch.setattr(FakeLeaving, "held", lambda _, clusters: lying(clusters))
    if killed:
        with dying(world, "after it", monkeypatch):
            world.round()
    assert world.round() == [WENT]
    [plan] = world.again()
    assert plan.route.attributes[LEFT_SITES] == '"a"'
    described = htcondor2.Submit(describe(plan, "u-1").text)
    assert described["universe"] == "vanilla"
    assert all(each not in str(described) for each in HOSTILE)


def test_jobs_that_left_different_sites_before_go_in_one_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind as a submission of its own; the others wait where one cannot be finished."""
    world.policy += '[site.c]\nrequirements = \'G == "c"\'\nisolation = "user"\n'

    def differing(_: FakeLeaving, clusters: Collection[int]) -> Any:
        jobs = tuple(each for each in world.leaving.on_hold if each.cluster in clusters)
        return tuple(replace(each, left=("b",)) if each.proc == 1 else each for each in jobs)

    monkeypatch.setattr(FakeLeaving, "held", differing)

    def lost(ref: SubmissionRef, procs: Collection[int]) -> Removed:
        told = world.remove(ref, procs)
        return told if 1 in procs else replace(told, gone=told.gone - {"13.0"})

    world.leaving.removing = lost
    first, second = world.round()
    assert "nobody can tell that they do not run (1)" in first
    assert second.endswith("at a wait: others of the same submission are on their way first")
    assert world.moves() == {world.sent.uuid: [0, 2, 4]}
    world.leaving.removing = world.remove
    assert len(world.round()) == 2
    assert sorted(procs_of(world.again())) == [(0, 2, 4), (1,)]
    assert [plan.route.attributes[LEFT_SITES] for plan in world.again()] == ['"a"', '"b,a"']
    assert (world.moves(), [job.job for job in world.far.jobs]) == ({}, ["13.3"])


UNREACHABLE = [errno.EACCES, errno.ESTALE, errno.EIO, errno.ENAMETOOLONG]


@pytest.mark.parametrize("number", UNREACHABLE)
def test_a_directory_that_cannot_be_looked_at_ends_no_round(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Neither the one where the jobs were submitted, nor anything else of one submission."""
    really = os.stat

    def stat(path: Any, *more: Any, **words: Any) -> os.stat_result:
        if str(path) == str(world.directory):
            raise OSError(number, os.strerror(number), path)
        return really(path, *more, **words)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        [said] = world.round()
    assert f"stay there: nothing was submitted: the directory {world.directory} is not" in said

    def fail(*_: object) -> Any:
        raise OSError(number, os.strerror(number), "/x")

    with monkeypatch.context() as patch:
        patch.setattr("hepsub.actions.renew.departure.judge", fail)
        [said] = world.round()
    assert f"stay there: [Errno {number}] {os.strerror(number)}: '/x'; hep_auth" in said
    assert world.round() == [WENT]


def test_what_could_not_be_read_again_is_not_noted(world: World) -> None:
    """Nothing is removed then, and what is noted of others stays."""
    file = world.session().bundles / ".renew/moves.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    other = {"site": "a", "left": [], "procs": [3], "since": NOW}
    file.write_text(json.dumps({"moves": {"other": other}}))
    root = world.session().bundles
    moves = read_moves(root)
    for bad in (
        Move(site="n" * 1001, procs=(1,), since=NOW),
        Move(site="a", left=("n" * 1001,), procs=(1,), since=NOW),
        Move(site="a", procs=(-1,), since=NOW),
    ):
        with pytest.raises(NotDone, match="cannot be noted"):
            note_move(root, moves, "u", bad)
        with pytest.raises(NotDone, match="cannot be noted"):
            note_move(root, moves, "u" * 1001, replace(bad, site="a", left=(), procs=(1,)))
    assert moves.keys() == {"other"}
    assert json.loads(file.read_text()) == {"moves": {"other": other}}
    note_move(root, moves, "u", Move(site="a", procs=(1,), since=NOW))
    assert read_moves(root).keys() == moves.keys() == {"other", "u"}


def test_what_the_journal_does_not_know_is_said_for_days(world: World) -> None:
    """And then forgotten; also when the policy names no site any more."""
    file = world.session().bundles / ".renew/moves.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(
        json.dumps({"moves": {"other": {"site": "a", "left": [], "procs": [3], "since": NOW}}})
    )
    world.policy = world.policy.partition("[site.a]")[0]
    [said] = world.round()
    assert said.startswith("1 job(s) of the submission other were removed at a, or may have been")
    assert world.moves() == {"other": [3]}
    world.now += 4 * 24 * HOUR
    [said] = world.round()
    assert said.endswith("submit them by hand; this is not said again")
    assert (world.round(), world.moves()) == ([], {})


def test_it_is_given_up_also_where_the_schedd_never_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the number of the jobs, and why."""
    with dying(world, "after it", monkeypatch):
        world.round()
    world.far.reachable = False
    world.now += 2 * 24 * HOUR
    assert "are not submitted anew yet" in " ".join(world.round())
    world.now += 2 * 24 * HOUR
    said = world.round()[-1]
    assert said.startswith("4 job(s) of schedd01.far:13 at a were removed there, or may have been,")
    assert "for days (the schedd schedd01.far does not answer): it is not tried again; hep" in said
    assert world.moves() == {}
