"""Who decides: what hepsub ships, the site, the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import PolicyError
from hepsub.policy.load import merge
from hepsub.policy.model import Layer, Level, Policy, Pool
from hepsub.policy.places import bundle_root

CLASSES = ["test", "short", "default", "mid", "long", "special"]
SYSTEMS = ["SL6", "SL7", "CentOS7", "AlmaLinux9"]
DAY = "[defaults]\nwalltime = 'day'\n[walltime.day]\nlimit = '1 d'\n"


def policy(*site: str, user: str = "", extra: str = "") -> Policy:
    """The policy of a site's files, and of the user's two."""
    files = [Layer(file=f"{n}0.toml", text=text, level=Level.SITE) for n, text in enumerate(site)]
    return merge([*files, Layer(file="user.toml", text=user), Layer(file="extra.toml", text=extra)])


@pytest.mark.parametrize(
    ("site", "user", "kind", "names"),
    [
        ((), "", "walltime", CLASSES),
        ((), "[walltime.day]\nlimit = '1 d'", "walltime", [*CLASSES, "day"]),
        ((DAY,), "", "walltime", ["day"]),
        ((DAY,), "[walltime.week]\nlimit = '7 d'", "walltime", ["day", "week"]),
        (("[walltime.default]\nlimit = 60", DAY), "", "walltime", ["default", "day"]),
        ((DAY,), "", "os", SYSTEMS),
        (("[os.SL9]\nimage = '/i'",), "", "os", ["SL9"]),
        (("[os]",), "", "os", []),
        (("[os]",), "[os.mine]\nimage = '/i'", "os", ["mine"]),
        ((), "[pool.mine]", "pool", ["here", "local", "mine"]),
        (("[pool.a]", "[pool.b]"), "", "pool", ["a", "b"]),
        (("[pool.a]", "[pool.b]"), "[pool.mine]", "pool", ["a", "b", "mine"]),
        (("[defaults]\nmemory = 1",), "", "pool", ["here", "local"]),
        (("profile = 'ihep'\n[group.mine]",), "", "group", ["mine"]),
        (("profile = 'ihep'\n[site.far]\nrequirements = 'x'",), "", "site", ["far"]),
        (("[credential.own]",), "", "credential", ["krb", "iam", "own"]),
    ],
)  # fmt: skip
def test_what_a_site_names_is_all_there_is(
    site: tuple[str, ...], user: str, kind: str, names: list[str]
) -> None:
    """Of hepsub's own nothing is left of a kind that the site names; a user adds to what is there."""
    assert list(getattr(policy(*site, user=user), kind)) == names


def test_nothing_of_a_replaced_table_is_left_in_one_of_its_name() -> None:
    """A profile's placeholders do not come through."""
    text = "profile = 'ihep'\n[pool.physical]\ncollector = 'c'\n"
    assert policy(text).pool == {"physical": Pool(collector="c")}


def test_a_user_changes_one_key_of_what_the_site_named() -> None:
    found = policy("[pool.a]\ncollector = 'c'\nschedds = ['s']", user="[pool.a]\ncollector = 'd'\n")
    assert found.pool["a"] == Pool(collector="d", schedds=("s",))


def test_what_a_profile_says_of_what_the_site_replaced_goes_with_it() -> None:
    """Its default pool and group, and its remote site, whose pool and groups are none here."""
    found = policy("profile = 'ihep'\n[pool.a]\n[group.g]\n")
    assert (found.defaults.pool, found.default_pool(), list(found.site)) == ("", "a", [])
    assert "site.dongguan.groups" not in found.origins
    assert found.defaults.memory == 3000
    assert policy("profile = 'herd'\n[group.g]\n").defaults.group == ""


def test_a_site_whose_classes_have_no_default_says_which_it_is() -> None:
    with pytest.raises(PolicyError) as caught:
        policy("\n[walltime.day]\nlimit = '1 d'")
    said = "00.toml line 2: walltime: there is no class 'default', which jobs get that ask for none"
    assert caught.value.message == said
    assert caught.value.remedy == 'name another one in [defaults]: walltime = "day"'


def test_a_site_without_any_pool_is_refused() -> None:
    with pytest.raises(PolicyError, match="no pool is left"):
        policy("[pool]\n")


@pytest.mark.parametrize(
    ("said", "site", "user"),
    [
        ("/scratch/b", "/scratch/b/alice", "/scratch/b"),
        ("/scratch/b/", "/scratch/b/alice", "/scratch/b"),
        ("/scratch/%{User}/b", "/scratch/alice/b", "/scratch/alice/b"),
        ("/scratch/%{user}", "/scratch/alice", "/scratch/alice"),
        ("/scratch/$USER/b", "/scratch/alice/b", "/scratch/alice/b"),
        ("/scratch/${USER}b", "/scratch/aliceb", "/scratch/aliceb"),
        ("~/b", "/home/alice/b", "/home/alice/b"),
        ("~", "/home/alice", "/home/alice"),
        ("$HOME/b", "/home/alice/b", "/home/alice/b"),
        ("${HOME}/b", "/home/alice/b", "/home/alice/b"),
        ("", "/home/alice/.local/share/hepsub/bundles", "/home/alice/.local/share/hepsub/bundles"),
    ],
)
def test_each_user_has_a_directory_for_bundles(said: str, site: str, user: str) -> None:
    """One that a site names for all users has one in it for each; a user's own is as it is written."""
    text = f"[staging]\nbundle_dir = '{said}'\n"
    roots = [
        bundle_root(each, Path("/home/alice"), "alice")
        for each in (policy(text), policy(user=text), policy(extra=text))
    ]
    assert roots == [site, user, user]
