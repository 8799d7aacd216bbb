"""Keys in exchange for a token, with Ceph's real STS and the provider's real tokens."""

from __future__ import annotations

import dataclasses
import time

import pytest
from msgspec.structs import replace

from hepsub.auth.bearer import read_token
from hepsub.auth.s3_credentials import keys_for
from hepsub.errors import CredentialRefused, HepsubError, StorageRefused, StorageUnreachable
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = pytest.mark.ceph


@pytest.fixture
def storage(ceph_sts: WebIdentity) -> Storage:
    """The storage as a policy describes it."""
    return Storage(
        endpoint=ceph_sts.server.endpoint,
        allow_http=True,
        role_arn=ceph_sts.role_arn,
        audience=ceph_sts.audience,
        session_s=900,
    )


def keys(storage: Storage, token: str) -> S3Credentials:
    return keys_for(
        "ceph", storage, lambda name, _aud: read_token(name, token.encode()), "hepalice"
    )


def lists_buckets(ceph_sts: WebIdentity, found: S3Credentials) -> bool:
    view = dataclasses.replace(
        ceph_sts.server, access_key=found.access, secret_key=found.secret, session_token=found.token
    )
    return "Buckets" in view.client().list_buckets()


def test_a_token_gives_keys_that_work(
    ceph_sts: WebIdentity, openid: OpenId, storage: Storage
) -> None:
    found = keys(storage, openid.token(audience=ceph_sts.audience))
    assert found.expires == pytest.approx(time.time() + 900, abs=30)
    assert found.note == ""
    assert lists_buckets(ceph_sts, found)


def test_the_token_is_asked_for_with_the_storages_audience(
    ceph_sts: WebIdentity, openid: OpenId, storage: Storage
) -> None:
    found = keys_for(
        "ceph",
        storage,
        lambda name, audience: read_token(name, openid.token(audience=audience).encode()),
    )
    assert lists_buckets(ceph_sts, found)


def test_a_session_longer_than_the_role_allows(
    ceph_sts: WebIdentity, openid: OpenId, storage: Storage
) -> None:
    week = replace(storage, session_s=604800)
    found = keys(week, openid.token(audience=ceph_sts.audience))
    assert found.expires == pytest.approx(time.time() + 43200, abs=60)
    assert "session_s = 43200" in found.note


@pytest.mark.parametrize("fault", ["audience", "ended", "forged", "role", "no role"])
def test_what_is_refused_is_said(
    ceph_sts: WebIdentity, openid: OpenId, storage: Storage, fault: str
) -> None:
    token = openid.token(
        audience="https://other.test.hep" if fault == "audience" else ceph_sts.audience,
        life_s=-5 if fault == "ended" else 600,
        forged=fault == "forged",
    )
    role = {"role": f"{storage.role_arn}X", "no role": ""}.get(fault, storage.role_arn)
    with pytest.raises(HepsubError) as caught:
        keys(replace(storage, role_arn=role), token)
    assert isinstance(caught.value, CredentialRefused)
    assert "token, its audience or the role is refused" in caught.value.message
    assert "[storage.ceph]" in caught.value.remedy
    assert token not in caught.value.message + caught.value.remedy


def test_a_gateway_that_is_down(ceph_sts: WebIdentity, openid: OpenId, storage: Storage) -> None:
    ceph_sts.server.service.stop()
    try:
        with pytest.raises(StorageUnreachable, match="does not answer"):
            keys(storage, openid.token(audience=ceph_sts.audience))
    finally:
        ceph_sts.server.start()


def test_in_the_clear_only_where_the_policy_says_so(openid: OpenId, storage: Storage) -> None:
    with pytest.raises(StorageRefused, match="in the clear"):
        keys(replace(storage, allow_http=False), openid.token())
