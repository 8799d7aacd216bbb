"""kill -9 at any moment, and two of them at once: every file is whole, nothing piles up, nothing is lost."""

import json
import os
import random
import re
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from hepsub.auth.renewal import RenewalState, read_state
from tests.pool.shell import IDLE, Shell
from tests.staging.desk import Desk, sit_down
from tests.testbed.machine import Machine
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

KILLS = 30
JOBS = 90
TOKENS = """
import base64, json, os, time

def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

home = os.environ["HOME"]
with open(home + "/calls", "a") as calls:
    calls.write("called\\n")
time.sleep(float(open(home + "/slow").read()))
now = int(time.time())
claims = {"sub": "alice", "iss": "https://iam.test.hep", "iat": now, "exp": now + LIFE}
print(".".join([part({"alg": "none"}), part(claims), "c2ln" * 200]))
"""
POLICY = """
[credential.made]
kind = "token"
command = ["/usr/bin/python3", "{program}"]
"""


@pytest.fixture
def desk(user: Shell, rclone_s3: S3Server) -> Desk:
    """Give hepalice keys, and a program that prints a new token each time it is asked."""
    program = user.account.home / "tokens.py"
    desk = sit_down(user, rclone_s3, POLICY.format(program=program))
    let_live(desk, 2)
    be_slow(desk, 0)
    return desk


def let_live(desk: Desk, seconds: int) -> None:
    """Let new tokens live for so long."""
    path = desk.shell.account.home / "tokens.py"
    path.write_text(TOKENS.replace("LIFE", str(seconds)))
    path.chmod(0o644)


def be_slow(desk: Desk, seconds: float) -> None:
    """Let the program take so long."""
    path = desk.shell.account.home / "slow"
    path.write_text(str(seconds))
    path.chmod(0o644)


def unsigned(manifest: str) -> str:
    """A manifest without what changes when it is signed anew."""
    return re.sub(r"\?\S*", "", manifest)


def parts_of(token: str) -> list[str]:
    """The three parts of a token."""
    assert token == token.strip()
    parts = token.split(".")
    assert len(parts) == 3, token[:40]
    assert parts[2] == "c2ln" * 200
    return parts


def leftovers(desk: Desk) -> list[Path]:
    """Temporary files below the bundles, .renew included."""
    return [path for path in desk.bundles.glob("**/.*") if path.is_file()]


def test_kill_at_any_moment(desk: Desk) -> None:
    """Thirty times: tokens, manifests and the state are whole; the next run works; what is left goes away."""
    shell, bundles = desk.shell, desk.bundles
    shell.script("job.sh", "true")
    out = ("-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
    made = desk.submit("job.sh", "-n", str(JOBS), "-cred", "made", *out, *IDLE)
    bundle = bundles / made["uuid"]
    manifests = sorted(bundle.glob("job/*/hepsub.manifest"))
    assert len(manifests) == JOBS
    before = {path: unsigned(path.read_text()) for path in manifests}
    time.sleep(1)  # half of the token's life
    (bundle / "private/signed.json").unlink()
    started = time.monotonic()
    shell.ok("hep_auth", "renew")
    life = time.monotonic() - started
    chance = random.Random(4)
    tokens, signed, cut = set(), set(), 0
    for _ in range(KILLS):
        (bundle / "private/signed.json").unlink(missing_ok=True)  # so that signing is due
        killed, took = kill_after(shell, chance.uniform(0.3, 1.1) * life)
        cut += killed
        life = life if killed else took  # the machine is faster or slower than it was
        tokens.add(parts_of((bundle / "private/creds/made.token").read_text())[1])
        for path in manifests:
            text = path.read_text()
            assert text.endswith("\n"), path
            assert unsigned(text) == before[path], path
        signed.add(manifests[0].read_text())
        state = bundles / ".renew/state.json"
        assert json.loads(state.read_text())["when"] > 0
        assert read_state(bundles, time.time()) != RenewalState()
    found = leftovers(desk)
    print(f"a round takes {life:.2f} s; {cut} of {KILLS} were killed in time,",
          f"{len(tokens)} tokens, {len(signed)} manifests of 0, {len(found)} temporary files")  # fmt: skip
    assert cut >= KILLS // 3
    assert len(tokens) > 2
    assert len(signed) > 2, "no kill came after the signing: this tests nothing"
    let_live(desk, 3600)
    done = shell("hep_auth", "renew")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (bundle / "private/.request.json.99").write_text("torn")
    (bundle / "private/creds/.made.token.99.12345").write_text("torn")
    (bundles / ".renew/.state.json.99").write_text("torn")
    for path in leftovers(desk):
        os.utime(path, (0, 0))
    shell.ok("hep_auth", "renew")
    inside = [path for path in leftovers(desk) if not path.parent.name.isdecimal()]
    assert inside == []
    shell.ok("hep_rm", str(made["cluster"]))
    shell.pool.wait_for(lambda: not shell.pool.jobs(), 30, "the removal")
    shell.ok("hep_auth", "renew")
    assert leftovers(desk) == []


def kill_after(shell: Shell, seconds: float) -> tuple[bool, float]:
    """Start hep_auth renew and kill all of it; whether it still ran, and how long it did."""
    started = time.monotonic()
    process = shell.account.popen(
        ["hep_auth", "renew"],
        env={"HEPSUB_CONFIG": str(shell.policy)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        return True, time.monotonic() - started
    return False, time.monotonic() - started


def has_lines(path: Path, number: int) -> bool:
    """Whether a file has so many lines."""
    return len(path.read_text().splitlines()) >= number


def test_two_hosts_with_one_home(desk: Desk, other_host: Machine) -> None:
    """One works, the other says so and leaves at once; each way round; nothing is obtained twice or lost."""
    here = desk.shell
    visitor = other_host.account(here.account)
    there = Shell(here.pool, visitor, here.policy, visitor.run)
    here.script("job.sh", "true")
    made = desk.submit("job.sh", "-cred", "made", *IDLE)
    token = desk.bundles / made["uuid"] / "private/creds/made.token"
    calls = here.account.home / "calls"
    for first, second in ((here, there), (there, here)):
        time.sleep(1.5)  # past half of the token's life
        old, asked = token.read_text(), len(calls.read_text().split())
        be_slow(desk, 4)
        at_work = first.account.popen(
            ["hep_auth", "renew", "-json"],
            env={"HEPSUB_CONFIG": str(first.policy)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        number = asked + 1
        here.pool.wait_for(partial(has_lines, calls, number), 20, "its question")
        started = time.monotonic()
        busy = json.loads(second.ok("hep_auth", "renew", "-json"))["result"]
        waited = time.monotonic() - started
        said = second("hep_auth", "renew")
        assert "another hep_auth renew is at it" in said.stdout, (said.stdout, said.stderr)
        assert busy["busy"], busy
        assert waited < 3
        assert at_work.poll() is None, "the first one had ended already"
        assert token.read_text() == old
        output, _ = at_work.communicate(timeout=30)
        result = json.loads(output)["result"]
        assert not result["busy"]
        assert result["host"] != busy["host"] or busy["host"] == ""
        assert len(calls.read_text().split()) == asked + 1
        parts_of(token.read_text())
        assert token.read_text() != old
        assert read_state(desk.bundles, time.time()).host == result["host"]
        be_slow(desk, 0)
