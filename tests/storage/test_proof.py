"""Whether a store takes the keys, asked of stores that check them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hepsub.errors import StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.proof import prove_keys, why_not_listed, write_and_remove
from hepsub.storage.store import Store
from tests.testbed import ceph
from tests.testbed.s3 import S3Server

pytestmark = pytest.mark.s3


def store(server: S3Server, *buckets: str) -> Store:
    keys = S3Credentials(
        access=server.access_key,
        secret=server.secret_key,
        token=server.session_token or "",
        expires=None,
    )
    rules = Storage(
        endpoint=server.endpoint, region=server.region, buckets=buckets, allow_http=True
    )
    return Store(name="herd", storage=rules, keys=keys)


def test_keys_that_a_store_takes(s3_server: S3Server) -> None:
    """With a bucket, with none, and with one that does not exist."""
    bucket = s3_server.make_bucket("proof-taken")
    assert prove_keys(store(s3_server, bucket)) == ""
    assert prove_keys(store(s3_server)) == ""
    assert "no bucket 'proof-never'" in prove_keys(store(s3_server, "proof-never"))


@pytest.mark.parametrize("wrong", ["secret", "name"])
def test_keys_that_a_store_refuses(s3_server: S3Server, wrong: str) -> None:
    """A wrong secret and an unknown name of a key, whatever is asked for."""
    bucket = s3_server.make_bucket(f"proof-refused-{wrong}")
    if wrong == "secret":
        server = replace(s3_server, secret_key="wrong")
    else:
        server = replace(s3_server, access_key="AKIAWRONGWRONGWRONG0")
    for buckets in ((bucket,), (), ("proof-never",)):
        with pytest.raises(StorageRefused, match=r"not accept the key .{4}… \(\w+\)") as caught:
            prove_keys(store(server, *buckets))
        assert "~/.aws/credentials" in caught.value.remedy


@pytest.mark.ceph
def test_keys_without_a_right_to_list_are_good(ceph_rgw: S3Server) -> None:
    """Their signature was checked; what they may do is another question."""
    ceph_rgw.start()
    bucket = ceph_rgw.make_bucket("proof-of-others")
    service = ceph_rgw.service
    assert isinstance(service, ceph.Cluster)
    other = service.make_user("prooflimited")
    assert "may not list s3://proof-of-others (AccessDenied)" in prove_keys(store(other, bucket))
    with pytest.raises(StorageRefused):
        prove_keys(store(replace(other, secret_key="wrong"), bucket))


def test_a_store_that_is_away(s3_server: S3Server) -> None:
    """Refused, or answered by something that hangs up."""
    s3_server.service.stop()
    try:
        with pytest.raises(StorageUnreachable, match="whether it accepts the keys is not known"):
            prove_keys(store(s3_server))
    finally:
        s3_server.start()


def test_a_bucket_is_listed_and_written(s3_server: S3Server) -> None:
    """What was written is gone afterwards; what is not there is told in the store's word."""
    bucket = s3_server.make_bucket("proof-written")
    made = store(s3_server, bucket)
    assert why_not_listed(made, bucket) == ""
    assert why_not_listed(made, "proof-never") == "NoSuchBucket"
    write_and_remove(made, ObjectPlace(storage="herd", bucket=bucket, key=".check"))
    assert not s3_server.objects(bucket)
    with pytest.raises(StorageRefused):
        write_and_remove(
            store(replace(s3_server, secret_key="wrong")),
            ObjectPlace(storage="herd", bucket=bucket, key=".check"),
        )
