"""From the word after -wt to a class and a limit."""

from __future__ import annotations

import pytest

from hepsub.errors import UnknownWalltime, WalltimeTooLong
from hepsub.plan.accounting import Walltime, choose_walltime, classes_for
from hepsub.policy.model import WalltimeClass
from tests.fakes.world import make_policy

CLASSES = classes_for(make_policy(), "juno")


@pytest.mark.parametrize(
    ("asked", "name", "limit"),
    [
        ("test", "test", 300),
        ("short", "short", 1800),
        ("default", "default", 36000),
        ("mid", "mid", 360000),
        ("long", "long", 2592000),
        ("special", "special", 2592000),
        ("LONG", "long", 2592000),
        (" mid ", "mid", 360000),
    ],
)
def test_a_class_is_taken_by_its_name(asked: str, name: str, limit: int) -> None:
    """HepJob's classes with HepJob's limits, in any case of letters."""
    assert choose_walltime(asked, CLASSES) == Walltime(name=name, limit=limit)


@pytest.mark.parametrize(
    ("asked", "name", "limit"),
    [
        ("1min", "test", 60),
        ("5min", "test", 300),
        ("301s", "short", 301),
        ("1h", "default", 3600),
        ("10h", "default", 36000),
        ("11h", "mid", 39600),
        ("3d", "mid", 259200),
        ("1:30", "default", 5400),
        ("30d", "long", 2592000),
    ],
)
def test_a_duration_gets_the_smallest_class_that_holds_it(
    asked: str, name: str, limit: int
) -> None:
    """The job is accounted to that class, but limited to what the user said."""
    assert choose_walltime(asked, CLASSES) == Walltime(name=name, limit=limit)


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ("lng", "did you mean 'long'? a duration such as 90min, 12h or 3d is fine too"),
        ("xyz", "a duration such as 90min, 12h or 3d is fine too"),
        ("1 fortnight", "a duration such as 90min, 12h or 3d is fine too"),
    ],
)
def test_an_unknown_word_is_refused(asked: str, remedy: str) -> None:
    """The error lists the classes as HepJob does, and names the closest match."""
    with pytest.raises(UnknownWalltime) as caught:
        choose_walltime(asked, CLASSES)
    assert caught.value.message == (
        f"argument -wt/--walltime: invalid choice: '{asked}'"
        " (choose from 'test', 'short', 'default', 'mid', 'long', 'special')"
    )
    assert caught.value.remedy == remedy


def test_a_bare_number_is_told_to_have_a_unit() -> None:
    """Nobody knows whether 90 is minutes or hours."""
    with pytest.raises(UnknownWalltime, match=r"'90' \(a bare number needs a unit\)"):
        choose_walltime("90", CLASSES)


def test_a_duration_above_all_classes_is_refused() -> None:
    """31 days fit into no class; the longest is named."""
    with pytest.raises(WalltimeTooLong, match=r"-wt 31d is longer than the longest .*, 30 d"):
        choose_walltime("31d", CLASSES)


@pytest.mark.parametrize("asked", ["999999h", f"{'9' * 400}d"])
def test_whoever_means_for_ever_is_told_the_longest_class(asked: str) -> None:
    """And not that this is no duration."""
    with pytest.raises(WalltimeTooLong, match=r"longest walltime class, 30 d$"):
        choose_walltime(asked, CLASSES)


def test_a_class_on_request_is_never_picked_for_a_duration() -> None:
    """`special` is for those who name it, even where nothing else is long enough."""
    classes = classes_for(make_policy("[walltime.special]\nlimit = '1000 h'"), "juno")
    with pytest.raises(WalltimeTooLong):
        choose_walltime("800h", classes)


def test_the_longest_class_in_the_error_is_one_that_a_duration_can_get() -> None:
    """800 h is not longer than `special`, but longer than `long`: the message must not contradict itself."""
    classes = classes_for(make_policy("[walltime.special]\nlimit = '1000 h'"), "juno")
    with pytest.raises(WalltimeTooLong, match=r"longest walltime class, 30 d$"):
        choose_walltime("800h", classes)


def test_where_all_classes_are_on_request_a_duration_is_told_to_be_none() -> None:
    classes = {"slow": WalltimeClass(limit=9000, on_request=True)}
    with pytest.raises(
        WalltimeTooLong, match="-wt 1h: no walltime class is for durations"
    ) as caught:
        choose_walltime("1h", classes)
    assert caught.value.remedy == "-wt slow"


def test_a_group_has_its_own_limits() -> None:
    """A class that differs for a group holds for that group only."""
    policy = make_policy("[group.juno]\nwalltime = { mid = '200 h' }\n[group.bes]\n")
    assert classes_for(policy, "juno")["mid"].limit == 720000
    assert classes_for(policy, "bes")["mid"].limit == 360000
    assert classes_for(policy, "juno")["long"].limit == 2592000


def test_a_groups_limit_does_not_offer_a_class_that_is_on_request() -> None:
    """A longer `special` for one group is still given only to those who name it."""
    policy = make_policy("[group.juno]\nwalltime = { special = '1000 h' }")
    assert classes_for(policy, "juno")["special"].on_request
