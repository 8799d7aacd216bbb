"""What is known of inputs before a submission; all that are missing are named at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from hepsub.errors import InputsMissing, StorageRefused, StorageUnreachable
from hepsub.plan.draft import settled
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.template import job_values
from hepsub.storage.store import Store
from hepsub.storage.trouble import LATER
from hepsub.survey.inputs import look_up_inputs, remedy_for, whole_inputs
from tests.fakes.user import ordinary_user
from tests.fakes.world import make_policy, make_spec


@dataclass
class FakeStore:
    """A store that knows the objects of even numbers."""

    asked: list[ObjectPlace] = field(default_factory=list)

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """Size and ETag."""
        group = list(places)
        self.asked += group
        return {place: fact(place) for place in group}


def obj(number: int, storage: str = "herd") -> ObjectPlace:
    """An object named after a number."""
    return ObjectPlace(storage=storage, bucket="raw", key=f"run_{number}")


def fact(place: ObjectPlace) -> ObjectInfo | None:
    """What the fake store knows."""
    number = int(place.key.removeprefix("run_"))
    return None if number % 2 else ObjectInfo(size=number, etag=f"e{number}")


def stores(known: dict[str, FakeStore]) -> Callable[[str], Store]:
    """The stores by their names."""
    return lambda name: cast("Store", known[name])


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        (LATER, "try again later; -nocheck submits without looking at the inputs"),
        ("correct ca_file", "correct ca_file"),
    ],
)
def test_a_submission_can_do_without_a_store_that_is_away(remedy: str, told: str) -> None:
    """Its own way out is told by who submits: the store is asked by commands that have none."""

    class Away(FakeStore):
        def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
            raise StorageUnreachable(f"herd does not answer for {list(places)}", remedy=remedy)

    with pytest.raises(StorageUnreachable, match="herd does not answer") as caught:
        look_up_inputs([obj(2)], stores({"herd": Away()}))
    assert caught.value.remedy == told


def test_each_object_is_looked_for_once() -> None:
    """1,000 jobs with one calibration file: one look."""
    store = FakeStore()
    found = look_up_inputs([obj(2)] * 1000 + [obj(4)], stores({"herd": store}))
    assert store.asked == [obj(2), obj(4)]
    assert found == {obj(2): ObjectInfo(size=2, etag="e2"), obj(4): ObjectInfo(size=4, etag="e4")}


def test_each_storage_is_asked_for_its_own() -> None:
    """Two storages: none is asked for the other's, nor at all without inputs in it."""
    known = {"herd": FakeStore(), "juno": FakeStore(), "idle": FakeStore()}
    look_up_inputs([obj(2), obj(2, "juno")], stores(known))
    assert [store.asked for store in known.values()] == [[obj(2)], [obj(2, "juno")], []]


def test_all_that_are_missing_are_named(tmp_path: Path) -> None:
    """Objects of all storages and files in one error, the remedy says -nocheck."""
    (tmp_path / "here").touch()
    places = [obj(1), obj(2), obj(3, "juno")]
    files = [FilePlace(path=str(tmp_path / name)) for name in ("here", "gone")]
    known = {"herd": FakeStore(), "juno": FakeStore()}
    with pytest.raises(InputsMissing) as error:
        look_up_inputs([*files, *places], stores(known))
    assert error.value.message.splitlines() == [
        "3 input(s) do not exist or cannot be read:",
        f"  {tmp_path}/gone",
        "  herd:raw/run_1",
        "  juno:raw/run_3",
    ]
    assert "-nocheck" in error.value.remedy
    assert "-list" not in error.value.remedy


def test_a_link_that_leads_nowhere_is_called_one(tmp_path: Path) -> None:
    """Its name is there when the user looks."""
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(InputsMissing, match=r"/link \(a link that leads nowhere\)"):
        look_up_inputs([FilePlace(path=f"{tmp_path}/link")], stores({}))


def test_what_has_no_end_is_no_input(tmp_path: Path) -> None:
    """A FIFO and a device, which would be waited for; a directory is one."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(InputsMissing, match=r"\(a FIFO, a socket or a device\)"):
            look_up_inputs([FilePlace(path=str(path))], stores({}))
    assert look_up_inputs([FilePlace(path=str(tmp_path))], stores({})) == {}


def test_a_pattern_among_the_missing_is_explained(tmp_path: Path) -> None:
    """-in takes no pattern: the remedy tells which option does."""
    with pytest.raises(InputsMissing) as error:
        look_up_inputs([FilePlace(path=f"{tmp_path}/*.root")], stores({}))
    assert "-list 's3://bucket/dir/*.root'" in error.value.remedy


def test_hundreds_that_are_missing_are_counted() -> None:
    """The first ten by name, the others by number."""
    with pytest.raises(InputsMissing) as error:
        look_up_inputs([obj(number) for number in range(1, 401, 2)], stores({"herd": FakeStore()}))
    lines = error.value.message.splitlines()
    assert (lines[0], len(lines), lines[-1]) == (
        "200 input(s) do not exist or cannot be read:",
        12,
        "  and 190 more",
    )


def test_a_file_that_may_not_be_read_counts_as_missing(tmp_path: Path) -> None:
    """Existence is not enough."""
    file = tmp_path / "locked"
    file.write_text("x")
    file.chmod(0)
    with ordinary_user(), pytest.raises(InputsMissing):
        look_up_inputs([FilePlace(path=str(file))], stores({}))


def test_a_store_that_refuses_is_not_a_missing_input() -> None:
    """The store's own error passes as it is."""

    def no_keys(name: str) -> Store:
        raise StorageRefused(f"no keys for the storage {name}")

    with pytest.raises(StorageRefused):
        look_up_inputs([obj(2)], no_keys)


def test_nothing_to_look_for_asks_nobody() -> None:
    """No inputs: no store is opened, so no keys are needed."""
    assert look_up_inputs([], stores({})) == {}


STORE = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
"""


def whole(
    store_of: Callable[[str], Store], cwd: Path, *words: str, nocheck: bool = False
) -> frozenset[str]:
    """Which of the texts behind -in are URLs as they stand."""
    spec = make_spec("job.sh", *words, *(["-nocheck"] if nocheck else []))
    first = job_values(3, 0, ())[0]
    return whole_inputs(spec, make_policy(STORE), cwd, first, store_of)


@dataclass
class PtStore:
    """A store with one object, whose key has a `=`."""

    asked: list[str] = field(default_factory=list)

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """Size and ETag."""
        group = list(places)
        self.asked += [each.key for each in group]
        fact = ObjectInfo(size=1, etag="e")
        return {each: fact if each.key == "pt=0.root" else None for each in group}


@pytest.mark.parametrize(
    ("word", "is_whole"),
    [
        ("s3://raw/pt=0.root", True),
        ("s3://raw/pt=%{ProcId}.root", True),
        ("s3://raw/pt=1.root", False),
        ("pt=0.txt", True),
        ("pt=1.txt", False),
        ("%{items}=x", False),
        ("ftp://x/y=z", False),
        ("none:raw/y=z", False),
    ],
)
def test_an_input_that_exists_with_its_equals_sign_is_meant(
    tmp_path: Path, word: str, *, is_whole: bool
) -> None:
    """In S3 and on disk; what is no URL at all has its own error later."""
    (tmp_path / "pt=0.txt").touch()
    store = PtStore()
    found = whole(lambda _: cast("Store", store), tmp_path, "-in", word)
    assert found == (frozenset({word}) if is_whole else frozenset())
    spec = settled(make_spec("job.sh", "-in", word), found)
    assert spec.inputs[0].name == ("" if is_whole else word.rpartition("=")[2])
    assert spec.inputs[0].url == (word if is_whole else word.rpartition("=")[0])


def test_what_is_not_in_doubt_is_not_asked_for(tmp_path: Path) -> None:
    """Neither without a name, nor with `=` at the end, nor with -nocheck."""
    store = PtStore()
    sure = ("-in", "s3://raw/pt=0.root=", "-in", "s3://raw/x=1/a")
    assert whole(lambda _: cast("Store", store), tmp_path, *sure) == frozenset()
    doubt = ("-in", "s3://raw/pt=0.root")
    assert whole(lambda _: cast("Store", store), tmp_path, *doubt, nocheck=True) == frozenset()
    assert store.asked == []


def test_a_refusal_says_how_the_equals_sign_is_kept() -> None:
    """Where one was taken for the name's."""
    assert "write -in 's3://raw/pt=1.root='" in remedy_for(
        make_spec("job.sh", "-in", "s3://raw/pt=1.root")
    )
    assert "=" not in remedy_for(make_spec("job.sh", "-in", "s3://raw/a"))
