"""Whether a bucket and a place in it can be listed: one small question, before something relies on it."""

from __future__ import annotations

import contextlib
import re

from msgspec import Struct

from hepsub.errors import StorageRefused, StorageUnreachable
from hepsub.storage.http import Lines
from hepsub.storage.listing import ask_page
from hepsub.storage.page import Denied, NotThere
from hepsub.storage.store import Store

_BUCKET = re.compile(r"[a-zA-Z0-9._-]{1,255}")


class Peeked(Struct, frozen=True, kw_only=True):
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
    if _BUCKET.fullmatch(bucket) is None:
        raise StorageRefused(
            f"'{bucket}' is no name that a bucket can have", remedy="STORAGE:BUCKET/PREFIX"
        )
    try:
        with contextlib.closing(Lines()) as lines:
            below = _first(lines, store, bucket, f"{prefix}/" if prefix else "")
            # An object of this name would come first of all that begin like it.
            same = _first(lines, store, bucket, prefix) if prefix else ""
    except NotThere as error:
        raise StorageRefused(
            f"the storage {store.name} has no bucket '{bucket}'",
            remedy="check the bucket's name: STORAGE:BUCKET/PREFIX",
        ) from error
    except Denied as error:
        raise StorageRefused(
            f"the storage {store.name} does not let you list {bucket}/{prefix} ({error})",
            remedy=f"hep_auth s3 {store.name} shows whose keys you have (expired ones are refused, too); ask the"
            " bucket's owner for the right to list and read it",
        ) from error
    except StorageUnreachable as error:
        raise StorageUnreachable(
            error.message, remedy="try again later, or check endpoint in the policy"
        ) from error
    return Peeked(below=bool(below), is_object=same == prefix and bool(prefix))


def _first(lines: Lines, store: Store, bucket: str, prefix: str) -> str:
    """The first key that begins like this; empty for none."""
    asked = {"list-type": "2", "encoding-type": "url", "max-keys": "1", "prefix": prefix}
    return next(iter(ask_page(lines, store, bucket, asked).seen), "")
