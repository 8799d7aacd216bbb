"""Which sites are left out: what counts, from how many on, for how long."""

from __future__ import annotations

import importlib

import classad2
import pytest

from hepsub.errors import NoSuitableSite
from hepsub.plan.leaving import (
    LeftOut,
    SiteRecord,
    Trouble,
    failure_by_site,
    hold_by_site,
    judged,
    unless_left_out,
    where,
)
from hepsub.policy.model import Policy
from tests.fakes.world import NOON, make_policy, make_spec, make_world, plan_for

HOUR = 3600.0
SITES = """
[site.a]
requirements = 'G == "a"'
[site.b]
requirements = 'G == "b"'
leave_out_after = 2
leave_out = "30 min"
[site.never]
requirements = 'G == "n"'
leave_out = 0
"""
ARRIVAL = "Transfer input files failure at execution point slot1@wn while receiving files from access point ap"
DEPARTURE = "Transfer input files failure at access point ap while sending files to execution point slot1@wn"


@pytest.fixture
def policy() -> Policy:
    """Three sites."""
    return make_policy(SITES)


def troubles(site: str, number: int, ago: float = 60, why: str = "w") -> list[Trouble]:
    """Troubles of so many jobs."""
    return [
        Trouble(site=site, job=f"s:1.{proc}", when=NOON - ago, why=why) for proc in range(number)
    ]


@pytest.mark.parametrize(
    ("code", "reason", "why"),
    [
        (0, "Job disappeared from remote schedd", "the site lost the job"),
        (0, "Failed to authenticate", ""),
        (6, "Error from slot1@wn: Failed to execute '/bin/sh'", "the job could not be started"),
        (13, ARRIVAL, "files could not be received"),
        (13, DEPARTURE, ""),
        (19, "hook", "what the site runs before each job failed"),
        (23, "no account", "the account of the job could not be used"),
        (45, "singularity test failed", "the container runtime failed"),
        *((code, "Job disappeared from remote schedd", "") for code in (1, 3, 5, 7, 12, 14, 15, 16, 21, 22, 26)),
        *((code, ARRIVAL, "") for code in (32, 33, 34, 35, 36, 46, 47)),
    ],
)  # fmt: skip
def test_holds_that_are_the_sites_own_fault(code: int, reason: str, why: str) -> None:
    """Memory, walltime, images, policies of the job and missing files of its user are not."""
    assert hold_by_site(code, reason) == why


@pytest.mark.parametrize("code", range(80, 91))
def test_only_what_a_node_lacks_fails_by_the_site(code: int) -> None:
    """And never once the program was started, whose exit code may be any."""
    assert bool(failure_by_site(code, started=False)) == (code in (88, 89, 90))
    assert failure_by_site(code, started=True) == ""


@pytest.mark.parametrize(
    ("site", "number", "ago", "left"),
    [
        ("a", 2, 60, False),
        ("a", 3, 60, True),
        ("a", 3, 2 * HOUR, False),
        ("a", 3, -HOUR, False),
        ("b", 2, 60, True),
        ("b", 2, HOUR, False),
        ("never", 50, 60, False),
        ("gone", 50, 60, False),
    ],
)  # fmt: skip
def test_so_many_within_the_time(
    policy: Policy, site: str, number: int, ago: float, left: bool
) -> None:
    """The policy says how many and for how long; what is old, or of a clock that was ahead, does not count."""
    record = judged(SiteRecord(), troubles(site, number, ago), policy, NOON)
    assert set(record.now_left_out(policy, NOON)) == ({site} if left else set())


def test_one_job_counts_once_and_rounds_add_up(policy: Policy) -> None:
    """What is still on hold in the next round is no second trouble."""
    record = SiteRecord()
    for _ in range(5):
        record = judged(record, troubles("a", 2), policy, NOON)
    assert not record.left_out
    record = judged(record, troubles("a", 3, 30, "v")[2:], policy, NOON)
    assert record.left_out == (
        LeftOut(site="a", since=NOON - 60, until=NOON + 2 * HOUR, jobs=3, why="w"),
    )


def test_what_is_remembered_has_an_end(policy: Policy) -> None:
    """A site that swallows ten thousand jobs needs no long record."""
    record = judged(SiteRecord(), troubles("a", 9999), policy, NOON)
    assert (len(record.troubles), record.left_out[0].jobs) == (100, 9999)
    many = make_policy(SITES.replace("leave_out_after = 2", "leave_out_after = 300"))
    record = judged(SiteRecord(), troubles("b", 299), many, NOON)
    assert (len(record.troubles), record.left_out) == (299, ())


def test_the_time_ends_by_itself_and_is_not_prolonged(policy: Policy) -> None:
    """Jobs that stay on hold there do not leave it out for ever."""
    first = judged(SiteRecord(), troubles("a", 3), policy, NOON)
    later = judged(first, troubles("a", 3), policy, NOON + HOUR)
    assert later.now_left_out(policy, NOON + HOUR) == first.now_left_out(policy, NOON)
    assert later.now_left_out(policy, NOON + 2 * HOUR) == {}
    after = judged(later, troubles("a", 3), policy, NOON + 2 * HOUR)
    assert after == SiteRecord()


@pytest.mark.parametrize(
    ("since", "until"), [(NOON - 60, NOON + 3 * HOUR), (NOON + HOUR, NOON + HOUR + 1), (0, NOON)]
)
def test_a_record_that_cannot_be_is_not_believed(
    policy: Policy, since: float, until: float
) -> None:
    """Longer than the policy has it, from the future, or over."""
    entry = LeftOut(site="a", since=since, until=until, jobs=3, why="w")
    assert SiteRecord(left_out=(entry,)).now_left_out(policy, NOON) == {}


@pytest.mark.parametrize("out", ["", "a", "b", "a,b", "ab", "b,c"])
@pytest.mark.parametrize("place", ["a", "b", "c"])
def test_the_expressions_say_where_a_slot_is_and_keep_jobs_away(
    monkeypatch: pytest.MonkeyPatch, place: str, out: str
) -> None:
    """By HTCondor's own evaluation, with its functions; nothing is ever undefined."""
    monkeypatch.setenv("CONDOR_CONFIG", "ONLY_ENV")
    importlib.import_module("htcondor2")
    slots = {"a": 'TARGET.G == "a"', "b": 'TARGET.G == "b"'}
    wanted = " || ".join(f"({unless_left_out(name, each)})" for name, each in slots.items())
    job = classad2.ClassAd({"HepSub_LeftOut": out})
    slot = classad2.ClassAd({} if place == "c" else {"G": place})
    taken = classad2.ExprTree(wanted).eval(job, slot)
    assert (taken is True) == (place in "ab" and place not in out.split(","))
    assert classad2.ExprTree(where(slots)).eval(job, slot) == (place if place in "ab" else "?")


def test_hep_sub_goes_elsewhere_and_says_why() -> None:
    """-rmt leaves the site out; who names it goes there, and is told."""
    policy = make_policy(SITES)
    told = LeftOut(site="a", since=NOON - 60, until=NOON + HOUR, jobs=3, why="it burns").text(NOON)
    assert "3 of your jobs were held or failed there since " in told
    assert "(it burns); it is left out until " in told
    world = make_world(left_out={"a": told})
    plan = plan_for(make_spec("job.sh", "-rmt"), policy, world)
    assert plan.route.sites == ("b", "never")
    assert plan.route.refused == {"a": told}
    named = plan_for(make_spec("job.sh", "-site", "a"), policy, world)
    assert named.route.sites == ("a",)
    assert f"{told}, but -site names a" in named.notes
    with pytest.raises(NoSuitableSite, match="it is left out until"):
        plan_for(
            make_spec("job.sh", "-rmt"), make_policy(SITES.split("[site.b]", maxsplit=1)[0]), world
        )
