"""hep_auth login's parts at a real terminal: the device flow with oidc-gen, and kinit."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.users import Account, make_directory

ROOT = Path(__file__).resolve().parents[2]
LOG_IN = """
import os
from hepsub.auth.login import log_in
from hepsub.auth.sources import source_for
from hepsub.policy.load import merge
from hepsub.policy.model import Layer
from hepsub.situation import read_situation
policy = merge([Layer(file="test.toml", text=os.environ["POLICY"])])
held = log_in(source_for(os.environ["NAME"], policy, read_situation()), print)
print("HELD", held.who)
"""
PASSWORD = "encryption"


class Terminal:
    """A program of a user at a terminal."""

    def __init__(self, account: Account, environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.said = ""
        self.child = account.popen(
            [sys.executable, "-c", LOG_IN],
            env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def wait_for(self, pattern: str, timeout: float = 60) -> re.Match[str]:
        """Read until it says something."""
        end = time.monotonic() + timeout
        while (found := re.search(pattern, self.said)) is None:
            assert time.monotonic() < end, self.said
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.said), self.said
            elif self.child.poll() is not None:
                assert re.search(pattern, self.said), self.said
        self.said = self.said[found.end() :]
        return found

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.master, f"{text}\n".encode())

    def end(self) -> None:
        """See it gone."""
        self.child.kill()
        self.child.wait()
        os.close(self.master)


def test_a_ticket_at_the_terminal(kdc: Kdc, host_alice: Account) -> None:
    kdc.principal("hepalice")
    cache = kdc.cache(host_alice)
    policy = '[credential.krb]\nprincipal = "hepalice@TEST.HEP"\n'
    terminal = Terminal(host_alice, {**cache.environment, "POLICY": policy, "NAME": "krb"})
    try:
        terminal.wait_for(r"Password for hepalice@TEST\.HEP:")
        terminal.type(kdc.passwords["hepalice"])
        terminal.wait_for(r"HELD hepalice@TEST\.HEP")
    finally:
        terminal.end()
    assert cache.proves_itself()


def test_an_account_by_the_device_flow_at_the_terminal(openid: OpenId, host_alice: Account) -> None:
    for directory in (".config", ".config/oidc-agent", "tmp"):
        make_directory(host_alice, host_alice.home / directory, 0o700)
    policy = (
        f'[credential.iam]\nissuer = "{openid.issuer}"\nclient_id = "{openid.client_id}"\n'
        'login_scopes = ["wlcg", "compute.read"]\nscopes = ["compute.read"]\n'
    )
    environment = openid.environment | {
        "TMPDIR": str(host_alice.home / "tmp"),
        "POLICY": policy,
        "NAME": "iam",
    }
    terminal = Terminal(host_alice, environment)
    try:
        terminal.wait_for(r"(?i)client_secret[^:]*: ", 20)
        terminal.type(openid.client_secret)
        code = terminal.wait_for(r"code: ([A-Z]{4}-[A-Z]{4})", 30)
        openid.approve(openid.approval(code[1]))
        for _ in range(2):
            terminal.wait_for(r"(?i)password[^\n]*:", 40)
            terminal.type(PASSWORD)
        terminal.wait_for(r"HELD alice at https", 40)
    finally:
        terminal.end()
        for pid in (host_alice.home / "tmp").glob("oidc-agent-service*/**/*.pid"):
            subprocess.run(["kill", "-KILL", pid.read_text().strip()], check=False)
