"""Small objects that are written and removed: what is asked for, and what the answers mean."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Iterator

import pytest

from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.storage.http import ConnectionPool
from hepsub.storage.posting import post, remove
from tests.fakes.hostile import Hostile, http

DENIED = b"<Error><Code>AccessDenied</Code></Error>"
DONE = b"<DeleteResult></DeleteResult>"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait before a store is asked again."""
    monkeypatch.setattr("hepsub.storage.http._PAUSE_S", 0.0)


@pytest.fixture
def pool() -> Iterator[ConnectionPool]:
    """Give connections that are closed at the end."""
    with contextlib.closing(ConnectionPool()) as made:
        yield made


def places(*keys: str) -> list[ObjectPlace]:
    """Objects of one bucket."""
    return [ObjectPlace(storage="herd", bucket="b", key=key) for key in keys]


@pytest.mark.parametrize(
    ("number", "parts"), [(0, []), (1, [1]), (1000, [1000]), (1001, [1000, 1]), (2000, [1000] * 2)]
)
def test_no_more_are_removed_by_one_request_than_s3_takes(
    number: int, parts: list[int], hostile: Hostile, pool: ConnectionPool
) -> None:
    hostile.says(DONE)
    remove(pool, hostile.store(), places(*map(str, range(number))))
    assert [body.count(b"<Object>") for body in hostile.bodies] == parts
    assert set(hostile.asked) <= {"POST /b/?delete= HTTP/1.1"}


def test_keys_stand_in_xml_and_the_store_compares_what_arrives(
    hostile: Hostile, pool: ConnectionPool
) -> None:
    hostile.says(DONE)
    remove(pool, hostile.store(), places("a&b<c", "é"))
    keys = "<Object><Key>a&amp;b&lt;c</Key></Object><Object><Key>é</Key></Object>"
    assert hostile.bodies == [f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()]
    digest = base64.b64encode(hashlib.md5(hostile.bodies[0]).digest()).decode()
    assert hostile.heads[0]["content-md5"] == digest


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([http(b"")], None, ""),
        ([http(b"", status="503 No"), http(b"")], None, ""),
        ([http(b"", status="503 No")] * 3, StorageUnreachable, "503"),
        ([b"nonsense"] * 3, StorageUnreachable, "BadStatusLine|IncompleteRead"),
        ([http(DENIED, status="403 No")], StorageRefused, "AccessDenied"),
        ([http(b"", status="301 No")], StorageRefused, "301"),
    ],
)
def test_what_an_answer_means(
    answers: list[bytes],
    error: type[HepsubError] | None,
    words: str,
    hostile: Hostile,
    pool: ConnectionPool,
) -> None:
    """The same for both: what may pass is tried three times, and a refusal is told with the store's code."""
    for one in (post, remove):
        left = list(answers)
        hostile.answer = lambda _, left=left: (left.pop(0),)  # type: ignore[misc]
        what = places("k")
        with pytest.raises(error, match=words) if error else contextlib.nullcontext():
            if one is post:
                post(pool, hostile.store(), what[0], b"text")
            else:
                remove(pool, hostile.store(), what)
        assert not left
    assert hostile.bodies[0] == b"text"
    assert hostile.asked[0] == "PUT /b/k HTTP/1.1"


def test_one_that_is_kept_is_told(hostile: Hostile, pool: ConnectionPool) -> None:
    """S3 says 200 all the same."""
    hostile.says(
        b"<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    )
    with pytest.raises(StorageRefused, match="AccessDenied"):
        remove(pool, hostile.store(), places("k"))


@pytest.mark.parametrize(
    ("key", "named"),
    [("<Key>a&amp;b</Key>", "a&b"), ("<Key>another's</Key>", "k"), ("<Key/>", "k"), ("", "k")],
)
def test_the_one_that_is_kept_is_named(
    hostile: Hostile, pool: ConnectionPool, key: str, named: str
) -> None:
    """And none that nobody asked about, whatever the store says."""
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    error = f"<Error>{key}<Code>AccessDenied</Code></Error>"
    hostile.says(f"<DeleteResult {space}>{error}</DeleteResult>".encode())
    with pytest.raises(StorageRefused) as caught:
        remove(pool, hostile.store(), places("k", "a&b", "m"))
    assert f"b/{named} (AccessDenied)" in caught.value.message
