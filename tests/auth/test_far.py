"""Submitted on a host that is not the schedd's: only where the policy says that both see the bundles."""

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell, write_policy
from tests.staging.desk import codes
from tests.testbed.kdc import Kdc
from tests.testbed.machine import Machine
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.sts import WebIdentity
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

LIFE_S = 15
LINE = ("-cred", "krb", "-cred", "iam", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")


@pytest.fixture
def chain(
    pool: Pool, alice: Account, other_host: Machine, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity
) -> Chain:
    """Give hepalice on the other host credentials that all live for 15 s, in the home of both hosts."""
    there = other_host.account(alice)
    shell = Shell(pool, there, write_policy(alice, pool), there.run)
    chain = make_chain(shell, kdc, openid, ceph_sts, session_s=LIFE_S)
    openid.lives_s(access=LIFE_S)
    chain.kinit(LIFE_S, 600)
    return chain


def test_a_job_from_another_host_is_kept_fresh_from_there(
    chain: Chain, other_host: Machine
) -> None:
    """With shared = true: it starts with what there is, runs longer than every life, and ends well."""
    shell = chain.shell
    shell.script("job.sh", f"{LOOK}\nlook start; sleep {1.6 * LIFE_S}; look end; echo result > r")
    assert shell.ok("hostname").strip() == other_host.hostname
    with chain.renewing():
        submitted = chain.submit("job.sh", *LINE)
        cluster = submitted["cluster"]
        ads = shell.ended(cluster, timeout=90)
    said = shell.text(f"job.sh.out.{cluster}.0")
    assert said.splitlines() == ["start ticket=good token=good", "end ticket=good token=good"], (
        said,
        shell.text(f"job.sh.err.{cluster}.0"),
        shell.text("renew.log"),
    )
    assert codes(ads) == [0]
    assert chain.desk.text(f"{cluster}/r_0") == "result\n"
    assert sorted(chain.desk.markers(submitted["uuid"])) == [0]
    closed = chain.renew()
    assert closed["host"] == other_host.hostname
    assert closed["jobs"] == 0
    assert not list(chain.desk.bundles.glob("*/private/creds"))


@pytest.mark.parametrize("words", [LINE, ("-cred", "krb")], ids=["all", "ticket"])
def test_without_shared_it_is_refused_before_anything_is_made(
    chain: Chain, other_host: Machine, words: tuple[str, ...]
) -> None:
    """The cause names both hosts, the remedy the key of the policy; without a bundle it works."""
    shell = chain.shell
    shell.policy.write_text(shell.policy.read_text().replace("shared = true", "shared = false"))
    shell.script("job.sh", "true")
    said = shell.refused(36, "job.sh", *words, env=chain.environment)
    assert other_host.hostname in said
    assert "shared = true" in said
    assert shell.pool.jobs() == []
    bundles = chain.desk.bundles
    assert not bundles.exists() or [p for p in bundles.iterdir() if p.name != ".renew"] == []
    cluster = shell.submit("job.sh", env=chain.environment)
    assert codes(shell.ended(cluster)) == [0]
