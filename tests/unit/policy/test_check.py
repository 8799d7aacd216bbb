"""What in a policy cannot be: each is named with file, line and what could be meant, all at once."""

from __future__ import annotations

import pytest

from hepsub.errors import PolicyError
from hepsub.policy.check import mistakes
from hepsub.policy.load import PROFILES
from tests.fakes.world import make_policy

WORLD = """[group.juno]
experiment = "JUNO"
[storage.herd]
endpoint = "https://s3.example.org"
buckets = ["raw"]
default = true
[pool.main]
schedds = ["schedd01.example.org", "schedd02.example.org"]
"""
LINES = WORLD.count("\n")

WRONG = [
    ("[defaults]\npool = 'mian'", "defaults.pool: no pool 'mian'", "did you mean 'main'?"),
    ("[defaults]\nsbatch_lines = 'mian'", "defaults.sbatch_lines: no pool 'mian'", "did you mean 'main'?"),
    ("[defaults]\nsbatch_lines = 'main'",
     "defaults.sbatch_lines: the pool 'main' is not Slurm's, and no other one reads #SBATCH lines",
     'name a pool with kind = "slurm"'),
    ("[defaults]\ngroup = 'jumo'", "defaults.group: no group 'jumo'", "did you mean 'juno'?"),
    ("[defaults]\nos = 'SL77'", "defaults.os: no operating system 'SL77'", "did you mean 'SL7'?"),
    ("[defaults]\nwalltime = 'lnog'", "defaults.walltime: no walltime class 'lnog'", "did you mean 'long'?"),
    ("[group.b]\nwalltime = { lnog = '1 h' }",
     "group.b.walltime.lnog: no walltime class 'lnog'", "did you mean 'long'?"),
    ("[pool.b]\ncredentials = ['krbb']", "pool.b.credentials: no credential 'krbb'", "did you mean 'krb'?"),
    ("[pool.b]\ntoken = 'iamm'", "pool.b.token: no token 'iamm'", "did you mean 'iam'?"),
    ("[pool.b]\ntoken = 'krb'", "pool.b.token: no token 'krb'", "choose from iam"),
    ("[pool.b]\nschedds = ['s01.x', 's02.x']\ndefault_schedd = 's03.x'",
     "pool.b.default_schedd: no schedd 's03.x'", "did you mean 's01.x'?"),
    ("[pool.b]\nshared_filesystem = false",
     "pool.b.shared_filesystem: only a pool of Slurm's has it",
     "spool = true hands the files to a schedd that sees none of this host's directories"),
    ("[pool.b]\nkind = 'codnor'", "pool.b.kind: it cannot be 'codnor'", "did you mean 'condor'?"),
    ("[pool.b]\naliases = ['main']",
     "pool.b.aliases: 'main' belongs to the pool main already (hepsub's defaults)", "leave it to one of them"),
    ("[pool.b]\naliases = ['x']\n[pool.c]\naliases = ['x']",
     "pool.c.aliases: 'x' belongs to the pool b already (test.toml line 10)", "leave it to one of them"),
    ("[site.b]\nrequirements = 'x'\npool = 'mian'", "site.b.pool: no pool 'mian'", "did you mean 'main'?"),
    ("[site.b]\nrequirements = 'x'\npool = 'physical'",
     "site.b.pool: no pool 'physical'", "choose from here, local, main"),
    ("[site.b]\nrequirements = 'x'\ngroups = ['jumo']",
     "site.b.groups: no group 'jumo'", "did you mean 'juno'?"),
    ("[site.b]\nrequirements = 'x'\ncredentials = ['krbb']",
     "site.b.credentials: no credential 'krbb'", "did you mean 'krb'?"),
    ("[site.b]\nrequirements = 'x'\nos = { SL77 = '/i' }",
     "site.b.os.SL77: no operating system 'SL77'", "did you mean 'SL7'?"),
    ("[site.b]\nrequirements = 'x'\nkind = 'glidien'",
     "site.b.kind: it cannot be 'glidien'", "did you mean 'glidein'?"),
    ("[site.b]\nrequirements = 'x'\nisolation = 'slots'",
     "site.b.isolation: it cannot be 'slots'", "did you mean 'slot'?"),
    ('[site.b]\nrequirements = \'x\'\nidentity = \'a" || true\'',
     "site.b.identity: no identity has quotes, backslashes or line ends",
     "copy AuthenticatedIdentity from an ad of its start daemons"),
    ("[storage.b]\nendpoint = 'https://x'\ntoken = 'iamm'",
     "storage.b.token: no token 'iamm'", "did you mean 'iam'?"),
    ("[storage.b]\nendpoint = 'https://x'\nstyle = 'virtul'",
     "storage.b.style: it cannot be 'virtul'", "did you mean 'virtual'?"),
    ("[storage.b]\nendpoint = 's3.x'",
     "storage.b.endpoint: 's3.x' is no URL of a server", "write https://HOST[:PORT]"),
    ("[storage.b]\nendpoint = 'https://x'\nsts_endpoint = 'x'",
     "storage.b.sts_endpoint: 'x' is no URL of a server", "write https://HOST[:PORT]"),
    ("[storage.b]\nendpoint = 'https://x'\nca_file = 'ca.pem'",
     "storage.b.ca_file: 'ca.pem' is no absolute path", "write it from / on"),
    ("[storage.b]\nendpoint = 'https://x'\nbuckets = ['raw']",
     "storage.b.buckets: the bucket 'raw' belongs to the storage herd already (test.toml line 5)",
     "leave it to one of them"),
    ("[storage.b]\nendpoint = 'https://x'\ndefault = true",
     "storage.b.default: being the default belongs to the storage herd already (test.toml line 6)",
     "leave it to one of them"),
    ("[credential.x]\nkind = 'proxy'",
     "credential.x.kind: it cannot be 'proxy'", "it can be kerberos or token"),
    ("[credential.x]\ndelivery = 'mail'",
     "credential.x.delivery: it cannot be 'mail'", "it can be file or condor"),
    ("[credential.'a/b']",
     "credential.a/b: 'a/b' cannot be the name of a credential", "use letters, digits, - and _"),
    ("[staging]\nlibraries = 'hred:user/lib'",
     "staging.libraries: no storage 'hred'", "did you mean 'herd'?"),
    ("[staging]\nmailbox = 'hred:mail/'",
     "staging.mailbox: no storage 'hred'", "did you mean 'herd'?"),
    ("[staging]\nbundle_dir = 'bundles'",
     "staging.bundle_dir: 'bundles' is no absolute path of a directory", "write it from / on, or from ~/"),
    ("[staging]\nbundle_dir = '/scratch/%{Group}'",
     "staging.bundle_dir: '/scratch/%{Group}': only ~, $HOME, $USER and %{User} are replaced",
     "write it from / on, or from ~/"),
    ("[mount]\ncache = 'cache'",
     "mount.cache: 'cache' is no absolute path of a directory", "write it from / on, or from ~/"),
    ("[renew]\nevery = 0", "renew.every: 0 is too small", "it is at least 1"),
    ("[renew]\nkeep = -1", "renew.keep: -1 is too small", "it is at least 0"),
    ("[defaults]\ncpus = 0", "defaults.cpus: 0 is too small", "it is at least 1"),
    ("[limits]\njobs = -5", "limits.jobs: -5 is too small", "it is at least 1"),
    ("[walltime]\nx.limit = 0", "walltime.x.limit: 0 is too small", "it is at least 1"),
    ("[group.b]\nwalltime = { long = 0 }", "group.b.walltime.long: 0 is too small", "it is at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "remedy"), WRONG)
def test_what_cannot_be_is_refused_with_file_and_line(text: str, message: str, remedy: str) -> None:
    with pytest.raises(PolicyError) as caught:
        make_policy(f"{WORLD}{text}\n")
    said = caught.value
    where = [LINES + number for number in range(1, text.count("\n") + 2)]
    assert said.message in [f"test.toml line {line}: {message}" for line in where]
    assert said.remedy == remedy


def test_all_mistakes_are_named_at_once() -> None:
    """An administrator does not run a command for each of them."""
    with pytest.raises(PolicyError) as caught:
        make_policy("[defaults]\npool = 'x'\n[renew]\nevery = 0\n[pool.b]\ntoken = 'iamm'\n")
    assert caught.value.message == (
        "3 mistakes in the policy:"
        "\n  test.toml line 2: defaults.pool: no pool 'x'; choose from b, here, local, physical, virtual"
        "\n  test.toml line 6: pool.b.token: no token 'iamm'; did you mean 'iam'?"
        "\n  test.toml line 4: renew.every: 0 is too small; it is at least 1"
    )
    assert caught.value.remedy == "correct these lines"


@pytest.mark.parametrize(
    "text",
    [
        "[defaults]\npool = 'physical'\nos = 'sl7'\nwalltime = '90 min'\n",
        "[defaults]\npool = 'here'\ngroup = 'anything'\nwalltime = 'LONG'\n",
        "[pool.b]\nschedds = ['s01.x']\ndefault_schedd = 's01'\n",
        "[pool.b]\ndefault_schedd = 'any'\n",
        "[site.b]\nrequirements = 'x'\ngroups = ['any']\nmax_walltime = 0\n",
        "[storage.b]\nendpoint = 'http://localhost:9000'\nrole_arn = 'x'\n",
        "[staging]\nbundle_dir = '~/b'\nlibraries = 's3://user/lib'\nhome_limit = 0\n",
        "[staging]\nlibraries = 's3:user/lib'\n",
        "[limits]\nfactory_above = 0\nenvironment_kb = 0\n",
        *(f"[pool.b]\nkind = '{word}'\n" for word in ("condor", "here")),
        "[site.b]\nrequirements = 'x'\nkind = 'glidein'\n",
        "[pool.far]\ncollector = 'c'\nspool = true\n[site.b]\nkind = 'schedd'\npool = 'far'\n",
        "[site.b]\nkind = 'ce'\ngrid_resource = 'condor ce.x ce.x:9619'\ntoken = 'iam'\n",
        *(
            f"[site.b]\nrequirements = 'x'\nisolation = '{word}'\n"
            for word in ("user", "slot", "container", "owner", "")
        ),
        *(
            f"[storage.b]\nendpoint = 'https://x'\nstyle = '{word}'\n"
            for word in ("path", "virtual")
        ),
        *(f"[credential.x]\nkind = '{word}'\n" for word in ("kerberos", "token")),
        *(f"[credential.x]\ndelivery = '{word}'\n" for word in ("file", "condor")),
    ],
)
def test_what_can_be_is_taken(text: str) -> None:
    """The other side of each rule."""
    assert list(mistakes(make_policy(text))) == []


@pytest.mark.parametrize("profile", PROFILES)
def test_the_profiles_have_no_mistake(profile: str) -> None:
    assert list(mistakes(make_policy(f"profile = '{profile}'"))) == []
