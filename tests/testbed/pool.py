"""The pool at home: two schedds, a shared home, two users on this host, the program under test."""

import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

from tests.testbed import chroot, condor, config, host, install, session, users
from tests.testbed.chroot import Suite
from tests.testbed.condor import CondorPool
from tests.testbed.config import PoolConfig
from tests.testbed.login import LoginNode
from tests.testbed.process import TestbedError
from tests.testbed.sandbox import LOOPBACK, Sandbox
from tests.testbed.users import Account

IMAGES = ("AlmaLinux9.sif", "CentOS7.sif")


class Pool(CondorPool):
    """The pool at home that runs; `start` makes one."""

    def __init__(self, setup: PoolConfig, this: session.Session, tree: Path) -> None:
        binds = (this.shared, Path("/tmp"))
        sandbox = Sandbox(this.directory / "pool", tree, setup.hostname, binds)
        super().__init__(setup, this, sandbox, this.shared / config.IMAGES)
        self.suite = setup.suite
        self.shared = this.shared
        self.condor_config = this.directory / "condor_config"
        self.checkout = install.read_checkout()
        self.environment = this.directory / "hepsub"
        self.accounts = {user.name: self._account(user) for user in setup.users}

    # ---- start and stop ---------------------------------------------------------------------

    def start(self) -> None:
        """Start the daemons and wait until jobs can be submitted."""
        install.make_environment(self.checkout, self.environment)
        self._make_places()
        self.start_daemons()
        for account in self.accounts.values():
            self._give_token(account)
        self.wait_until_ready()

    def stop(self) -> None:
        """Stop everything and remove every trace."""
        self.sandbox.stop()
        for account in self.accounts.values():
            users.end_processes(account)
        self.session.end()

    def _account(self, user: host.User) -> Account:
        home = self.session.home / user.name
        programs = self.environment / "bin"
        return Account(user.name, user.uid, user.uid, home, home, programs, self.condor_config)

    def _make_places(self) -> None:
        self.condor_config.write_text(config.client(self.setup, self.images, self.authority))
        self.images.mkdir(mode=0o755)
        for image in IMAGES:
            (self.images / image).write_text(f"stand-in for {image}\n")
        for account in self.accounts.values():
            users.make_home(account)

    def _give_token(self, account: Account) -> None:
        users.give_token(account, self.token(f"{account.name}@{self.setup.domain}"))

    # ---- the program under test -------------------------------------------------------------

    def install_program(self) -> str:
        """Install the checkout as it is now for the users; return what was installed."""
        self.checkout = install.read_checkout()
        install.add_dependencies(self.checkout, self.environment)
        if not self.checkout.has_package:
            return "no program yet: only its dependencies are installed"
        built = install.wheel(self.checkout, self.session.directory / "wheel")
        install.install(self.checkout, built, self.environment)
        return built.name

    def account(self, name: str, work: str) -> Account:
        """Return a user with a new home and in it an empty working directory named `work`."""
        account = self.accounts[name]
        users.make_home(account)
        self._give_token(account)
        self.forget_credentials(account)
        return account.with_work(re.sub(r"[^\w.-]+", "_", work))

    def forget_credentials(self, account: Account) -> None:
        """Remove the tokens and tickets that a user has pushed to the access point."""
        if self.takes_credentials:
            stored = self.sandbox.path(config.CREDENTIAL_DIRECTORY / account.name)
            shutil.rmtree(stored, ignore_errors=True)
            for ticket in self.sandbox.path(config.TICKET_DIRECTORY).glob(f"{account.name}.*"):
                ticket.unlink()

    def login_node(self, account: Account) -> LoginNode:
        """Return the access point as the account sees it: inside, by FS, without tokens."""
        return LoginNode(self.sandbox, self.checkout, self.session.directory / "login", account)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def start(suite: Suite) -> Pool:
    """Build what is missing and start a pool."""
    host.require_capable()
    host.ensure_users()
    tree = chroot.build(suite)
    setup = replace(config.HOME, suite=chroot.suite_of(tree), port=free_port())
    pool = Pool(setup, session.begin(setup.suite), tree)
    try:
        pool.start()
    except BaseException as error:
        if isinstance(error, TestbedError):
            condor.show_logs(pool)
        pool.stop()
        raise
    return pool


def attach(suite: str | None = None) -> Pool:
    """Return the pool which another process of this machine runs."""
    state = condor.recorded(config.HOME.name, suite)
    setup = replace(config.HOME, suite=state["suite"], port=state["port"])
    pool = Pool(setup, session.Session(Path(state["directory"])), Path(state["tree"]))
    pool.sandbox.first_pid = state["first_pid"]
    pool.version = state["version"]
    return pool
