"""Mounts whose keys come from a token and end after a minute, at Ceph with its STS."""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.mount.user import User, wait_for
from tests.staging.desk import clear
from tests.testbed.agent import Agent
from tests.testbed.ceph import compact
from tests.testbed.openid import OpenId
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server
from tests.testbed.sts import WebIdentity
from tests.testbed.users import Account

pytestmark = pytest.mark.ceph

LIFE_S = 60
LONG_S = 2 * LIFE_S + 10
NEVER_READ = 500
POLICY = """
[credential.iam]
issuer = "{issuer}"
audience = "{audience}"

[storage.herd]
endpoint = "{endpoint}"
allow_http = true
token = "iam"
role_arn = "{role}"
session_s = {session_s}
"""


class Alice:
    """A user whose keys come from a token, and who counts what the gateway was asked for."""

    def __init__(
        self, account: Account, programs: Path, openid: OpenId, sts: WebIdentity, proxy: FaultProxy
    ) -> None:
        self.openid, self.sts, self.proxy = openid, sts, proxy
        self.agent: Agent = openid.agent(account)
        self.own = sts.session(openid.token("alice", audience=sts.audience), 3600)
        clear(self.own, ("alice",))
        self.user = User(account, self.own, programs, self.agent.environment)

    def lives(self, seconds: int) -> None:
        """Let keys, and the tokens they come from, end after so long."""
        self.openid.lives_s(access=seconds)
        text = POLICY.format(
            issuer=self.openid.issuer,
            audience=self.sts.audience,
            endpoint=self.proxy.server.endpoint,
            role=self.sts.role_arn,
            session_s=seconds,
        )
        self.user.account.write("policy.toml", text)

    def put(self, key: str, body: bytes) -> None:
        """Store an object as alice, without the proxy."""
        self.own.client().put_object(Bucket="alice", Key=key, Body=body)

    def sessions(self) -> int:
        """How many sessions were asked for: the only POST to the root of the gateway."""
        return len([each for each in self.proxy.requests("POST", "^/$") if each.status == 200])


@pytest.fixture
def alice(
    mounter: Account,
    rclone_bin: Path,
    openid: OpenId,
    ceph_sts: WebIdentity,
    fault_proxy: Callable[[S3Server], FaultProxy],
) -> Alice:
    """Give a user with an agent, and an empty bucket of her own."""
    return Alice(mounter, rclone_bin, openid, ceph_sts, fault_proxy(ceph_sts.server))


def test_a_mount_lives_through_two_expiries(alice: Alice, old_rclone_bin: Path) -> None:
    """find and sha256sum read what was never read before, with both rclones, for two minutes and more."""
    alice.lives(LIFE_S)
    contents = {
        f"d/{number}.bin": random.Random(number).randbytes(100_000) for number in range(2 * LONG_S)
    }
    for key, body in contents.items():
        alice.put(key, body)
    new = alice.user
    old = replace(new, programs=old_rclone_bin)
    new.ok("-rw", "herd:alice", "new")
    old.ok("herd:alice", "old")
    before, begin = alice.sessions(), time.monotonic()
    unread = iter(contents.items())
    while time.monotonic() - begin < LONG_S:
        key, body = next(unread)
        wanted = hashlib.sha256(body).hexdigest()
        for place in ("new", "old"):
            found = new.sh(f"find {place} -type f | wc -l; sha256sum {place}/{key}").split()
            assert found[:2] == [str(len(contents)), wanted], (place, key, time.monotonic() - begin)
        time.sleep(1)  # spreads the files over the whole time
    # Each of the two mounts has got keys for the second and for the third time.
    assert alice.sessions() - before >= 4
    new.sh("echo written after two expiries > new/last.txt")
    new.ok("-u", "-a")
    assert alice.own.content("alice", "last.txt") == b"written after two expiries\n"


def test_without_a_token_reads_fail_and_a_later_session_mends_it(alice: Alice) -> None:
    """The agent ends, and the keys: errors, and a reason in the log. After a new login all is well."""
    alice.lives(20)
    for number in range(NEVER_READ):
        alice.put(f"{number}.bin", b"x" * 1000)
    user = alice.user
    user.ok("-rw", "herd:alice", "files")
    # Opened while the directory can be listed: without keys nothing can be, half a minute later.
    words = ["sh", "-ec", "exec 3>files/p.txt; echo open; read -r word; echo $word >&3"]
    writer = user.account.popen(words, cwd=user.home, stdin=PIPE, stdout=PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    alice.agent.stop()
    unread = iter(range(NEVER_READ))
    wait_for(
        lambda: user("cat", f"files/{next(unread)}.bin", timeout=120).returncode != 0,
        "read that fails",
        120,
    )
    assert "agent" in Path(user.only()["log"]).read_text()
    writer.communicate("precious\n", timeout=60)
    assert writer.returncode == 0
    later = replace(user, environment=alice.openid.agent(user.account).environment)
    assert later.only()["state"] == "ok"
    wait_for(
        lambda: user("cat", f"files/{next(unread)}.bin", timeout=120).returncode == 0,
        "read that works again",
        120,
    )
    later.ok("-u", "files")
    assert alice.own.content("alice", "p.txt") == b"precious\n"


def test_without_a_token_nothing_is_mounted(alice: Alice) -> None:
    """The error is the credential's own, with the command that mends it."""
    alice.lives(60)
    alice.agent.lock()
    stderr = alice.user.refused(56, "herd:alice", "files")
    assert "locked" in stderr
    alice.agent.unlock()
    alice.user.ok("herd:alice", "files")


def test_somebody_elses_bucket(alice: Alice, ceph_sts: WebIdentity) -> None:
    """Ceph refuses to list it: so is it said, and nothing is mounted."""
    alice.lives(60)
    clear(ceph_sts.server, ("foreign",))
    admin = ceph_sts.server.client()
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:ListBucket"],
        "Resource": "arn:aws:s3:::foreign",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    admin.put_bucket_policy(Bucket="foreign", Policy=compact(policy))
    try:
        stderr = alice.user.refused(34, "herd:foreign", "files")
    finally:
        admin.delete_bucket_policy(Bucket="foreign")
    assert "does not let you list foreign/ (AccessDenied)" in stderr
    assert not alice.user.files.exists()
