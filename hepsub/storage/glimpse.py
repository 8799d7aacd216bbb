"""What a storage shows at a glance, for completions: one question, one page, and nothing is asked twice."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from hepsub.documents import Malformed
from hepsub.errors import StorageUnreachable
from hepsub.storage.http import ConnectionPool, TemporaryFailure
from hepsub.storage.page import BUCKET, LARGEST_PAGE, read_buckets, read_page
from hepsub.storage.response import BROKEN
from hepsub.storage.store import Store

_NO_ANSWER = (*BROKEN, Malformed, StorageUnreachable, TemporaryFailure)


def buckets(store: Store) -> tuple[str, ...]:
    """The buckets of whoever has the keys, by name; none where that is not told."""
    body = _ask(store, f"{store.storage.endpoint.rstrip('/')}/", {})
    with contextlib.suppress(Malformed):
        return tuple(sorted(read_buckets(body)))
    return ()


def keys_below(store: Store, bucket: str, prefix: str) -> tuple[str, ...]:
    """How keys go on that begin like this, up to the next slash and in order; none where that is not told."""
    if BUCKET.fullmatch(bucket) is None:
        return ()
    query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, "delimiter": "/"}
    body = _ask(store, store.url(bucket, ""), query)
    with contextlib.suppress(Malformed):
        page = read_page(body, prefix)
        return tuple(sorted({*page.prefixes, *page.objects} - {prefix}))
    return ()


def _ask(store: Store, url: str, query: Mapping[str, str]) -> bytes:
    """The body of an answer; empty for any other than 200."""
    with (
        contextlib.suppress(*_NO_ANSWER),
        contextlib.closing(ConnectionPool()) as pool,
        pool.ask(store, url, query=query) as response,
    ):
        if response.status == 200:
            return response.read_whole(LARGEST_PAGE)
    return b""
