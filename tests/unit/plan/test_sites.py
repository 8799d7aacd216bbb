"""Which remote sites take a submission, in what order, and why not the others."""

from __future__ import annotations

from typing import Any

import classad2
import pytest

from hepsub.errors import HepsubError, InputsMissing, NoSuitableSite, UnknownSite
from hepsub.plan.accounting import Walltime
from hepsub.plan.model import BUNDLE, ELEMENT, SPOOL, Delivery, Element
from hepsub.plan.needs import Need
from hepsub.plan.rules import NamedRule
from hepsub.plan.sites import Choice, choose_sites
from hepsub.policy.site import Rule
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

MB = 2**20
COMMON = """
[pool.east]
[pool.far]
spool = true
credentials = ["krb"]
[credential.krb]
kind = "kerberos"
[credential.ce]
account = "iam"
[credential.iam]
account = "iam"
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[storage.other]
endpoint = "https://s3.example.net"
[os.CentOS7]
image = "/cvmfs/home/CentOS7"
"""
CE = 'kind = "ce"\ngrid_resource = "condor a b:9619"\ntoken = "ce"\n'
SCHEDD = 'kind = "schedd"\npool = "far"\n'


def glidein(name: str, more: str = "") -> str:
    return f"[site.{name}]\nrequirements = 'G == \"{name}\"'\n{more}\n"


def site(name: str, more: str) -> str:
    return f"[site.{name}]\n{more}\n"


def make_need(**wanted: Any) -> Need:
    """Group juno, 10 h, 2000 MB, unless it is something else."""
    plain: dict[str, Any] = {
        "group": "juno",
        "walltime": Walltime(name="default", limit=36000),
        "memory_mb": 2000,
    }
    return Need(**plain | wanted)


def choose(sites: str, asked: str | None = None, rule: Rule | None = None, **wanted: Any) -> Choice:
    """The choice among sites, from the pool at home."""
    named = NamedRule(name="r", rule=rule, matched="any job") if rule is not None else None
    return choose_sites(asked, make_policy(COMMON + sites), make_need(**wanted), "local", named)


HOUR = 3600
LONG = {"walltime": Walltime(name="mid", limit=100 * HOUR)}
WRITTEN = {"outputs": frozenset({"/d/x"})}
SENT: dict[str, Any] = {"files": [[("/d/a", 3 * MB)], [("/d/a", 3 * MB), ("/d/b", 2 * MB)]]}
NODE = "-wn and -gwn name machines of the pool at home"
ELSEWHERE = "the rule r sends such jobs elsewhere"
FIRST = dict.fromkeys(("b", "c", "c2"), "glidein goes first")
ISOLATION = (
    "because nothing keeps the jobs of its users apart (isolation in its part of the policy)"
)


@pytest.mark.parametrize(
    ("more", "need", "why"),
    [
        ('pool = "east"', {}, "its machines belong to the pool east"),
        ('groups = ["lhaaso"]', {}, "group juno may not go there"),
        ('max_walltime = "99 h"', LONG, "it ends jobs after 4 d 3 h"),
        ("max_memory = 1999", {}, "it has 1999 MB for a job"),
        ("max_cpus = 2", {"cpus": 3}, "it has 2 core(s) for a job"),
        ("max_jobs = 10", {"number": 11}, "it takes 10 jobs of one submission"),
        ("max_disk = 7", {"disk_mb": 7.6}, "it has 7 MB of disk for a job, and its files need 8"),
        ("max_sandbox = 4", SENT, "it takes 4 MB of files with a job, and 5 MB would travel"),
        ("max_sandbox = 5", SENT | {"archives": MB}, "it takes 5 MB of files with a job, and 6 MB would travel"),
        (
            'max_sandbox = 1\npaths = { "/d/" = "herd:d/" }\nisolation = "user"',
            {"files": [[("/d/a", 3 * MB), ("/e/b", 2 * MB)]]},
            "it takes 1 MB of files with a job, and 2 MB would travel",
        ),
        ("", {"built": [{"aarch64": "run"}]}, "its machines are X86_64, and run is for aarch64"),
        (
            "", {"built": [{"aarch64": "a"}, {"X86_64": "x"}]},
            "its machines are X86_64, and a is for aarch64",
        ),
        ('containers = "none"', {"in_image": True}, "it starts no container images"),
        ("", {"secrets": ("signed URLs",)}, f"no signed URLs may go there, {ISOLATION}"),
        ("", {"secrets": ("secret variables",)}, f"no secret variables may go there, {ISOLATION}"),
        ('credentials = ["krb"]', {}, f"no credentials may go there, {ISOLATION}"),
        ('paths = { "/d/" = "herd:d/" }', WRITTEN, f"no signed URLs may go there, {ISOLATION}"),
        (
            'paths = { "/d/" = "herd:d/" }\ncredentials = ["krb"]', SENT,
            f"no signed URLs or credentials may go there, {ISOLATION}",
        ),
        (CE, {"on_node": True}, NODE),
        (SCHEDD + 'isolation = "user"', {"on_node": True}, NODE),
        (SCHEDD + 'isolation = "user"', {"on_schedd": True}, "-schedd names a schedd of the pool at home"),
        (
            SCHEDD + 'isolation = "user"', {"made_as_needed": True, "number": 20000},
            "20000 jobs cannot be handed over with their files at once",
        ),
        (SCHEDD, {}, f"no credentials may go there, {ISOLATION}"),
    ],
)  # fmt: skip
def test_a_site_says_why_it_does_not_take_a_job(more: str, need: dict[str, Any], why: str) -> None:
    """What the pool wants along is that of the pool to which the jobs go."""
    text = glidein("s", more) if "kind" not in more else site("s", more)
    with pytest.raises(NoSuitableSite) as caught:
        choose(text, "s", **need)
    assert caught.value.message == f"no remote site takes this job: s: {why}"
    less = "ask for less, or " if why.startswith(("it has ", "it takes ", "it ends ")) else ""
    assert caught.value.remedy == f"{less}leave out -site"


@pytest.mark.parametrize(
    ("more", "need"),
    [
        ('pool = "local"', {}),
        ('groups = ["lhaaso", "juno"]', {}),
        ('max_walltime = "100 h"', LONG),
        ("max_memory = 2000\nmax_cpus = 1\nmax_jobs = 1", {}),
        ("max_disk = 7", {"disk_mb": 7.0}),
        ("max_sandbox = 5", SENT),
        ('max_sandbox = 1\nisolation = "slot"\npaths = { "/d/" = "herd:d/" }', SENT),
        ('arch = ""', {"built": [{"aarch64": "run"}]}),
        ('arch = "aarch64"', {"built": [{"aarch64": "run"}]}),
        ('arch = "aarch64"', {}),
        ('isolation = "container"', {"secrets": ("signed URLs", "credentials")}),
        ('credentials = ["krb"]', {"takes_credentials": False}),
        ('paths = { "/d/" = "herd:d/" }', {"outputs": frozenset({"/e/x"})}),
        (CE, {"made_as_needed": True, "number": 20000, "on_schedd": True}),
        ("", {"on_node": True, "on_schedd": True}),
    ],
)
def test_the_bounds_themselves_fit(more: str, need: dict[str, Any]) -> None:
    text = glidein("s", more) if "kind" not in more else site("s", more)
    assert choose(text, "s", **need).names == ("s",)


def test_machines_of_another_kind_get_what_was_built_for_them_or_names_them() -> None:
    """A script that nobody tried there may start anything."""
    sites = glidein("arm", 'arch = "aarch64"') + glidein("x")
    alone = choose(sites)
    assert (alone.names, dict(alone.refused)) == (
        ("x",),
        {
            "arm": "its machines are aarch64, and nothing says that what the script starts was built for them"
        },
    )
    assert choose(sites, rule=Rule(sites=("arm", "x"))).names == ("arm", "x")
    assert choose(sites, built=[{"aarch64": "run"}]).names == ("arm",)
    assert choose(sites, "arm").names == ("arm",)


THREE = (
    site("b", SCHEDD + 'isolation = "user"')
    + site("c", CE)
    + glidein("g")
    + glidein("h")
    + site("c2", CE)
)


@pytest.mark.parametrize(
    ("rule", "need", "names", "kind", "refused"),
    [
        (None, {}, ("g", "h"), "glidein", FIRST),
        (None, {"on_node": True}, ("g", "h"), "glidein", dict.fromkeys(["b", "c", "c2"], NODE)),
        (Rule(kinds=("ce", "glidein")), {}, ("c",), "ce", {
            "b": "the rule r wants ce or glidein", "g": "ce goes first", "h": "ce goes first", "c2": "c goes first",
        }),
        (Rule(kinds=("schedd", "ce")), {}, ("b",), "schedd", {
            "g": "the rule r wants schedd or ce", "h": "the rule r wants schedd or ce", "c": "schedd goes first",
            "c2": "schedd goes first",
        }),
        (Rule(not_sites=("g", "h"), because="they are full"), {}, ("c",), "ce", {
            "g": "the rule r (they are full) sends such jobs elsewhere",
            "h": "the rule r (they are full) sends such jobs elsewhere", "b": "ce goes first", "c2": "c goes first",
        }),
        (Rule(sites=("b",)), {}, ("b",), "schedd", dict.fromkeys(("c", "g", "h", "c2"), ELSEWHERE)),
    ],
)  # fmt: skip
def test_glideins_come_before_elements_before_schedds_and_a_rule_turns_that(
    rule: Rule | None,
    need: dict[str, Any],
    names: tuple[str, ...],
    kind: str,
    refused: dict[str, str],
) -> None:
    """A submission goes to one queue: of several elements or schedds the first one takes it."""
    choice = choose(THREE, rule=rule, **need)
    assert (choice.names, choice.kind, dict(choice.refused)) == (names, kind, refused)


STORED = 'storage = "herd"\n'


@pytest.mark.parametrize(
    ("sites", "need", "names"),
    [
        (glidein("a") + glidein("b", STORED), {}, ("a", "b")),
        (glidein("a") + glidein("b", STORED), {"storages": frozenset({"herd"})}, ("b", "a")),
        (glidein("a") + glidein("b", STORED), {"storages": frozenset({"other"})}, ("a", "b")),
        (glidein("a", "pledged = false") + glidein("b"), {}, ("b", "a")),
        (
            glidein("a") + glidein("b", STORED + "pledged = false"),
            {"storages": frozenset({"herd"})}, ("b", "a"),
        ),
        (
            glidein("a") + glidein("b", STORED + 'isolation = "slot"\npaths = { "/d/" = "herd:d/" }'), SENT, ("b",),
        ),
        (glidein("a") + glidein("b", "shared_filesystem = true"), SENT, ("b", "a")),
        (glidein("a") + glidein("b", "shared_filesystem = true"), {}, ("a", "b")),
    ],
)  # fmt: skip
def test_near_the_inputs_comes_before_pledged_before_the_policys_order(
    sites: str, need: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert choose(sites, **need).names == names


@pytest.mark.parametrize(
    ("first", "second", "need", "why"),
    [
        ("", 'os = { CentOS7 = "/i" }', {"os": "CentOS7"}, "its image of CentOS7 is another one"),
        ("", 'os = { CentOS7 = "/i" }', {"os": "AlmaLinux9"}, ""),
        ('os = { CentOS7 = "/i" }', 'os = { CentOS7 = "/i" }', {"os": "CentOS7"}, ""),
        ("", 'isolation = "slot"\npaths = { "/d/" = "herd:d/" }', SENT, "its paths stand for other objects"),
        ("", 'isolation = "slot"\npaths = { "/other/" = "herd:d/" }', SENT, ""),
        ("", 'containers = "singularity"', {"in_image": True}, "it starts images in another way"),
        ("", 'containers = "singularity"', {}, ""),
    ],
)  # fmt: skip
def test_one_cluster_has_one_image_and_takes_its_files_from_the_same_places(
    first: str, second: str, need: dict[str, Any], why: str
) -> None:
    choice = choose(glidein("a", first) + glidein("b", second), **need)
    assert (choice.names, dict(choice.refused)) == (
        (("a",), {"b": why}) if why else (("a", "b"), {})
    )


@pytest.mark.parametrize(
    ("more", "alike"),
    [
        ("", True),
        ('queue = "long"\nstorage = "herd"\nisolation = "slot"', True),
        ('token = "iam"', False),
        ("requirements = 'G'", False),
        ("attributes = { A = '1' }", False),
        ('credentials = ["krb"]\nisolation = "slot"', False),
        ('arch = "aarch64"', False),
        ('mounts = ["/data"]', False),
        ("shared_filesystem = true", False),
        ('containers = "wrapper"', False),
        ("max_memory = 1000", False),
        ('isolation = "slot"\npaths = { "/d/" = "herd:d/" }', False),
    ],
)
def test_an_element_may_take_over_what_one_like_it_holds(more: str, alike: bool) -> None:
    """Where ads and bundle are right for it as they are; whoever names a site means that one."""
    said = CE.replace('token = "ce"\n', "") if more.startswith("token") else CE
    sites = site("a", CE) + site("b", said + more) + site("c", CE)
    files = {} if "shared" in more else SENT  # the shared file system is near its files
    choice = choose(sites, **files, built=[{"X86_64": "x", "aarch64": "x"}])
    assert choice.elsewhere == (("b", "c") if alike else ("c",))
    assert choice.names == ("a",)
    assert f"it may run at a, or at {', '.join(choice.elsewhere)} where it is held there" in (
        choice.because
    )
    assert choose(sites, asked="a", **SENT).elsewhere == ()


def test_schedds_take_over_nothing() -> None:
    """A cluster there is one of that schedd's."""
    secret = 'isolation = "user"'
    sites = site("a", SCHEDD + secret) + site("b", SCHEDD + secret)
    assert (choose(sites).names, choose(sites).elsewhere) == (("a",), ())


def test_what_is_said_of_the_choice() -> None:
    """Where, by which rule, and why not elsewhere."""
    sites = glidein("a", "max_memory = 1000") + glidein("b") + site("c", CE)
    rule = Rule(because="it is small")
    assert choose(sites, rule=rule).because == (
        "it may run at b, by the rule r (it is small); not at a: it has 1000 MB for a job; c: glidein goes first"
    )
    assert choose(glidein("b")).because == "it may run at b"


def test_an_element_is_not_fed_by_a_schedd_that_sees_nothing_of_this_host() -> None:
    with pytest.raises(NoSuitableSite) as caught:
        choose_sites("c", make_policy(COMMON + site("c", CE)), make_need(), "far", None)
    assert caught.value.message.endswith(
        "c: jobs go there from a schedd that sees this host's directories, and that of the pool far does not"
    )


@pytest.mark.parametrize("pool", ["hpc", "here"])
def test_only_htcondor_takes_jobs_to_glideins_and_elements(pool: str) -> None:
    """Slurm and the embedded pool would run them at home, and hep_sub would say that they are at the site."""
    text = f"{COMMON}[pool.hpc]\nkind = 'slurm'\n{glidein('g')}{site('c', CE)}"
    policy = make_policy(f"{text}[rule.r]\nremote = 'automatic'\n[defaults]\npool = '{pool}'\n")
    with pytest.raises(NoSuitableSite) as caught:
        choose_sites(None, policy, make_need(), pool, None)
    assert caught.value.message == (
        f"no remote site takes this job: g: its machines join an HTCondor pool, and {pool} is none;"
        f" c: jobs go there from a schedd of HTCondor's, and the pool {pool} has none"
    )
    plan = plan_for(make_spec("job.sh"), policy, make_world())
    assert (plan.route.pool, plan.route.sites) == (pool, ())
    kept = site("b", SCHEDD + 'isolation = "user"')
    assert choose_sites(None, make_policy(text + kept), make_need(), pool, None).names == ("b",)


def test_all_refusals_are_named_where_no_site_is_left() -> None:
    sites = glidein("a", "max_memory = 1000") + glidein("b", 'groups = ["x"]')
    with pytest.raises(NoSuitableSite) as caught:
        choose(sites)
    assert caught.value.message == (
        "no remote site takes this job: a: it has 1000 MB for a job; b: group juno may not go there"
    )
    assert caught.value.remedy == "ask for less, or leave out -rmt"


@pytest.mark.parametrize(
    ("rule", "asked", "why"),
    [
        (Rule(pledged=True), None, "the rule r wants pledged sites"),
        (Rule(pledged=True), "s", ""),
        (Rule(kinds=("ce",)), "s", "the rule r wants ce"),
        (Rule(not_sites=("s",)), "s", ELSEWHERE),
        (Rule(sites=("t",)), "s", ELSEWHERE),
        (Rule(sites=("s",)), "s", ""),
    ],
)
def test_a_rule_keeps_a_site_out(rule: Rule, asked: str | None, why: str) -> None:
    """Who names a site knows that it is there by opportunity."""
    sites = glidein("s", "pledged = false")
    if why:
        with pytest.raises(NoSuitableSite) as caught:
            choose(sites, asked, rule)
        assert caught.value.message == f"no remote site takes this job: s: {why}"
    else:
        assert choose(sites, asked, rule).names == ("s",)


GONE = InputsMissing("no such file: /d/a", remedy="check it")
MAPPED = 'isolation = "slot"\npaths = { "/d/" = "herd:d/" }'


@pytest.mark.parametrize(
    ("missing", "names", "refused"),
    [
        ({(): GONE}, ("b",), {"a": "no such file: /d/a"}),
        ({(("/d/", "herd:d/"),): GONE}, ("a",), {"b": "no such file: /d/a"}),
    ],
)
def test_a_site_where_the_files_cannot_be_had_takes_no_job(
    missing: dict[Any, HepsubError], names: tuple[str, ...], refused: dict[str, str]
) -> None:
    """They may be here alone, or there alone."""
    choice = choose(glidein("a") + glidein("b", MAPPED), missing=missing, **SENT)
    assert (choice.names, dict(choice.refused)) == (names, refused)


def test_files_that_can_be_had_nowhere_are_what_is_wrong() -> None:
    """Their own error, with its exit code; where there are other reasons, too, all are told."""
    nowhere = {(): GONE, (("/d/", "herd:d/"),): GONE}
    with pytest.raises(InputsMissing, match="no such file: /d/a"):
        choose(glidein("a") + glidein("b", MAPPED), missing=nowhere)
    with pytest.raises(InputsMissing):
        choose(glidein("a"), "a", missing=nowhere)
    with pytest.raises(NoSuitableSite, match="a: it has 10 MB for a job; b: no such file: /d/a"):
        choose(glidein("a", "max_memory = 10") + glidein("b", MAPPED), missing=nowhere)


def test_a_site_has_to_be_described() -> None:
    with pytest.raises(UnknownSite) as caught:
        choose("")
    assert caught.value.message == "no remote site is defined in the policy"
    assert "[site.NAME]" in caught.value.remedy
    with pytest.raises(UnknownSite) as caught:
        choose(glidein("dongguan"), "dongguang")
    assert caught.value.message == "argument -site: no remote site 'dongguang'"
    assert caught.value.remedy == "did you mean 'dongguan'?"


@pytest.mark.parametrize(
    ("name", "pool", "delivery", "requirements"),
    [
        ("g", "local", BUNDLE, ("((G == \"g\"))",)),
        ("c", "local", ELEMENT, ()),
        ("b", "far", SPOOL, ("Fast",)),
    ],
)  # fmt: skip
def test_each_kind_has_its_route(
    name: str, pool: str, delivery: Delivery, requirements: tuple[str, ...]
) -> None:
    """A glidein's slots are in the pool at home, an element is fed from there, a schedd has a pool of its own."""
    sites = glidein("g") + site("c", CE + 'queue = "juno"\n')
    sites += site("b", SCHEDD + 'requirements = "Fast"\nisolation = "user"')
    plan = plan_for(make_spec("job.sh", "-site", name), make_policy(COMMON + sites), make_world())
    route = plan.route
    assert (route.pool, route.delivery, route.requirements, route.sites) == (
        pool,
        delivery,
        requirements,
        (name,),
    )
    wanted = Element(resource="condor a b:9619", token="ce", queue="juno") if name == "c" else None
    assert (route.element, route.kind) == (
        wanted,
        {"g": "glidein", "c": "ce", "b": "schedd"}[name],
    )


@pytest.mark.parametrize(
    ("sites", "words", "requirements"),
    [
        (
            glidein("x") + glidein("y"), ("-rmt",),
            '(((G == "x") && !stringListMember("x", MY.HepSub_LeftOut, ","))'
            ' || ((G == "y") && !stringListMember("y", MY.HepSub_LeftOut, ",")))',
        ),
        (
            glidein("x") + glidein("y", 'arch = ""'), ("-rmt",),
            '((((G == "x") && TARGET.Arch == "X86_64") && !stringListMember("x", MY.HepSub_LeftOut, ","))'
            ' || (((G == "y") && TARGET.Arch isnt undefined) && !stringListMember("y", MY.HepSub_LeftOut, ",")))',
        ),
        (
            glidein("arm", 'arch = "aarch64"\nidentity = "g@arm"'), ("-site", "arm"),
            '(((G == "arm") && TARGET.AuthenticatedIdentity == "g@arm" && TARGET.Arch == "aarch64"))',
        ),
        (site("b", SCHEDD + 'arch = "aarch64"\nisolation = "user"'), ("-site", "b"), 'TARGET.Arch == "aarch64"'),
        (site("c", CE + 'requirements = "Fast"'), ("-site", "c"), "Fast"),
    ],
)  # fmt: skip
def test_the_architecture_is_named_where_it_is_not_htcondors_own(
    sites: str, words: tuple[str, ...], requirements: str
) -> None:
    """Where requirements do not name it, HTCondor asks for that of the submitting machine."""
    plan = plan_for(make_spec("job.sh", *words), make_policy(COMMON + sites), make_world())
    assert plan.route.requirements == (requirements,)


@pytest.mark.parametrize(
    ("sites", "rule", "rank"),
    [
        (glidein("x"), "", ""),
        (glidein("x", 'rank = "KFlops"'), "", "KFlops"),
        (glidein("x", 'rank = "KFlops"') + glidein("y"), "", '((G == "x") is true ? (KFlops) : 0)'),
        (
            glidein("x", 'rank = "KFlops"') + glidein("y", 'rank = "Cpus"'), "",
            '((G == "x") is true ? (KFlops) : 0) + ((G == "y") is true ? (Cpus) : 0)',
        ),
        (glidein("x", 'rank = "KFlops"'), 'rank = "Memory"', "Memory"),
    ],
)  # fmt: skip
def test_a_rules_rank_counts_more_than_those_of_the_sites(sites: str, rule: str, rank: str) -> None:
    policy = make_policy(f"{COMMON}{sites}[rule.r]\n{rule}\n")
    assert plan_for(make_spec("job.sh", "-rmt"), policy, make_world()).route.rank == rank


def test_the_ranks_of_sites_count_where_slots_have_not_what_the_other_ones_are_known_by() -> None:
    """A slot of `y` has no attribute AtX: what is undefined there shall not make the sum undefined."""
    sites = '[site.x]\nrequirements = "TARGET.AtX"\nrank = "KFlops"\n'
    sites += '[site.y]\nrequirements = "TARGET.AtY"\nrank = "Cpus"\n'
    plan = plan_for(make_spec("job.sh", "-rmt"), make_policy(COMMON + sites), make_world())
    job = classad2.ClassAd({"TARGET": classad2.ClassAd({"AtY": True}), "Cpus": 8})
    assert classad2.ExprTree(plan.route.rank).eval(job) == 8


def test_the_attributes_that_sites_want_are_in_the_ad() -> None:
    """Of two that differ the first site's counts."""
    sites = glidein("x", "attributes = { A = '\"x\"', B = 'true' }")
    sites += glidein("y", "attributes = { A = '\"y\"', C = '3' }")
    plan = plan_for(make_spec("job.sh", "-rmt"), make_policy(COMMON + sites), make_world())
    assert dict(plan.route.attributes) == {
        "A": '"x"',
        "B": "true",
        "C": "3",
        "HepSub_LeftOut": '""',
        "HepSub_Where": 'ifThenElse((G == "x") is true, "x", ifThenElse((G == "y") is true, "y", "?"))',
    }
