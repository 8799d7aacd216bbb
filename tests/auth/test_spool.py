"""A schedd that sees none of this host's directories: jobs are handed over with their files, and fetched."""

import json
import time

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell
from tests.sites.mail import BUCKET, NOBODY, answer, refuses
from tests.staging.desk import clear, codes
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

LIFE_S = 40
LINE = ("-cred", "krb", "-cred", "iam", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}", "-n", "2")


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice a pool that sees nothing of her host, by the policy's word."""
    chain = make_chain(
        user, kdc, openid, ceph_sts, session_s=3600, more="\n[pool.local]\nspool = true\n"
    )
    text = user.policy.read_text().replace("shared = true", "shared = false")
    user.policy.write_text(text)
    chain.kinit(3600, 86400)
    return chain


@pytest.mark.sid
def test_a_job_takes_its_files_along_and_leaves_its_logs_for_wait(chain: Chain) -> None:
    """Ticket and token are there, the results in S3, stdout and stderr where they always are."""
    shell = chain.shell
    shell.script("job.sh", f"{LOOK}\nlook now; echo result > r; echo said >&2")
    done = shell("hep_sub", "job.sh", *LINE, "-wait", "-json", env=chain.environment, timeout=120)
    document = json.loads(done.stdout)
    assert done.returncode == 0, document
    cluster = document["result"]["cluster"]
    assert [job["exit_code"] for job in document["result"]["ended"]] == [0, 0]
    for proc in range(2):
        assert shell.text(f"job.sh.out.{cluster}.{proc}") == "now ticket=good token=good\n"
        assert "said" in shell.text(f"job.sh.err.{cluster}.{proc}")
        assert chain.desk.text(f"{cluster}/r_{proc}") == "result\n"
    shell.pool.wait_for(
        lambda: not shell.pool.jobs(f"ClusterId == {cluster}"), 30, "the jobs to leave the queue"
    )


@pytest.mark.sid
def test_renew_fetches_what_jobs_left(chain: Chain) -> None:
    """Without -wait: logs and what came home arrive by the next hep_auth renew, once."""
    shell = chain.shell
    shell.script("plain.sh", "echo made > made; echo hello")
    submitted = chain.submit("plain.sh")
    cluster = submitted["cluster"]
    shell.pool.wait_for(
        lambda: shell.pool.jobs(f"ClusterId == {cluster} && JobStatus == 4"), 60, "its end"
    )
    made = chain.desk.home_of(submitted["uuid"], 0) / "outputs/made"
    assert not made.exists()
    chain.renew()
    assert shell.text(f"plain.sh.out.{cluster}.0") == "hello\n"
    assert made.read_text() == "made\n"
    assert not (shell.work / "made").exists()
    assert codes(shell.ended(cluster)) == [0]


def test_nothing_of_the_submitting_host_is_read_any_more(chain: Chain) -> None:
    """The bundle may be away while the jobs start, run and end."""
    shell = chain.shell
    shell.script("job.sh", f"{LOOK}\nlook now; echo result > r")
    submitted = chain.submit("job.sh", *LINE)
    cluster = submitted["cluster"]
    bundle = chain.desk.bundles / submitted["uuid"]
    hidden = bundle.with_name(".hidden")
    bundle.rename(hidden)
    shell.pool.wait_for(
        lambda: len(shell.pool.jobs(f"ClusterId == {cluster} && JobStatus == 4")) == 2,
        60,
        "the end",
    )
    hidden.rename(bundle)
    time.sleep(1)
    chain.renew()
    assert shell.text(f"job.sh.out.{cluster}.1") == "now ticket=good token=good\n"
    assert chain.desk.text(f"{cluster}/r_1") == "result\n"


def test_a_job_outlives_all_that_it_took_along(
    user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity
) -> None:
    """It waits until its first URLs, ticket and token have ended; its ad tells where its letter is now."""
    openid.lives_s(access=LIFE_S)
    more = f'mailbox = "herd:{BUCKET}/of-%{{User}}"\n[pool.local]\nspool = true\n'
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=LIFE_S)
    text = user.policy.read_text().replace("shared = true\n", more)
    user.policy.write_text(text)
    clear(ceph_sts.server, (BUCKET,))
    user.pool.add_config(NOBODY)
    chain.kinit(LIFE_S, 86400)
    user.script("job.sh", f"{LOOK}\nlook start; echo result > r")
    with chain.renewing():
        sent = chain.submit("job.sh", "-cred", "krb", "-cred", "iam", "-out", "r=herd:out/r")
        bundle = chain.desk.bundles / sent["uuid"]
        manifest = (bundle / "job/0/hepsub.manifest").read_text()
        urls = [line.split("\t")[-1] for line in manifest.splitlines() if "\tmanifest\t" in line]
        assert len(urls) == 1
        user.pool.wait_for(lambda: refuses(urls[0]), 2 * LIFE_S, "the end of its first URL")
        told = user.ad(sent["cluster"])["HepSub_Letter"]
        assert told != urls[0]
        assert answer(told) == 200
        user.pool.reset_config()
        log = user.work / f"job.sh.out.{sent['cluster']}.0"
        user.pool.wait_for(log.exists, 120, "its log, which hep_auth renew fetches")
    assert log.read_text() == "start ticket=good token=good\n"
    assert chain.desk.text("r") == "result\n"
