"""What in the description of a remote site, and in a rule, cannot be; each is named with its line."""

from __future__ import annotations

import pytest

from hepsub.errors import PolicyError
from hepsub.policy.check import mistakes
from hepsub.policy.site import RULE_WORDS
from tests.fakes.world import make_policy

WORLD = """[storage.herd]
endpoint = "https://s3.example.org"
[pool.far]
collector = "c"
spool = true
[pool.near]
[group.juno]
"""
FAR = "[site.b]\nkind = 'schedd'\npool = 'far'\n"
CE = "[site.b]\nkind = 'ce'\ntoken = 'iam'\ngrid_resource = 'condor a b:1'\n"
GLIDEIN = "[site.b]\nrequirements = 'x'\n"
RULE = "[rule.r]\n"
NO_SCHEDD = "a site of the kind schedd needs the pool that takes its jobs, one with spool = true"
DESCRIBE = 'describe it: [pool.NAME] with collector, token and spool = true, and pool = "NAME" here'
NO_RESOURCE = "a site of the kind ce needs grid_resource, HTCondor's words for it"
WRITE_CE = 'write grid_resource = "condor CE.HOST CE.HOST:9619"'
NO_ATTRIBUTE = "that is no ClassAd attribute with an expression on one line"
EXPRESSION = "write NAME = 'EXPRESSION', a text in it in double quotes"
NO_PATH = "a directory, from / on and with / at its end, has to stand for STORAGE:BUCKET/ or a directory in it"
WRITE_PATH = 'write "/besfs/" = "herd:besfs/"'
QUOTES = "has quotes, backslashes or line ends"


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("[site.b]\n", "site.b: the key 'requirements' is missing",
         "write a ClassAd expression that is true on its slots: 'GLIDEIN_Site == \"NAME\"'"),
        (f"{GLIDEIN}token = 'iamm'\n", "site.b.token: no token 'iamm'", "did you mean 'iam'?"),
        (f"{GLIDEIN}storage = 'hred'\n", "site.b.storage: no storage 'hred'", "did you mean 'herd'?"),
        ("[site.b]\nkind = 'schedd'\n", f"site.b: {NO_SCHEDD}", DESCRIBE),
        ("[site.b]\nkind = 'schedd'\npool = 'near'\n", f"site.b.pool: {NO_SCHEDD}", DESCRIBE),
        ("[site.b]\nkind = 'ce'\ntoken = 'iam'\n", f"site.b: {NO_RESOURCE}", WRITE_CE),
        *((f"[site.b]\nkind = 'ce'\ntoken = 'iam'\ngrid_resource = '{word}'\n",
           f"site.b.grid_resource: {NO_RESOURCE}", WRITE_CE)
          for word in ("condor a", "batch slurm", "condor a b:x", "condor a b:1 c", "condor -a b", "condor a b; c")),
        ("[site.b]\nkind = 'ce'\ngrid_resource = 'condor a b'\n",
         "site.b: a site of the kind ce needs the credential that is shown to it",
         "name a token of [credential.NAME], whose audience is the CE's: token = \"NAME\""),
        *((f"{GLIDEIN}identity = {word}\n", f"site.b.identity: no identity {QUOTES}",
           "copy AuthenticatedIdentity from an ad of its start daemons")
          for word in ("'a\"'", "'a\\b'", '"a\\u0001"')),
        *((f"{CE}queue = {word}\n", f"site.b.queue: no queue {QUOTES}", "correct that line")
          for word in ("'a\"'", "'a\\b'", '"a\\u001f"')),
        (f"{CE}attributes = {{ 9a = '1' }}\n", f"site.b.attributes.9a: {NO_ATTRIBUTE}", EXPRESSION),
        (f'{CE}attributes = {{ a = "1\\n2" }}\n', f"site.b.attributes.a: {NO_ATTRIBUTE}", EXPRESSION),
        *((f"{CE}paths = {{ '{path}' = '{url}' }}\n", f"site.b.paths.{path}: {NO_PATH}", WRITE_PATH)
          for path, url in (("/a", "herd:b/"), ("a/", "herd:b/"), ("/a/", "herd:b"), ("/a/", "/b/"),
                            ("/a/", "herd:/b/"), ("/a/", "herd:b/c"))),
        (f"{CE}paths = {{ '/a/' = 'hred:b/' }}\n", "site.b.paths./a/: no storage 'hred'", "did you mean 'herd'?"),
        (f"{CE}mounts = ['/cvmfs', 'eos']\n", "site.b.mounts: 'eos' is no absolute path", "write it from / on"),
        (f"{CE}{RULE}sites = ['c']\n", "rule.r.sites: no site 'c'", "choose from b"),
        (f"{CE}{RULE}not_sites = ['c']\n", "rule.r.not_sites: no site 'c'", "choose from b"),
        (f"{CE}{RULE}kinds = ['glidien']\n", "rule.r.kinds: no kind of sites 'glidien'", "did you mean 'glidein'?"),
        (f"{CE}{RULE}groups = ['jumo']\n", "rule.r.groups: no group 'jumo'", "did you mean 'juno'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_file_and_line(text: str, message: str, remedy: str) -> None:
    with pytest.raises(PolicyError) as caught:
        make_policy(WORLD + text)
    where, _, said = caught.value.message.partition(": ")
    assert (said, caught.value.remedy) == (message, remedy)
    first = WORLD.count("\n") + 1
    lines = range(first, first + text.count("\n"))
    assert where in [f"test.toml line {line}" for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        FAR,
        f"{FAR}storage = 'herd'\nmounts = ['/cvmfs']\ngroups = ['juno']\n",
        CE,
        f"{CE}queue = 'juno'\nattributes = {{ _A9 = 'x == \"y\"' }}\n",
        f"{CE}paths = {{ '/a/' = 'herd:b/', '/b/' = 's3://b/c/', '/c/' = 'S3://b/', '/' = 'herd:b/c/d/' }}\n",
        "[site.b]\nkind = 'ce'\ntoken = 'iam'\ngrid_resource = 'condor me@ce-1.x_y ce-1.x'\n",
        *(
            f"{GLIDEIN}{key} = 0\n"
            for key in ("max_cpus", "max_memory", "max_walltime", "max_disk", "max_sandbox", "max_jobs")
        ),
        *(
            f"{GLIDEIN}containers = '{word}'\n"
            for word in ("universe", "singularity", "wrapper", "none")
        ),
        *(f"{RULE}remote = '{word}'\n" for word in RULE_WORDS),
        f"{CE}{RULE}sites = ['b']\nkinds = ['glidein', 'schedd', 'ce']\ngroups = ['juno']\n",
        "[staging]\nhome_limit = 0\nlibrary_limit = 0\n[renew]\nkeep = 0\n",
    ],
)  # fmt: skip
def test_what_can_be_is_taken(text: str) -> None:
    """The other side of each rule."""
    assert list(mistakes(make_policy(WORLD + text))) == []


def test_where_no_group_is_named_any_may_be() -> None:
    world = WORLD.replace("[group.juno]\n", "")
    text = f"{CE}groups = ['any']\n{RULE}groups = ['any']\n"
    assert list(mistakes(make_policy(world + text))) == []
