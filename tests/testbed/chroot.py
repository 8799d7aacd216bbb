"""The cached Debian trees with HTCondor inside, one for each suite."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from tests.testbed import cache, host
from tests.testbed.process import TestbedError, run

Suite = Literal["trixie", "sid"]
SUITES: tuple[Suite, ...] = get_args(Suite)
VERSION = "6"
failures: list[str] = []
BASE_PACKAGES = ("ca-certificates", "curl", "python3", "python3-venv", "tcsh", "procps", "hostname")
CONDOR_PACKAGES = ("condor", "minicondor", "krb5-user")
LOGIN_VENV = Path("/opt/hepsub")


def build(suite: Suite) -> Path:
    """Return the tree of a suite; when sid cannot be built, say so and return trixie's."""
    try:
        return cache.build(suite, VERSION, lambda tree: _make(suite, tree))
    except TestbedError as error:
        if suite != "sid":
            raise
        failures.append(f"HTCondor of sid CANNOT BE BUILT, going on with trixie: {error}")
        print(failures[-1], file=sys.stderr)
        return build("trixie")


def suite_of(tree: Path) -> Suite:
    """Return the suite from which a tree was really built."""
    return "sid" if tree.name.startswith("sid-") else "trixie"


def _make(suite: Suite, tree: Path) -> None:
    bootstrap(suite, tree, CONDOR_PACKAGES)


def bootstrap(suite: str, tree: Path, packages_inside: Sequence[str]) -> None:
    """Make the tree of a Debian suite with some packages, a virtual environment for hepsub, and the test users."""
    host.ensure_host_packages()
    packages = ",".join(BASE_PACKAGES)
    run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", suite, tree, host.mirror()],
        timeout=1800,
    )
    _prepare_apt(tree)
    script = (
        "apt-get -q update"
        f" && apt-get -qy install --no-install-recommends {' '.join(packages_inside)}"
        " && apt-get clean"
        f" && python3 -m venv {LOGIN_VENV}"
    )
    _run_inside(tree, script)
    _add_users(tree)


def _prepare_apt(tree: Path) -> None:
    """Let apt work inside as it does outside, quickly, and start no service."""
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    (tree / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text(
        "force-unsafe-io\n"
    )  # an unfinished tree is made anew
    for source in sorted(Path("/etc/apt/apt.conf.d").glob("99*")):
        shutil.copy(source, tree / "etc/apt/apt.conf.d" / source.name)
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", name).exists():
            shutil.copy(Path("/", name), tree / name)


def _run_inside(tree: Path, script: str) -> None:
    """Run a shell script in the tree, with /proc and /dev, in namespaces that end with it."""
    mounts = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"'
    run(
        [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"),
            *("sh", "-ec", f'{mounts} && exec chroot "$0" sh -ec "$1"', tree, script),
        ],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        timeout=1800,
    )


def _add_users(tree: Path) -> None:
    """Put the test users into the tree."""
    for user in host.USERS:
        numbers = ["--uid", str(user.uid), "--user-group", "--no-create-home"]
        run(["useradd", "--root", tree, *numbers, "--shell", "/bin/bash", user.name])
