"""A mount of a store whose certificate is from an authority that only the policy names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.mount.user import User
from tests.staging import tls
from tests.staging.desk import clear
from tests.testbed.fixtures import available

pytestmark = pytest.mark.s3


@pytest.fixture
def tls_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tls.TlsServer]:
    """Give rclone's store behind TLS."""
    server = available(lambda: tls.start(tmp_path_factory.mktemp("tls")))
    try:
        yield server
    finally:
        server.service.end()


def test_the_authority_of_the_policy_holds_for_rclone(user: User, tls_store: tls.TlsServer) -> None:
    """It lists, reads and writes; the file's name has a blank."""
    mounter = User(user.account, tls_store, programs=user.programs)
    clear(tls_store, ("user",))
    mounter.give_keys()
    mounter.put("alice/a.txt", "hello\n")
    certificate = user.home / "our ca.pem"
    shutil.copy(tls_store.authority, certificate)
    certificate.chmod(0o644)
    os.chown(certificate, user.account.uid, user.account.gid)
    text = f'[storage.herd]\nendpoint = "{tls_store.endpoint}"\nca_file = "{certificate}"\n'
    user.account.write("policy.toml", text)
    mounter.ok("-rw", "herd:user/alice", "files")
    assert mounter.sh("cat files/a.txt; echo back > files/b.txt") == "hello\n"
    mounter.ok("-u", "files")
    assert tls_store.content("user", "alice/b.txt") == b"back\n"
