"""A user whose policy knows the far site in three ways, with data, a ticket and a token."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.staging.desk import HASTE, Desk
from tests.testbed import users
from tests.testbed.far import FarSite
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId

LIFE_S = 3600
TIMEOUT = 120
IDTOKEN = "far"
SITES = """
[pool.qingdao]
collector = "{collector}"
schedds = ["{schedd}"]
spool = true

[credential.way]
command = ["cat", "{token}"]

[site.element]
kind = "ce"
grid_resource = "{resource}"
token = "way"
isolation = "user"
mounts = ["/cvmfs"]

[site.schedd]
kind = "schedd"
pool = "qingdao"
isolation = "user"

[site.glidein]
requirements = 'GLIDEIN_Site == "qingdao"'
isolation = "owner"
"""
IAM = """
[credential.iam]
command = ["cat", "{token}"]
"""


@dataclass(frozen=True)
class Away:
    """A user at home, and the far site as the user's policy knows it.

    Attributes:
        desk: the user at a prompt, with keys for the store.
        site: the far site.
    """

    desk: Desk
    site: FarSite
    openid: OpenId
    kdc: Kdc

    @property
    def token(self) -> Path:
        """The file from which the user's tokens come."""
        return self.desk.shell.account.home / "token"

    @property
    def environment(self) -> dict[str, str]:
        """What the user's login session has set."""
        return {**self.kdc.cache(self.desk.shell.account).environment, **HASTE}

    def renew_token(self, life_s: float = LIFE_S) -> None:
        """Let the user have another token; with a negative life an expired one."""
        token = self.openid.token("alice", audience=self.site.audience, life_s=life_s)
        users.give_secret(self.desk.shell.account, self.token, token)

    def submit(self, *words: str | Path) -> dict[str, Any]:
        """Submit with -json, which has to succeed."""
        return self.desk.shell.result("hep_sub", *words, env=self.environment)

    def renew(self) -> dict[str, Any]:
        """One round of hep_auth renew."""
        done = self.desk.shell("hep_auth", "renew", "-json", env=self.environment)
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        return result

    def wait_for(self, cluster: int, what: str, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Wait until the ad of a job in the queue at home says so; the ad."""
        pool = self.desk.shell.pool
        constraint = f"ClusterId == {cluster} && {what}"
        found: list[dict[str, Any]] = pool.wait_for(
            lambda: pool.jobs(constraint), timeout, constraint
        )
        return found[0]

    def until(self, condition: Callable[[], Any], what: str, timeout: float = TIMEOUT) -> Any:
        """Wait until something is true."""
        return self.desk.shell.pool.wait_for(condition, timeout, what)

    def starts(self, name: str) -> int:
        """How often jobs said in a bucket that they had started: each start puts one object there."""
        return sum(key.startswith(f"{name}/") for key in self.desk.server.objects("raw"))


def sites_text(site: FarSite, token: Path) -> str:
    """The far site in the policy, in three ways; its element is shown the token in a file."""
    return SITES.format(
        collector=site.collector_address,
        schedd=site.schedds[0],
        resource=site.element.resource,
        token=token,
    )


def go_away(desk: Desk, site: FarSite, openid: OpenId, kdc: Kdc) -> Away:
    """Let a user have the far site in the policy, an IDTOKEN of its pool, a token and a ticket."""
    account = desk.shell.account
    made = Away(desk, site, openid, kdc)
    text = sites_text(site, made.token) + IAM.format(token=made.token)
    desk.shell.policy.write_text(desk.shell.policy.read_text() + text)
    site.give_token(account, "qdalice")
    made.renew_token()
    kdc.join(desk.shell.pool.sandbox)
    kdc.kinit(account, life_s=LIFE_S, renewable_s=LIFE_S)
    os.chown(made.token, account.uid, account.gid)
    return made
