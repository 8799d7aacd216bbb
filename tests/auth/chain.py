"""A user with everything: a ticket, an agent with a token, and keys for S3 that only the token gives."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pool.shell import Shell
from tests.staging.desk import HASTE, Desk, clear
from tests.testbed.agent import Agent
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

POLICY = """
[limits]
enforce_memory = false

[site.dongguan]
requirements = 'GLIDEIN_Site == "dongguan"'
isolation = "owner"
io_proxy = true

[staging]
shared = true

[renew]
every = "3 s"

[credential.iam]
issuer = "{issuer}"
audience = "{audience}"

[storage.herd]
endpoint = "{endpoint}"
allow_http = true
default = true
token = "iam"
role_arn = "{role}"
session_s = {session_s}
"""

LOOK = r"""
look() {
    ticket=ended; klist -s && ticket=good
    token=$(cat "$BEARER_TOKEN_FILE" | python3 -c '
import base64, json, sys, time
claims = sys.stdin.read().strip().split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
print("good" if claims["exp"] > time.time() else "ended")')
    echo "$1 ticket=$ticket token=$token"
}
"""
"""A shell function that says how ticket and token stand, as klist and a relying party see them."""


@dataclass(frozen=True)
class Chain:
    """A user at a prompt, and the services that the user's credentials come from."""

    desk: Desk
    kdc: Kdc
    openid: OpenId
    agent: Agent

    @property
    def shell(self) -> Shell:
        """The prompt."""
        return self.desk.shell

    @property
    def environment(self) -> dict[str, str]:
        """What the user's login session has set."""
        cache = self.kdc.cache(self.shell.account)
        return {**self.agent.environment, **cache.environment, **HASTE}

    def kinit(self, life_s: int, renewable_s: int) -> None:
        """Get a ticket as the user does."""
        self.kdc.kinit(self.shell.account, life_s=life_s, renewable_s=renewable_s)

    def submit(self, *words: str | Path) -> dict[str, Any]:
        """Submit with -json, which has to succeed."""
        return self.shell.result("hep_sub", *words, env=self.environment)

    def renew(self, **more: str) -> dict[str, Any]:
        """One round of hep_auth renew."""
        words = ("hep_auth", "renew", "-json")
        result: dict[str, Any] = json.loads(
            self.shell.ok(*words, env={**self.environment, **more})
        )["result"]
        return result

    @contextmanager
    def renewing(self, environment: Mapping[str, str] | None = None) -> Iterator[None]:
        """Let hep_auth renew -loop run meanwhile."""
        log = self.shell.work / "renew.log"
        variables = {"HEPSUB_CONFIG": str(self.shell.policy), **(environment or self.environment)}
        with log.open("w") as output:
            process = self.shell.account.popen(
                ["hep_auth", "renew", "-loop"],
                env=variables,
                cwd=self.shell.work,
                stdout=output,
                stderr=output,
            )
        try:
            yield
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()
            process.wait(60)  # for the round that it is at


def make_chain(
    shell: Shell, kdc: Kdc, openid: OpenId, sts: WebIdentity, *, session_s: int, more: str = ""
) -> Chain:
    """Give a user an agent, a policy that names the services, and empty buckets; no ticket yet."""
    clear(sts.server)
    kdc.join(shell.pool.sandbox)
    text = POLICY.format(
        issuer=openid.issuer,
        audience=sts.audience,
        endpoint=sts.server.endpoint,
        role=sts.role_arn,
        session_s=session_s,
    )
    shell.policy.write_text(text + more)
    shell.policy.chmod(0o644)
    agent = openid.agent(shell.account, subject="alice")
    # What a job wrote belongs to the one whose token it was.
    own = sts.session(openid.token("alice", audience=sts.audience), 3600)
    return Chain(Desk(shell, own), kdc, openid, agent)
