"""What the testbed needs of this machine: root, Debian, mounts, a few packages, two users."""

import functools
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.process import TestbedError, TestbedUnavailableError, run

FALLBACK_MIRROR = "http://deb.debian.org/debian"
FUSE = Path("/dev/fuse")
NAMESPACES = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child=KILL")
PACKAGES = {
    "/usr/sbin/debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/usr/bin/python3": "python3",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}


@dataclass(frozen=True)
class User:
    """A user whose name and number are the same on the host and inside every pool."""

    name: str
    uid: int


USERS = (User("hepalice", 6101), User("hepbob", 6102))


def require_capable() -> None:
    """Raise TestbedUnavailableError with the reason if pools cannot run on this machine."""
    if os.geteuid() != 0:
        raise TestbedUnavailableError("the testbed needs root")
    if not Path("/etc/debian_version").exists() or shutil.which("apt-get") is None:
        raise TestbedUnavailableError("the testbed needs Debian")
    try:
        run([*NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"])
    except TestbedError as error:
        raise TestbedUnavailableError(f"namespaces or mounts are forbidden: {error}") from error


def let_users_mount() -> None:
    """Let users open /dev/fuse, as a Debian with udev does."""
    if not FUSE.exists():
        raise TestbedUnavailableError("there is no /dev/fuse")
    FUSE.chmod(0o666)


def apt_get(*words: str) -> None:
    """Run apt-get without questions."""
    run(["apt-get", "-q", *words], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def missing_packages() -> list[str]:
    """List the Debian packages which building a pool needs and this machine lacks."""
    missing = [name for path, name in PACKAGES.items() if not Path(path).exists()]
    probe = run(["/usr/bin/python3", "-c", "import ensurepip, venv"], check=False)
    return missing if probe.returncode == 0 else [*missing, "python3-venv"]


def ensure_host_packages() -> None:
    """Install the Debian packages which building a pool needs."""
    missing = missing_packages()
    if missing:
        apt_get("update")
        apt_get("install", "-y", "--no-install-recommends", *missing)


def mirror() -> str:
    """Return the Debian archive which this machine's own apt uses."""
    listed = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], check=False).stdout
    for address in listed.split():
        if address.startswith(("http:", "https:", "file:")) and "security" not in address:
            return address.rstrip("/")
    return FALLBACK_MIRROR


def ensure_users() -> None:
    """Create the test users on the host; their homes are given to them by each session."""
    for user in USERS:
        try:
            found = pwd.getpwnam(user.name)
        except KeyError:
            _create(user)
            continue
        if found.pw_uid != user.uid:
            raise TestbedUnavailableError(f"{user.name} has uid {found.pw_uid}, not {user.uid}")


def _create(user: User) -> None:
    run(["groupadd", "--gid", str(user.uid), user.name])
    numbers = ("--uid", str(user.uid), "--gid", str(user.uid))
    nowhere = ("--no-create-home", "--home-dir", f"/proc/nonexistent/{user.name}")
    run(["useradd", *numbers, *nowhere, "--shell", "/bin/bash", user.name])


@functools.cache
def checkout() -> Path:
    """Return the top directory of the checkout under test."""
    return Path(__file__).resolve().parents[2]
