"""hep_fetch with keys that a token gives for seconds, and with a schedd that keeps what jobs leave."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.auth.chain import Chain, make_chain
from tests.pool.shell import END, Shell
from tests.testbed.faults import EXPIRED, Slow
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server
from tests.testbed.sts import WebIdentity

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

LIFE_S = 25
SMALL, NUMBER = 200_000, 40
BIG = 70 * 2**20
TEXT = f"""
for i in $(seq {NUMBER}); do head -c {SMALL} /dev/urandom > part_$i; done
head -c {BIG} /dev/urandom > big
md5sum part_* big > sums
"""
OUT = (
    *("-out", "part_*=herd:out/%{ClusterId}/"),
    *("-out", "big=herd:out/%{ClusterId}/big"),
    *("-out", "sums=herd:out/%{ClusterId}/sums"),
)


@pytest.fixture
def proxy(ceph_sts: WebIdentity, fault_proxy: Callable[[S3Server], FaultProxy]) -> FaultProxy:
    """Give a proxy in front of Ceph, and of its STS."""
    return fault_proxy(ceph_sts.server)


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity, proxy: FaultProxy) -> Chain:
    """Give hepalice at the proxy, with keys that last."""
    return make_chain(user, kdc, openid, replace(ceph_sts, server=proxy.server), session_s=3600)


def test_a_download_outlives_its_keys(chain: Chain, proxy: FaultProxy) -> None:
    """Keys of 25 s, a throttled download that lasts longer, and a refusal in the middle: all of it is here."""
    shell = chain.shell
    shell.script("job.sh", TEXT)
    cluster = chain.submit("job.sh", *OUT)["cluster"]
    shell.ended(cluster, 1, 2 * END)
    text = shell.policy.read_text()
    assert "session_s = 3600" in text
    shell.policy.write_text(text.replace("session_s = 3600", f"session_s = {LIFE_S}"))
    proxy.inject(Slow(15_000), method="GET", path="/part_")
    proxy.inject(EXPIRED, method="GET", path="/big$", first=2, last=2)
    proxy.inject(Slow(1_000_000), method="GET", path="/big$")
    before = len(proxy.requests("POST", "^/$"))
    begun = time.monotonic()
    result = shell.result("hep_fetch", str(cluster), env=chain.environment, timeout=240)
    assert time.monotonic() - begun > LIFE_S
    assert result["files"]["fetched"] == NUMBER + 3
    assert len(proxy.requests("POST", "^/$")) - before > 1
    here = shell.work / f"{cluster}/0"
    for line in (here / "sums").read_text().splitlines():
        md5, name = line.split()
        assert hashlib.md5((here / name).read_bytes()).hexdigest() == md5, name


def test_without_a_token_it_is_said_what_is_missing(chain: Chain) -> None:
    """The agent does not give one: the store is named, and what to do; -json, too."""
    shell = chain.shell
    shell.script("job.sh", "echo r > r")
    cluster = chain.submit("job.sh", "-out", "r=herd:out/%{ClusterId}/r")["cluster"]
    shell.ended(cluster)
    chain.agent.unload()
    document = shell.document("hep_fetch", str(cluster), env=chain.environment)
    assert not document["ok"]
    codes = [each["code"] for each in document["problems"]]
    assert codes[1:] == ["output-missing"], document["problems"]
    assert document["problems"][0]["remedy"]
    chain.agent.load()
    assert shell.result("hep_fetch", str(cluster), env=chain.environment)["files"]["fetched"] == 1


@pytest.mark.sid
def test_what_a_far_schedd_keeps_comes_in_the_same_command(chain: Chain) -> None:
    """Logs to where they always are, outputs from S3, and the job leaves the far queue; again: nothing to do."""
    shell = chain.shell
    text = shell.policy.read_text().replace("shared = true", "shared = false")
    shell.policy.write_text(f"{text}\n[pool.local]\nspool = true\n")
    shell.script("job.sh", "echo result > r; echo hello; echo said >&2")
    line = ("-cred", "iam", "-n", "2", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
    cluster = chain.submit("job.sh", *line)["cluster"]
    which = f"ClusterId == {cluster} && JobStatus == 4"
    shell.pool.wait_for(lambda: len(shell.pool.jobs(which)) == 2, 2 * END, "the end")
    result = shell.result("hep_fetch", str(cluster), env=chain.environment)
    assert result["files"]["fetched"] >= 2
    for proc in range(2):
        assert shell.text(f"job.sh.out.{cluster}.{proc}") == "hello\n"
        assert shell.text(f"{cluster}/{proc}/r") == "result\n"
    shell.pool.wait_for(
        lambda: not shell.pool.jobs(f"ClusterId == {cluster}"), END, "an empty queue"
    )
    again = shell.result("hep_fetch", str(cluster), env=chain.environment)["files"]
    assert (again["fetched"], again["failed"], again["different"]) == (0, 0, 0)
