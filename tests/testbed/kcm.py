"""A real KCM: sssd's daemon that keeps Kerberos caches in memory, as Fedora and RHEL have it by default.

Debian's packages are unpacked into the cache, not installed: they would change this machine's PAM and NSS. The
daemon runs with the places that it writes to in memory, and its socket in a directory of a session.
"""

import os
from pathlib import Path

from tests.testbed import cache, host, process, session
from tests.testbed.daemon import Daemon
from tests.testbed.kdc import Kdc
from tests.testbed.process import TestbedError, TestbedUnavailableError
from tests.testbed.sandbox import PATH
from tests.testbed.session import Session

VERSION = "1"
PACKAGE = "sssd-kcm"
SOCKET = ".heim_org.h5l.kcm-socket"
LIBRARIES = ("", "/sssd", "/samba")
RUN = r"""
mkdir -p "$directory/memory" "$directory/run"
mount -t tmpfs tmpfs "$directory/memory"
for place in /var/lib /var/log; do
    kept="$directory/memory/${place##*/}"
    mkdir -p "$kept/upper" "$kept/work"
    mount -t overlay overlay -o "lowerdir=$place,upperdir=$kept/upper,workdir=$kept/work" "$place"
done
mkdir -p /var/lib/sss/db /var/lib/sss/mc /var/lib/sss/pipes/private /var/log/sssd
mkdir -m 700 -p /var/lib/sss/secrets
mount --bind "$directory/run" /run
exec "$program" --uid 0 --gid 0 --logger=stderr
"""


class Kcm:
    """The daemon; `environment` lets a program of a realm keep its tickets there."""

    def __init__(self, this: Session, tree: Path) -> None:
        self.session = this
        self.socket = this.directory / "run" / SOCKET
        self.configuration = this.directory / "krb5.conf"
        words = ["unshare", "--mount", "sh", "-euc", RUN]
        self.daemon = Daemon(words, self._environment(tree), this.directory / "kcm.log")

    def _environment(self, tree: Path) -> dict[str, str]:
        program = tree / "usr/libexec/sssd/sssd_kcm"
        modules = next((path.parent for path in tree.rglob("ldb/tdb.so")), tree)
        base = modules.parent.parent
        return {
            "PATH": PATH,
            "directory": str(self.session.directory),
            "program": str(program),
            "LD_LIBRARY_PATH": ":".join(f"{base}{more}" for more in LIBRARIES),
            "LDB_MODULES_PATH": str(modules),
        }

    def begin(self) -> None:
        """Start it and wait for its socket."""
        self.configuration.write_text(f"[libdefaults]\nkcm_socket = {self.socket}\n")
        self.daemon.start(self.socket.exists)

    def environment(self, kdc: Kdc) -> dict[str, str]:
        """Return what a program needs to keep its tickets of a realm there."""
        configurations = f"{self.configuration}:{kdc.krb5_conf}"
        return {"KRB5_CONFIG": configurations, "KRB5CCNAME": "KCM:"}

    def end(self) -> None:
        """Stop it and remove its directory."""
        self.daemon.stop()
        self.session.end()


def _unpack(place: Path) -> None:
    """Fetch the packages that are missing here, and unpack them."""
    archives = place / "archives"
    (archives / "partial").mkdir(parents=True)
    own = ("-o", f"Dir::Cache::archives={archives}", "-o", "APT::Sandbox::User=root")
    with cache.locked(cache.root() / ".apt.lock"):
        host.apt_get("update")
        host.apt_get(*own, "install", "-y", "--no-install-recommends", "--download-only", PACKAGE)
    packages = sorted(archives.glob("*.deb"))
    if not packages:
        raise TestbedError(f"{PACKAGE} is installed here: its own daemon is in the way")
    for package in packages:
        process.run(["dpkg-deb", "--extract", package, place], env={**os.environ})


def packages() -> Path:
    """Return the cached tree with the daemon."""
    try:
        return cache.build("kcm", VERSION, _unpack)
    except TestbedError as error:
        raise TestbedUnavailableError(f"{PACKAGE} cannot be unpacked: {error}") from error


def start() -> Kcm:
    """Unpack what is needed and start a daemon without caches."""
    host.require_capable()
    kcm = Kcm(session.begin("kcm"), packages())
    try:
        kcm.begin()
    except BaseException:
        kcm.end()
        raise
    return kcm
