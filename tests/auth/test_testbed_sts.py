"""Ceph's STS checks the tokens of the testbed's provider, and its sessions end."""

import time

import pytest
from botocore.exceptions import ClientError

from tests.testbed import jwt
from tests.testbed.openid import OpenId
from tests.testbed.sts import WebIdentity

pytestmark = pytest.mark.ceph


def test_a_token_gives_keys_that_work_and_end(ceph_sts: WebIdentity, openid: OpenId) -> None:
    keys = ceph_sts.session(openid.token(audience=ceph_sts.audience), 4)
    begin = time.monotonic()
    client = keys.client()
    client.create_bucket(Bucket="of-the-session")
    client.put_object(Bucket="of-the-session", Key="o", Body=b"content")
    assert keys.content("of-the-session", "o") == b"content"
    time.sleep(max(0, begin + 6 - time.monotonic()))
    with pytest.raises(ClientError, match=r"403|AccessDenied|ExpiredToken|Forbidden"):
        keys.content("of-the-session", "o")


def test_a_token_that_the_provider_has_issued_is_accepted(
    ceph_sts: WebIdentity, openid: OpenId
) -> None:
    first = openid.login()["refresh_token"]
    fields = {"grant_type": "refresh_token", "audience": ceph_sts.audience}
    token = openid.post("/token", **fields, refresh_token=first)["access_token"]
    assert ceph_sts.session(token, 60).client().list_buckets()["ResponseMetadata"]


@pytest.mark.parametrize(
    "fault", ["audience", "expired", "forged", "tampered", "issuer", "no token"]
)
def test_any_other_token_is_refused(ceph_sts: WebIdentity, openid: OpenId, fault: str) -> None:
    right = ceph_sts.audience
    token = {
        "audience": openid.token(audience="https://other.test.hep"),
        "expired": openid.token(audience=right, life_s=-5),
        "forged": openid.token(audience=right, forged=True),
        "tampered": jwt.tampered(openid.token("bob", audience=right), sub="alice"),
        "issuer": openid.token(audience=right, issuer="https://localhost:1"),
        "no token": "no.token.atall",
    }[fault]
    with pytest.raises(ClientError):
        ceph_sts.session(token, 60)


def test_without_the_provider_no_token_can_be_checked(
    ceph_sts: WebIdentity, openid: OpenId
) -> None:
    token = openid.token(audience=ceph_sts.audience)
    openid.stop()
    with pytest.raises(ClientError):
        ceph_sts.session(token, 60)
    openid.start()
    assert ceph_sts.session(token, 60).session_token
