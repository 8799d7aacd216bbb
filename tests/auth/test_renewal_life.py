"""Past the renewable life only the user's new kinit helps: a running job gets it, whoever looks first."""

import time
from contextlib import nullcontext

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell
from tests.staging.desk import codes
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

LIFE_S = 16
RENEWABLE_S = 36
PAST_AND_GOOD = f"""{LOOK}
say() {{ echo "$1 $(date +%s)" >> "$HEPSUB_SUBMIT_DIR/said"; }}
look start; say start
while klist -s; do sleep 0.5; done
say past
n=0; until klist -s || [ $n -ge 80 ]; do sleep 0.5; n=$((n + 1)); done
say good; look end
"""


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice a ticket for 16 s that can be renewed until 36 s from now, and tokens of 20 s."""
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=3600)
    openid.lives_s(access=20)
    chain.kinit(LIFE_S, RENEWABLE_S)
    return chain


@pytest.mark.parametrize("by", ["loop", "hep_q"])
def test_a_new_kinit_reaches_the_running_job(chain: Chain, by: str) -> None:
    """By hep_auth renew -loop, and without it by an ordinary command that sees the new ticket."""
    shell = chain.shell
    shell.script("job.sh", PAST_AND_GOOD)
    with chain.renewing() if by == "loop" else nullcontext():
        submitted = chain.submit("job.sh", "-cred", "krb", "-cred", "iam")
        said = shell.work / "said"
        shell.pool.wait_for(lambda: said.exists() and "past" in said.read_text(), 60, "its end")
        past = time.time()
        held = chain.desk.bundles / submitted["uuid"] / f"private/creds/krb5cc_{shell.account.uid}"
        assert not chain.kdc.cache(shell.account, held).is_good(), "the bundle has a better one"
        if by == "loop":
            told = shell.ok("hep_q", "-why", env=chain.environment)
            assert "kinit" in told or "hep_auth login krb" in told, told
        chain.kinit(600, 3600)
        if by == "hep_q":
            time.sleep(1)
            assert not chain.kdc.cache(shell.account, held).is_good(), "nobody was to look yet"
            shell.ok("hep_q", env=chain.environment)
            assert chain.kdc.cache(shell.account, held).is_good()
        ads = shell.ended(submitted["cluster"], timeout=90)
    moments = {word: int(when) for word, when in map(str.split, said.read_text().splitlines())}
    print(by, {word: when - moments["start"] for word, when in moments.items()}, past)
    out = shell.text(f"job.sh.out.{submitted['cluster']}.0")
    lines = out.splitlines()
    assert lines[0] == "start ticket=good token=good", out
    assert lines[-1].startswith("end ticket=good"), out
    if by == "loop":
        assert lines[-1] == "end ticket=good token=good", out
        assert moments["past"] - moments["start"] >= LIFE_S, "it was never renewed"
    assert codes(ads) == [0]
