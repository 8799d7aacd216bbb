"""Which accounting group a submission is for."""

from __future__ import annotations

import pytest

from hepsub.errors import NoGroup, UnknownGroup
from hepsub.plan.accounting import choose_group, experiment_of, own_groups
from tests.fakes.world import make_policy, make_situation

TWO = "[group.gpupwa]\n[group.mlgpu]\nexperiment = 'ML'\nmembers = ['bob']\n[group.juno]\n"


@pytest.mark.parametrize(
    ("asked", "groups", "group"),
    [
        ("juno", ("gpupwa", "juno"), "juno"),
        (None, ("gpupwa", "juno"), "gpupwa"),
        (None, ("users", "juno"), "juno"),
        (None, ("juno", "gpupwa"), "juno"),
    ],
)
def test_the_group_asked_for_or_the_primary_one(
    asked: str | None, groups: tuple[str, ...], group: str
) -> None:
    """Without -g it is the first of the user's Unix groups that the policy knows."""
    assert choose_group(asked, make_policy(TWO), make_situation(groups=groups)) == group


def test_the_policy_may_prefer_a_group() -> None:
    """defaults.group goes before the primary group of those who are in it."""
    policy = make_policy("[defaults]\ngroup = 'juno'\n" + TWO)
    assert choose_group(None, policy, make_situation(groups=("gpupwa", "juno"))) == "juno"
    assert choose_group(None, policy, make_situation(groups=("gpupwa",))) == "gpupwa"


def test_members_need_not_be_in_the_unix_group() -> None:
    """A group that lists a user is one of the user's own."""
    bob = make_situation(user="bob", groups=("users",))
    assert own_groups(make_policy(TWO), bob) == ("mlgpu",)
    assert choose_group(None, make_policy(TWO), bob) == "mlgpu"


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [("mlgup", "did you mean 'mlgpu'?"), ("physics", "choose one of your own groups")],
)
def test_a_foreign_group_is_refused_in_hepjobs_words(asked: str, remedy: str) -> None:
    """The message is the one that HepJob's users know."""
    bob = make_situation(user="bob", groups=("gpupwa",))
    with pytest.raises(UnknownGroup) as caught:
        choose_group(asked, make_policy(TWO), bob)
    assert caught.value.message == (
        f"argument -g/--group: invalid choice: '{asked}' (choose from 'gpupwa', 'mlgpu')"
    )
    assert caught.value.remedy == remedy


def test_a_user_without_a_group_is_refused_in_hepjobs_words() -> None:
    """The message is the one that HepJob's users know."""
    with pytest.raises(NoGroup) as caught:
        choose_group(None, make_policy(TWO), make_situation(groups=("users",)))
    assert caught.value.message == (
        "No resources in your group(s). So the job can not be submitted."
    )
    assert caught.value.remedy == "ask for membership in one of: gpupwa, mlgpu, juno"


@pytest.mark.parametrize(
    ("asked", "groups", "group"),
    [
        ("anything", ("juno",), "anything"),
        ("a.b-c_9", ("juno",), "a.b-c_9"),
        (None, ("juno", "physics"), "juno"),
        (None, (), "alice"),
    ],
)
def test_without_groups_in_the_policy_any_is_accepted(
    asked: str | None, groups: tuple[str, ...], group: str
) -> None:
    """On a personal machine -g is recorded, not judged."""
    assert choose_group(asked, make_policy(), make_situation(groups=groups)) == group


@pytest.mark.parametrize("asked", ["a b", "$$(X)", "a,b", "-x", "ü", "a\nb", 'a"', "."])
def test_what_cannot_be_a_group_is_refused(asked: str) -> None:
    """The word goes into HTCondor's accounting group: letters, digits, '_', '-' and '.'."""
    with pytest.raises(UnknownGroup, match="cannot be the name of a group"):
        choose_group(asked, make_policy(), make_situation())


@pytest.mark.parametrize(
    ("group", "experiment"), [("mlgpu", "ML"), ("juno", "JUNO"), ("other", "OTHER")]
)
def test_the_experiment_of_a_group(group: str, experiment: str) -> None:
    """The policy's word, else the group's name in capitals."""
    assert experiment_of(group, make_policy(TWO)) == experiment
