"""The far site: another institute's pool in a network of its own, with a computing element before it.

It shares nothing with home but the container images, which stand in for /cvmfs: its accounts, homes, /tmp and names
are its own, and the cable between the two can be cut. It is reached in three ways: by its schedd, by its computing
element, and as a site whose start daemons join the pool at home (remote.py).
"""

from dataclasses import replace
from pathlib import Path

from tests.testbed import chroot, condor, config, element, host, remote, session, users
from tests.testbed.condor import CondorPool
from tests.testbed.config import PoolConfig
from tests.testbed.host import User
from tests.testbed.link import Link
from tests.testbed.pool import Pool
from tests.testbed.process import TestbedError
from tests.testbed.remote import RemoteSite, Site
from tests.testbed.sandbox import Sandbox
from tests.testbed.users import Account

QINGDAO = PoolConfig(
    name="qingdao",
    suite="sid",
    hostname="ap.qingdao.hep",
    domain="qingdao.hep",
    file_system="qingdao.hep",
    users=(User("qdalice", 7101), User("qdbob", 7102)),
    subjects=(("alice", "qdalice"), ("bob", "qdbob")),
    schedds=("schedd01",),
    port=9618,
    extra=element.FOR_THE_POOL.format(domain="qingdao.hep"),
)
READY_TIMEOUT = 30


class FarSite(CondorPool):
    """A pool and its computing element, which run; `start` makes one."""

    def __init__(self, setup: PoolConfig, this: session.Session, home: Pool, tree: Path) -> None:
        self.home = home
        self.tree = tree
        self.link = Link(this.directory / "link")
        sandbox = Sandbox(this.directory / "pool", tree, setup.hostname, (home.images,))
        super().__init__(setup, this, sandbox, home.images)
        self.element = element.ComputingElement(self)
        self.accounts = {user.name: _account(user) for user in setup.users}
        self.collector = f"{setup.hostname}:{setup.port}"

    # ---- start and stop ---------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until jobs can be sent there."""
        self.link.start()
        self.setup = replace(self.setup, address=self.link.address)
        self.sandbox.address, self.sandbox.network = self.link.address, self.link.network
        self.start_daemons()
        self.element.start()
        self._introduce()
        self.wait_until_ready()
        self.wait_for(self.element.is_ready, READY_TIMEOUT, "the computing element")

    def stop(self) -> None:
        """Stop everything and remove every trace."""
        self.sandbox.stop()
        self.link.stop()
        self.session.end()

    def reset(self) -> None:
        """Mend the cable, and remove all jobs and what a test has added to the configuration."""
        self.mend()
        self.element.purge()
        self.purge()
        self.reset_config()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names by which its hosts are called."""
        return (self.setup.hostname, element.HOSTNAME)

    def _configure(self) -> None:
        """Let only its own accounts be there, and every name that is asked for be answered at once."""
        box = self.sandbox
        box.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm"])
        hosts = box.path("/etc/hosts").read_text()
        box.write("/etc/hosts", f"{hosts}{self.link.address} {element.HOSTNAME}\n")
        box.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        for user in host.USERS:
            box.run(["userdel", user.name])
        super()._configure()

    def _add_account(self, account: Account) -> None:
        numbers = ("--uid", str(account.uid), "--user-group", "--create-home")
        self.sandbox.run(["useradd", *numbers, "--shell", "/bin/bash", account.name])

    def give_token(self, account: Account, name: str) -> None:
        """Store an IDTOKEN of an account here where HTCondor looks for a user's tokens at home."""
        token = self.token(f"{name}@{self.setup.domain}")
        users.give_token(account, token, self.setup.name)

    def _introduce(self) -> None:
        """Let the pool at home know the names and the authority of this site."""
        lines = "".join(f"{self.link.address} {name}\n" for name in self.names)
        box, authority = self.home.sandbox, self.authority.read_text()
        _append(box.path("/etc/hosts"), lines)
        for file in (box.path(config.TLS / "ca.pem"), self.home.authority):
            _append(file, authority)

    @property
    def collector_address(self) -> str:
        """Return the collector as who does not know the site's names reaches it, such as this host."""
        return f"{self.link.address}:{self.port}"

    # ---- the cable --------------------------------------------------------------------------

    def cut(self) -> None:
        """Cut the cable between this site and home."""
        self.link.cut()

    def mend(self) -> None:
        """Mend the cable."""
        self.link.mend()

    # ---- the site as a glidein --------------------------------------------------------------

    def join_home(self) -> RemoteSite:
        """Start a worker node of this site that joins the pool at home."""
        site = Site(self.setup.name, self.tree, self.link.address, self.link.network)
        return remote.start(self.home, site)


def _account(user: User) -> Account:
    home = Path("/home") / user.name
    settings = Path("/etc/condor/condor_config")
    return Account(user.name, user.uid, user.uid, home, home, Path("/usr/bin"), settings)


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def start(home: Pool) -> FarSite:
    """Build what is missing and start the site."""
    host.require_capable()
    tree = chroot.build(QINGDAO.suite)
    setup = replace(QINGDAO, suite=chroot.suite_of(tree))
    site = FarSite(setup, session.begin(setup.name), home, tree)
    try:
        site.start()
    except BaseException as error:
        if isinstance(error, TestbedError):
            condor.show_logs(site)
        site.stop()
        raise
    return site


def attach() -> Sandbox:
    """Return the inside of the site which another process of this machine runs."""
    state = condor.recorded(QINGDAO.name)
    pid = state["first_pid"]
    network = Path(f"/proc/{pid}/ns/net")
    place = Path(state["directory"]) / "pool"
    return Sandbox(place, Path(state["tree"]), QINGDAO.hostname, network=network, first_pid=pid)
