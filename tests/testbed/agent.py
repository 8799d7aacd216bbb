"""An oidc-agent of a test user, with an account made by the device flow at the testbed's provider."""

import os
import pty
import re
import select
import subprocess
import time
from dataclasses import dataclass, field
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

from tests.testbed import debian, users
from tests.testbed.process import TestbedError
from tests.testbed.users import Account

if TYPE_CHECKING:
    from tests.testbed.openid import OpenId

PROGRAMS = {"/usr/bin/oidc-agent": "oidc-agent-cli"}
ANSI = re.compile(r"\x1b\[[0-9;]*m|[\r\n]")
LOCK_PASSWORD = "lock"


@dataclass
class Agent:
    """A running oidc-agent, the environment by which a user's programs find it, one account."""

    account: Account
    provider: "OpenId"
    name: str = "iam"
    password: str = "encryption"
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return what eval $(oidc-agent) sets in the user's shell."""
        return dict(self.variables)

    def start(self) -> None:
        """Start the agent, with no account loaded."""
        words = ["oidc-agent", "--no-autoreauthenticate", "--no-autoload"]
        done = self.account.run(words, env=self._home())
        found = dict(re.findall(r"\b(OIDC_SOCK|OIDCD_PID)=([^;\s]+)", done.stdout))
        if done.returncode != 0 or set(found) != {"OIDC_SOCK", "OIDCD_PID"}:
            raise TestbedError(f"oidc-agent: {done.stdout}{done.stderr}")
        self.variables = self._home() | found

    def stop(self) -> None:
        """End the agent: its socket stays, and nobody listens."""
        self.account.run(["kill", "-KILL", self.variables["OIDCD_PID"]], check=True)

    def make_account(self, subject: str) -> None:
        """Make the account with a refresh token that `subject` got by the device flow; load it.

        oidc-gen's own device flow does the same, but waits 5 s before it asks whether the user agreed.
        """
        provider = self.provider
        client = {"client_id": provider.client_id, "client_secret": provider.client_secret}
        refresh_token = provider.login(subject, **client)["refresh_token"]
        words = ["oidc-gen", self.name, "--flow=refresh", "--rt-env", f"--iss={provider.issuer}"]
        words += [f"--{name.replace('_', '-')}={value}" for name, value in client.items()]
        words += [f"--scope={' '.join(provider.scopes)}", f"--cp={provider.ca}", "--pw-env"]
        words += ["--redirect-uri=http://localhost:4242", "--prompt=none", "--confirm-default"]
        done = self.account.run(words, env=self._secret() | {"OIDC_REFRESH_TOKEN": refresh_token})
        if done.returncode != 0:
            raise TestbedError(f"oidc-gen: {done.stdout}{done.stderr}")

    def _home(self) -> dict[str, str]:
        return {"OIDC_CONFIG_DIR": str(self.account.home / ".config/oidc-agent")}

    def _secret(self) -> dict[str, str]:
        return self.variables | {"OIDC_ENCRYPTION_PW": self.password}

    def token(self, *words: str, timeout: float = 30) -> CompletedProcess[str]:
        """Ask for an access token by oidc-token."""
        return self.account.run(
            ["oidc-token", *words, self.name], env=self.variables, timeout=timeout
        )

    def load(self) -> None:
        """Load the account."""
        self.account.run(["oidc-add", "--pw-env", self.name], env=self._secret(), check=True)

    def unload(self) -> None:
        """Unload the account: "account not loaded"."""
        self.account.run(["oidc-add", "--remove", self.name], env=self.variables, check=True)

    def lock(self) -> None:
        """Lock the agent: "Agent locked"."""
        self._at_terminal("oidc-add", "--lock")

    def unlock(self) -> None:
        """Unlock the agent."""
        self._at_terminal("oidc-add", "--unlock")

    def _at_terminal(self, *words: str) -> None:
        """Run a program that asks for the lock's password, which it takes from a terminal only."""
        master, slave = pty.openpty()
        try:
            child = self.account.popen(
                words, env=self.variables, stdin=slave, stdout=slave, stderr=slave
            )
            os.close(slave)
            said = _converse(master, child)
        finally:
            os.close(master)
        if child.wait(10) != 0:
            raise TestbedError(f"{' '.join(words)}: {said}")


def _converse(master: int, child: "subprocess.Popen[str]") -> str:
    """Answer every question for a password and return what the program said."""
    said, end = "", time.monotonic() + 20
    while time.monotonic() < end and child.poll() is None:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            said += os.read(master, 1000).decode(errors="replace")
        except OSError:  # the other end is closed
            break
        if ANSI.sub("", said).rstrip().endswith(":"):
            os.write(master, f"{LOCK_PASSWORD}\n".encode())
            said += "..."
    return said


def start(provider: "OpenId", account: Account, subject: str, name: str) -> Agent:
    """Start an agent of a test user and make an account in it."""
    debian.ensure("oidc-agent", PROGRAMS)
    for directory in (".config", ".config/oidc-agent"):
        users.make_directory(account, account.home / directory, 0o700)
    agent = Agent(account, provider, name)
    agent.start()
    agent.make_account(subject)
    return agent
