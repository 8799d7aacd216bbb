"""The remote site: start daemons elsewhere that join the pool as a glidein."""

from typing import Any

from tests.testbed import config
from tests.testbed.pool import Pool
from tests.testbed.sandbox import Sandbox

READY_TIMEOUT = 60


class RemoteSite:
    """A worker node of another institute: own names, own users, only the images are shared."""

    name = config.SITE
    constraint = f'GLIDEIN_Site == "{config.SITE}"'

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        directory = pool.session.directory / "site"
        images = pool.shared / config.IMAGES
        tree = pool.sandbox.tree
        self.sandbox = Sandbox(directory, tree, config.SITE_HOSTNAME, (images,))

    def start(self) -> None:
        """Start the daemons and wait for their slot in the pool."""
        box = self.sandbox
        box.start()
        box.write("/etc/condor/config.d/50-testbed", config.site(self.pool.port, self.pool.shared))
        box.write(config.SINGULARITY, config.stand_in_singularity(), mode=0o755)
        box.path("/etc/condor/config.d/00-minicondor").unlink(missing_ok=True)
        box.path("/etc/condor/tokens.d").mkdir(mode=0o700, exist_ok=True)
        box.write("/etc/condor/tokens.d/pool", self._token(), mode=0o600)
        box.run(["install", "-d", "-o", "condor", "-g", "condor", *config.DIRECTORIES])
        box.launch(["condor_master"])
        self.pool.wait_for(self.slots, READY_TIMEOUT, f"the slot of {self.name}")

    def stop(self) -> None:
        """Stop the daemons."""
        self.sandbox.stop()

    def slots(self) -> list[dict[str, Any]]:
        """Return the slot ads of the site."""
        return self.pool.slots(self.constraint)

    def _token(self) -> str:
        rights = ("ADVERTISE_STARTD", "ADVERTISE_MASTER", "READ")
        words = [word for right in rights for word in ("-authz", right)]
        return self.pool.token(config.GLIDEIN, *words)


def start(pool: Pool) -> RemoteSite:
    """Start the site of a pool."""
    site = RemoteSite(pool)
    try:
        site.start()
    except BaseException:
        site.stop()
        raise
    return site
