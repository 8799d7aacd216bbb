"""Small objects written and removed by the thousand, over connections that are kept."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from hepsub.errors import HepsubError
from hepsub.storage.bounds import code_in
from hepsub.storage.http import ConnectionPool, TemporaryFailure, may_pass
from hepsub.storage.page import error_code
from hepsub.storage.response import BROKEN, Response
from hepsub.storage.trouble import refused, unreachable

if TYPE_CHECKING:
    from hepsub.plan.location import ObjectPlace
    from hepsub.storage.store import Store

_TRIES = 3
_PAUSE_S = 0.5
_LARGEST_ANSWER = 2**21
_KEPT = re.compile(rb"<Error>.{0,4000}?<Code>([A-Za-z]{1,100})</Code>", re.DOTALL)
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
            _check(store, place, response)

    _persist(store, put)


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
    url, place = store.url(places[0].bucket, ""), places[0]

    def ask() -> None:
        with pool.ask(
            store, url, method="POST", query={"delete": ""}, headers=headers, body=body
        ) as response:
            answer = _check(store, place, response)
        if (kept := _KEPT.search(answer)) is not None:
            raise refused(store.name, place, code_in(kept[1].decode("ascii")))

    _persist(store, ask)


def _check(store: Store, place: ObjectPlace, response: Response) -> bytes:
    """The body of a success.

    Raises:
        TemporaryFailure, HepsubError: it is none.
    """
    body = response.read_whole(_LARGEST_ANSWER)
    if may_pass(response.status):
        raise TemporaryFailure(f"status {response.status}")
    if response.status >= 300:
        raise refused(store.name, place, error_code(body) or str(response.status))
    return body


def _persist(store: Store, one: Callable[[], None]) -> None:
    """Do it, and again where that may help.

    Raises:
        StorageUnreachable: it does not answer.
    """
    trouble: HepsubError | None = None
    for number in range(_TRIES):
        time.sleep(_PAUSE_S * (2**number - 1))
        try:
            one()
        except TemporaryFailure as error:
            trouble = unreachable(store.name, store.storage, error.why)
        except BROKEN as error:
            trouble = unreachable(store.name, store.storage, type(error).__name__)
        else:
            return
    assert trouble is not None  # noqa: S101 (there was a last one)
    raise trouble
