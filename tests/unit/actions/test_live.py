"""Which bundles belong to jobs that still need them: one question to each schedd."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hepsub import __version__
from hepsub.actions.queue.query import Filter
from hepsub.actions.queue.why import why
from hepsub.actions.renew.live import LiveBundle, find_live
from hepsub.actions.submissions import find_submissions
from hepsub.actions.submit.recover import recover
from hepsub.batch import State
from hepsub.bundle.root import kept_bundles
from hepsub.errors import NotDone
from hepsub.jobid import JobId
from tests.fakes.batch import make_job, make_unmade
from tests.unit.actions.test_renew import OUT, World, world

__all__ = ["world"]


def live(world: World) -> dict[int, LiveBundle]:
    """What is found, by cluster."""
    return {each.ref.cluster: each for each in find_live(world.session()).bundles}


def test_each_bundle_has_the_jobs_of_its_own_cluster(world: World) -> None:
    """All clusters of a schedd are asked for at once."""
    world.submit("-n", "3", *OUT)
    world.submit("-cred", "iam")
    world.schedd.jobs = [job for job in world.schedd.jobs if (job.cluster, job.proc) != (13, 1)]
    world.schedd.calls.clear()
    found = live(world)
    assert {cluster: each.procs for cluster, each in found.items()} == {
        13: frozenset({0, 2}),
        14: frozenset({0}),
    }
    assert [found[13].number, found[14].number] == [2, 1]
    assert world.schedd.calls == ["queue"]


@pytest.mark.parametrize("state", [*State])
def test_whatever_is_in_the_queue_is_alive(world: World, state: State) -> None:
    """Also what is held, or about to leave: its files may still be needed."""
    world.submit("-cred", "iam")
    world.schedd.jobs = [make_job("13.0", state)]
    assert not live(world)[13].has_ended


def test_a_pool_may_have_another_name_by_now(world: World) -> None:
    """The policy knows the one that the bundle has as an alias."""
    world.submit("-cred", "iam")
    world.submit("-cred", "iam")
    world.schedd.jobs = [job for job in world.schedd.jobs if job.cluster == 14]
    for each in kept_bundles(world.session().bundles):
        ready = each.directory / "private/ready"
        ready.write_text(ready.read_text().replace('"local"', '"physical"'))
    found = find_live(world.session())
    assert found.away == ()
    assert {each.ref.cluster: each.has_ended for each in found.bundles} == {13: True, 14: False}
    assert world.renew().exit_code == 0


def test_jobs_that_a_factory_has_still_to_make_are_alive(world: World) -> None:
    """They start last, and need their URLs longest."""
    world.submit("-n", "30", *OUT)
    world.schedd.jobs = []
    world.schedd.unmade = [make_unmade(13, first=10, number=20)]
    (each,) = live(world).values()
    assert each.procs == frozenset(range(10, 30))


def test_a_cluster_that_left_the_queue_has_ended(world: World) -> None:
    """And the others have not."""
    world.submit("-cred", "iam")
    world.submit("-cred", "iam")
    world.schedd.jobs = [job for job in world.schedd.jobs if job.cluster == 14]
    found = live(world)
    assert (found[13].has_ended, found[14].has_ended) == (True, False)
    assert found[13].number == 0


def test_when_nobody_can_tell_all_are_alive(world: World) -> None:
    """One sentence for the schedd, not one for each bundle."""
    world.submit("-n", "3", *OUT)
    world.submit("-cred", "iam")
    world.schedd.reachable = False
    found = find_live(world.session())
    assert [each.procs for each in found.bundles] == [None, None]
    assert not any(each.has_ended for each in found.bundles)
    assert sorted(each.number for each in found.bundles) == [1, 3]
    assert (len(found.away), found.left) == (1, ())
    assert "taken for alive" in found.away[0]


def test_bundles_that_are_not_complete_or_finished_are_not_among_them(world: World) -> None:
    """The one belongs to hep_sub, which may be at it; the other needs nothing any more."""
    unready, finished = world.submit("-cred", "iam"), world.submit("-cred", "iam")
    (unready / "private/ready").unlink()
    (finished / "private/finished").touch()
    assert live(world) == {}


def test_a_bundle_whose_request_is_lost_is_skipped(world: World) -> None:
    """One damaged file must not stop the renewal of the others."""
    broken = world.submit("-cred", "iam")
    world.submit("-cred", "iam")
    (broken / "private/request.json").write_text("{")
    assert list(live(world)) == [14]


def of_another(bundle: Path) -> None:
    """Have a bundle's request say one thing more, as a later hepsub may."""
    path = bundle / "private/request.json"
    document = json.loads(path.read_text()) | {"hepsub": "9.0", "colour": "red"}
    path.write_text(json.dumps(document))


SAID = f"by hepsub 9.0, and this is {__version__}"


@pytest.mark.parametrize("state", ["live", "finished", "unfinished"])
def test_a_bundle_of_another_hepsub_is_said_and_kept(world: World, state: str) -> None:
    """Its jobs may need what this one does not know of: exit code 53, whatever became of them."""
    bundle = world.submit("-cred", "iam")
    of_another(bundle)
    if state == "finished":
        (bundle / "private/finished").touch()
    if state == "unfinished":
        (bundle / "private/ready").unlink()
        os.utime(bundle, (1, 1))
    result = world.renew()
    assert result.exit_code == 53
    assert [SAID in each.message for each in result.problems] == [True]
    assert (bundle / "private/request.json").exists()


def test_what_else_needs_such_a_bundle_says_so(world: World) -> None:
    """hep_fetch ends with 53, hep_q -why and hep_sub tell."""
    bundle = world.submit("-cred", "iam")
    of_another(bundle)
    with pytest.raises(NotDone, match=SAID):
        find_submissions(world.session(), [JobId(cluster=13)], None)
    [explained] = why(world.session(), Filter()).value.explanations
    assert SAID in explained.details[-1]
    (bundle / "private/ready").unlink()
    [told] = recover(world.session(), world.session().open_stores())
    assert SAID in told
