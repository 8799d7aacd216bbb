"""Which objects of many there are: by listings of what they have in common, not one by one."""

from __future__ import annotations

import os.path
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.place import ObjectPlace
from hepsub.storage.s3 import Client, Store

_PAGE = 1000
_PAGES_TO_SPARE = 4
"""A listing that meets so many pages of strangers is given up; the rest is asked for one by one."""
_LONGEST_LISTING = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object that exists: size in bytes, ETag, and when it was written (0: not known)."""

    size: int
    etag: str
    modified: float = 0.0

    @property
    def md5(self) -> str:
        """Its MD5, in hex, where the ETag is one; else empty."""
        return self.etag if is_md5(self.etag) else ""


def is_md5(text: str) -> bool:
    """Whether an ETag has the form of an MD5 (those of multipart uploads end with -N)."""
    return len(text) == 32 and all(character in "0123456789abcdef" for character in text)


def common_prefixes(groups: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The prefixes whose listings hold the keys of all groups.

    A prefix that another one holds is left out, unless that would be the whole bucket.
    """
    found: list[str] = []
    for prefix in sorted({_common(group) for group in groups if group}):
        if not any(each and prefix.startswith(each) for each in found):
            found.append(prefix)
    return tuple(found)


def _common(keys: Sequence[str]) -> str:
    """What all keys begin with; keys are no paths, so that may end within a name."""
    return os.path.commonprefix((min(keys), max(keys)))  # noqa: RUF071


def see_objects(store: Store, bucket: str, groups: Iterable[Sequence[str]]) -> dict[str, Seen]:
    """The objects of a bucket that exist, by their keys.

    Args:
        store: the storage.
        bucket: its bucket.
        groups: keys, those together that were made from one template.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    kept = [tuple(group) for group in groups]
    wanted = {key for group in kept for key in group}
    found: dict[str, Seen] = {}
    unsure: set[str] = set()
    for prefix in common_prefixes(kept):
        below = {key for key in wanted if key.startswith(prefix)}
        seen, ended = _listed(store, bucket, prefix, _pages(below))
        found |= {key: seen[key] for key in below & seen.keys()}
        unsure |= set() if ended else below
    places = [
        ObjectPlace(storage=store.name, bucket=bucket, key=key)
        for key in sorted(unsure - found.keys())
    ]
    for place, fact in store.look_up(places).items() if places else ():
        if fact is not None:
            found[place.key] = Seen(size=fact.size, etag=fact.etag)
    return found


def see_directory(store: Store, bucket: str, prefix: str) -> dict[str, Seen]:
    """All objects directly below a prefix that ends with a slash (or is empty), by their keys.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    seen, _ = _listed(store, bucket, prefix, None)
    return {key: each for key, each in seen.items() if "/" not in key.removeprefix(prefix)}


def _pages(wanted: Collection[str]) -> int:
    return _PAGES_TO_SPARE + 3 * len(wanted) // _PAGE


def _listed(
    store: Store, bucket: str, prefix: str, most: int | None
) -> tuple[dict[str, Seen], bool]:
    """What a listing holds, and whether it came to its end within so many pages."""
    import botocore.exceptions

    found: dict[str, Seen] = {}
    try:
        asked = {"Bucket": bucket, "Prefix": prefix} | ({"Delimiter": "/"} if most is None else {})
        pages = store.client().get_paginator("list_objects_v2").paginate(**asked)
        for number, page in enumerate(pages, 1):
            found |= {entry["Key"]: _seen(entry) for entry in page.get("Contents", ())}
            if number == (most or _LONGEST_LISTING) and page.get("IsTruncated"):
                return found, False
    except botocore.exceptions.ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            return {}, True
        reason = error.response.get("Error", {}).get("Code", "") or "no reason given"
        raise storage_refuses(store.name, f"{bucket}/{prefix}", reason) from error
    except botocore.exceptions.BotoCoreError as error:
        raise storage_away(store, type(error).__name__) from error
    return found, True


def _seen(entry: Client) -> Seen:
    return Seen(
        size=int(entry["Size"]),
        etag=str(entry.get("ETag", "")).strip('"'),
        modified=entry["LastModified"].timestamp() if "LastModified" in entry else 0.0,
    )


def storage_refuses(name: str, what: str, reason: str) -> HepsubError:
    """The error for what a storage does not let us read."""
    return StorageRefused(
        f"the storage {name} refuses {what} ({reason})",
        remedy="check the keys and their rights for this bucket: hep_auth shows them",
    )


def storage_away(store: Store, reason: str) -> HepsubError:
    """The error for a storage that does not answer."""
    return StorageUnreachable(
        f"the storage {store.name} at {store.storage.endpoint} does not answer ({reason})",
        remedy="try again later: the same command goes on where it was",
    )
