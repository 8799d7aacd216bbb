"""Which objects there are: many by listings of what they have in common, few one by one."""

from __future__ import annotations

import contextlib
import os.path
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.documents import Malformed
from hepsub.errors import StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.bounds import etag_in, header_moment_in, size_in
from hepsub.storage.http import (
    ConnectionPool,
    Denied,
    TemporaryFailure,
    check_done,
    insist,
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
from hepsub.storage.response import BROKEN, Response
from hepsub.storage.trouble import garbled, refused
from hepsub.storage.workers import run_all

if TYPE_CHECKING:
    from hepsub.storage.store import Store

_LIST_ABOVE = 50
"""So many look-ups in one directory are worth a listing."""
_PAGE = 1000
_PAGES_TO_SPARE = 4
"""A listing that meets so many pages of strangers is given up; the rest is asked for one by one."""
_LONGEST_LISTING = 2000
"""So many pages are two million objects, and a gigabyte of memory."""
_NO_ANSWER = (*BROKEN, Malformed, StorageUnreachable, TemporaryFailure)
_PAGES_IN_VAIN = 3
"""S3 may put less on a page than there is room for (ListObjectsV2); four with nothing new have no end."""


def common_prefixes(groups: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The prefixes whose listings hold the keys of all groups, none of them below another one."""
    found: list[str] = []
    for prefix in sorted({_common(group) for group in groups if group}):
        # Keys with nothing in common make the empty prefix: it would be the whole bucket for those that have, too.
        if not any(each and prefix.startswith(each) for each in found):
            found.append(prefix)
    return tuple(found)


def _common(keys: Sequence[str]) -> str:
    """What all keys begin with; keys are no paths, so that may end within a name."""
    return os.path.commonprefix((min(keys), max(keys)))  # noqa: RUF071


def see_objects(
    store: Store, bucket: str, groups: Iterable[Sequence[str]]
) -> dict[str, ObjectInfo]:
    """The objects of a bucket that exist, by their keys; a group of keys was made from one template.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    try:
        found, unsure = see_listed(store, bucket, groups)
    except NotThere:
        return {}
    places = [ObjectPlace(storage=store.name, bucket=bucket, key=key) for key in sorted(unsure)]
    singly = _see_singly(store, places)
    return found | {place.key: info for place, info in singly.items() if info is not None}


def look_up(store: Store, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
    """What is known of objects; None for those that do not exist.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    found: dict[ObjectPlace, ObjectInfo | None] = dict.fromkeys(places)
    directories: defaultdict[tuple[str, str], list[ObjectPlace]] = defaultdict(list)
    for place in found:
        directories[place.bucket, place.key.rpartition("/")[0]].append(place)
    singles: list[ObjectPlace] = []
    for (bucket, _), group in directories.items():
        if len(group) <= _LIST_ABOVE:
            singles += group
            continue
        try:
            seen, unsure = see_listed(store, bucket, [[place.key for place in group]])
        except NotThere:
            continue
        found |= {place: seen.get(place.key) for place in group}
        singles += [place for place in group if place.key in unsure]
    return found | _see_singly(store, singles)


def _see_singly(
    store: Store, places: Sequence[ObjectPlace]
) -> dict[ObjectPlace, ObjectInfo | None]:
    found: dict[ObjectPlace, ObjectInfo | None] = {}
    looking = store.progress.step(f"looking at objects of {store.name}", len(places))
    with contextlib.closing(ConnectionPool()) as pool, looking as step:

        def one(number: int, _: threading.Event) -> None:
            found[places[number]] = see_object(pool, store, places[number])
            step.advance()

        run_all(len(places), one, lambda: None)
    return found


def see_listed(
    store: Store, bucket: str, groups: Iterable[Sequence[str]]
) -> tuple[dict[str, ObjectInfo], set[str]]:
    """The objects that a few pages of listings show, and the keys of which these do not tell whether they exist.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    kept = [tuple(group) for group in groups]
    wanted = {key for group in kept for key in group}
    found: dict[str, ObjectInfo] = {}
    unsure: set[str] = set()
    with contextlib.closing(ConnectionPool()) as pool:
        for prefix in common_prefixes(kept):
            below = {key for key in wanted if key.startswith(prefix)}
            seen, ended = _collect(pool, store, bucket, prefix, _pages(below))
            found |= {key: seen[key] for key in below & seen.keys()}
            unsure |= set() if ended else below
    return found, unsure - found.keys()


def _pages(wanted: Collection[str]) -> int:
    """How many pages are worth it: for each thousand that are wanted, two thousand strangers may be met."""
    return _PAGES_TO_SPARE + 3 * len(wanted) // _PAGE


def see_some(
    store: Store, bucket: str, prefix: str, *, pages: int
) -> tuple[dict[str, ObjectInfo], bool]:
    """The objects directly below a prefix, and whether so many pages of a listing held them all.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    with contextlib.closing(ConnectionPool()) as pool:
        return _collect(pool, store, bucket, prefix, pages, delimiter="/")


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
            common, most = _common(tuple(prefixes)), max(1, len(prefixes) // 2)
            found, ended = _collect(pool, store, bucket, common, most)
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


def see_object(pool: ConnectionPool, store: Store, place: ObjectPlace) -> ObjectInfo | None:
    """What HEAD tells of an object; None where there is none.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """

    def head() -> ObjectInfo | None:
        with pool.ask(store, store.url(place.bucket, place.key), method="HEAD") as response:
            if response.status == 404:
                return None
            check_done(response)  # an answer to HEAD has no body, and so no code
            return _info(response)

    return insist(store, place, head)


def _info(response: Response) -> ObjectInfo:
    return ObjectInfo(
        size=size_in(response.header("content-length")),
        etag=etag_in(response.header("etag")),
        modified=header_moment_in(response.header("last-modified")),
        encrypted=response.is_encrypted,
    )


def _list(
    pool: ConnectionPool, store: Store, bucket: str, prefix: str, **more: str
) -> dict[str, ObjectInfo]:
    """The objects of a whole listing."""
    found, ended = _collect(pool, store, bucket, prefix, _LONGEST_LISTING, **more)
    if not ended:
        raise StorageRefused(
            f"the storage {store.name} lists more than {_LONGEST_LISTING * _PAGE} objects in {bucket}/{prefix}",
            remedy="name a directory with fewer",
        )
    return found


def _collect(
    pool: ConnectionPool, store: Store, bucket: str, prefix: str, most: int, **more: str
) -> tuple[dict[str, ObjectInfo], bool]:
    """The objects of so many pages, and whether those were all."""
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


# ---- one place, before something relies on it -------------------------------------------------


class PrefixInfo(Struct, frozen=True, kw_only=True):
    """What is at a place: whether anything is below it, and whether an object has exactly this name."""

    below: bool
    is_object: bool


def check_prefix(store: Store, bucket: str, prefix: str) -> PrefixInfo:
    """Whether a bucket and a place in it can be listed, asked by two small questions.

    Args:
        store: the storage.
        bucket: any text.
        prefix: the place, without a slash at its end; empty for the whole bucket.

    Raises:
        StorageRefused: there is no such bucket, or the keys do not allow to list it.
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
    return PrefixInfo(below=bool(below), is_object=same == prefix and bool(prefix))


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
