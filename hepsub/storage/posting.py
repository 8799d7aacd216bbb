"""Small objects written and removed by the thousand, over connections that are kept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from hepsub.storage.http import ConnectionPool, check_done, insist
from hepsub.storage.page import error_code, kept_key
from hepsub.storage.response import Response
from hepsub.storage.trouble import refused

if TYPE_CHECKING:
    from hepsub.plan.location import ObjectPlace
    from hepsub.storage.store import Store

_LARGEST_ANSWER = 2**21
_AT_ONCE = 1000
"""S3 removes no more objects by one request (Amazon S3 API, "DeleteObjects")."""


def post(pool: ConnectionPool, store: Store, place: ObjectPlace, body: bytes) -> None:
    """Write a small object; what may pass is tried again.

    Raises:
        StorageRefused: the keys are not accepted, or do not allow to write.
        StorageUnreachable: the storage does not answer.
    """
    url = store.url(place.bucket, place.key)

    def put() -> None:
        with pool.ask(store, url, method="PUT", body=body) as response:
            _check(response, response.read_whole(_LARGEST_ANSWER))

    insist(store, place, put)


def remove(pool: ConnectionPool, store: Store, places: Sequence[ObjectPlace]) -> None:
    """Remove objects of one bucket; one that is not there is removed already.

    Raises:
        StorageRefused: the keys are not accepted, or do not allow to remove one.
        StorageUnreachable: the storage does not answer.
    """
    for start in range(0, len(places), _AT_ONCE):
        _remove(pool, store, places[start : start + _AT_ONCE])


def _remove(pool: ConnectionPool, store: Store, places: Sequence[ObjectPlace]) -> None:
    keys = "".join(f"<Object><Key>{escape(each.key)}</Key></Object>" for each in places)
    body = f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    headers = {"content-md5": base64.b64encode(digest).decode(), "content-type": "application/xml"}
    url = store.url(places[0].bucket, "")

    def ask() -> None:
        with pool.ask(
            store, url, method="POST", query={"delete": ""}, headers=headers, body=body
        ) as response:
            answer = response.read_whole(_LARGEST_ANSWER)
            # S3 says 200 of objects that it keeps, too; quiet, it names no others.
            if code := _check(response, answer):
                key = kept_key(answer)
                kept = next((each for each in places if each.key == key), places[0])
                raise refused(store.name, kept, code)

    insist(store, places[0], ask)


def _check(response: Response, answer: bytes) -> str:
    """The code of an error in a success, or nothing."""
    code = error_code(answer)
    check_done(response, code)
    return code
