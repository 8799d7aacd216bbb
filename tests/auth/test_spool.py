"""A schedd that sees none of this host's directories: jobs are handed over with their files, and fetched."""

import json
import time

import pytest

from tests.auth.chain import LOOK, Chain, make_chain
from tests.pool.shell import Shell
from tests.staging.desk import codes
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

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
