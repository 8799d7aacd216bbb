"""Which objects of many there are: by listings of what they have in common, not one by one."""

from __future__ import annotations

import contextlib
import os.path
import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from hepsub.errors import HepsubError, KeysRefused, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.storage.answer import Again
from hepsub.storage.bounds import garbled
from hepsub.storage.lines import BROKEN, Lines
from hepsub.storage.page import (
    LARGEST_PAGE,
    Denied,
    NoListing,
    NotThere,
    Page,
    Seen,
    error_code,
    read_page,
)
from hepsub.storage.s3 import Store
from hepsub.storage.signature import sign_url

_PAGE = 1000
_PAGES_TO_SPARE = 4
"""A listing that meets so many pages of strangers is given up; the rest is asked for one by one."""
_LONGEST_LISTING = 2000
"""So many pages are two million objects, and a gigabyte of memory."""
_PAGES_IN_VAIN = 3
_TRIES = 3
_PAUSE_S = 0.5
_UNTRUSTED = ("SSLCertVerificationError", "SSLError")
_BAD_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch")
"""What stores say of keys that are nobody's, or whose secret is another (Amazon S3 API, "Error responses")."""


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
    try:
        found, unsure = see_listed(store, bucket, groups)
    except NotThere:
        return {}
    places = [ObjectPlace(storage=store.name, bucket=bucket, key=key) for key in sorted(unsure)]
    for place, fact in store.look_up(places).items() if places else ():
        if fact is not None:
            found[place.key] = Seen(size=fact.size, etag=fact.etag, modified=fact.modified)
    return found


def see_listed(
    store: Store, bucket: str, groups: Iterable[Sequence[str]]
) -> tuple[dict[str, Seen], set[str]]:
    """The objects that a few pages of listings show, and the keys of which these do not tell whether they exist.

    Args:
        store: the storage.
        bucket: its bucket.
        groups: keys, those together that were made from one template.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    kept = [tuple(group) for group in groups]
    wanted = {key for group in kept for key in group}
    found: dict[str, Seen] = {}
    unsure: set[str] = set()
    with contextlib.closing(Lines()) as lines:
        for prefix in common_prefixes(kept):
            below = {key for key in wanted if key.startswith(prefix)}
            asked = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
            seen, ended = _collect(lines, store, bucket, asked, _pages(below))
            found |= {key: seen[key] for key in below & seen.keys()}
            unsure |= set() if ended else below
    return found, unsure - found.keys()


def see_some(store: Store, bucket: str, prefix: str, *, pages: int) -> tuple[dict[str, Seen], bool]:
    """The objects directly below a prefix, and whether so many pages of a listing held them all.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    asked = {"list-type": "2", "encoding-type": "url", "prefix": prefix, "delimiter": "/"}
    with contextlib.closing(Lines()) as lines:
        return _collect(lines, store, bucket, asked, pages)


def see_directories(store: Store, bucket: str, prefixes: Collection[str]) -> dict[str, Seen]:
    """All objects directly below prefixes, by their keys.

    Args:
        store: the storage.
        bucket: its bucket.
        prefixes: each ends with a slash, or is empty. There may be one for each job, so a listing of what they
            have in common is tried first: it is given up when it takes half as many pages as there are prefixes.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    found: dict[str, Seen] = {}
    with contextlib.closing(Lines()) as lines:
        if len(prefixes) > 1:
            most = max(1, len(prefixes) // 2)
            found, ended = _listed(lines, store, bucket, _common(tuple(prefixes)), most)
            if ended:
                return {key: each for key, each in found.items() if _directory(key) in prefixes}
        for prefix in prefixes:
            seen, _ = _listed(lines, store, bucket, prefix, None)
            found |= seen
    return {key: each for key, each in found.items() if _directory(key) in prefixes}


def _directory(key: str) -> str:
    """What a key begins with, up to its last slash."""
    return key[: key.rfind("/") + 1]


def _pages(wanted: Collection[str]) -> int:
    return _PAGES_TO_SPARE + 3 * len(wanted) // _PAGE


def list_below(store: Store, bucket: str, prefix: str) -> dict[str, Seen] | None:
    """All objects whose keys begin like this, by key; None without such a bucket.

    Raises:
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    asked = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
    try:
        with contextlib.closing(Lines()) as lines:
            found, ended = _collect(lines, store, bucket, asked, _LONGEST_LISTING)
    except NotThere:
        return None
    if not ended:
        raise _too_long(store, bucket, prefix)
    return found


def _listed(
    lines: Lines, store: Store, bucket: str, prefix: str, most: int | None
) -> tuple[dict[str, Seen], bool]:
    """What a listing holds, and whether it came to its end within so many pages; None: of one directory alone."""
    asked = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
    if most is None:
        asked["delimiter"] = "/"
    try:
        found, ended = _collect(lines, store, bucket, asked, most or _LONGEST_LISTING)
    except NotThere:
        return {}, True
    if most is None and not ended:
        raise _too_long(store, bucket, prefix)
    return found, ended


def _collect(
    lines: Lines, store: Store, bucket: str, asked: dict[str, str], most: int
) -> tuple[dict[str, Seen], bool]:
    """The objects of so many pages, and whether those were all.

    Not every store lists in the order of the keys (rclone's does not), but each page has to bring something.

    Raises:
        NotThere: there is no such bucket.
        StorageRefused, StorageUnreachable: it could not be looked.
    """
    found: dict[str, Seen] = {}
    prefixes: set[str] = set()
    tokens: set[str] = set()
    in_vain = 0
    for _ in range(most):
        try:
            page = ask_page(lines, store, bucket, asked)
        except Denied as error:
            what = f"{bucket}/{asked['prefix']}"
            raise storage_refuses(store.name, what, str(error)) from error
        before = len(found) + len(prefixes)
        found |= page.seen
        prefixes |= page.prefixes
        if not page.following:
            return found, True
        in_vain += len(found) + len(prefixes) == before
        if page.following in tokens or in_vain > _PAGES_IN_VAIN:
            raise garbled(store.name, store.storage, "its listing does not come to an end")
        tokens.add(page.following)
        asked = {**asked, "continuation-token": page.following}
    return found, False


def _too_long(store: Store, bucket: str, prefix: str) -> HepsubError:
    return StorageRefused(
        f"the storage {store.name} lists more than {_LONGEST_LISTING * _PAGE} objects in {bucket}/{prefix}",
        remedy="name a directory with fewer",
    )


def ask_page(lines: Lines, store: Store, bucket: str, asked: Mapping[str, str]) -> Page:
    """One page of a listing; what may pass is tried again.

    Args:
        lines: connections.
        store: the storage.
        bucket: its bucket.
        asked: the query.

    Raises:
        NotThere: there is no such bucket.
        Denied: the store says no.
        StorageUnreachable: it does not answer, or with something else.
    """
    url = store.url(bucket, "")
    for number in range(_TRIES):
        time.sleep(_PAUSE_S * (2**number - 1))
        try:
            with lines.get(store, sign_url(store, url, asked)) as answer:
                body = answer.read_whole(LARGEST_PAGE)
                if answer.status == 200:
                    return read_page(body, asked["prefix"])
                if answer.status == 404:
                    raise NotThere
                why = error_code(body) or str(answer.status)
                if answer.status < 500 and answer.status not in (408, 425, 429):
                    raise Denied(why)
                trouble = storage_away(store, why)
        except NoListing as error:
            trouble = garbled(store.name, store.storage, error)
        except (Again, *BROKEN) as error:
            trouble = storage_away(store, type(error.__cause__ or error).__name__)
    raise trouble


def storage_refuses(name: str, what: str, reason: str) -> HepsubError:
    """The error for what a storage does not let us read."""
    kind = KeysRefused if reason in _BAD_KEYS else StorageRefused
    return kind(
        f"the storage {name} refuses {what} ({reason})",
        remedy="hep_auth shows the keys: check their rights for this bucket, and whether they have expired",
    )


def storage_away(store: Store, reason: str) -> HepsubError:
    """The error for a storage that does not answer; `reason` is the name of what was raised."""
    if reason in _UNTRUSTED:
        return StorageUnreachable(
            f"the certificate of the storage {store.name} at {store.storage.endpoint} is not trusted here ({reason})",
            remedy=f"name its authority: ca_file in [storage.{store.name}] of the policy",
        )
    return StorageUnreachable(
        f"the storage {store.name} at {store.storage.endpoint} does not answer ({reason})",
        remedy="try again later: the same command goes on where it was",
    )
