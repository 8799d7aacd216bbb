"""hep_clus and the rules about remote sites, with slots of another institute in the pool."""

import json

import pytest

from tests.pool.shell import Shell

pytestmark = [pytest.mark.condor, pytest.mark.usefixtures("remote_site")]

POLICY = """
[pool.away]
collector = "127.0.0.1:1"
[site.near]
requirements = 'TARGET.GLIDEIN_Site == "dongguan"'
isolation = "slot"
[site.nowhere]
requirements = 'GLIDEIN_Site == "TARGET.dongguan"'
[rule.large]
output_above = 1
types = ["sim"]
remote = "never"
because = "much comes out"
[rule.sim]
types = ["sim"]
remote = "automatic"
sites = ["near"]
"""


@pytest.fixture
def ruled(user: Shell) -> Shell:
    """Alice, with a policy of her own above the testbed's."""
    user.policy.write_text(user.policy.read_text() + POLICY)
    return user


def test_the_pools_and_sites_are_shown_with_their_cores(ruled: Shell) -> None:
    """A pool that does not answer says so in its row; the slots of a site are those its jobs would get."""
    found = json.loads(ruled.ok("hep_clus", "-json"))["result"]
    pools = {each["name"]: each for each in found["pools"]}
    sites = {each["name"]: each for each in found["sites"]}
    local = next(each for each in pools.values() if each["default"])
    assert local["cores"]["total"] > sites["near"]["cores"]["total"] > 0
    assert local["problem"] is None
    assert sites["nowhere"]["cores"] == {"total": 0, "busy": 0}
    assert pools["away"]["problem"]["code"] == "pool-unreachable"
    assert "(pool-unreachable)" in ruled.ok("hep_clus")


def test_a_rule_sends_jobs_away_until_experience_says_otherwise(ruled: Shell) -> None:
    """The first jobs go there by themselves; they leave much behind, and the next ones stay."""
    ruled.script("job.sh", "hostname; head -c 2000000 /dev/zero > big")
    words = ("job.sh", "-type", "sim", "-out", f"big={ruled.work}/big.%{{ClusterId}}")
    first = ruled.submit(*words)
    ruled.ended(first)
    assert ruled.text(f"job.sh.out.{first}.0") == "wn.dongguan.hep\n"
    route = json.loads(ruled.ok("hep_sub", *words, "-dry-run", "-json"))["result"]["route"]
    assert (route["rule"], route["site"], route["kind"]) == ("large", None, None)
    assert route["reasons"][-1]["because"] == "the rule large (much comes out) keeps it at home"
