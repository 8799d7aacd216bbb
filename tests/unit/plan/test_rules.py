"""The rules about remote sites: which one fits a job, and what it does by itself."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.errors import NoSuitableSite, PolicyError
from hepsub.plan.model import Plan
from hepsub.plan.rules import Profile, first_rule
from hepsub.policy.load import merge
from hepsub.policy.model import Layer, Policy
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

SITES = """
[site.a]
requirements = 'G == "a"'
[site.b]
requirements = 'G == "b"'
max_memory = 1000
"""


def fitting(text: str, **said: Any) -> str | None:
    """The rule that fits a job; of group juno and 10 h, of which no size is known, unless it is said."""
    plain: dict[str, Any] = {"group": "juno", "walltime": 36000}
    rule = first_rule(make_policy(SITES + text), Profile(**plain | said))
    return rule.name if rule is not None else None


@pytest.mark.parametrize(
    ("keys", "said", "fits"),
    [
        ("", {}, True),
        ('types = ["sim", "rec"]', {"type": "rec"}, True),
        ('types = ["Sim"]', {"type": "sIM"}, True),
        ('types = ["sim"]', {"type": "simulation"}, False),
        ('types = ["sim"]', {}, False),
        ('programs = ["*/sim_*.sh"]', {"program": "/d/sim_1.sh"}, True),
        ('programs = ["*/sim_*.sh"]', {"program": "/d/rec.sh"}, False),
        ('programs = ["*/sim_*.sh"]', {"program": ""}, False),
        ('programs = ["/d/*"]\ntypes = ["sim"]', {"program": "/d/x"}, True),
        ('programs = ["/d/*"]\ntypes = ["sim"]', {"program": "/d/x", "type": "rec"}, False),
        ('programs = ["/d/*"]\ntypes = ["sim"]', {"program": "/e/x", "type": "sim"}, True),
        ('types = ["sim"]', {"recognised": "Sim"}, True),
        ('types = ["sim"]', {"recognised": "sim", "type": "rec"}, False),
        ('types = ["sim"]', {"recognised": "rec"}, False),
        ('programs = ["/d/*"]\ntypes = ["sim"]', {"program": "/d/x", "recognised": "rec"}, True),
        ('programs = ["/d/*"]', {"program": "/e/x", "recognised": "sim"}, False),
        ('groups = ["juno"]', {}, True),
        ('groups = ["lhaaso"]', {}, False),
        ("input_above = 5", {"input_mb": 5.0}, False),
        ("input_above = 5", {"input_mb": 5.1}, True),
        ("input_below = 5", {"input_mb": 5.0}, True),
        ("input_below = 5", {"input_mb": 5.1}, False),
        ("input_below = 5", {"input_mb": 0.0}, True),
        ("input_above = 5\ninput_below = 9", {"input_mb": 7.0}, True),
        ("input_above = 5\ninput_below = 9", {"input_mb": 10.0}, False),
        ("input_above = 5", {}, False),
        ("input_below = 5", {}, False),
        ("output_above = 5", {"output_mb": 6}, True),
        ("output_above = 5", {"output_mb": 5}, False),
        ("output_below = 5", {"output_mb": 5}, True),
        ("output_below = 5", {}, False),
        ("output_above = 5", {}, False),
        ("walltime_above = '9 h'", {}, True),
        ("walltime_above = '10 h'", {}, False),
        ("walltime_below = '10 h'", {}, True),
        ("walltime_below = '9 h'", {}, False),
        ('types = ["sim"]\ngroups = ["juno"]\ninput_below = 5', {"type": "sim", "input_mb": 1.0}, True),
        ('types = ["sim"]\ngroups = ["juno"]\ninput_below = 5', {"type": "sim"}, False),
    ],
)  # fmt: skip
def test_a_rule_fits_what_is_all_that_it_says(keys: str, said: dict[str, Any], fits: bool) -> None:
    """A size that nobody knows is neither above nor below anything; a type that was said counts more than a name."""
    assert fitting(f"[rule.r]\n{keys}\n", **said) == ("r" if fits else None)


def test_the_first_rule_that_fits_counts() -> None:
    text = "[rule.one]\ngroups = ['x']\n[rule.two]\ngroups = ['juno']\n[rule.three]\n"
    assert fitting(text) == "two"
    assert fitting(text, group="y") == "three"
    assert fitting("") is None


def test_the_rules_of_a_later_file_come_first() -> None:
    """A user's own before the site's, in the order in which each file has them."""
    layers = [
        Layer(file="site", text="[rule.a]\n[rule.b]\nrank = 'Cpus'\n"),
        Layer(file="own", text="[rule.c]\n[rule.b]\nbecause = 'mine'\n"),
    ]
    policy = merge(layers)
    assert list(policy.rule) == ["c", "b", "a"]
    assert (policy.rule["b"].rank, policy.rule["b"].because) == ("Cpus", "mine")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("", "any job"),
        ('types = ["sim"]', "type sim"),
        ('programs = ["*"]', "/d/x"),
        ('types = ["sim"]\ngroups = ["juno"]\ninput_below = 5', "type sim, group juno, 1 MB of inputs"),
        ("output_above = 1\nwalltime_above = 1", "2 MB of outputs, walltime 36000 s"),
    ],
)  # fmt: skip
def test_what_a_rule_looked_at_is_told(keys: str, words: str) -> None:
    said = Profile(program="/d/x", group="juno", walltime=36000, input_mb=1.0, output_mb=2.0)
    if "types" in keys:
        said = replace(said, type="sim")
    rule = first_rule(make_policy(f"[rule.r]\n{keys}\n"), said)
    assert rule is not None
    assert rule.matched == words


def planned(rule: str, *words: str, policy: str = SITES) -> Plan:
    text = f"{policy}[rule.r]\n{rule}\nbecause = 'so it is'\n"
    return plan_for(make_spec("job.sh", *words), make_policy(text), make_world())


AUTOMATIC, ASKED, NEVER = (f"remote = '{word}'" for word in ("automatic", "asked", "never"))
PLAIN = "a plain job runs where this host's file system is"
BY_RULE = "by the rule r (so it is); not at b: it has 1000 MB for a job"


@pytest.mark.parametrize(
    ("rule", "words", "sites", "matched", "because"),
    [
        (ASKED, (), (), "no -rmt", PLAIN),
        (ASKED, ("-rmt",), ("a",), "-rmt", f"it may run at a, {BY_RULE}"),
        (ASKED, ("-site", "a"), ("a",), "-site a", "it may run at a, by the rule r (so it is)"),
        (AUTOMATIC, (), ("a",), "any job", f"it may run at a, {BY_RULE}"),
        (AUTOMATIC, ("-normt",), (), "-normt", "the user wants the local cluster"),
        (AUTOMATIC, ("-p", "local"), (), "no -rmt", PLAIN),
        (AUTOMATIC, ("-schedd", "schedd01"), (), "no -rmt", PLAIN),
        (AUTOMATIC, ("-wn", "node1"), (), "no -rmt", PLAIN),
        (AUTOMATIC, ("-gwn", "CMS"), (), "no -rmt", PLAIN),
        (AUTOMATIC, ("-p", "local", "-rmt"), ("a",), "-rmt", f"it may run at a, {BY_RULE}"),
        (AUTOMATIC + "\ntypes = ['sim']", ("-type", "sim"), ("a",), "type sim", f"it may run at a, {BY_RULE}"),
        (AUTOMATIC + "\ntypes = ['sim']", (), (), "no -rmt", PLAIN),
        (
            AUTOMATIC, ("-mem", "9000", "-in", "s3://x/y"), (), "no -rmt",
            "no remote site takes this job: a: no signed URLs may go there, because nothing keeps the jobs of its users"
            " apart (isolation in its part of the policy); b: it has 1000 MB for a job",
        ),
        (NEVER, (), (), "no -rmt", "the rule r (so it is) keeps it at home"),
        (NEVER, ("-normt",), (), "-normt", "the user wants the local cluster"),
    ],
)  # fmt: skip
def test_what_the_user_says_and_what_a_rule_does_by_itself(
    rule: str, words: tuple[str, ...], sites: tuple[str, ...], matched: str, because: str
) -> None:
    """A rule sends away only who named nothing at home; where no site takes the jobs, they stay."""
    policy = SITES + '[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n'
    plan = planned(rule, *words, policy=policy)
    reason = plan.route.reasons[1]
    assert (plan.route.sites, reason.matched, reason.because) == (sites, matched, because)
    sent = "the rule r of the policy sends the jobs to a; -normt keeps them here"
    assert (sent in plan.notes) is (bool(sites) and not {"-rmt", "-site"} & set(words))


@pytest.mark.parametrize("words", [("-rmt",), ("-site", "a")])
def test_what_a_rule_keeps_at_home_does_not_go_away(words: tuple[str, ...]) -> None:
    with pytest.raises(NoSuitableSite) as caught:
        planned(NEVER, *words)
    assert caught.value.message == "the rule r (so it is) keeps such jobs at home"
    assert caught.value.remedy == "leave out -rmt and -site"


def test_a_rule_without_sites_sends_nothing_away() -> None:
    """Nor does it refuse a plain job; and the embedded pool has no sites."""
    assert planned(AUTOMATIC, policy="").route.sites == ()
    here = make_policy(f"[defaults]\npool = 'here'\n{SITES}[rule.r]\n{AUTOMATIC}\n")
    assert plan_for(make_spec("job.sh"), here, make_world()).route.sites == ()


def test_the_rule_is_noted_with_the_route() -> None:
    """Also where it did nothing."""
    assert planned(ASKED).route.rule == "r"
    assert planned(AUTOMATIC).route.rule == "r"
    assert planned("groups = ['x']").route.rule == ""


BROKEN = """
[site.a]
requirements = 'G == "a"'
[site.b]
requirements = 'G == "b"'
rank = 'x =='
[site.c]
requirements = 'G == "c"'
attributes = { A = 'y ==' }
[rule.r]
rank = 'z =='
"""
UNREADABLE = frozenset({"x ==", "y ==", "z =="})


def broken(policy: Policy, *words: str) -> Plan:
    world = replace(make_world(), unreadable=UNREADABLE)
    return plan_for(make_spec("job.sh", *words), policy, world)


def test_an_expression_that_htcondor_cannot_read_is_in_no_job() -> None:
    """Sites with one are left out, a rule loses its rank; and somebody is told."""
    plan = broken(make_policy(BROKEN), "-rmt")
    assert (plan.route.sites, plan.route.rank, dict(plan.route.attributes)) == (("a",), "", {})
    cannot = "HTCondor cannot read the expression"
    assert plan.notes[:3] == (
        f"no job goes to the site b: test.toml line 6: site.b.rank: {cannot}",
        f"no job goes to the site c: test.toml line 9: site.c.attributes.A: {cannot}",
        f"no slot is better than another for the rule r: test.toml line 11: rule.r.rank: {cannot}",
    )


@pytest.mark.parametrize(
    ("site", "where"), [("b", "line 6: site.b.rank"), ("c", "site.c.attributes")]
)
def test_a_site_that_is_asked_for_is_refused_with_its_line(site: str, where: str) -> None:
    with pytest.raises(PolicyError, match=f"{where}.*: HTCondor cannot read the expression"):
        broken(make_policy(BROKEN), "-site", site)


def test_a_rule_that_acts_by_itself_stops_no_job_because_of_it() -> None:
    """There is no other site, and the job stays at home."""
    text = "[site.b]\nrequirements = 'x =='\n[rule.r]\nremote = 'automatic'\n"
    plan = broken(make_policy(text))
    assert plan.route.sites == ()
    assert "HTCondor cannot read the expression" in plan.route.reasons[1].because
    with pytest.raises(PolicyError):
        broken(make_policy(text), "-rmt")
