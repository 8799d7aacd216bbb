"""hep_mount with the rclone that Debian 12 has (1.60)."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mount.user import User, wait_for

pytestmark = pytest.mark.s3


@pytest.fixture
def old(user: User, old_rclone_bin: Path) -> User:
    """Give a user of Debian's rclone, with a variable that it cannot do with."""
    variables = {"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}
    return replace(user, programs=old_rclone_bin, environment=variables)


def test_reads_and_writes(old: User) -> None:
    assert "v1.6" in old.sh("rclone --config '' version")
    old.ok("-rw", "herd:user/alice", "files")
    assert old.sh("cat files/a.txt files/deep/er/b.txt") == "hello\ndeep\n"
    old.sh("echo new > files/new.txt")
    old.ok("-u", "files")
    assert old.server.content("user", "alice/new.txt") == b"new\n"


def test_a_crash_loses_no_write(old: User) -> None:
    old.ok("-rw", "herd:user/alice", "files")
    old.server.stop()
    old.sh("echo precious > files/p.txt")
    wait_for(lambda: old.only()["pending"] == 1, "write that is pending")
    old.kill(signal.SIGKILL)
    wait_for(lambda: old.only()["state"] == "stale", "stale mount")
    old.server.start()
    old.ok("-rw", "herd:user/alice", "files")
    assert old.arrives("alice/p.txt") == b"precious\n"
