"""How many pages of listings are asked for, when they are given up, and what their troubles are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace

from hepsub.documents import Malformed
from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Storage
from hepsub.progress import Progress, Step
from hepsub.storage import listing, lookup
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.http import Denied, TemporaryFailure, persist
from hepsub.storage.listing import (
    check_prefix,
    list_below,
    see_directories,
    see_some,
)
from hepsub.storage.lookup import common_prefixes, see_listed, see_objects
from hepsub.storage.page import NotThere, Page
from hepsub.storage.store import Store

KEYS = S3Credentials(access="a", secret="b", token="", expires=None)
STORE = Store(name="herd", storage=Storage(endpoint="https://s3.org"), keys=KEYS)
ONE = ObjectInfo(size=1, etag="")
Asked = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("groups", "prefixes"),
    [
        ([], ()),
        ([[]], ()),
        ([["a/1", "a/2"]], ("a/",)),
        ([["a/1"]], ("a/1",)),
        ([["a/12", "a/13"], ["a/1"]], ("a/1",)),
        ([["b/1", "b/2"], ["a/1", "a/2"]], ("a/", "b/")),
        ([["x", "y"], ["a/1", "a/2"]], ("", "a/")),
        ([["a/1", "a/2"], ["a/1x", "a/1y"]], ("a/",)),
        ([["out/0/a", "out/1/a"], ["out/0/.m", "out/1/.m"]], ("out/",)),
    ],
)
def test_what_groups_of_keys_have_in_common(
    groups: list[list[str]], prefixes: tuple[str, ...]
) -> None:
    """One that another holds is left out, unless that would be the whole bucket."""
    assert common_prefixes(groups) == prefixes


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterable[str]], Asked]:
    """Give a bucket of these keys, two a page, and what it was asked: the prefix, and what goes on."""

    def made(keys: Iterable[str]) -> Asked:
        asked: Asked = []

        def ask_page(_pool: object, _store: Store, _bucket: str, prefix: str, **more: str) -> Page:
            after = more.get("continuation-token", "")
            asked.append((prefix, after))
            below = sorted(each for each in keys if each.startswith(prefix) and each > after)
            if more.get("delimiter"):
                below = [each for each in below if "/" not in each.removeprefix(prefix)]
            shown = below[:2]
            return Page(objects=dict.fromkeys(shown, ONE), following=shown[-1] if below[2:] else "")

        monkeypatch.setattr(listing, "ask_page", ask_page)
        return asked

    return made


def test_a_listing_of_strangers_is_given_up(bucket: Callable[[Iterable[str]], Asked]) -> None:
    """After four pages, and three more for each thousand keys; what it did not tell is asked for one by one."""
    keys = [f"a/{number:03}" for number in range(20)]
    asked = bucket(keys)
    found, unsure = see_listed(STORE, "b", [["a/000", "a/007", "a/008", "a/other"]])
    assert (found, unsure) == ({"a/000": ONE, "a/007": ONE}, {"a/008", "a/other"})
    assert len(asked) == 4
    asked.clear()
    found, unsure = see_listed(STORE, "b", [["a/001", "a/007x"], ["b/1", "b/2"]])
    assert (found, unsure) == ({"a/001": ONE}, {"a/007x"})
    assert [prefix for prefix, _ in asked] == ["a/00"] * 4 + ["b/"]
    asked.clear()
    many = [f"a/{number:03}x" for number in range(999)]
    see_listed(STORE, "b", [["a/0", *many]])
    assert len(asked) == 7


def test_a_short_listing_tells_all(bucket: Callable[[Iterable[str]], Asked]) -> None:
    bucket(["a/1", "a/2", "a/3/x", "b"])
    assert see_listed(STORE, "b", [["a/1", "a/9"]]) == ({"a/1": ONE}, set())
    assert see_objects(STORE, "b", [["a/1", "a/9"]]) == {"a/1": ONE}
    assert see_some(STORE, "b", "a/", pages=1) == ({"a/1": ONE, "a/2": ONE}, True)
    assert list_below(STORE, "b", "a/") == {"a/1": ONE, "a/2": ONE, "a/3/x": ONE}
    assert see_directories(STORE, "b", ["a/3/", "a/"]) == {"a/1": ONE, "a/2": ONE, "a/3/x": ONE}
    bucket([f"{number}" for number in range(5)])
    assert see_some(STORE, "b", "", pages=2) == (dict.fromkeys("0123", ONE), False)


def test_what_a_listing_leaves_open_is_asked_for_singly(
    bucket: Callable[[Iterable[str]], Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket([f"a/{number:03}" for number in range(20)])
    singly: list[str] = []

    def see_object(_pool: object, _store: Store, place: ObjectPlace) -> ObjectInfo | None:
        singly.append(f"{place}")
        return ONE if place.key == "a/015" else None

    monkeypatch.setattr(lookup, "see_object", see_object)
    assert see_objects(STORE, "b", [["a/000", "a/015", "a/x"]]) == {"a/000": ONE, "a/015": ONE}
    assert sorted(singly) == ["herd:b/a/015", "herd:b/a/x"]


def test_many_in_a_directory_of_strangers_are_looked_up_and_it_is_not_listed_to_its_end(
    bucket: Callable[[Iterable[str]], Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory may hold millions, and 51 inputs of a submission lie in it."""
    wanted = [ObjectPlace(storage="herd", bucket="b", key=f"a/{n:03}") for n in range(0, 510, 10)]
    asked = bucket([f"a/{number:03}" for number in range(500)])
    monkeypatch.setattr(
        lookup, "see_object", lambda _pool, _store, place: ONE if place.key < "a/500" else None
    )
    found = STORE.look_up(wanted)
    assert found == {place: ONE if place.key < "a/500" else None for place in wanted}
    assert len(asked) == 4
    asked.clear()
    STORE.look_up(wanted[:50])
    assert asked == []


def test_what_lies_deeper_does_not_count_when_a_directory_is_looked_at(
    bucket: Callable[[Iterable[str]], Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [ObjectPlace(storage="herd", bucket="b", key=f"a/{n:03}") for n in range(60)]
    asked = bucket([f"a/{n:03}" for n in range(6)] + [f"a/!deep/{n:03}" for n in range(500)])
    monkeypatch.setattr(lookup, "see_object", lambda *_: pytest.fail("it is known"))
    found = STORE.look_up(wanted)
    assert [place.key for place, info in found.items() if info] == [f"a/{n:03}" for n in range(6)]
    assert len(asked) == 3


def raises(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let each page be answered with this."""

    def ask_page(*_: object, **__: str) -> Page:
        raise error

    monkeypatch.setattr(listing, "ask_page", ask_page)


def test_a_bucket_that_is_not_there_has_no_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    raises(monkeypatch, NotThere())
    assert see_objects(STORE, "b", [["a"]]) == {}
    assert list_below(STORE, "b", "") is None
    assert see_directories(STORE, "b", ["a/", "b/"]) == {}
    for ask in (see_listed, lambda store, bucket, _: see_some(store, bucket, "", pages=1)):
        with pytest.raises(NotThere):
            ask(STORE, "b", [["a"]])


def test_a_listing_that_is_denied_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    raises(monkeypatch, Denied("AccessDenied"))
    with pytest.raises(StorageRefused, match=r"^the storage herd refuses b/a \(AccessDenied\)$"):
        list_below(STORE, "b", "a")


@pytest.mark.parametrize(
    ("following", "pages"),
    [(["t"], 2), (["1", "2", "3", "4", "5", "6"], 5), (["1", "2", "1"], 3)],
)
def test_a_listing_without_an_end_is_given_up(
    following: list[str], pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that brings a token again, or nothing new in four pages; three may be in vain."""
    asked: list[str] = []

    def ask_page(*_: object, **more: str) -> Page:
        asked.append(more.get("continuation-token", ""))
        token = following[(len(asked) - 1) % len(following)]
        return Page(objects={"k": ONE}, prefixes=frozenset({"d/"}), following=token)

    monkeypatch.setattr(listing, "ask_page", ask_page)
    with pytest.raises(StorageUnreachable, match="its listing does not come to an end"):
        list_below(STORE, "b", "")
    assert len(asked) == pages


def test_a_listing_that_is_too_long_is_refused(
    bucket: Callable[[Iterable[str]], Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket([f"d/{number}" for number in range(9)])
    monkeypatch.setattr(listing, "_LONGEST_LISTING", 4)
    with pytest.raises(StorageRefused) as caught:
        list_below(STORE, "b", "d/")
    assert caught.value.message == "the storage herd lists more than 4000 objects in b/d/"
    assert caught.value.remedy == "name a directory with fewer"
    monkeypatch.setattr(listing, "_LONGEST_LISTING", 5)
    assert len(list_below(STORE, "b", "d/") or {}) == 9


@pytest.mark.parametrize(
    ("troubles", "message"),
    [
        ([], ""),
        ([TemporaryFailure("SlowDown")], ""),
        ([Malformed("x"), ConnectionResetError()], ""),
        ([Malformed("x"), Malformed("x"), TemporaryFailure("SlowDown")],
         "the storage herd at https://s3.org does not answer (SlowDown)"),
        ([Malformed("x"), Malformed("x"), ConnectionResetError()],
         "the storage herd at https://s3.org does not answer (ConnectionResetError)"),
        ([TemporaryFailure("y")] * 2 + [Malformed("it is cut off")],
         "the storage herd at https://s3.org answers, but not as S3 does (it is cut off)"),
    ],
)  # fmt: skip
def test_what_may_pass_is_tried_three_times(
    troubles: list[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After half a second, and one and a half."""
    pauses: list[float] = []
    monkeypatch.setattr("hepsub.storage.http.time.sleep", pauses.append)
    left = list(troubles)

    def one() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    if not message:
        assert persist(STORE, one) == "answer"
    else:
        with pytest.raises(StorageUnreachable) as caught:
            persist(STORE, one)
        assert caught.value.message == message
    assert pauses == [0, 0.5, 1.5][: min(len(troubles) + 1, 3)]


@pytest.mark.parametrize(
    ("prefix", "keys", "below"),
    [
        ("", ["x"], True),
        ("", [], False),
        ("d", ["d/x"], True),
        ("d", ["d"], None),
        ("d", ["d", "d/x"], True),
        ("d", ["dx"], False),
    ],
)
def test_what_is_at_a_place(
    prefix: str, keys: list[str], below: bool | None, bucket: Callable[[Iterable[str]], Asked]
) -> None:
    """An object is no directory, unless something lies below its name as well."""
    asked = bucket(keys)
    if below is None:
        with pytest.raises(StorageRefused, match="herd:b/d is an object, and no directory"):
            check_prefix(STORE, "b", prefix)
    else:
        assert check_prefix(STORE, "b", prefix) == below
    assert [each for each, _ in asked] == ([f"{prefix}/", prefix] if prefix else [""])


@pytest.mark.parametrize(
    ("error", "bucket_name", "kind", "message", "remedy"),
    [
        (NotThere(), "a/b", StorageRefused, "'a/b' is no name that a bucket can have", "STORAGE:BUCKET/PREFIX"),
        (NotThere(), "b" * 256, StorageRefused, f"'{'b' * 256}' is no name that a bucket can have",
         "STORAGE:BUCKET/PREFIX"),
        (NotThere(), "b", StorageRefused, "the storage herd has no bucket 'b'",
         "check the bucket's name: STORAGE:BUCKET/PREFIX"),
        (Denied("why"), "b" * 255, StorageRefused, f"the storage herd does not let you list {'b' * 255}/d (why)",
         "hep_auth s3 herd shows whose keys you have (expired ones are refused, too); ask the bucket's owner for the"
         " right to list and read it"),
        (StorageUnreachable("away", remedy="x"), "A.b_c-9", StorageUnreachable, "away",
         "try again later, or check endpoint in the policy"),
    ],
)  # fmt: skip
def test_why_a_place_cannot_be_listed(
    error: Exception,
    bucket_name: str,
    kind: type[HepsubError],
    message: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raises(monkeypatch, error)
    with pytest.raises(kind) as caught:
        check_prefix(STORE, bucket_name, "d")
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


def test_many_objects_of_a_directory_are_one_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fifty; fewer are asked for one by one, and what is not there is nothing."""
    listed: list[str] = []
    singly: list[ObjectPlace] = []

    def some(
        _: Store, bucket: str, groups: list[list[str]], **_more: str
    ) -> tuple[dict[str, ObjectInfo], set[str]]:
        listed.append(f"{bucket}/{groups[0][0]}")
        if bucket == "none":
            raise NotThere
        return {groups[0][0]: ONE}, set()

    def one_by_one(_: Store, places: list[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        singly.extend(places)
        return dict.fromkeys(places)

    monkeypatch.setattr(lookup, "see_listed", some)
    monkeypatch.setattr(lookup, "_see_singly", one_by_one)
    places = [
        ObjectPlace(storage="herd", bucket=bucket, key=f"{directory}{number}")
        for bucket, directory, count in (("b", "d/e/", 51), ("b", "d/", 50), ("b", "", 51), ("none", "x/", 51))
        for number in range(count)
    ]  # fmt: skip
    found = STORE.look_up(places)
    assert listed == ["b/d/e/0", "b/0", "none/x/0"]
    assert {place.key for place in singly} == {f"d/{number}" for number in range(50)}
    assert {str(place) for place, info in found.items() if info} == {"herd:b/d/e/0", "herd:b/0"}
    assert set(found) == set(places)


def test_whoever_looks_sees_how_many_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "see_object", lambda *_: ONE)
    seen: list[tuple[str, int, int]] = []

    def show(step: Step | None) -> None:
        seen.extend([(step.what, step.done, step.total)] if step is not None else [])

    places = [ObjectPlace(storage="herd", bucket="b", key=str(number)) for number in range(3)]
    assert len(replace(STORE, progress=Progress(show)).look_up(places)) == 3
    assert max(seen) == ("looking at objects of herd", 3, 3)
