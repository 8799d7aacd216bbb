"""A user whose credentials end after seconds, with jobs where no shadow of the user's reaches: the mailbox does."""

import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.auth.chain import Chain, make_chain
from tests.pool.shell import Shell
from tests.sites.away import sites_text
from tests.staging.desk import clear
from tests.testbed import users
from tests.testbed.far import FarSite
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.s3 import S3Server
from tests.testbed.sts import WebIdentity

DAY_S = 86_400
BUCKET = "mail"
SHARED = "[staging]\nshared = true\n"
MAILBOX = f'{SHARED}mailbox = "herd:{BUCKET}/of-%{{User}}"\n'
PUBLIC = f"{MAILBOX}mailbox_public = true\n"
NOBODY = "START = False"
"""The configuration of worker nodes that begin no job."""


@dataclass(frozen=True)
class Mail:
    """The user, the far site, and the store with the mailbox.

    Attributes:
        chain: the user with everything, which ends soon.
        site: the far site, which the policy knows as `element`, `schedd` and `glidein`.
        store: the store, where everybody may read what is in the mailbox.
        public: the environment in which the policy says so.
        forgotten: the environment in which submissions are where hep_auth renew does not look without it.
    """

    chain: Chain
    site: FarSite
    store: S3Server
    public: dict[str, str]
    forgotten: dict[str, str]

    def letters(self) -> dict[str, bytes]:
        """The letters that are in the mailbox."""
        return {key: self.store.content(BUCKET, key) for key in self.store.objects(BUCKET)}

    def addresses(self, uuid: str, *, apart: bool = False) -> list[str]:
        """Where the first job's letters are, by its manifest of now; `apart`: of a submission that is forgotten."""
        bundles = self.apart if apart else self.chain.desk.bundles
        manifest = (bundles / uuid / "job/0/hepsub.manifest").read_text()
        lines = (line.split("\t") for line in manifest.splitlines())
        return [fields[-1] for fields in lines if fields[0] == "letter"]

    @property
    def apart(self) -> Path:
        """Where the bundles are that hep_auth renew forgets."""
        return self.chain.shell.account.home / "forgotten"


def make_mail(
    shell: Shell, kdc: Kdc, openid: OpenId, sts: WebIdentity, site: FarSite, life_s: int
) -> Mail:
    """Give a user credentials that all live so long, the far site in three ways, and a mailbox."""
    token = shell.account.home / "far.token"
    chain = make_chain(shell, kdc, openid, sts, session_s=life_s, more=sites_text(site, token))
    kdc.join(site.sandbox)
    openid.lives_s(access=life_s)
    site.give_token(shell.account, "qdalice")
    way = openid.token("alice", audience=site.audience, life_s=DAY_S)
    users.give_secret(shell.account, token, way)
    clear(sts.server, (BUCKET,))
    sts.server.let_all_read(BUCKET)
    text = shell.policy.read_text()
    shell.policy.write_text(text.replace(SHARED, MAILBOX))
    public = _policy(shell, "public", text.replace(SHARED, PUBLIC))
    apart = f'{MAILBOX}bundle_dir = "{shell.account.home}/forgotten"\n'
    forgotten = _policy(shell, "forgotten", text.replace(SHARED, apart))
    return Mail(chain, site, sts.server, public, forgotten)


def _policy(shell: Shell, name: str, text: str) -> dict[str, str]:
    """Another policy of the user's; the environment that names it."""
    file = shell.policy.with_name(f"{name}.toml")
    file.write_text(text)
    file.chmod(0o644)
    return {"HEPSUB_CONFIG": str(file)}


def refuses(url: str) -> bool:
    """Whether a store refuses a URL that was signed, because it has ended."""
    return answer(url) in (400, 403)


def answer(url: str) -> int:
    """The status with which a store answers somebody who only has a URL."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
