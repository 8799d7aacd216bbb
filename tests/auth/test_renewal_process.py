"""hep_auth s3 -process: programs of others read from Ceph for longer than any key lives."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.auth.chain import Chain, make_chain
from tests.pool.shell import Shell
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity
from tests.testbed.users import make_directory

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

SESSION_S = 15
LONG_S = 2.6 * SESSION_S
PROFILE = """
[profile herd]
credential_process = {program} s3 -process herd
endpoint_url = {endpoint}
region = us-east-1
"""
READER = """
import json, sys, time
import boto3

session = boto3.Session(profile_name="herd")
client = session.client("s3")
keys, reads, end = [], 0, time.time() + float(sys.argv[1])
while time.time() < end:
    assert client.get_object(Bucket="raw", Key="0")["Body"].read() == b"content of 0"
    keys.append(session.get_credentials().get_frozen_credentials().access_key)
    reads += 1
    time.sleep(1)
print(json.dumps({"reads": reads, "keys": len(set(keys))}))
"""
RCLONE = """
[herd]
type = s3
provider = Ceph
env_auth = true
profile = herd
endpoint = {endpoint}
region = us-east-1
list_version = 2
"""


@pytest.fixture
def chain(user: Shell, kdc: Kdc, openid: OpenId, ceph_sts: WebIdentity) -> Chain:
    """Give hepalice an agent, keys of sessions of 15 s, and an AWS profile that calls hep_auth for them."""
    chain = make_chain(user, kdc, openid, ceph_sts, session_s=SESSION_S)
    account = user.account
    make_directory(account, account.home / ".aws", 0o700)
    text = PROFILE.format(program=account.bin / "hep_auth", endpoint=chain.desk.server.endpoint)
    for path, content in (
        (account.home / ".aws/config", text),
        (account.home / "rclone.conf", RCLONE.format(endpoint=chain.desk.server.endpoint)),
    ):
        path.write_text(content)
        os.chown(path, account.uid, account.gid)
    for number in range(30):
        chain.desk.put(str(number), f"content of {number}")
    return chain


def rclone() -> str:
    """The program: a wheel's beside this Python, or one on PATH."""
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if found is None:
        pytest.skip("no rclone here")
    return found


def test_boto3_and_rclone_read_across_two_expiries(chain: Chain, tmp_path: Path) -> None:
    """One process each that lives longer than two sessions, and a listing at the beginning and the end."""
    account = chain.shell.account
    environment = {**chain.environment, "HEPSUB_CONFIG": str(chain.shell.policy)}
    program = shutil.copy2(rclone(), chain.shell.work / "rclone")
    account.write("reader.py", READER)
    conf = ("--config", str(account.home / "rclone.conf"))

    def listing() -> list[str]:
        done = account.run([program, "lsf", *conf, "herd:raw"], env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    started = time.monotonic()
    before = listing()
    print(f"rclone lsf: {time.monotonic() - started:.1f} s")
    assert sorted(before, key=int) == [str(number) for number in range(30)]
    old = json.loads(chain.shell.ok("hep_auth", "s3", "-process", "herd", env=environment))
    started = time.monotonic()
    reader = account.popen(
        [account.bin / "python3", "reader.py", str(LONG_S)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # One file after the other, less than one in a second: the last ones are read with the third keys.
    slowly = ("--transfers", "1", "--checkers", "1", "--tpslimit", "0.75", "--retries", "1")
    copy = account.popen(
        [program, "copy", *conf, *slowly, "--low-level-retries", "1", "herd:raw", "copied"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, trouble = reader.communicate(timeout=120)
    assert reader.returncode == 0, trouble
    _, trouble = copy.communicate(timeout=120)
    took = time.monotonic() - started
    assert copy.returncode == 0, trouble
    seen = json.loads(said)
    print(f"boto3: {seen}; rclone copy: {took:.1f} s")
    assert seen["keys"] >= 3, seen
    assert took > 2 * SESSION_S
    copied = {path.name: path.read_text() for path in (chain.shell.work / "copied").iterdir()}
    assert copied == {str(number): f"content of {number}" for number in range(30)}
    assert listing() == before
    expired = replace(
        chain.desk.server,
        access_key=old["AccessKeyId"],
        secret_key=old["SecretAccessKey"],
        session_token=old["SessionToken"],
    )
    with pytest.raises(ClientError):
        expired.objects("raw")
