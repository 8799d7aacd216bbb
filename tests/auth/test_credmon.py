"""A pool with a Kerberos credmon takes the ticket over: HTCondor delivers it, renews it and brings its successors."""

import time

import pytest

from tests.pool.shell import Shell, long_ads
from tests.staging.desk import HASTE, codes
from tests.testbed.config import TICKET_DIRECTORY
from tests.testbed.kdc import Kdc

pytestmark = [pytest.mark.condor, pytest.mark.sid]

POLICY = """
[credential.krb]
delivery = "condor"
"""
LIFE_S = 40
RENEWABLE_S = 60
PRODUCER = "_CONDOR_SEC_CREDENTIAL_PRODUCER"
PATIENT = f"""
at() {{
    until [ $(($(date +%s) - begin)) -ge $1 ]; do sleep 1; done
    tries=$3
    until klist -s || [ $tries -le 0 ]; do sleep 1; tries=$((tries - 1)); done
    klist -s && echo "$2 good" || echo "$2 ended"
}}
echo "$KRB5CCNAME $HepJob_KRB5CCNAME"
at 0 start 0
at {LIFE_S + 2} renewed 6
touch renewed
at {RENEWABLE_S + 6} successor 40
"""
"""How the ticket of `begin` stands: at the start, after its life, and after its renewable life."""


@pytest.fixture
def own(user: Shell, kdc: Kdc) -> dict[str, str]:
    """Give hepalice the ticket's variables, in a pool whose credmon finds the realm."""
    if not user.pool.takes_credentials:
        pytest.skip("this pool has no credd: --condor=sid has")
    kdc.join(user.pool.sandbox)
    user.policy.write_text(user.policy.read_text() + POLICY)
    return {**kdc.cache(user.account).environment, **HASTE}


def test_the_pool_keeps_the_ticket_of_a_running_job(
    user: Shell, kdc: Kdc, own: dict[str, str]
) -> None:
    """Without hepsub up to its renewable life; past that what the user gets by kinit and hep_auth renew brings."""
    began = int(time.time())
    kdc.kinit(user.account, life_s=LIFE_S, renewable_s=RENEWABLE_S)
    user.script("job.sh", f"begin={began}\n{PATIENT}")
    submitted = user.result("hep_sub", "job.sh", "-cred", "krb", env=own)
    cluster = submitted["cluster"]
    assert user.ad(cluster)["SendCredential"] is True
    renewed = user.work / "renewed"
    user.pool.wait_for(renewed.exists, 120, "the end of the ticket's first life in the job")
    kdc.kinit(user.account, life_s=600, renewable_s=3600)
    user.ok("hep_auth", "renew", env=own)
    ads = user.ended(cluster, timeout=120)
    place, *said = user.text(f"job.sh.out.{cluster}.0").splitlines()
    assert said == ["start good", "renewed good", "successor good"]
    cache, name = place.split()
    assert cache.startswith("FILE:/var/lib/condor/execute/")
    assert name == "hepalice.cc"
    assert codes(ads) == [0]
    assert not [path for path in user.account.home.rglob("*.cc") if path.is_file()]
    assert not list(user.account.home.glob(".local/share/hepsub/bundles/*/private/creds/*"))
    assert "krbtgt" not in long_ads(user.pool, began)


def test_the_configured_producer_makes_what_is_stored(
    user: Shell, kdc: Kdc, own: dict[str, str]
) -> None:
    """Whole, with its zero bytes; it sees the user's ticket, and what it cannot do is told before anything waits."""
    kdc.kinit(user.account)
    producer = user.account.write("producer", '#!/bin/sh\ncat "${KRB5CCNAME#FILE:}"\n', mode=0o755)
    user.script("job.sh", "klist")
    made = {**own, PRODUCER: str(producer)}
    submitted = user.result("hep_sub", "job.sh", "-cred", "krb", env=made)
    assert codes(user.ended(submitted["cluster"])) == [0]
    out = user.text(f"job.sh.out.{submitted['cluster']}.0")
    assert "Default principal: hepalice@TEST.HEP" in out
    stored = user.pool.sandbox.path(TICKET_DIRECTORY / "hepalice.cred").read_bytes()
    assert len(stored) > 100
    user.account.write("producer", "#!/bin/sh\necho no aklog here >&2\nexit 3\n", mode=0o755)
    done = user("hep_sub", "job.sh", "-cred", "krb", env=made)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "exit code 3: no aklog here" in done.stderr
    assert 'delivery = "file"' in done.stderr
    assert user.pool.jobs() == []


def test_a_credd_that_keeps_no_tickets_is_told(user: Shell, kdc: Kdc, own: dict[str, str]) -> None:
    """One may take tokens only: nothing was submitted, and the remedy works there."""
    kdc.kinit(user.account)
    user.script("job.sh", "klist -s")
    user.pool.add_config("CREDD.SEC_CREDENTIAL_DIRECTORY_KRB =")

    def said() -> str:  # until the credd has read its configuration
        done = user("hep_sub", "job.sh", "-cred", "krb", env=own)
        if done.returncode == 0:
            user.pool.purge()
        return done.stderr if done.returncode == 45 else ""

    words = user.pool.wait_for(said, 30, "the refusal of the credd")
    assert "keeps no tickets" in words
    assert 'delivery = "file"' in words
    user.policy.write_text(user.policy.read_text().replace('delivery = "condor"', ""))
    assert codes(user.ended(user.submit("job.sh", "-cred", "krb", env=own))) == [0]
