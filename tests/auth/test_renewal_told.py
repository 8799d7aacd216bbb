"""What the last round could not do: hep_q -why and hep_auth renew -status tell why, and what to do."""

import json
import time
from typing import Any

import pytest

from tests.auth.chain import Chain, make_chain
from tests.pool.shell import IDLE, Shell
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

LIFE_S = 30


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice tickets and tokens of 30 s, and keys of a session as short as that."""
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=60)
    openid.lives_s(access=LIFE_S)
    chain.kinit(LIFE_S, 600)
    return chain


def told(chain: Chain) -> str:
    """What hep_q -why says of the only job, and -status of the last round; with its exit code."""
    shell = chain.shell
    why = shell.ok("hep_q", "-why", env=chain.environment)
    status = shell("hep_auth", "renew", "-status", env=chain.environment)
    return f"{why}--\n{status.returncode}\n{status.stdout}{status.stderr}"


def one_round(chain: Chain) -> dict[str, Any]:
    """One round as its user starts it; 53 says that not all could be done."""
    done = chain.shell("hep_auth", "renew", "-json", env=chain.environment)
    document = json.loads(done.stdout)
    result: dict[str, Any] = document["result"]
    outcomes = [*result["credentials"].values(), *result["storages"].values()]
    assert done.returncode == (53 if any(each["message"] for each in outcomes) else 0), done
    return result


def test_a_locked_agent_and_a_provider_that_is_down(chain: Chain) -> None:
    """The token's trouble is told with its remedy; the ticket is renewed all the same; help helps at once."""
    shell = chain.shell
    shell.script("job.sh", "true")
    out = ("-out", "r=herd:out/%{ClusterId}/r")
    made = chain.submit("job.sh", "-cred", "krb", "-cred", "iam", *out, *IDLE)
    bundle = chain.desk.bundles / made["uuid"]
    token, manifest = bundle / "private/creds/iam.token", bundle / "job/0/hepsub.manifest"
    ticket = bundle / f"private/creds/krb5cc_{shell.account.uid}"
    fresh = told(chain)
    assert "the credential iam: good until" in fresh or "never run" in fresh, fresh

    chain.agent.lock()
    time.sleep(LIFE_S / 2 + 0.5)
    old = (token.read_bytes(), ticket.read_bytes())
    result = one_round(chain)
    assert "lock" in result["credentials"]["iam"]["message"], result
    assert result["credentials"]["krb"]["message"] == ""
    assert token.read_bytes() == old[0]
    assert ticket.read_bytes() != old[1], "trouble with the token stopped the ticket"
    text = told(chain)
    print(text)
    why, _, status = text.partition("--\n")
    for part in (why, status):
        assert "lock" in part
        assert "oidc-add -X" in part
    assert status.startswith("5"), "the exit code of -status says nothing of it"

    chain.agent.unlock()
    result = one_round(chain)
    assert result["credentials"]["iam"]["message"] == "", "the user had to wait after the remedy"
    assert token.read_bytes() != old[0]
    assert "lock" not in told(chain)

    chain.openid.stop()
    chain.kdc.stop()
    time.sleep(LIFE_S / 2 + 0.5)
    result = one_round(chain)
    text = told(chain)
    print(text)
    assert result["credentials"]["iam"]["failures"] == 1
    assert result["credentials"]["krb"]["failures"] == 1
    why = text.partition("--\n")[0]
    assert why.count("could not be renewed") >= 2, why
    assert "hep_auth renew" in text or "again" in text

    chain.openid.start()
    chain.kdc.start()
    chain.kinit(600, 3600)
    (bundle / "private/signed.json").unlink()
    before = manifest.read_text()
    result = one_round(chain)
    assert {name: each["message"] for name, each in result["credentials"].items()} == {
        "krb": "",
        "iam": "",
    }
    assert result["storages"]["herd"]["message"] == ""
    assert manifest.read_text() != before
