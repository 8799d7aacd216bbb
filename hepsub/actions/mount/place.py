"""What is to be mounted: a bucket, or a prefix in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from hepsub.errors import StorageRefused, UsageError
from hepsub.plan.location import FilePlace, ObjectPlace, find_place
from hepsub.policy.model import Storage

_BARE = re.compile(r"(?:s3://|[A-Za-z][\w.-]*:)[^/:]+", re.IGNORECASE)
_HOW = "hep_mount STORAGE:BUCKET[/PREFIX] DIRECTORY"


class Remote(Struct, frozen=True, kw_only=True):
    """A bucket of a storage, or what begins with a prefix in it.

    Attributes:
        storage: the storage's name in the policy.
        bucket: the bucket.
        prefix: without slashes at its ends; empty for the whole bucket.
    """

    storage: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.storage}:{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def find_remote(text: str, storages: Mapping[str, Storage], cwd: Path) -> Remote:
    """What the words of a user mean.

    Args:
        text: `storage:bucket`, `storage:bucket/prefix` or `s3://bucket/prefix`.
        storages: those of the policy.
        cwd: the working directory, for what turns out to be a path.

    Raises:
        UsageError: it names no bucket, or its prefix cannot be a directory.
        UnknownStorage: no storage has this name or bucket.
        StorageRefused: the storage's data would travel in the clear, and the policy does not allow that.
    """
    word, colon, rest = text.partition(":")
    if text in storages or (colon and word in storages and not rest.strip("/")):
        raise UsageError(
            f"'{text}' names no bucket", remedy=f"{word}:BUCKET, or {word}:BUCKET/PREFIX"
        )
    place = find_place(f"{text}/" if _BARE.fullmatch(text) else text, storages, cwd)
    if isinstance(place, FilePlace):
        raise UsageError(f"'{text}' is no bucket", remedy=f"first what, then where: {_HOW}")
    _refuse_clear(place, storages[place.storage])
    prefix = place.key.strip("/")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise UsageError(
            f"the prefix '{prefix}' cannot be a directory",
            remedy="give it without '//', '.' and '..'",
        )
    return Remote(storage=place.storage, bucket=place.bucket, prefix=prefix)


def _refuse_clear(place: ObjectPlace, storage: Storage) -> None:
    if storage.endpoint.casefold().startswith("http://") and not storage.allow_http:
        raise StorageRefused(
            f"the storage {place.storage} is {storage.endpoint}, and data would travel in the clear",
            remedy=f"use https, or set allow_http = true in [storage.{place.storage}]",
        )
