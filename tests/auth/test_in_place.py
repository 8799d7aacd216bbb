"""A ticket or token alone changes nothing else: the program runs where it always did, its files are where they were."""

from pathlib import Path

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell
from tests.staging.desk import codes
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.remote import RemoteSite
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

BOTH = ("-cred", "krb", "-cred", "iam")


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice credentials that live for an hour."""
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=3600)
    chain.kinit(3600, 86400)
    return chain


def test_at_home_it_runs_where_it_was_submitted(chain: Chain) -> None:
    """The same directory, the same arguments and exit code; nothing of hepsub's lies there afterwards."""
    shell = chain.shell
    script = f'{LOOK}\npwd; echo "$*"; look now; echo $HepJob_KRB5CCNAME; echo kept > mine; exit 3'
    shell.script("job.sh", script)
    before = {path.name for path in shell.work.iterdir()}
    submitted = chain.submit("job.sh", *BOTH, "-argu", "a", "b")
    cluster = submitted["cluster"]
    name = f"krb5cc_{shell.account.uid}"
    ads = shell.ended(cluster)
    assert codes(ads) == [3]
    assert shell.text(f"job.sh.out.{cluster}.0").splitlines() == [
        str(shell.work),
        "a b",
        "now ticket=good token=good",
        name,
    ], shell.text(f"job.sh.err.{cluster}.0")
    assert ads[0]["HepJob_KRB5CCNAME"] == name
    after = {path.name for path in shell.work.iterdir()}
    assert after - before == {"mine", f"job.sh.out.{cluster}.0", f"job.sh.err.{cluster}.0"}


def test_far_away_new_files_come_home_and_credentials_do_not(
    chain: Chain, remote_site: RemoteSite
) -> None:
    """As without -cred: hep_fetch brings what the program made; ticket and token nobody brings."""
    chain.kdc.join(remote_site.sandbox)
    shell = chain.shell
    shell.script("job.sh", f"{LOOK}\nlook now; echo made > made; ls -A; touch .hidden")
    submitted = chain.submit("job.sh", *BOTH, "-site", "dongguan")
    cluster = submitted["cluster"]
    assert codes(shell.ended(cluster)) == [0]
    said = shell.text(f"job.sh.out.{cluster}.0").splitlines()
    assert said[0] == "now ticket=good token=good", shell.text(f"job.sh.err.{cluster}.0")
    assert not [line for line in said if "krb5cc" in line or line.endswith(".token")]
    shell.ok("hep_fetch", str(cluster))
    assert shell.text(f"{cluster}/0/made") == "made\n"
    brought = chain.desk.home_of(submitted["uuid"], 0)
    assert (brought / "outputs/made").exists()
    names = {str(path.relative_to(top)) for top in (shell.work, brought) for path in top.rglob("*")}
    assert not [
        name for name in names if "krb5cc" in name or ".token" in name or "manifest" in name
    ]


def test_the_pools_wish_goes_along_by_itself(chain: Chain) -> None:
    """Until the user says -cred none."""
    shell = chain.shell
    shell.policy.write_text(f'{shell.policy.read_text()}\n[pool.local]\ncredentials = ["krb"]\n')
    shell.script("job.sh", "klist -s && echo ticket; exit 0")
    cluster = chain.submit("job.sh")["cluster"]
    other = chain.submit("job.sh", "-cred", "none")["cluster"]
    shell.all_ended({cluster: 1, other: 1})
    assert shell.text(f"job.sh.out.{cluster}.0") == "ticket\n"
    assert shell.text(f"job.sh.out.{other}.0") == ""


def test_without_a_ticket_nothing_is_submitted(chain: Chain) -> None:
    """The cause, and the command that helps; no bundle is left."""
    shell = chain.shell
    shell.script("job.sh", "true")
    chain.kdc.cache(shell.account).path.unlink()
    done = shell("hep_sub", "job.sh", "-cred", "krb", env=chain.environment)
    assert (done.returncode, done.stdout) == (54, "")
    assert "nothing was submitted" in done.stderr
    assert "kinit" in done.stderr
    assert not [path for path in Path(chain.desk.bundles).glob("*") if path.name != ".renew"]


def test_the_embedded_pool_does_it_too(chain: Chain) -> None:
    """On this machine, in the same place."""
    shell = chain.shell
    shell.script("job.sh", f"{LOOK}\nlook now; pwd")
    submitted = chain.submit("-p", "here", "-wait", "job.sh", *BOTH)
    assert shell.text(f"job.sh.out.{submitted['cluster']}.0").splitlines() == [
        "now ticket=good token=good",
        str(shell.work),
    ]
