"""A user at a prompt who mounts buckets."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.testbed import host
from tests.testbed.process import TestbedUnavailableError
from tests.testbed.s3 import S3Server
from tests.testbed.users import Account, make_directory

POLICY = """
[storage.herd]
endpoint = "{endpoint}"
allow_http = true
"""
WAIT = 60


@dataclass(frozen=True)
class User:
    """A user, the store that the policy names, and what the user's commands get besides.

    Attributes:
        account: the user.
        server: the store.
        programs: the directory that has rclone.
        environment: variables of the user's session.
    """

    account: Account
    server: S3Server
    programs: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Where the commands are given."""
        return self.account.work

    @property
    def files(self) -> Path:
        """The directory that is mounted in most tests."""
        return self.home / "files"

    @property
    def cache(self) -> Path:
        """Where the caches of the mounts are."""
        return self.account.home / "local"

    # ---- commands -----------------------------------------------------------------------------

    def __call__(self, *words: str | Path, timeout: float = 90) -> CompletedProcess[str]:
        """Run a command."""
        return self.account.run(words, env=self.variables(), timeout=timeout, cwd=self.home)

    def variables(self) -> dict[str, str]:
        """What the commands get."""
        path = f"{self.programs}:{self.account.environment()['PATH']}"
        # Not /var/tmp/hepsub-UID, which tests in other processes share.
        own = {"HEPSUB_HERE_DIR": str(self.cache), "HEPSUB_CONFIG": "policy.toml"}
        return {"PATH": path, **own, **self.environment}

    def mount(self, *words: str) -> CompletedProcess[str]:
        """Run hep_mount."""
        return self("hep_mount", *words)

    def ok(self, *words: str) -> str:
        """Run hep_mount, which has to succeed; its stdout."""
        done = self.mount(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def refused(self, code: int, *words: str) -> str:
        """Run hep_mount, which has to fail with this exit code; its stderr."""
        done = self.mount(*words)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        assert done.stderr.startswith("hep_mount: "), done.stderr
        return done.stderr

    def listed(self) -> list[dict[str, Any]]:
        """What hep_mount -ls -json shows."""
        document = json.loads(self.ok("-ls", "-json"))
        assert document["ok"]
        mounts: list[dict[str, Any]] = document["result"]["mounts"]
        return mounts

    def only(self) -> dict[str, Any]:
        """The one mount there is."""
        (found,) = self.listed()
        return found

    def sh(self, script: str, timeout: float = 60) -> str:
        """Run a shell's script that has to succeed; its stdout."""
        done = self("sh", "-ec", script, timeout=timeout)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    # ---- the world ----------------------------------------------------------------------------

    def put(self, key: str, body: bytes | str, bucket: str = "user") -> None:
        """Store an object."""
        content = body.encode() if isinstance(body, str) else body
        self.server.client().put_object(Bucket=bucket, Key=key, Body=content)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send rclone a signal."""
        os.kill(self.only()["pid"], number)

    def arrives(self, key: str, bucket: str = "user") -> bytes:
        """Wait for an object; what it holds."""
        wait_for(lambda: key in self.server.objects(bucket), f"the object {key}")
        return self.server.content(bucket, key)

    def write_policy(self, more: str = "") -> None:
        """Write the policy that HEPSUB_CONFIG names, relative to the working directory."""
        self.account.write("policy.toml", POLICY.format(endpoint=self.server.endpoint) + more)

    def give_keys(self) -> None:
        """Put the server's keys where AWS's tools keep them."""
        make_directory(self.account, self.account.home / ".aws", 0o700)
        file = self.account.home / ".aws/credentials"
        file.touch(mode=0o600)
        file.write_text(
            f"[default]\naws_access_key_id = {self.server.access_key}\n"
            f"aws_secret_access_key = {self.server.secret_key}\n"
        )
        os.chown(file, self.account.uid, self.account.gid)


def is_mounted(path: Path) -> bool:
    """Whether a directory is a mount."""
    return f" {escaped(path)} " in Path("/proc/self/mountinfo").read_text()


def escaped(path: Path) -> str:
    """A path as mountinfo writes it."""
    return re.sub(r"[ \t\n\\]", lambda found: f"\\{ord(found[0]):03o}", str(path))


def wait_for(condition: Callable[[], object], what: str, timeout: float = WAIT) -> None:
    """Wait until a condition holds; pauses are as long as looks, which cost processor time."""
    began = time.monotonic()
    deadline = began + timeout
    while not condition():
        looked = time.monotonic()
        assert looked < deadline, f"no {what} within {timeout} s"
        time.sleep(max(0.1, looked - began))
        began = time.monotonic()


def take_all_away(below: Path) -> None:
    """Take away every mount below a directory, whatever state it is in."""
    text = Path("/proc/self/mountinfo").read_text()
    points = [line.split(" ")[4] for line in text.splitlines() if " - fuse.rclone " in line]
    for point in points:
        plain = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)
        if Path(plain).is_relative_to(below):
            subprocess.run(["umount", "-l", plain], check=False)


def require_fuse() -> None:
    """Let users mount, as a Debian with udev does."""
    host.let_users_mount()
    if shutil.which("fusermount3") is None:
        raise TestbedUnavailableError("fuse3 is not installed")
