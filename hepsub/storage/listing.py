"""Which objects there are: the pages of listings, a few of them or all."""

from __future__ import annotations

import contextlib
import os.path
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from hepsub.documents import Malformed
from hepsub.errors import StorageRefused, StorageUnreachable
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.bounds import MOST_ENTRIES
from hepsub.storage.http import (
    ConnectionPool,
    Denied,
    TemporaryFailure,
    check_done,
    persist,
)
from hepsub.storage.page import (
    BUCKET,
    LARGEST_PAGE,
    NotThere,
    Page,
    error_code,
    read_buckets,
    read_page,
)
from hepsub.storage.response import BROKEN
from hepsub.storage.trouble import garbled, refused

if TYPE_CHECKING:
    from hepsub.storage.store import Store

_LONGEST_LISTING = 2000
"""So many pages are two million objects, and a gigabyte of memory."""
_NO_ANSWER = (*BROKEN, Malformed, StorageUnreachable, TemporaryFailure)
_PAGES_IN_VAIN = 3
"""S3 may put less on a page than there is room for (ListObjectsV2); four with nothing new have no end."""


def common_start(keys: Sequence[str]) -> str:
    """What all keys begin with; keys are no paths, so that may end within a name."""
    return os.path.commonprefix((min(keys), max(keys)))  # noqa: RUF071


def see_some(
    store: Store, bucket: str, prefix: str, *, pages: int
) -> tuple[dict[str, ObjectInfo], bool]:
    """The objects directly below a prefix, and whether so many pages of a listing held them all.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    with contextlib.closing(ConnectionPool()) as pool:
        return collect(pool, store, bucket, prefix, pages, delimiter="/")


def see_directories(store: Store, bucket: str, prefixes: Collection[str]) -> dict[str, ObjectInfo]:
    """All objects directly below prefixes, each of which ends with a slash or is empty, by their keys.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    found: dict[str, ObjectInfo] = {}
    ended = False
    with contextlib.suppress(NotThere), contextlib.closing(ConnectionPool()) as pool:
        # There may be one for each job: a listing of what they have in common is tried first, and given up when it
        # takes half as many pages as there are prefixes.
        if len(prefixes) > 1:
            common, most = common_start(tuple(prefixes)), max(1, len(prefixes) // 2)
            found, ended = collect(pool, store, bucket, common, most)
        for prefix in () if ended else prefixes:
            found |= _list(pool, store, bucket, prefix, delimiter="/")
    return {key: each for key, each in found.items() if key[: key.rfind("/") + 1] in prefixes}


def list_below(store: Store, bucket: str, prefix: str) -> dict[str, ObjectInfo] | None:
    """All objects whose keys begin like this, by key; None without such a bucket.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    try:
        with contextlib.closing(ConnectionPool()) as pool:
            return _list(pool, store, bucket, prefix)
    except NotThere:
        return None


def _list(
    pool: ConnectionPool, store: Store, bucket: str, prefix: str, **more: str
) -> dict[str, ObjectInfo]:
    """The objects of a whole listing."""
    found, ended = collect(pool, store, bucket, prefix, _LONGEST_LISTING, **more)
    if not ended:
        raise StorageRefused(
            f"the storage {store.name} lists more than {_LONGEST_LISTING * MOST_ENTRIES} objects in {bucket}/{prefix}",
            remedy="name a directory with fewer",
        )
    return found


def collect(
    pool: ConnectionPool, store: Store, bucket: str, prefix: str, most: int, **more: str
) -> tuple[dict[str, ObjectInfo], bool]:
    """The objects of so many pages, and whether those were all.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    found: dict[str, ObjectInfo] = {}
    prefixes: set[str] = set()
    tokens: set[str] = set()
    in_vain = 0
    with store.progress.step(f"listing {store.name}:{bucket}/{prefix}") as step:
        for _ in range(most):
            try:
                page = ask_page(pool, store, bucket, prefix, **more)
            except Denied as error:
                raise refused(store.name, f"{bucket}/{prefix}", str(error)) from error
            before = len(found) + len(prefixes)
            found |= page.objects
            prefixes |= page.prefixes
            step.advance(len(found) + len(prefixes) - before)
            if not page.following:
                return found, True
            # Not every store lists in the order of the keys (rclone's does not), but each page has to bring something.
            in_vain += len(found) + len(prefixes) == before
            if page.following in tokens or in_vain > _PAGES_IN_VAIN:
                raise garbled(store.name, store.storage, "its listing does not come to an end")
            tokens.add(page.following)
            more["continuation-token"] = page.following
    return found, False


def ask_page(pool: ConnectionPool, store: Store, bucket: str, prefix: str, **more: str) -> Page:
    """One page of a listing (ListObjectsV2, with further parameters); what may pass is tried again.

    Raises:
        NotThere: there is no such bucket.
        Denied: the store says no.
        StorageUnreachable: it does not answer, or with something else.
    """
    query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, **more}

    def get() -> Page:
        with pool.ask(store, store.url(bucket, ""), query=query) as response:
            body = response.read_whole(LARGEST_PAGE)
            if response.status == 200:
                return read_page(body, prefix)
            if response.status == 404:
                raise NotThere
            check_done(response, error_code(body))
        raise Malformed(f"status {response.status}")

    return persist(store, get)


def check_prefix(store: Store, bucket: str, prefix: str) -> bool:
    """Whether anything is below a place that can be a directory (without a slash at its end, or empty).

    Raises:
        StorageRefused: there is no such bucket, it may not be listed, or the place is an object and no directory.
        StorageUnreachable: the storage does not answer.
    """
    if BUCKET.fullmatch(bucket) is None:
        raise StorageRefused(
            f"'{bucket}' is no name that a bucket can have", remedy="STORAGE:BUCKET/PREFIX"
        )
    try:
        with contextlib.closing(ConnectionPool()) as pool:
            below = _first(pool, store, bucket, f"{prefix}/" if prefix else "")
            # An object of this name would come first of all that begin like it.
            same = _first(pool, store, bucket, prefix) if prefix else ""
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
    if prefix and same == prefix and not below:
        raise StorageRefused(
            f"{store.name}:{bucket}/{prefix} is an object, and no directory",
            remedy="mount what it lies in",
        )
    return bool(below)


def _first(pool: ConnectionPool, store: Store, bucket: str, prefix: str) -> str:
    """The first key that begins like this; empty for none."""
    page = ask_page(pool, store, bucket, prefix, **{"max-keys": "1"})
    return next(iter(page.objects), "")


# ---- at a glance, for completions: one question, one page, and nothing is asked twice ---------


def buckets(store: Store) -> tuple[str, ...]:
    """The buckets of whoever has the keys, by name; none where that is not told."""
    body = _glance(store, store.service, {})
    with contextlib.suppress(Malformed):
        return tuple(sorted(read_buckets(body)))
    return ()


def keys_below(store: Store, bucket: str, prefix: str) -> tuple[str, ...]:
    """How keys go on that begin like this, up to the next slash and in order; none where that is not told."""
    if BUCKET.fullmatch(bucket) is None:
        return ()
    query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, "delimiter": "/"}
    body = _glance(store, store.url(bucket, ""), query)
    with contextlib.suppress(Malformed):
        page = read_page(body, prefix)
        return tuple(sorted({*page.prefixes, *page.objects} - {prefix}))
    return ()


def _glance(store: Store, url: str, query: Mapping[str, str]) -> bytes:
    """The body of an answer; empty for any other than 200."""
    with (
        contextlib.suppress(*_NO_ANSWER),
        contextlib.closing(ConnectionPool()) as pool,
        pool.ask(store, url, query=query) as response,
    ):
        if response.status == 200:
            return response.read_whole(LARGEST_PAGE)
    return b""
