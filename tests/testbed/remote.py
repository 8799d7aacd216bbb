"""A remote site: start daemons elsewhere that join the pool as a glidein."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed import config
from tests.testbed.pool import Pool
from tests.testbed.sandbox import LOOPBACK, Sandbox

READY_TIMEOUT = 60
PID_FILE = "/run/condor/master.pid"
CLOSED = "/etc/condor/config.d/zz-closed"


@dataclass(frozen=True)
class Site:
    """Where start daemons run.

    Attributes:
        name: the site's.
        tree: the HTCondor that it has; None is the pool's.
        address: on which they listen.
        network: the namespace in which that address is; None is the host's.
    """

    name: str
    tree: Path | None = None
    address: str = LOOPBACK
    network: Path | None = None

    @property
    def hostname(self) -> str:
        """Return the name of its worker node."""
        return f"wn.{self.name}.hep"


DONGGUAN = Site(config.SITE)


class RemoteSite:
    """A worker node of another institute: own names, own users, only the images are shared."""

    def __init__(self, pool: Pool, site: Site) -> None:
        self.pool = pool
        self.name = site.name
        self.site = site
        self.constraint = f'GLIDEIN_Site == "{site.name}"'
        directory = pool.session.directory / f"site-{site.name}"
        tree = site.tree or pool.sandbox.tree
        images = (pool.images,)
        self.sandbox = Sandbox(
            directory, tree, site.hostname, images, address=site.address, network=site.network
        )

    def start(self) -> None:
        """Start the daemons and wait for their slot in the pool."""
        box, pool, site = self.sandbox, self.pool, self.site
        box.start()
        text = config.glidein(pool.setup, site.name, site.hostname, site.address, pool.images)
        box.write("/etc/condor/config.d/50-testbed", text)
        box.write(config.SINGULARITY, config.stand_in_singularity(), mode=0o755)
        box.path("/etc/condor/config.d/00-minicondor").unlink(missing_ok=True)
        box.path("/etc/condor/tokens.d").mkdir(mode=0o700, exist_ok=True)
        box.write("/etc/condor/tokens.d/pool", self._token(), mode=0o600)
        box.run(["install", "-d", "-o", "condor", "-g", "condor", *config.DIRECTORIES])
        box.launch(["condor_master", "-pidfile", PID_FILE])
        self.pool.wait_for(self.slots, READY_TIMEOUT, f"the slot of {self.name}")

    def stop(self) -> None:
        """Stop the daemons."""
        self.sandbox.stop()

    def leave(self) -> None:
        """Let the daemons say farewell, so that the pool forgets their slots, and stop them."""
        pid = self.sandbox.path(PID_FILE).read_text().strip()
        self.sandbox.run(["kill", "-QUIT", pid])
        self.pool.wait_for(lambda: not self.slots(), READY_TIMEOUT, f"{self.name} to leave")
        self.stop()

    def takes_jobs(self, *, takes: bool) -> None:
        """Let its worker node begin jobs, or none."""
        self.sandbox.write(CLOSED, f"START = {takes}\n")
        pid = self.sandbox.path(PID_FILE).read_text().strip()
        self.sandbox.run(["kill", "-HUP", pid])

    def slots(self) -> list[dict[str, Any]]:
        """Return the slot ads of the site."""
        return self.pool.slots(self.constraint)

    def _token(self) -> str:
        rights = ("ADVERTISE_STARTD", "ADVERTISE_MASTER", "READ")
        words = [word for right in rights for word in ("-authz", right)]
        return self.pool.token(self.pool.setup.glidein, *words)


def start(pool: Pool, site: Site = DONGGUAN) -> RemoteSite:
    """Start a site of a pool."""
    remote = RemoteSite(pool, site)
    try:
        remote.start()
    except BaseException:
        remote.stop()
        raise
    return remote
