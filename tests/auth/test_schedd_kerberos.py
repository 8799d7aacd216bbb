"""The schedd believes a Kerberos ticket, and without a good one hepsub says what would help."""

import shutil

import pytest

from tests.pool.shell import Shell
from tests.staging.desk import codes
from tests.testbed.kcm import Kcm
from tests.testbed.kdc import Kdc

pytestmark = [pytest.mark.condor, pytest.mark.sid]

METHODS = "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS"


@pytest.fixture
def own(user: Shell, kdc: Kdc) -> dict[str, str]:
    """Take everything from hepalice that proves who she is, but for a ticket; the session's variables."""
    kdc.serve(user.pool)
    shutil.rmtree(user.account.home / ".condor")
    user.script("job.sh", "id -un")
    return {**kdc.cache(user.account).environment, METHODS: "KERBEROS"}


def test_a_ticket_is_enough_to_submit(user: Shell, kdc: Kdc, own: dict[str, str]) -> None:
    """The principal becomes the local account: queue, hold and removal by the same ticket."""
    kdc.kinit(user.account)
    cluster = user.submit("job.sh", env=own)
    user.script("long.sh", "sleep 600")
    other = user.submit("long.sh", env=own)
    user.ok("hep_hold", str(other), env=own)
    assert str(other) in user.ok("hep_q", env=own)
    user.ok("hep_rm", str(other), env=own)
    assert codes(user.ended(cluster)) == [0]
    assert user.text(f"job.sh.out.{cluster}.0") == "hepalice\n"
    user.pool.wait_for(lambda: not user.pool.jobs(f"ClusterId == {other}"), 30, "the removal")
    known = "hepalice@test.hep, by KERBEROS"
    user.pool.wait_for(
        lambda: known in user("hep_auth", env=own).stdout, 30, "the row of the schedd"
    )


@pytest.mark.parametrize("trouble", ["none", "ended", "realm"])
def test_without_a_good_ticket_it_says_what_was_tried_and_what_helps(
    user: Shell, kdc: Kdc, own: dict[str, str], trouble: str
) -> None:
    """No ticket, one that has ended, a realm that cannot be found; after kinit the same line works."""
    if trouble == "ended":
        ticket = kdc.kinit(user.account, life_s=1, renewable_s=2)
        user.pool.wait_for(lambda: not ticket.proves_itself(), 30, "the end of the ticket")
    if trouble == "realm":
        kdc.kinit(user.account)
    nowhere = {"KRB5_CONFIG": "/dev/null"} if trouble == "realm" else {}
    said = user.refused(41, "job.sh", env={**own, **nowhere})
    assert "tried: KERBEROS" in said
    assert "kinit" in said
    assert "kvno host/ap.test.hep" in said
    assert user.pool.jobs() == []
    kdc.kinit(user.account)
    user.submit("job.sh", env=own)


def test_several_methods_that_failed_are_all_named(user: Shell, own: dict[str, str]) -> None:
    """Also where the bindings do not say which ones were tried."""
    said = user.refused(41, "job.sh", env={**own, METHODS: "IDTOKENS, KERBEROS"})
    assert "IDTOKENS" in said.partition("tried: ")[2]
    assert "KERBEROS" in said.partition("tried: ")[2]
    table = user("hep_auth", env=own)
    assert "allowed here, if HTCondor came to try them: KERBEROS" in table.stderr
    assert "kinit" in table.stderr


def test_a_principal_without_an_account_is_told_so(
    user: Shell, kdc: Kdc, own: dict[str, str]
) -> None:
    """The ticket is good, but nobody here has that name."""
    kdc.principal("mallory")
    kdc.kinit(user.account, name="mallory")
    said = user.refused(42, "job.sh", env=own)
    assert "believes that you are mallory" in said
    assert "hep_auth" in said
    assert user.pool.jobs() == []


def test_a_ticket_in_the_kcm_does_both(
    user: Shell, kdc: Kdc, kcm: Kcm, own: dict[str, str]
) -> None:
    """It is shown to the schedd by the bindings' own library, and travels with the job."""
    account = user.account
    there = {**own, **kcm.environment(kdc)}
    assert "tried: KERBEROS" in user.refused(41, "job.sh", env=there)
    words = ["kinit", "-l", "600s", f"{account.name}@{kdc.realm}"]
    kdc.principal(account.name)
    done = account.run(words, env=there, input=f"{kdc.passwords[account.name]}\n")
    assert done.returncode == 0, done.stderr
    user.script("job.sh", "klist -s && id -un")
    try:
        cluster = user.submit("job.sh", "-cred", "krb", env=there)
        assert codes(user.ended(cluster)) == [0]
        assert user.text(f"job.sh.out.{cluster}.0") == "hepalice\n"
    finally:
        account.run(["kdestroy", "-A"], env=there)
