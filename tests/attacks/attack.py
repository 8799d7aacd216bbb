"""The attackers' means and the victim's facts: hostile scripts, policies of sites, snapshots, what was got."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pool.shell import END, PYTHON, Shell
from tests.testbed.users import Account, make_directory

CHIRP = Path(__file__).with_name("chirp.py").read_text()
AWAY = ("-site", "dongguan")
OWNER = 'isolation = "owner"\n'
"""The site's pilots run the jobs of one user each: S3 and credentials may go there."""
KEY = "ssh-ed25519 AAAA-of-the-attacker"
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY----- of the victim"
SECRETS: dict[str, str] = {
    ".ssh/id_rsa": PRIVATE_KEY,
    ".ssh/authorized_keys": "ssh-ed25519 AAAA-of-the-victim",
    ".bashrc": "# the victim's .bashrc",
    "thesis.tex": r"\section{Ten years}",
    "precious/a.root": "precious a",
    "precious/deep/b.root": "precious b",
}
"""Files in the victim's home."""
HELD, RUNNING = 5, 2
SITE = """
[site.dongguan]
requirements = 'GLIDEIN_Site == "dongguan"'
max_memory = "8000 MB"
"""
STAGING = """
[staging]
shared = true
"""
STORAGE = """
[storage.herd]
endpoint = "{endpoint}"
allow_http = true
default = true
"""


@dataclass(frozen=True)
class Snapshot:
    """What the files of a directory were: content and mode by relative path."""

    files: Mapping[str, tuple[str, int]]

    def changed_in(self, later: "Snapshot") -> list[str]:
        """The files that are not as they were, with those that are new."""
        names = self.files.keys() | later.files.keys()
        return sorted(name for name in names if self.files.get(name) != later.files.get(name))


def furnish(account: Account) -> None:
    """Give a user the files that attackers want."""
    for name, text in SECRETS.items():
        path = account.home / name
        for parent in reversed(path.relative_to(account.home).parents[:-1]):
            make_directory(account, account.home / parent, 0o700)
        give(account, path, text)


def give(account: Account, path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file of a user."""
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, account.uid, account.gid)


def snapshot(account: Account, *without: Path) -> Snapshot:
    """All files of a user's home but hepsub's own and those below some directories."""
    own = (account.home / ".local", account.home / ".condor", *without)
    return Snapshot(dict(_files(account.home, own)))


def _files(directory: Path, without: tuple[Path, ...]) -> Iterator[tuple[str, tuple[str, int]]]:
    for path in sorted(directory.rglob("*")):
        if any(path.is_relative_to(each) for each in without) or path.is_dir():
            continue
        facts = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_text(errors="replace")
        digest = hashlib.sha256(content.encode()).hexdigest()
        yield str(path.relative_to(directory)), (digest, facts.st_mode)


def site_policy(
    shell: Shell, site: str, more: str = "", endpoint: str = "", staging: str = STAGING
) -> None:
    """Write the policy of a test: lines for [site.dongguan], a store, and more tables."""
    storage = STORAGE.format(endpoint=endpoint) if endpoint else ""
    shell.policy.write_text(f"{SITE}{site}{staging}{storage}{more}")
    shell.policy.chmod(0o644)


def hostile(shell: Shell, name: str, act: str) -> Path:
    """Write a script that attacks: the chirp client, and what is done with it."""
    return shell.script(name, f"{CHIRP}\nimport glob, re\n{act}", shell=PYTHON)


def settle(shell: Shell, cluster: int, timeout: float = 30) -> None:
    """Wait until jobs have ended, or hang; those that hang are removed.

    HTCondor lets a job that was denied a file lose its connection, wait for it, and start anew.
    """
    which, first = f"ClusterId == {cluster}", shell.pool.schedds[0]
    end = time.monotonic() + timeout
    while ads := shell.pool.jobs(which, ["JobStatus", "NumJobStarts"], first):
        if time.monotonic() > end or all(ad["JobStatus"] == HELD for ad in ads):
            shell("hep_rm", str(cluster))
            return
        time.sleep(0.3)


def loot(shell: Shell, cluster: int, proc: int = 0, name: str = "attack.py") -> dict[str, Any]:
    """What a hostile job printed that it got, in all of its runs.

    Raises:
        AssertionError: it got to print nothing, so that nothing is known.
    """
    log = shell.work / f"{name}.out.{cluster}.{proc}"
    lines = log.read_text().splitlines() if log.exists() else []
    found = [json.loads(line)["loot"] for line in lines if line.startswith('{"loot"')]
    error = log.with_name(log.name.replace(".out.", ".err."))
    said = error.read_text() if error.exists() else ""
    assert found, f"the attack did not happen: {lines} {said}"
    return {key: value for each in found for key, value in each.items()}


def ends(shell: Shell, cluster: int, number: int = 1) -> list[int | None]:
    """The exit codes of jobs that have ended."""
    return [ad.get("ExitCode") for ad in shell.ended(cluster, number, END)]


def bundle_of(shell: Shell, uuid: str) -> Path:
    """The bundle of a submission."""
    return shell.account.home / ".local/share/hepsub/bundles" / uuid


def corner_of(bundle: Path, proc: int = 0) -> Path:
    """What a job brought back, in whichever layout."""
    found = list(bundle.rglob(f"home.{proc}"))
    assert len(found) == 1, f"{bundle}: {found}"
    return found[0]


def rerun(shell: Shell, cluster: int) -> None:
    """Hold and release a cluster: its jobs run once more."""
    shell.ok("hep_hold", str(cluster))
    shell.wait_for_state(HELD, cluster)
    shell.ok("hep_release", str(cluster))


def text_of(*done: Any) -> str:
    """All that commands said."""
    return "".join(each.stdout + each.stderr for each in done)
