"""A mount of a store whose certificate is from an authority that only the policy names."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.mount.user import User
from tests.staging.desk import clear
from tests.testbed.s3 import S3Server

pytestmark = pytest.mark.s3


def test_the_authority_of_the_policy_holds_for_rclone(user: User, tls_s3: S3Server) -> None:
    """It lists, reads and writes; the file's name has a blank."""
    mounter = User(user.account, tls_s3, programs=user.programs)
    clear(tls_s3, ("user",))
    mounter.give_keys()
    mounter.put("alice/a.txt", "hello\n")
    certificate = user.home / "our ca.pem"
    shutil.copy(tls_s3.authority, certificate)
    certificate.chmod(0o644)
    os.chown(certificate, user.account.uid, user.account.gid)
    text = f'[storage.herd]\nendpoint = "{tls_s3.endpoint}"\nca_file = "{certificate}"\n'
    user.account.write("policy.toml", text)
    mounter.ok("-rw", "herd:user/alice", "files")
    assert mounter.sh("cat files/a.txt; echo back > files/b.txt") == "hello\n"
    mounter.ok("-u", "files")
    assert tls_s3.content("user", "alice/b.txt") == b"back\n"
