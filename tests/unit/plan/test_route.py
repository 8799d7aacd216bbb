"""Where a job goes, and why not elsewhere."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.errors import (
    NoSuitableSite,
    PolicyError,
    UnknownPool,
    UnknownSystem,
    UsageError,
)
from hepsub.plan.accounting import Walltime
from hepsub.plan.model import (
    BUNDLE,
    EMBEDDED,
    SCRIPT,
    SHARED,
    SLURM,
    SPOOL,
    Delivery,
    Plan,
    Reason,
    Route,
)
from hepsub.plan.needs import Need
from hepsub.plan.route import choose_route, image_for
from hepsub.policy.model import Policy
from tests.fakes.world import World, make_policy, make_spec, make_world, plan_for

SITES = """
[pool.east]
aliases = ["sunrise"]
worker_group = 'TARGET.Farm == "{group}"'
[os.CentOS7]
image = "/cvmfs/home/CentOS7"
[site.dongguan]
requirements = 'GLIDEIN_Site == "dongguan"'
pool = "local"
groups = ["juno"]
max_walltime = "100 h"
max_memory = "8 GB"
[site.lanzhou]
requirements = 'GLIDEIN_Site == "lanzhou"'
os = { CentOS7 = "/images/CentOS7" }
[site.annex]
requirements = 'GLIDEIN_Site == "annex"'
shared_filesystem = true
"""


def route(*words: str, policy: str | Policy = SITES, **need: object) -> Route:
    """The route of a job of group juno with 10 h and 2000 MB, unless it needs something else."""
    wanted: dict[str, object] = {
        "group": "juno",
        "walltime": Walltime(name="default", limit=36000),
        "memory_mb": 2000,
        "os": "",
    } | need
    rules = make_policy(policy) if isinstance(policy, str) else policy
    spec = make_spec("job.sh", *words)
    return choose_route(spec, rules, lambda: Need(**wanted))  # type: ignore[arg-type]


def test_a_plain_job_stays_in_the_default_pool() -> None:
    """Nothing said: the first pool of the policy, the pool's own schedd, the shared file system."""
    assert route(policy="") == Route(
        pool="local",
        reasons=(
            Reason(
                rule="pool",
                matched="no -p",
                because="local is the first pool of the policy",
            ),
            Reason(
                rule="local",
                matched="no -rmt",
                because="a plain job runs where this host's file system is",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("word", "pool"),
    [("local", "local"), ("physical", "local"), ("virtual", "local"), ("east", "east"), ("sunrise", "east")],
)  # fmt: skip
def test_a_pool_has_aliases(word: str, pool: str) -> None:
    """The words that HepJob's users type mean the pools that there are."""
    chosen = route("-p", word)
    assert chosen.pool == pool
    assert chosen.reasons[0] == Reason(
        rule="pool", matched=f"-p {word}", because=f"it names the pool {pool}"
    )


def test_the_policys_default_pool_is_taken_and_its_origin_told() -> None:
    """The reason names the file and line that decided."""
    chosen = route(policy="[defaults]\npool = 'east'\n[pool.east]\n")
    assert chosen.pool == "east"
    assert chosen.reasons[0].because == "east is the default pool (test.toml line 2)"


@pytest.mark.parametrize(
    ("word", "remedy"),
    [("est", "did you mean 'east'?"), ("xyz", "choose from east, here, local, physical, sunrise, virtual")],
)  # fmt: skip
def test_an_unknown_pool_is_refused(word: str, remedy: str) -> None:
    """The closest match counts aliases too."""
    with pytest.raises(UnknownPool) as caught:
        route("-p", word)
    assert caught.value.message == f"argument -p/--pool: no pool '{word}' in the policy"
    assert caught.value.remedy == remedy


def test_the_schedd_asked_for_is_kept() -> None:
    """-schedd goes through as it was typed; the pool will say whether it has one."""
    for word in ("schedd07", "jobs@schedd07.example.org"):
        assert route("-schedd", word).schedd == word


@pytest.mark.parametrize(
    ("words", "requirement"),
    [
        (
            ("-wn", "bws0765.ihep.ac.cn"),
            'TARGET.Machine == "bws0765.ihep.ac.cn"',
        ),
        (
            ("-wn", "bws0765"),
            '(TARGET.Machine == "bws0765" || regexp("^bws0765[.]", TARGET.Machine, "i"))',
        ),
        (
            ("-gwn", "CMS"),
            'stringListMember("CMS", TARGET.HepJob_WorkerGroups)',
        ),
        (("-gwn", "CMS", "-p", "east"), 'TARGET.Farm == "CMS"'),
    ],
)
def test_a_worker_node_or_a_group_of_them_is_a_requirement(
    words: tuple[str, ...], requirement: str
) -> None:
    """-wn takes full and short names, -gwn what the pool's policy says."""
    assert route(*words).requirements[0] == requirement


@pytest.mark.parametrize(
    ("option", "word"),
    [("-wn", 'a" || true || "'), ("-gwn", "a b"), ("-wn", "$$(X)"), ("-schedd", "a/b"), ("-wn", "slot1@a")],
)  # fmt: skip
def test_a_word_that_is_no_host_never_gets_into_an_expression(option: str, word: str) -> None:
    """Quotes and dollars in these words would change the meaning of the requirements."""
    with pytest.raises(UsageError, match=f"argument {option}: .* is no name of a host or group"):
        route(f"{option}={word}")


def test_a_plain_job_never_matches_a_slot_without_the_shared_file_system() -> None:
    """Each site without it is excluded, those with it are not."""
    assert route().requirements == (
        '((GLIDEIN_Site == "dongguan") =!= true)',
        '((GLIDEIN_Site == "lanzhou") =!= true)',
    )


def test_normt_is_a_reason_of_its_own() -> None:
    """Who said -normt reads that it was heard."""
    chosen = route("-normt")
    assert chosen.sites == ()
    assert chosen.reasons[1] == Reason(
        rule="local", matched="-normt", because="the user wants the local cluster"
    )


def test_rmt_means_every_site_that_takes_the_job() -> None:
    """Any of the sites will do; HTCondor carries the files, because one of them lacks the file system."""
    chosen = route("-rmt")
    assert chosen.sites == ("dongguan", "lanzhou", "annex")
    assert chosen.delivery == BUNDLE
    clauses = [
        f'((GLIDEIN_Site == "{each}") && !stringListMember("{each}", MY.HepSub_LeftOut, ","))'
        for each in chosen.sites
    ]
    assert chosen.requirements == (f"({' || '.join(clauses)})",)
    assert chosen.reasons[1] == Reason(
        rule="remote", matched="-rmt", because="it may run at dongguan, lanzhou, annex"
    )


def test_site_names_one_and_implies_rmt() -> None:
    """-site alone is enough."""
    chosen = route("-site", "lanzhou")
    assert chosen.sites == ("lanzhou",)
    assert chosen.requirements == ('((GLIDEIN_Site == "lanzhou"))',)
    assert chosen.reasons[1].matched == "-site lanzhou"


def test_a_site_with_the_shared_file_system_needs_no_transfer() -> None:
    """The job finds its files there as at home."""
    assert route("-site", "annex").delivery == SHARED


@pytest.mark.parametrize(
    ("pool", "words", "delivery"),
    [
        ("", (), SHARED),
        ("", ("-rmt",), BUNDLE),
        ("spool = true\n", (), SPOOL),
        ("spool = true\n", ("-site", "annex"), SPOOL),
        ("spool = true\n", ("-rmt",), SPOOL),
        ('kind = "here"\n', ("-p", "local"), EMBEDDED),
        ('kind = "slurm"\n', (), SLURM),
        ('kind = "slurm"\nshared_filesystem = false\n', (), SCRIPT),
    ],
)
def test_the_pool_and_its_sites_decide_how_files_get_there(
    pool: str, words: tuple[str, ...], delivery: Delivery
) -> None:
    """What is handed over to the schedd is so for every site; the embedded pool is this machine."""
    assert route(*words, policy=f"[pool.local]\n{pool}{SITES}").delivery == delivery


def test_site_and_normt_contradict_each_other() -> None:
    """Nobody can guess which one was meant."""
    with pytest.raises(UsageError, match="-site and -normt contradict each other"):
        route("-site", "lanzhou", "-normt")


@pytest.mark.parametrize(
    ("os", "sites", "image"),
    [
        ("CentOS7", (), "/cvmfs/home/CentOS7"),
        ("CentOS7", ("lanzhou",), "/images/CentOS7"),
        ("CentOS7", ("dongguan",), "/cvmfs/home/CentOS7"),
    ],
)
def test_a_system_is_an_image(os: str, sites: tuple[str, ...], image: str) -> None:
    """The site's own image where it has one, else the policy's."""
    assert image_for(os, make_policy(SITES), sites) == image


def test_an_unknown_system_is_refused_with_the_closest_match() -> None:
    """The message is in argparse's words, as HepJob's."""
    with pytest.raises(UnknownSystem) as caught:
        image_for("CentOS8", make_policy(), ())
    assert caught.value.message == (
        "argument -os/--OperatingSystem: unknown operating system 'CentOS8'"
    )
    assert caught.value.remedy == "did you mean 'CentOS7'?"


OPEN = """
[credential.krb]
kind = "kerberos"
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[site.open]
requirements = 'GLIDEIN_Site == "open"'
[site.apart]
requirements = 'GLIDEIN_Site == "apart"'
isolation = "user"
"""


@pytest.mark.parametrize(
    ("words", "more", "what"),
    [
        (("-in", "s3://raw/x"), "", "signed URLs"),
        (("-out", "r=herd:out/x"), "", "signed URLs"),
        (("-cred", "krb"), "", "credentials"),
        (("-env", "DB_PASSWORD=x"), "", "secret variables"),
        ((), '[pool.local]\ncredentials = ["krb"]\n', "credentials"),
        ((), "", ""),
        (("-cred", "none"), '[pool.local]\ncredentials = ["krb"]\n', ""),
        (("-in", "path", "-out", "r=path"), "", ""),
    ],
)
def test_nothing_secret_goes_where_nothing_keeps_users_apart(
    words: tuple[str, ...], more: str, what: str
) -> None:
    """Whoever wants it along: the user, the pool or the site; and -rmt takes another site."""
    policy = make_policy(OPEN + more)
    if what:
        with pytest.raises(NoSuitableSite, match=f"no {what} may go there"):
            plan_for(make_spec("job.sh", "-site", "open", *words), policy, make_world())
    else:
        plan_for(make_spec("job.sh", "-site", "open", *words), policy, make_world())
    plan = plan_for(make_spec("job.sh", "-rmt", *words), policy, make_world())
    assert plan.route.sites == (("apart",) if what else ("open", "apart"))


def test_an_unknown_word_for_isolation_is_no_isolation() -> None:
    """A typing error must not send anybody's ticket away."""
    with pytest.raises(PolicyError, match="isolation: it cannot be 'users'"):
        make_policy(OPEN.replace('"user"', '"users"'))


BROKEN = """
[pool.main]
worker_group = 'x =='
[defaults]
pool = "main"
[site.good]
requirements = 'GLIDEIN_Site == "good"'
[site.bad]
requirements = 'GLIDEIN_Site =='
"""


def routed(*words: str) -> Plan:
    """The plan where HTCondor cannot read two expressions of the policy."""
    unreadable = frozenset({"GLIDEIN_Site ==", "x =="})
    return plan_for(
        make_spec("job.sh", *words),
        make_policy(BROKEN),
        replace(make_world(), unreadable=unreadable),
    )


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("-site", "bad"), "test.toml line 9: site.bad.requirements"),
        (("-gwn", "g"), "test.toml line 3: pool.main.worker_group"),
    ],
)
def test_an_expression_that_htcondor_cannot_read_is_refused_with_its_line(
    words: tuple[str, ...], where: str
) -> None:
    with pytest.raises(PolicyError, match=f"{where}: HTCondor cannot read the expression"):
        routed(*words)


@pytest.mark.parametrize("words", [(), ("-normt",), ("-rmt",), ("-site", "good")])
def test_a_job_that_does_not_need_it_is_not_stopped(words: tuple[str, ...]) -> None:
    """The broken expression is in no description, and somebody is told."""
    plan = routed(*words)
    assert not any("GLIDEIN_Site ==)" in each for each in plan.route.requirements)
    assert any("good" in each for each in plan.route.requirements)
    assert plan.route.sites in {(), ("good",)}
    assert sum("no job goes to the site bad: test.toml line 9" in note for note in plan.notes) == 1


@pytest.mark.parametrize(
    ("policy", "decided"),
    [
        (replace(make_policy(), defaults=replace(make_policy().defaults, pool="here")), False),
        (make_policy("[defaults]\npool = 'here'\n"), True),
        (make_policy("[defaults]\npool = 'own'\n[pool.own]\nkind = 'here'\n"), True),
    ],
)
def test_an_embedded_pool_that_somebody_chose_needs_no_excuse(
    policy: Policy, *, decided: bool
) -> None:
    """Only where nobody configured another one is that the reason; that jobs run here is always said."""
    plan = plan_for(make_spec("job.sh"), policy, make_world())
    note = next(each for each in plan.notes if "the jobs run on this machine" in each)
    assert note.startswith("no HTCondor is configured here") is not decided
    assert ("no HTCondor is configured" in plan.route.reasons[0].because) is not decided


def test_that_jobs_run_on_this_machine_is_said_once_a_day() -> None:
    """Who has submitted today knows it; the reason in -dry-run stays."""
    world = make_world()
    assert any("the jobs run on this machine" in each for each in told(world))
    assert told(replace(world, submitted_today=True)) == ()


def told(world: World) -> tuple[str, ...]:
    policy = replace(make_policy(), defaults=replace(make_policy().defaults, pool="here"))
    return plan_for(make_spec("job.sh"), policy, world).notes
