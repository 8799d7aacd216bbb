"""Jobs that a computing element holds go through another one, once they are gone there; else they stay, as is said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.leave import leave_out
from hepsub.actions.renew.live import find_live
from hepsub.actions.submit.submit import submit
from hepsub.batch_sites import HeldThere, Removed, ThroughElement
from hepsub.bundle.bundle import Bundle, read_bundle
from hepsub.bundle.directory import locked
from hepsub.bundle.leaving import read_sites
from hepsub.errors import (
    AuthenticationRefused,
    HepsubError,
    PoolError,
    PoolUnreachable,
    ScheddNotReached,
)
from hepsub.session import Session
from tests.fakes.batch import FakeElement, FakeLeaving
from tests.fakes.credentials import FakeSource
from tests.fakes.world import make_policy, make_spec
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]

AWAY = PoolUnreachable("the computing element a does not answer", remedy="")
SITE = """
[site.{0}]
kind = "ce"
grid_resource = "condor {0} {0}.org:9619"
token = "way"
isolation = "user"
{1}
"""


def session(world: World, element: FakeElement, **more: str) -> Session:
    """A session of one who has the elements a, b and c."""
    usual = world.session()
    sites = "".join(SITE.format(name, more.get(name, "")) for name in "abc")
    policy = make_policy(
        f'[credential.way]\ncommand = ["true"]\n[staging]\nbundle_dir = "/proc/self/root{world.directory}/bundles"\n'
        f"{sites}"
    )

    def opened(resource: str, token: str) -> FakeElement:
        assert resource == "condor a a.org:9619"
        element.token = token
        return element

    way = FakeSource(name="way")
    return replace(usual, policy=policy, element=opened, credential=lambda name: {"way": way}[name])


def ids(*procs: int) -> frozenset[str]:
    """By what the jobs are known."""
    return frozenset(f"s#13.{proc}#1" for proc in procs)


def hold(world: World, *procs: int, **more: Any) -> None:
    """Let a hold jobs."""
    for proc in procs:
        known = ThroughElement(
            id=f"s#13.{proc}#1", submitted=world.now, moving=bool(more.get("moving"))
        )
        job = HeldThere(
            cluster=13, proc=proc, site="a", since=world.now, code=19, reason="h", elsewhere=("b", "c"), through=known
        )  # fmt: skip
        leaving(world).on_hold.append(
            replace(job, **{k: v for k, v in more.items() if k != "moving"})
        )


def leaving(world: World) -> FakeLeaving:
    """The schedd's jobs at sites."""
    assert world.schedd.leaving is not None
    return world.schedd.leaving


def one_round(now: Session) -> list[str]:
    """What a look at the sites says, without which are left out."""
    with locked(now.bundles / ".renew"):
        said = leave_out(now, find_live(now).bundles)
    return [each for each in said if "of your jobs were held" not in each]


def begun(world: World, element: FakeElement) -> Session:
    """A session whose jobs 0 to 2 are on hold by the fault of a."""
    now = session(world, element)
    submitted(now)
    hold(world, 0, 1, 2)
    return now


def submitted(now: Session) -> Bundle:
    """Five jobs of cluster 13 that go through a, or b, or c."""
    value = submit(now, make_spec("job.sh", "-rmt", "-n", "5")).value
    assert value.plan is not None
    assert (value.plan.route.sites, value.plan.route.elsewhere) == (("a",), ("b", "c"))
    bundle = read_bundle(now.bundles / value.submitted.uuid)
    assert bundle is not None
    return bundle


GONE = "3 job(s) of 13 were removed at a, and go to b"


@pytest.mark.parametrize(
    ("answer", "moved", "said"),
    [
        (Removed(gone=ids(0, 1, 2)), [0, 1, 2], [GONE]),
        (
            Removed(gone=ids(0), there=ids(1, 2)), [0],
            [
                "2 job(s) of 13 stay with a: it has not let go of them yet (2)",
                "1 job(s) of 13 were removed at a, and go to b",
            ],
        ),
        (
            Removed(ended=ids(0), there=ids(1)), [],
            [
                "3 job(s) of 13 stay with a: it has not let go of them yet (1); they have ended there (1); it knows"
                " nothing of them, so nobody can tell that they do not run (1)"
            ],
        ),
        (
            AWAY, [],
            [
                "3 job(s) of 13 stay with a, where they may still be: the computing element a does not answer;"
                " hep_auth renew tries it again"
            ],
        ),
    ],
)  # fmt: skip
def test_only_what_is_gone_there_goes_elsewhere(
    world: World, answer: Removed | HepsubError, moved: list[int], said: list[str]
) -> None:
    """The element is shown the token of the bundle; whatever may be there stays on hold at home."""
    element = FakeElement(answer)
    now = session(world, element)
    bundle = submitted(now)
    hold(world, 0, 1, 2)
    assert one_round(now) == said
    assert leaving(world).moved == [(p, "b", "condor b b.org:9619", "") for p in moved]
    assert [each.proc for each in leaving(world).on_hold] == [p for p in range(3) if p not in moved]
    file = bundle.master_credential("way")
    assert file is not None
    assert element.asked == [(tuple(sorted(ids(0, 1, 2))), file.read_text().strip())]


def test_a_token_that_the_jobs_have_not_is_named(world: World) -> None:
    """The policy may name another one for an element since."""
    now = begun(world, FakeElement(AWAY))
    sites = {
        n: replace(e, token="new" if n == "a" else e.token) for n, e in now.policy.site.items()
    }
    said = one_round(replace(now, policy=replace(now.policy, site=sites)))
    assert said == [
        "3 job(s) of 13 stay with a, where they may still be: they were submitted without the token new;"
        " hep_auth renew tries it again"
    ]


@pytest.mark.parametrize(
    ("held", "goals"),
    [
        ({}, {"b"}),
        ({"elsewhere": ("c",)}, {"c"}),
        ({"elsewhere": ()}, set()),
        ({"elsewhere": ("gone", "c")}, {"c"}),
        ({"code": 3}, set()),
        ({"site": "b"}, set()),
    ],
)
def test_where_they_go(world: World, held: Mapping[str, Any], goals: set[str]) -> None:
    """To the first that may take them and is there; what the user's job brought about stays where it is."""
    now = begun(world, FakeElement(Removed(gone=ids(*range(5)))))
    troubles = one_round(now)
    assert troubles == [GONE]
    leaving(world).moved.clear()
    hold(world, 3, **held)
    one_round(now)
    assert {site for _, site, *_ in leaving(world).moved} == goals


def test_a_goal_with_another_token_or_kind_by_now_is_none(world: World) -> None:
    """The policy may have changed since the submission; the queue is the new site's."""
    element = FakeElement(Removed(gone=ids(0, 1, 2)))
    submitted(session(world, element))
    hold(world, 0, 1, 2)
    later = session(world, element, c='queue = "short"')
    sites = dict(later.policy.site)
    sites["b"] = replace(sites["b"], token="other")
    one_round(replace(later, policy=replace(later.policy, site=sites)))
    assert {each[1:] for each in leaving(world).moved} == {("c", "condor c c.org:9619", "short")}


@pytest.mark.parametrize(
    ("held", "site"), [({}, "b"), ({"left": ("a",)}, "b"), ({"left": ("a",), "site": "b"}, "b")]
)
def test_what_was_interrupted_is_finished(world: World, held: Mapping[str, Any], site: str) -> None:
    """A job that has left its element goes on, whatever is left out now; nobody is asked again."""
    element = FakeElement(AWAY)
    now = session(world, element)
    submitted(now)
    hold(world, 0, moving=True, **held)
    [said] = one_round(now)
    assert said == "1 job(s) of 13 were removed at a, and go to b"
    assert ([each[1] for each in leaving(world).moved], element.asked) == ([site], [])


def test_a_job_that_is_not_on_hold_any_more_stays(world: World) -> None:
    """Its user released it while the element was asked; the others go as they are then."""

    class Meanwhile(FakeElement):
        """An element that is slow."""

        def remove(self, jobs: Collection[str], since: float, *, waiting: bool = False) -> Removed:
            """Things happen."""
            held = leaving(world).on_hold
            held[:] = [replace(each, since=each.since + 1) for each in held[1:]]
            return FakeElement.remove(self, jobs, since, waiting=waiting)

    now = begun(world, Meanwhile(Removed(gone=ids(0, 1, 2))))
    assert one_round(now) == ["2 job(s) of 13 were removed at a, and go to b"]
    assert [each[0] for each in leaving(world).moved] == [1, 2]


def test_a_token_that_cannot_be_read_moves_nothing(world: World) -> None:
    """It is said, with the file."""
    element = FakeElement(Removed(gone=ids(0, 1, 2)))
    now = session(world, element)
    file = submitted(now).master_credential("way")
    assert isinstance(file, Path)
    file.unlink()
    hold(world, 0, 1, 2)
    [said] = one_round(now)
    assert f"the token in {file} cannot be read" in said
    assert (leaving(world).moved, element.asked) == ([], [])


@pytest.mark.parametrize(
    ("error", "asked", "second"),
    [
        (AWAY, 1, "1 job(s) of 13 stay with a, which could not be asked"),
        (ScheddNotReached("gone", remedy=""), 1, "1 job(s) of 13 stay with a, which could not be"),
        (PoolError("no", remedy=""), 2, "1 job(s) of 13 stay with a, where they may still be: no;"),
        (AuthenticationRefused("who?", remedy=""), 2, "stay with a, where they may still be: who?;"),
    ],
)  # fmt: skip
def test_only_an_element_that_does_not_answer_is_not_asked_again(
    world: World, error: HepsubError, asked: int, second: str
) -> None:
    """Whoever refused a token may take the next one's; who is away keeps everybody waiting."""
    element = FakeElement(error)
    now = session(world, element)
    submitted(now)
    hold(world, 0, 1)
    hold(world, 2, elsewhere=("c",))
    _, said = one_round(now)
    assert second in said
    assert (len(element.asked), leaving(world).moved) == (asked, [])


def test_a_round_has_a_minute(world: World) -> None:
    """What is not begun by then is done in the next one; jobs with a choice of slots are released all the same."""
    element = FakeElement(Removed(gone=ids(0, 1, 2)))
    now = begun(world, element)
    times = iter([0.0, 61.0])
    with locked(now.bundles / ".renew"):
        *_, said = leave_out(now, find_live(now).bundles, lambda: next(times))
    assert said == "3 job(s) of 13 stay with a: hep_auth renew goes on in its next round"
    assert (element.asked, leaving(world).moved) == ([], [])
    assert one_round(now) == [GONE]


def test_a_release_that_fails_keeps_no_other_job_from_moving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are different jobs, and different places."""
    element = FakeElement(Removed(gone=ids(0, 1, 2)))
    now = begun(world, element)

    def fail(*_: object) -> tuple[int, ...]:
        raise PoolError("no edits here", remedy="")

    monkeypatch.setattr(FakeLeaving, "leave_out", fail)
    said = one_round(now)
    assert said == [
        "jobs of schedd01.example.org could not be sent elsewhere: no edits here",
        GONE,
    ]


def wait(world: World, *procs: int, **more: Any) -> None:
    """Let jobs wait at a."""
    hold(world, *procs, code=0, reason="", **more)
    schedd = leaving(world)
    schedd.idle += schedd.on_hold[-len(procs) :]
    del schedd.on_hold[-len(procs) :]


RECALLED = "2 job(s) of 13 that waited at a were removed there, and go elsewhere when the schedd has noticed"


def test_what_waits_at_an_element_that_is_left_out_is_removed_there(world: World) -> None:
    """It is on hold at home when that is noticed: no fault of the site, and it goes on whatever is left out."""
    element = FakeElement(Removed(gone=ids(0, 1, 2, 3, 4)))
    now = session(world, element)
    submitted(now)
    wait(world, 3, 4)
    assert one_round(now) == []
    assert element.asked == []
    hold(world, 0, 1, 2)
    element.answer = Removed(gone=ids(3, 4))
    *_, said = one_round(now)
    assert said == RECALLED
    assert element.waiting == [False, True]
    assert element.asked[-1][0] == tuple(sorted(ids(3, 4)))
    leaving(world).on_hold.clear()
    assert one_round(now) == [RECALLED]  # the schedd at home has not noticed yet
    lost = [
        replace(each, reason="Job disappeared from remote schedd") for each in leaving(world).idle
    ]
    leaving(world).idle, leaving(world).on_hold = [], lost
    (now.bundles / ".renew/sites.json").unlink()
    assert one_round(now) == ["2 job(s) of 13 were removed at a, and go to b"]
    assert not read_sites(now.bundles).troubles


@pytest.mark.parametrize(
    ("more", "answer", "said"),
    [
        ({}, AWAY, ["2 job(s) of 13 go on waiting at a: the computing element a does not answer"]),
        ({}, Removed(there=ids(3, 4)), []),
        ({"elsewhere": ()}, AWAY, []),
        ({"elsewhere": ("gone",)}, AWAY, []),
    ],
)
def test_what_cannot_go_on_waits(
    world: World, more: Mapping[str, Any], answer: Removed | HepsubError, said: list[str]
) -> None:
    """Where it runs by now, where there is no other site, and where nobody answers."""
    element = FakeElement(Removed(gone=ids(0, 1, 2)))
    now = begun(world, element)
    one_round(now)
    element.answer = answer
    wait(world, 3, 4, **more)
    assert one_round(now) == said


@pytest.mark.parametrize("answer", [AWAY, PoolError("no", remedy=""), Removed(there=ids(3, 4))])
def test_what_was_not_removed_is_asked_for_again(
    world: World, answer: Removed | HepsubError
) -> None:
    """As long as the jobs wait; the mark is set once, before the first question."""
    element = FakeElement(Removed(gone=ids(0, 1, 2)))
    now = begun(world, element)
    one_round(now)
    element.answer = answer
    wait(world, 3, 4)
    one_round(now)
    assert all(each.through is not None and each.through.recalled for each in leaving(world).idle)
    element.answer = Removed(gone=ids(3, 4))
    assert one_round(now) == [RECALLED]
    assert leaving(world).recalled == [3, 4]
