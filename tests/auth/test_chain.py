"""Jobs that wait and run for longer than everything they carry: with hep_auth renew they have it all at the end."""

import time

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell
from tests.staging.desk import E_HOME, codes
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

LIFE_S = 20
LINE = ("-cred", "krb", "-cred", "iam", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice credentials that all live for 20 s; the ticket is renewable for 10 min."""
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=LIFE_S)
    openid.lives_s(access=LIFE_S)
    chain.kinit(LIFE_S, 600)
    return chain


def test_a_job_that_waited_longer_than_every_life_starts_with_fresh_ones(chain: Chain) -> None:
    """And one that runs longer than every life has all of it at its end, and uploads its result."""
    shell = chain.shell
    shell.script("job.sh", f"{LOOK}\nlook start; sleep {2 * LIFE_S}; look end; echo result > r")
    with chain.renewing():
        submitted = chain.submit("job.sh", *LINE)
        cluster = submitted["cluster"]
        shell.ok("hep_hold", str(cluster))
        time.sleep(1.5 * LIFE_S)
        shell.ok("hep_release", str(cluster))
        ads = shell.ended(cluster, timeout=120)
    said = shell.text(f"job.sh.out.{cluster}.0")
    assert said.splitlines() == [
        "start ticket=good token=good",
        "end ticket=good token=good",
    ], (said, shell.text(f"job.sh.err.{cluster}.0"), shell.text("renew.log"))
    assert codes(ads) == [0]
    assert chain.desk.text(f"{cluster}/r_0") == "result\n"
    assert sorted(chain.desk.markers(submitted["uuid"])) == [0]


def test_without_renewal_it_fails_as_forecast_and_its_outputs_come_home(chain: Chain) -> None:
    """hep_sub says so before; nothing is lost."""
    shell = chain.shell
    # The pause is for the hold to come before the end, should the job have started already.
    shell.script("job.sh", f"{LOOK}\nsleep 8; look start; echo result > r")
    submitted = chain.submit("job.sh", *LINE)
    cluster = submitted["cluster"]
    forecast = " ".join(submitted["notes"])
    for what in ("your Kerberos ticket", "the token iam", "the signed access to the storage herd"):
        assert f"{what} ends in" in forecast, forecast
    shell.ok("hep_hold", str(cluster))
    time.sleep(1.5 * LIFE_S)
    shell.ok("hep_release", str(cluster))
    ads = shell.ended(cluster, timeout=120)
    assert codes(ads) == [E_HOME]
    assert shell.text(f"job.sh.out.{cluster}.0") == "start ticket=ended token=ended\n"
    home = chain.desk.home_of(submitted["uuid"], 0)
    assert (home / "outputs/r").read_text() == "result\n"
    chain.renew()
    assert chain.desk.text(f"{cluster}/r_0") == "result\n"
    assert sorted(chain.desk.markers(submitted["uuid"])) == [0]
    assert not (home / "outputs/r").exists()
