"""The schedd believes a token of the user's provider, and where it can it delivers tokens itself."""

import shutil

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell
from tests.staging.desk import codes
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph, pytest.mark.sid]

SUBMITTING = """
[pool.local]
token = "submit"

[credential.submit]
account = "iam"
audience = "{audience}"
scopes = [{scopes}]
"""
COMPUTE = ("compute.read", "compute.create", "compute.modify", "compute.cancel")
BY_CONDOR = """
[credential.pushed]
account = "iam"
delivery = "condor"
service = "hepiam"
"""
LIFE_S = 20
NO_FS = {"_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS"}
"""The test's users share /tmp with the schedd, so that FS would work for new daemons."""


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice an agent, in a pool that trusts its provider."""
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=3600)
    openid.join(user.pool.sandbox)
    return chain


def without_other_proof(
    chain: Chain, audience: str = "", scopes: tuple[str, ...] = COMPUTE
) -> None:
    """Take the user's IDTOKEN away; the policy names a token to show instead."""
    shell = chain.shell
    shutil.rmtree(shell.account.home / ".condor")
    named = SUBMITTING.format(
        audience=audience or shell.pool.audience,
        scopes=", ".join(f'"{scope}"' for scope in scopes),
    )
    shell.policy.write_text(shell.policy.read_text() + named)


def test_a_token_is_enough_to_submit(chain: Chain) -> None:
    """The subject becomes the local account; queue, hold and removal by the same token."""
    without_other_proof(chain)
    shell = chain.shell
    shell.script("job.sh", "id -un")
    own = {**chain.environment, **NO_FS}
    cluster = shell.submit("job.sh", env=own)
    assert codes(shell.ended(cluster)) == [0]
    assert shell.text(f"job.sh.out.{cluster}.0") == "hepalice\n"
    shell.script("long.sh", "sleep 600")
    other = shell.submit("long.sh", env=own)
    shell.ok("hep_rm", str(other), env=own)
    shell.pool.wait_for(lambda: not shell.pool.jobs(f"ClusterId == {other}"), 30, "the removal")


@pytest.mark.parametrize("trouble", ["audience", "scope", "agent"])
def test_a_token_that_is_not_good_enough_is_explained(chain: Chain, trouble: str) -> None:
    """What was tried, what was wrong, what to do; nothing was submitted."""
    if trouble == "audience":
        without_other_proof(chain, audience="https://other.test.hep")
    elif trouble == "scope":
        without_other_proof(chain, scopes=COMPUTE[:2])
    else:
        without_other_proof(chain)
        chain.agent.stop()
    shell = chain.shell
    shell.script("job.sh", "true")
    done = shell("hep_sub", "job.sh", env={**chain.environment, **NO_FS})
    assert (done.returncode, done.stdout) == (41, ""), done.stderr
    expected = {
        "audience": ("SCITOKENS", "audience"),
        "scope": ("compute.", "scope"),
        "agent": ("oidc-agent", "no token"),
    }[trouble]
    assert all(word in done.stderr for word in expected), done.stderr
    assert shell.pool.jobs() == []


def test_condor_delivers_a_token_and_its_successors(chain: Chain) -> None:
    """Nothing of it is in the bundle; hep_auth renew pushes new ones while the job runs."""
    shell = chain.shell
    shell.policy.write_text(shell.policy.read_text() + BY_CONDOR)
    chain.openid.lives_s(access=LIFE_S)
    shell.script("job.sh", f"{LOOK}\nklist() {{ :; }}\nlook start; sleep {2 * LIFE_S}; look end")
    if not shell.pool.takes_credentials:
        done = shell("hep_sub", "job.sh", "-cred", "pushed", env=chain.environment)
        assert (done.returncode, done.stdout) == (45, ""), done.stderr
        assert 'delivery = "file"' in done.stderr
        assert shell.pool.jobs() == []
        return
    with chain.renewing():
        submitted = chain.submit("job.sh", "-cred", "pushed")
        ads = shell.ended(submitted["cluster"], timeout=120)
    said = shell.text(f"job.sh.out.{submitted['cluster']}.0").splitlines()
    assert said == ["start ticket=good token=good", "end ticket=good token=good"], (
        shell.text(f"job.sh.err.{submitted['cluster']}.0"),
        shell.text("renew.log"),
    )
    assert codes(ads) == [0]
    assert not list(chain.desk.bundles.glob("*/private/creds/*"))
