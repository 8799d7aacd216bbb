"""What is known of objects by their names: of many by listings of what these have in common, of few one by one."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.bounds import MOST_ENTRIES, etag_in, header_moment_in, size_in
from hepsub.storage.http import ConnectionPool, check_done, insist
from hepsub.storage.listing import collect, common_start
from hepsub.storage.page import NotThere
from hepsub.storage.response import Response
from hepsub.storage.workers import run_all

if TYPE_CHECKING:
    from hepsub.storage.store import Store

_LIST_ABOVE = 50
"""So many look-ups in one directory are worth a listing."""
_PAGES_TO_SPARE = 4
"""A listing that meets so many pages of strangers is given up; the rest is asked for one by one."""


def common_prefixes(groups: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The prefixes whose listings hold the keys of all groups, none of them below another one."""
    found: list[str] = []
    for prefix in sorted({common_start(group) for group in groups if group}):
        # Keys with nothing in common make the empty prefix: it would be the whole bucket for those that have, too.
        if not any(each and prefix.startswith(each) for each in found):
            found.append(prefix)
    return tuple(found)


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
            keys = [place.key for place in group]
            seen, unsure = see_listed(store, bucket, [keys], delimiter="/")
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
    store: Store, bucket: str, groups: Iterable[Sequence[str]], **more: str
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
            # For each thousand that are wanted, two thousand strangers may be met.
            most = _PAGES_TO_SPARE + 3 * len(below) // MOST_ENTRIES
            seen, ended = collect(pool, store, bucket, prefix, most, **more)
            found |= {key: seen[key] for key in below & seen.keys()}
            unsure |= set() if ended else below
    return found, unsure - found.keys()


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
