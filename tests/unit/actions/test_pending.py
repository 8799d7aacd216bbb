"""Outputs that came home: each into its place once, the marker last, whatever goes wrong in between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from hepsub.actions.pending import PENDING, Round, pending_of, push_pending
from hepsub.actions.stage import Stores
from hepsub.auth.bundle import Bundle
from hepsub.auth.bundles import read_bundle
from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import ObjectFact
from hepsub.policy.model import Storage
from hepsub.storage.keys import Keys
from hepsub.storage.s3 import Store
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]

HERD = "https://s3.example.org/out/13"
OUTPUTS = (
    *("-out", "r=herd:out/%{ClusterId}/r_%{ProcId}"),
    *("-out", "m*=herd:out/%{ClusterId}/%{ProcId}/"),
)


@dataclass
class FakeStore:
    """A store in memory.

    Attributes:
        objects: what is there, by key.
        written: the keys, in the order in which they were written.
        trouble: what is raised, by key.
    """

    name: str = "herd"
    objects: dict[str, bytes] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    trouble: dict[str, HepsubError] = field(default_factory=dict)
    asked: int = 0

    def url(self, bucket: str, key: str) -> str:
        """As Store does it."""
        return f"https://s3.example.org/{bucket}/{key}"

    def upload(self, path: Path, place: ObjectPlace) -> None:
        """Keep the object."""
        self.asked += 1
        if (error := self.trouble.get(place.key) or self.trouble.get("")) is not None:
            raise error
        self.objects[place.key] = path.read_bytes()
        self.written.append(place.key)

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectFact | None]:
        """What is there."""
        return {
            each: ObjectFact(size=len(self.objects[each.key]), etag="")
            if each.key in self.objects
            else None
            for each in places
        }


class Home:
    """A bundle of two jobs whose outputs came home."""

    def __init__(self, world: World, *words: str) -> None:
        directory = world.submit("-n", "2", *(words or OUTPUTS))
        bundle = read_bundle(directory)
        assert bundle is not None
        self.bundle: Bundle = bundle
        self.store = FakeStore()
        self.uuid = directory.name

    def of(self, proc: int) -> Path:
        """What came home from one job."""
        home = self.bundle.directory / f"home/home.{proc}"
        (home / "outputs").mkdir(parents=True, exist_ok=True)
        return home

    def came(self, proc: int, outputs: dict[str, str], *, marker: bool = True) -> None:
        """Let outputs come home: their names, and where they belong."""
        home = self.of(proc)
        lines = []
        for name, destination in outputs.items():
            (home / "outputs" / name).write_text(f"{name} of {proc}")
            size = len(f"{name} of {proc}")
            lines.append(f"outputs/{name.replace('%', '%25')}\t{size}\tmd5\t{destination}")
        (home / "report.json").write_text("{}")
        if marker:
            lines.append(f"report.json\t-\t-\t{HERD}/.hepsub/{self.uuid}/{proc}.json")
        (home / PENDING).write_text("".join(f"{line}\n" for line in lines))

    def round(self) -> Round:
        """One round."""
        known = {"herd": cast("Store", self.store)}
        return Round(stores=Stores(storages={}, known=known, keys=no_keys))

    def push(self, now: Round | None = None) -> tuple[str, ...]:
        """Try to get everything into its place."""
        return push_pending(now or self.round(), self.bundle, 13)

    def files(self, proc: int) -> set[str]:
        """The names of what is still there."""
        return {path.name for path in self.of(proc).rglob("*") if path.is_file()}


def no_keys(name: str, storage: Storage) -> Keys:
    """Nobody should ask."""
    raise AssertionError((name, storage))


@pytest.fixture
def home(world: World) -> Home:
    """Two jobs, each with one named output and a pattern."""
    return Home(world)


def test_outputs_first_then_the_marker(home: Home) -> None:
    """What is in its place is gone here, and from the list; the report stays."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1", "m2": f"{HERD}/0/m2"})
    assert home.push() == ()
    assert home.store.written == [
        *("13/r_0", "13/0/m1", "13/0/m2"),
        f"13/.hepsub/{home.uuid}/0.json",
    ]
    assert home.store.objects["13/0/m2"] == b"m2 of 0"
    assert home.files(0) == {"report.json"}
    assert home.push() == ()
    assert len(home.store.written) == 4


def test_one_that_is_refused_stops_the_marker_and_nothing_else(home: Home) -> None:
    """It is told once, stays, and gets there later without the others being written again."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    home.came(1, {"r": f"{HERD}/r_1"})
    home.store.trouble["13/r_0"] = StorageRefused("no right to write r_0")
    assert home.push() == ("no right to write r_0",)
    assert set(home.store.written) == {"13/0/m1", "13/r_1", f"13/.hepsub/{home.uuid}/1.json"}
    assert home.files(0) == {"r", "report.json", PENDING}
    assert [each.path.name for each in pending_of(home.of(0))] == ["r", "report.json"]
    home.store.trouble.clear()
    home.store.written.clear()
    assert home.push() == ()
    assert home.store.written == ["13/r_0", f"13/.hepsub/{home.uuid}/0.json"]


def test_a_store_that_is_away_is_asked_once(home: Home) -> None:
    """Not for every job: each question takes its time-outs; the next round asks again."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    home.came(1, {"r": f"{HERD}/r_1"})
    home.store.trouble[""] = StorageUnreachable("herd does not answer")
    now = home.round()
    assert home.push(now) == ("herd does not answer",)
    assert home.push(now) == ("herd does not answer",)
    assert home.store.asked == 1
    assert home.files(0) == {"r", "m1", "report.json", PENDING}
    home.store.trouble.clear()
    assert home.push() == ()
    assert home.files(0) == home.files(1) == {"report.json"}


def test_an_output_for_a_path_keeps_the_marker_back(home: Home, tmp_path: Path) -> None:
    """Whoever places it removes it; then its line goes, and the marker gets there."""
    goal = tmp_path / "goal"
    home.came(0, {"r": f"{HERD}/r_0", "p": str(goal)})
    assert home.push() == ()
    assert home.store.written == ["13/r_0"]
    assert home.files(0) == {"p", "report.json", PENDING}
    (home.of(0) / "outputs/p").rename(goal)
    assert home.push() == ()
    assert home.store.written[1:] == [f"13/.hepsub/{home.uuid}/0.json"]
    assert home.files(0) == {"report.json"}


def test_after_a_kill_between_upload_and_list(home: Home) -> None:
    """The file is gone, its line is not: the store knows whether it is complete."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    for name in ("r", "m1"):
        (home.of(0) / "outputs" / name).unlink()
    home.store.objects["13/r_0"] = b"r of 0"
    home.store.objects["13/0/m1"] = b"half"
    (trouble,) = home.push()
    assert "is gone" in trouble
    assert "m1" in trouble
    assert home.store.written == []
    assert [each.path.name for each in pending_of(home.of(0))] == ["m1", "report.json"]
    home.store.objects["13/0/m1"] = b"m1 of 0"
    assert home.push() == ()
    assert home.store.written == [f"13/.hepsub/{home.uuid}/0.json"]


def test_an_output_called_report_json(world: World) -> None:
    """It is one like any other; the job's own report stays."""
    home = Home(world, "-out", "report.json=herd:out/%{ClusterId}/report_%{ProcId}")
    home.came(0, {"report.json": f"{HERD}/report_0"})
    assert home.push() == ()
    assert home.store.objects["13/report_0"] == b"report.json of 0"
    assert not (home.of(0) / "outputs/report.json").exists()
    assert (home.of(0) / "report.json").read_text() == "{}"


def test_a_destination_that_the_policy_lost_is_told(home: Home) -> None:
    """The endpoint was renamed: the file stays, and somebody hears of it."""
    home.came(0, {"r": "https://old.example.org/out/13/r_0"})
    (trouble,) = home.push()
    assert "https://old.example.org/out/13/r_0" in trouble
    assert "r" in home.files(0)


def test_odd_names(home: Home) -> None:
    """The list escapes them; a name with a percent sign is one name."""
    home.came(0, {"m%09": f"{HERD}/0/m%2509"}, marker=False)
    (each,) = pending_of(home.of(0))
    assert each.path.name == "m%09"
    assert home.push() == ()
    assert home.store.written == ["13/0/m%09"]


def test_lines_of_another_kind_are_left_alone(home: Home) -> None:
    """A list that was cut off, or of a newer wrapper."""
    (home.of(0) / PENDING).write_text("outputs/r\t3\n")
    assert pending_of(home.of(0)) == ()
    assert pending_of(home.of(1)) == ()
