"""Whether a store takes the keys: one small signed question, which it may also refuse to answer to good keys."""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from hepsub.errors import StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.storage.http import ConnectionPool, TemporaryFailure
from hepsub.storage.page import LARGEST_PAGE, error_code
from hepsub.storage.posting import post, remove
from hepsub.storage.response import BROKEN
from hepsub.storage.store import Store
from hepsub.storage.trouble import unreachable

_FORBIDDEN = "AccessDenied"
"""What AWS says to good keys without a right only (Amazon S3 API Reference, "Error responses": unknown keys are
InvalidAccessKeyId, a wrong secret SignatureDoesNotMatch), and Ceph with STS says to wrong keys as well (tried)."""
_NOT_KNOWN = "whether it accepts the keys is not known"
_WRONG = "no-secret-of-anybody"


def prove_keys(store: Store) -> str:
    """Ask a store something that it answers only to good keys, and give what else its answer says, for people.

    Raises:
        StorageRefused: it does not accept the keys.
        StorageUnreachable: it does not answer, so nobody knows.
    """
    # A bucket of the policy first: who may use one of them may often not ask which there are.
    bucket = next(iter(store.storage.buckets), "")
    status, code = _answer(store, bucket)
    if status == 200:
        return ""
    if code == "NoSuchBucket":
        return f"it has no bucket '{bucket}', which the policy names"
    if code == _FORBIDDEN and _is_known(store, bucket):
        return f"the keys may not list s3://{bucket} ({code})" if bucket else ""
    what = f"key {store.keys.shown}… ({code or status})"
    raise StorageRefused(
        f"the storage {store.name} does not accept the {what}", remedy=_remedy(store)
    )


def why_not_listed(store: Store, bucket: str) -> str:
    """Why a bucket cannot be listed, in the store's own word; empty where it can.

    Raises:
        StorageUnreachable: it does not answer.
    """
    status, code = _answer(store, bucket)
    return "" if status == 200 else code or f"HTTP {status}"


def write_and_remove(store: Store, place: ObjectPlace) -> None:
    """Write an empty object, and remove it.

    Raises:
        StorageRefused: the keys do not allow one of these.
        StorageUnreachable: it does not answer.
    """
    with contextlib.closing(ConnectionPool()) as pool:
        post(pool, store, place, b"")
        remove(pool, store, [place])


def _is_known(store: Store, bucket: str) -> bool:
    """Whether forbidden keys are good: they may ask which buckets there are, or wrong ones hear another word."""
    if bucket and _answer(store, "")[0] == 200:
        return True
    stranger = replace(store, keys=replace(store.keys, secret=_WRONG))
    return _answer(stranger, bucket)[1] != _FORBIDDEN


def _answer(store: Store, bucket: str) -> tuple[int, str]:
    """The status and the error's code that a store answers with, which is in no trouble of its own."""
    url, query = store.service, {}
    if bucket:
        url, query = store.url(bucket, ""), {"list-type": "2", "max-keys": "1"}
    try:
        with (
            contextlib.closing(ConnectionPool()) as pool,
            pool.ask(store, url, query=query) as response,
        ):
            code = error_code(response.read_whole(LARGEST_PAGE))
            if response.status < 500:
                return response.status, code
            why = code or str(response.status)
    except TemporaryFailure as error:
        why = error.why
    except BROKEN as error:
        why = type(error).__name__
    trouble = unreachable(store.name, store.storage, why)
    raise StorageUnreachable(f"{trouble.message}: {_NOT_KNOWN}", remedy=trouble.remedy)


def no_answer(name: str, limit: float) -> StorageUnreachable:
    """The error for keys of a storage that has not answered after so many seconds."""
    return StorageUnreachable(
        f"no answer from the storage {name} within {limit:.0f} s: {_NOT_KNOWN}",
        remedy="try again later",
    )


def _remedy(store: Store) -> str:
    rules = f"[storage.{store.name}] of the policy"
    if store.storage.token_name:
        return f"hep_auth login {store.storage.token_name}; or check endpoint, region and role_arn in {rules}"
    place = f"the profile '{store.storage.profile}' of " if store.storage.profile else ""
    return (
        f"correct aws_access_key_id and aws_secret_access_key in {place}~/.aws/credentials"
        f" (or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or endpoint and region in {rules}"
    )
