"""Whether a bucket and a place in it can be listed: one small question, before something relies on it."""

from __future__ import annotations

from dataclasses import dataclass

from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.storage.listing import storage_away
from hepsub.storage.s3 import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeked:
    """What is at a place: whether anything is below it, and whether an object has exactly this name."""

    below: bool
    is_object: bool


def peek(store: Store, bucket: str, prefix: str) -> Peeked:
    """Look at a place in a bucket.

    Args:
        store: the storage.
        bucket: its bucket.
        prefix: the place, without a slash at its end; empty for the whole bucket.

    Raises:
        StorageRefused: there is no such bucket, or the keys do not allow to list it.
        StorageUnreachable: the storage does not answer.
    """
    import botocore.exceptions

    try:
        answer = store.client().list_objects_v2(
            Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", MaxKeys=1
        )
        # An object of this name would come first of all that begin like it.
        same = (
            store.client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
            if prefix
            else {}
        )
    except botocore.exceptions.ClientError as error:
        raise _refused(store, bucket, prefix, error) from error
    except botocore.exceptions.ParamValidationError as error:
        raise StorageRefused(
            f"'{bucket}' is no name that a bucket can have", remedy="STORAGE:BUCKET/PREFIX"
        ) from error
    except botocore.exceptions.BotoCoreError as error:
        raise _away(store, error) from error
    keys = [entry["Key"] for entry in same.get("Contents", ())]
    return Peeked(below=bool(answer.get("Contents")), is_object=keys == [prefix] and bool(prefix))


def _refused(store: Store, bucket: str, prefix: str, error: Exception) -> HepsubError:
    response = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", "")) or "no reason given"
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status == 404:
        return StorageRefused(
            f"the storage {store.name} has no bucket '{bucket}'",
            remedy="check the bucket's name: STORAGE:BUCKET/PREFIX",
        )
    if status is not None and status >= 500:
        return StorageUnreachable(
            f"the storage {store.name} at {store.storage.endpoint} has trouble of its own ({code})",
            remedy="try again later",
        )
    return StorageRefused(
        f"the storage {store.name} does not let you list {bucket}/{prefix} ({code})",
        remedy=f"hep_auth s3 {store.name} shows whose keys you have (expired ones are refused, too); ask the"
        " bucket's owner for the right to list and read it",
    )


def _away(store: Store, error: Exception) -> HepsubError:
    away = storage_away(store, type(error).__name__)
    return type(away)(away.message, remedy="try again later, or check endpoint in the policy")
