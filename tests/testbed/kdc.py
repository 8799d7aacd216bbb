"""A real Kerberos KDC: MIT's, with a realm of its own, on loopback.

Life times are whatever a test asks for, down to a second: the clock skew that MIT's programs allow is one
second here, where it is 300 s by default and an expired ticket would go on working.
"""

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from tests.testbed import config, daemon, debian, host, process, session
from tests.testbed.daemon import Daemon
from tests.testbed.pool import Pool, free_port
from tests.testbed.process import TestbedError
from tests.testbed.sandbox import PATH, Sandbox
from tests.testbed.session import Session
from tests.testbed.users import Account

REALM = "TEST.HEP"
CLOCK_SKEW_S = 1
SERVICE = "storage/test.hep"
COMPLAINTS = (" while ", "Invalid ", "invalid ", "usage:")
SYSTEM_CONFIGURATION = "/etc/krb5.conf"
PROGRAMS = {
    "/usr/sbin/krb5kdc": "krb5-kdc",
    "/usr/sbin/kadmin.local": "krb5-admin-server",
    "/usr/bin/kinit": "krb5-user",
}

CLIENTS = """\
[libdefaults]
default_realm = {realm}
clockskew = {skew}
dns_lookup_realm = false
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
forwardable = true
udp_preference_limit = 1
[realms]
{realm} = {{
  kdc = 127.0.0.1:{port}
}}
"""
SERVER = """\
[realms]
{realm} = {{
  database_name = {directory}/principal
  key_stash_file = {directory}/stash
  acl_file = {directory}/acl
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
  max_life = 1d
  max_renewable_life = 10d
  supported_enctypes = aes256-cts-hmac-sha1-96:normal
}}
[logging]
kdc = FILE:{directory}/log
"""


@dataclass(frozen=True)
class Cache:
    """A credential cache of an account, which is a file."""

    account: Account
    path: Path
    environment: Mapping[str, str]

    def run(self, *words: str, timeout: float = 30) -> CompletedProcess[str]:
        """Run a Kerberos program, such as klist, kinit -R or kvno, on the cache."""
        return self.account.run(words, env=self.environment, timeout=timeout)

    def is_good(self) -> bool:
        """Tell whether klist -s finds a ticket that has not expired."""
        return self.run("klist", "-s").returncode == 0

    def proves_itself(self) -> bool:
        """Tell whether the KDC accepts the ticket now: it is asked for a ticket for a service."""
        return self.run("kvno", "-q", "--no-store", SERVICE).returncode == 0


class Kdc:
    """The KDC and its principals."""

    realm = REALM

    def __init__(self, this: Session) -> None:
        self.session = this
        self.directory = this.directory / "kdc"
        self.krb5_conf = this.directory / "krb5.conf"
        self.port = free_port()
        self.passwords: dict[str, str] = {}
        self.services: set[str] = set()
        log = this.directory / "krb5kdc.log"
        self.daemon = Daemon(["krb5kdc", "-n"], self._administration, log)

    @property
    def environment(self) -> dict[str, str]:
        """Return what a program on the host needs to find the realm."""
        return {"KRB5_CONFIG": str(self.krb5_conf)}

    @property
    def _administration(self) -> dict[str, str]:
        profile = {"KRB5_KDC_PROFILE": str(self.directory / "kdc.conf")}
        return self.environment | profile | {"PATH": PATH, "LANG": "C.UTF-8"}

    def begin(self) -> None:
        """Make the realm and start the KDC."""
        self.directory.mkdir(mode=0o700)
        (self.directory / "acl").touch()
        words = {"realm": REALM, "port": self.port, "directory": self.directory}
        self.krb5_conf.write_text(CLIENTS.format(skew=CLOCK_SKEW_S, **words))
        (self.directory / "kdc.conf").write_text(SERVER.format(**words))
        key = secrets.token_hex(16)
        make = ["kdb5_util", "create", "-s", "-r", REALM]
        process.run(make, env=self._administration, input=f"{key}\n{key}\n")
        self._administer(f"addprinc -randkey {SERVICE}")
        self.start()

    def start(self) -> None:
        """Start it on the port it had and wait until it listens."""
        self.daemon.start(lambda: daemon.accepts(self.port))

    def stop(self) -> None:
        """Kill it: it cannot be reached from now on."""
        self.daemon.stop()

    def end(self) -> None:
        """Stop it for good and remove its directory."""
        self.stop()
        self.session.end()

    def join(self, place: Sandbox) -> None:
        """Let the jobs and users of a pool or a site find the realm."""
        place.write(SYSTEM_CONFIGURATION, self.krb5_conf.read_text())

    def serve(self, pool: Pool) -> None:
        """Let the pool's daemons believe tickets.

        HTCondor's client asks for a ticket for host/NAME, where NAME is what the address of the schedd
        resolves to: `localhost` on the host as a rule, the access point's name on the access point.
        """
        self.join(pool.sandbox)
        keytab = pool.sandbox.path(config.KEYTAB)
        keytab.touch(mode=0o600)
        here = socket.gethostbyaddr("127.0.0.1")[0]
        keytab.write_bytes(self.keytab(f"host/{here}", f"host/{pool.setup.hostname}"))

    # ---- principals -------------------------------------------------------------------------

    def principal(
        self,
        name: str,
        password: str = "",
        *,
        max_life_s: int | None = None,
        max_renewable_s: int | None = None,
    ) -> str:
        """Make a principal, or give it these properties; return its name with the realm."""
        if name not in self.passwords:
            self._administer(f"addprinc -randkey +allow_renewable {name}")
        self.passwords[name] = password or self.passwords.get(name) or secrets.token_hex(8)
        self._administer(f"cpw -pw {self.passwords[name]} {name}")
        self._administer(f'modprinc -maxlife "{max_life_s or 86400} seconds" {name}')
        renewable_s = 864_000 if max_renewable_s is None else max_renewable_s
        self._administer(f'modprinc -maxrenewlife "{renewable_s} seconds" {name}')
        return f"{name}@{REALM}"

    def keytab(self, *services: str) -> bytes:
        """Return a keytab with the keys of services, made where they do not exist yet."""
        for name in services:
            if name not in self.services:
                self._administer(f"addprinc -randkey {name}")
                self.services.add(name)
        file = self.directory / "keytab"
        file.unlink(missing_ok=True)
        self._administer(f"ktadd -k {file} -norandkey {' '.join(services)}")
        return file.read_bytes()

    def disable(self, name: str) -> None:
        """Let the KDC refuse every new ticket to a principal; what there is can still be renewed."""
        self._administer(f"modprinc -allow_tix {name}")

    def enable(self, name: str) -> None:
        """Take back what disable did."""
        self._administer(f"modprinc +allow_tix {name}")

    def _administer(self, query: str) -> None:
        """Give kadmin.local a command by its input, so that no password is on a command line."""
        done = process.run(["kadmin.local"], env=self._administration, input=f"{query}\n")
        if any(complaint in done.stderr for complaint in COMPLAINTS):  # it always ends with 0
            raise TestbedError(f"kadmin.local: {query.split(maxsplit=1)[0]}: {done.stderr}")

    # ---- tickets ----------------------------------------------------------------------------

    def cache(self, account: Account, path: Path | None = None) -> Cache:
        """Return the cache of an account at a path, below its home as a rule."""
        path = path or account.home / "krb5cc"
        return Cache(account, path, self.environment | {"KRB5CCNAME": f"FILE:{path}"})

    def kinit(
        self,
        account: Account,
        path: Path | None = None,
        *,
        life_s: int = 3600,
        renewable_s: int = 86400,
        name: str = "",
    ) -> Cache:
        """Get an initial ticket for the principal `name`, which is the account's name as a rule."""
        name = name or account.name
        if name not in self.passwords:
            self.principal(name)
        place = self.cache(account, path)
        words = ["kinit", "-l", f"{life_s}s", "-r", f"{renewable_s}s", f"{name}@{REALM}"]
        done = account.run(words, env=place.environment, input=f"{self.passwords[name]}\n")
        if done.returncode != 0:
            raise TestbedError(f"kinit {name}: {done.stderr}")
        return place


def start() -> Kdc:
    """Install what is missing and start a KDC of an empty realm."""
    host.require_capable()
    host.ensure_users()
    debian.ensure("Kerberos", PROGRAMS)
    kdc = Kdc(session.begin("kdc"))
    try:
        kdc.begin()
    except BaseException:
        kdc.end()
        raise
    return kdc
