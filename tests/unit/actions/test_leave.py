"""A round leaves bad sites out, sends jobs elsewhere, and says so; one trouble stops nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.leave import leave_out
from hepsub.actions.renew.live import find_live
from hepsub.actions.renew.renew import renew
from hepsub.actions.submit.result import Submission
from hepsub.actions.submit.submit import submit
from hepsub.batch_sites import HeldThere
from hepsub.bundle.bundle import read_bundle
from hepsub.bundle.directory import locked
from hepsub.bundle.leaving import left_out_now, read_sites
from hepsub.errors import PoolError
from hepsub.plan.model import Route
from hepsub.session import Session
from tests.fakes.batch import FakeLeaving
from tests.fakes.world import make_policy, make_spec
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]

HOUR = 3600.0
SITES = """
[site.a]
requirements = 'G == "a"'
isolation = "user"
[site.b]
requirements = 'G == "b"'
isolation = "user"
"""


def session(world: World, ahead: float = 0) -> Session:
    """A session of one who has two sites, so many seconds from now."""
    usual = world.session()
    policy = make_policy(
        f'[staging]\nbundle_dir = "/proc/self/root{world.directory}/bundles"\n{SITES}'
    )
    now = usual.situation.now + ahead
    return replace(usual, policy=policy, situation=replace(usual.situation, now=now))


def leaving(world: World) -> FakeLeaving:
    """The schedd's jobs at sites."""
    assert world.schedd.leaving is not None
    return world.schedd.leaving


def hold(world: World, *procs: int, site: str = "a", **more: object) -> None:
    """Let a site hold jobs."""
    elsewhere = tuple(each for each in ("a", "b") if each != site)
    one = HeldThere(
        cluster=13, proc=0, site=site, since=world.now, code=19, reason="h", elsewhere=elsewhere
    )  # fmt: skip
    leaving(world).on_hold += [replace(one, proc=proc, **more) for proc in procs]


def one_round(world: World, ahead: float = 0) -> tuple[str, ...]:
    """What a look at the sites says."""
    now = session(world, ahead)
    with locked(now.bundles / ".renew"):
        return leave_out(now, find_live(now).bundles)


def submission(world: World, *words: str) -> tuple[Submission, Route]:
    """What is submitted now, and its way."""
    value = submit(session(world), make_spec("job.sh", *words)).value
    assert value.plan is not None
    return value, value.plan.route


@pytest.fixture(autouse=True)
def submitted(world: World) -> Path:
    """Five jobs of cluster 13 that may run at both."""
    value, route = submission(world, "-rmt", "-n", "5")
    assert route.sites == ("a", "b")
    return session(world).bundles / value.submitted.uuid


def test_three_jobs_on_hold_leave_a_site_out(world: World) -> None:
    """All of its jobs on hold go on elsewhere; the next submission does not go there."""
    hold(world, 0, 1)
    assert one_round(world) == ()
    assert (len(leaving(world).on_hold), leaving(world).left_out) == (2, {13: ()})
    hold(world, 2)
    first, second = one_round(world)
    assert first.startswith("a: 3 of your jobs were held or failed there since ")
    assert (
        second == "3 job(s) of 13 at schedd01.example.org were released, to run elsewhere than at a"
    )
    assert (leaving(world).on_hold, leaving(world).left_out) == ([], {13: ("a",)})
    _, route = submission(world, "-rmt")
    assert route.sites == ("b",)
    assert "it is left out until" in route.refused["a"]
    named = submit(session(world), make_spec("job.sh", "-site", "a")).notes
    assert any(note.endswith(", but -site names a") for note in named)


def test_the_time_ends(world: World) -> None:
    """The site gets jobs again, and that is said once."""
    hold(world, 0, 1, 2)
    one_round(world)
    assert len(one_round(world, HOUR)) == 1
    assert one_round(world, 2 * HOUR + 1) == ("a gets jobs again",)
    assert leaving(world).left_out == {13: ()}
    assert one_round(world, 2 * HOUR + 2) == ()


@pytest.mark.parametrize(
    "more",
    [
        {"code": 34},
        {"left": ("a",)},
        {"elsewhere": ()},
    ],
)
def test_what_stays_on_hold(world: World, more: dict[str, Any]) -> None:
    """What is its user's own fault, was at the site twice, or has no choice."""
    hold(world, 0, 1, 2)
    hold(world, 3, **more)
    one_round(world)
    assert [each.proc for each in leaving(world).on_hold] == [3]


def test_where_every_site_is_bad_jobs_stay_on_hold(world: World) -> None:
    """They would only be held again."""
    hold(world, 0, 1, 2)
    hold(world, 0, 1, 3, site="b")
    said = one_round(world)
    assert [each.split(":")[0] for each in said] == ["a", "b"]
    assert len(leaving(world).on_hold) == 6


def test_a_users_own_faults_leave_no_site_out(world: World) -> None:
    """However many there are."""
    hold(world, 0, 1, 2, 3, 4, code=3)
    assert one_round(world) == ()
    assert read_sites(session(world).bundles).troubles == ()


def test_factories_that_cannot_be_changed_are_said(world: World) -> None:
    """While something is left out."""
    leaving(world).unreached = (13,)
    assert one_round(world) == ()
    hold(world, 0, 1, 2)
    _, said, _ = one_round(world)
    assert said.startswith(
        "jobs of 13 that schedd01.example.org has still to make may go to a all the same"
    )


def test_a_schedd_that_is_in_trouble_is_said(world: World) -> None:
    """And the round goes on."""
    leaving(world).error = PoolError("no answer", remedy="wait")
    assert one_round(world) == (
        "no answer; how sites treat the jobs of schedd01.example.org is not known",
    )
    world.schedd.leaving = None
    assert one_round(world) == ()


def test_a_round_of_renew_says_it(world: World) -> None:
    """Among its notes, and in its state."""
    hold(world, 0, 1, 2)
    result = renew(session(world))
    assert any(note.startswith("a: 3 of your jobs") for note in result.notes)
    assert result.exit_code == 0


@pytest.mark.parametrize("content", ["", "{", '{"left_out": [{}]}', '{"troubles": 1}', "[" * 9999])
def test_a_record_that_cannot_be_read_is_none(world: World, content: str) -> None:
    """And is written anew."""
    now = session(world)
    hold(world, 0, 1, 2)
    renew(now)
    record = now.bundles / ".renew/sites.json"
    assert record.stat().st_mode & 0o777 == 0o600
    assert set(left_out_now(now.bundles, now.policy, now.situation.now)) == {"a"}
    record.write_text(content)
    assert left_out_now(now.bundles, now.policy, now.situation.now) == {}
    hold(world, 0, 1, 2)
    assert len(one_round(world)) == 2
    assert json.loads(record.read_text())["left_out"][0]["site"] == "a"


@pytest.mark.parametrize(
    ("code", "payload", "left"),
    [(88, None, True), (90, None, True), (88, {"exit_code": 88}, False), (81, None, False)],
)
def test_jobs_that_failed_there_count_when_all_have_ended(
    world: World, submitted: Path, code: int, payload: object, left: bool
) -> None:
    """By their reports: a program may end with any exit code."""
    bundle = read_bundle(submitted)
    assert bundle is not None
    world.schedd.jobs = []
    for proc in range(4):
        home = bundle.returned(proc)
        home.mkdir(parents=True, exist_ok=True)
        report = {"code": code, "payload": payload, "host": "wn"}
        (home / "report.json").write_text(json.dumps(report))
        leaving(world).past[13, proc] = ("b", world.now)
    said = one_round(world)
    assert [each.split(":")[0] for each in said] == (["b"] if left else [])


def test_what_ends_comes_first_in_a_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, signatures and letters: moving jobs, and what their outputs need, may take long."""
    steps = (
        *("renew_credentials", "renew_signatures", "post_letters"),
        *("leave_out", "close_bundle", "revisit_finished"),
    )
    done: list[str] = []

    def noting(name: str, really: Any) -> Any:
        def call(*given: Any) -> Any:
            done.append(name)
            return really(*given)

        return call

    for each in steps:
        module = "hepsub.actions.renew.renew"
        monkeypatch.setattr(f"{module}.{each}", noting(each, getattr(sys.modules[module], each)))
    world.schedd.jobs = []
    renew(session(world))
    assert done == list(steps)
