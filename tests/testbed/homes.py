"""The test users on the host without a pool: homes, and the checkout under test installed for them."""

import re

from tests.testbed import host, install, session, users
from tests.testbed.session import Session
from tests.testbed.users import Account


class Homes:
    """Homes in a directory of their own, and one environment for the program."""

    def __init__(self, this: Session) -> None:
        self.session = this
        self.environment = this.directory / "hepsub"
        self.condor_config = this.directory / "condor_config"
        self.condor_config.touch()

    def install_program(self) -> None:
        """Install the checkout as it is now for the users."""
        checkout = install.read_checkout()
        install.make_environment(checkout, self.environment)
        built = install.wheel(checkout, self.session.directory / "wheel")
        install.install(checkout, built, self.environment)

    def account(self, name: str, work: str) -> Account:
        """Return a user with a new home and in it an empty working directory named `work`."""
        uid = next(user.uid for user in host.USERS if user.name == name)
        home = self.session.home / name
        bin_ = self.environment / "bin"
        account = Account(name, uid, uid, home, home, bin_, self.condor_config)
        users.make_home(account)
        return account.with_work(re.sub(r"[^\w.-]+", "_", work))

    def end(self) -> None:
        """End what still runs for the homes and remove them."""
        for user in host.USERS:
            home = self.session.home / user.name
            users.end_processes(
                Account(user.name, user.uid, user.uid, home, home, home, self.condor_config)
            )
        self.session.end()


def start() -> Homes:
    """Make a place for homes."""
    host.require_capable()
    host.ensure_users()
    return Homes(session.begin("homes"))
