"""Outputs that came home: each into its place once, the marker last, whatever goes wrong in between."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import pytest

from hepsub.actions.returned.pending import push_pending
from hepsub.actions.returned.uploads import Uploads
from hepsub.bundle.bundle import Bundle, read_bundle
from hepsub.bundle.pending import PENDING, pending_at
from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.store import Store
from hepsub.storage.stores import Stores
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
        trouble: what is raised, by key; the one of the empty key always.
        times: when objects were written, by key, in seconds since the epoch.
        asked: how often it was asked while it was away.
    """

    name: str = "herd"
    objects: dict[str, bytes] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    trouble: dict[str, HepsubError] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    asked: int = 0

    def url(self, bucket: str, key: str) -> str:
        """As Store does it."""
        return f"https://s3.example.org/{bucket}/{key}"

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> str:
        """Keep the object."""
        self._answer()
        if (error := self.trouble.get(place.key)) is not None:
            raise error
        self.objects[place.key] = file.read()
        self.written.append(place.key)
        return md5(self.objects[place.key])

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """What is there."""
        self._answer()
        return {each: self._fact(each.key) for each in places}

    def _answer(self) -> None:
        if (error := self.trouble.get("")) is not None:
            self.asked += 1
            raise error

    def _fact(self, key: str) -> ObjectInfo | None:
        if key not in self.objects:
            return None
        content = self.objects[key]
        return ObjectInfo(size=len(content), etag=md5(content), modified=self.times.get(key, 0.0))


def md5(content: bytes | str) -> str:
    """As stores and reports say it."""
    return hashlib.md5(content.encode() if isinstance(content, str) else content).hexdigest()


class Home:
    """A bundle of two jobs whose outputs came home."""

    def __init__(self, world: World, *words: str) -> None:
        directory = world.submit("-n", "2", *(words or OUTPUTS))
        bundle = read_bundle(directory)
        assert bundle is not None
        self.bundle: Bundle = bundle
        self.store = FakeStore()
        self.uuid = directory.name
        self.ended = world.session().ended

    def of(self, proc: int) -> Path:
        """What came home from one job."""
        home = self.bundle.returned(proc)
        (home / "outputs").mkdir(parents=True, exist_ok=True)
        return home

    def came(
        self,
        proc: int,
        outputs: dict[str, str],
        *,
        uploaded: dict[str, str] | None = None,
        marker: bool = True,
    ) -> None:
        """Let outputs come home: their names, and where they belong; others were uploaded."""
        lines, said = [], []
        for name, destination in outputs.items():
            content = f"{name} of {proc}"
            (self.of(proc) / "outputs" / name).write_text(content)
            escaped = name.replace("%", "%25")
            lines.append(f"outputs/{escaped}\t{len(content)}\t{md5(content)}\t{destination}")
            said.append(output(name, content, "home", destination.replace("%25", "%")))
        for name, destination in (uploaded or {}).items():
            said.append(output(name, f"{name} of {proc}", "uploaded", destination))
        if marker:
            lines.append(f"report.json\t-\t-\t{HERD}/.hepsub/{self.uuid}/{proc}.json")
        (self.of(proc) / PENDING).write_text("".join(f"{line}\n" for line in lines))
        self.reported(proc, said, code=85)

    def reported(self, proc: int, outputs: list[dict[str, Any]], *, code: int) -> None:
        """Let a run end with this report."""
        document = {"started": "2026-07-01T10:00:00Z", "code": code, "message": "m"}
        document |= {"payload": {"exit_code": 0}, "outputs": outputs}
        (self.of(proc) / "report.json").write_text(json.dumps(document))

    def left(self, proc: int) -> list[str]:
        """The names in the list of a job."""
        with self.bundle.open_returned(proc) as tree:
            return [each.name for each in pending_at(tree)[0]] if tree is not None else []

    def round(self, *, force: bool = False) -> Uploads:
        """One round."""
        known = {"herd": cast("Store", self.store)}
        return Uploads(stores=Stores(storages={}, known=known, keys=no_keys), force=force)

    def push(self, now: Uploads | None = None) -> tuple[str, ...]:
        """Try to get everything into its place."""
        return push_pending(now or self.round(), self.ended, self.bundle, 13)

    def files(self, proc: int) -> set[str]:
        """The names of what is still there."""
        return {path.name for path in self.of(proc).rglob("*") if path.is_file()}


def output(name: str, content: str, state: str, url: str) -> dict[str, Any]:
    """An output as the report has it."""
    facts = {"size": len(content), "md5": md5(content), "etag": None}
    return {"name": name, "state": state, "url": url, **facts}


def no_keys(name: str, storage: Storage) -> S3Credentials:
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


def test_a_job_is_settled_when_nothing_of_it_is_pending(home: Home) -> None:
    """Also one whose outputs go to paths alone; not one whose program failed, nor one with an output left."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    home.came(1, {"r": f"{HERD}/r_1"})
    home.store.trouble["13/r_0"] = StorageRefused("no right to write r_0")
    home.push()
    assert home.ended.read(home.uuid).settled == {1}
    home.store.trouble.clear()
    home.push()
    assert home.ended.read(home.uuid).settled == {0, 1}


def test_a_program_that_failed_is_not_settled(home: Home) -> None:
    home.came(0, {"r": f"{HERD}/r_0"}, marker=False)
    path = home.of(0) / "report.json"
    report = json.loads(path.read_text()) | {"payload": {"exit_code": 3}}
    path.write_text(json.dumps(report))
    assert home.push() == ()
    assert home.store.written == ["13/r_0"]
    assert home.ended.read(home.uuid).settled == frozenset()


def test_nothing_is_forgotten_that_is_not_kept(home: Home) -> None:
    """Where it cannot be kept that a job is complete, its list stays, and the next round tries it again."""
    home.came(0, {"r": f"{HERD}/r_0"})
    home.ended.directory.parent.mkdir(parents=True, exist_ok=True)
    home.ended.directory.write_text("no directory")
    (said,) = home.push()
    assert "what 13.0 brought back stays" in said
    assert home.left(0) == ["report.json"]
    home.ended.directory.unlink()
    assert home.push() == ()
    assert (home.left(0), home.ended.read(home.uuid).settled) == ([], frozenset({0}))


def test_one_that_is_refused_stops_the_marker_and_nothing_else(home: Home) -> None:
    """It is told once, stays, and gets there later without the others being written again."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    home.came(1, {"r": f"{HERD}/r_1"})
    home.store.trouble["13/r_0"] = StorageRefused("no right to write r_0")
    (said,) = home.push()
    assert said.startswith("outputs of cluster 13 stay at home: no right to write r_0; ")
    assert f"hep_fetch 13 -d DIR, and then drop them here: rm -r {home.bundle.directory}" in said
    assert set(home.store.written) == {"13/0/m1", "13/r_1", f"13/.hepsub/{home.uuid}/1.json"}
    assert home.files(0) == {"r", "report.json", PENDING}
    assert home.left(0) == ["r", "report.json"]
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


def test_a_bucket_that_refuses_everything_is_left_alone(home: Home) -> None:
    """One that is full is not asked for every output of every job, and the reason is not told as often."""
    names = [f"m{number}" for number in range(20)]
    home.came(0, {name: f"{HERD}/0/{name}" for name in names})
    for name in names:
        home.store.trouble[f"13/0/{name}"] = StorageRefused(f"no place for {name}")
    (said,) = home.push()
    assert "stay at home: no place for m0, and 19 other(s); " in said
    assert "no place for m1" not in said
    assert len(home.left(0)) == 21
    for name in names[4:]:
        del home.store.trouble[f"13/0/{name}"]
    (said,) = home.push()
    assert "stay at home: no place for m0, and 3 other(s); " in said
    assert len(home.left(0)) == 5


def test_an_output_for_a_path_keeps_the_marker_back(world: World, tmp_path: Path) -> None:
    """Whoever places it removes it; then its line goes, and the marker gets there."""
    goal = tmp_path / "goal_0"
    home = Home(world, *OUTPUTS, "-out", f"p={tmp_path}/goal_%{{ProcId}}")
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
    assert home.left(0) == ["m1", "report.json"]
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
    assert json.loads((home.of(0) / "report.json").read_text())["code"] == 85


def test_a_destination_that_the_policy_lost_is_told(home: Home) -> None:
    """The endpoint was renamed: the file stays, and somebody hears of it."""
    home.came(0, {"r": "https://old.example.org/out/13/r_0"})
    (trouble,) = home.push()
    assert "https://old.example.org/out/13/r_0" in trouble
    assert "r" in home.files(0)


def test_odd_names(home: Home) -> None:
    """The list escapes names, and URLs that do so themselves; a name with a percent sign is one name."""
    home.came(0, {"m%09": f"{HERD}/0/m%252509"}, marker=False)
    assert home.left(0) == ["m%09"]
    assert home.push() == ()
    assert home.store.written == ["13/0/m%09"]


def test_lines_of_another_kind_are_left_alone(home: Home) -> None:
    """A list that was cut off, or of a newer wrapper."""
    (home.of(0) / PENDING).write_text("outputs/r\t3\n")
    home.reported(0, [], code=85)
    assert home.push() == ("13.0: line 1 of pending.tsv was not used: it has 2 fields, not 4",)
    assert home.store.written == []


# ---- other runs ---------------------------------------------------------------------------------

BEGUN = 1782900000.0
"""When the run of the reports began: 2026-07-01T10:00:00Z."""


def test_the_marker_says_what_is_true_when_it_is_written(home: Home) -> None:
    """All outputs are uploaded, and nothing is complained of; what the store holds is in it."""
    home.came(0, {"r": f"{HERD}/r_0"}, uploaded={"m1": f"{HERD}/0/m1"})
    home.store.objects["13/0/m1"] = b"m1 of 0"
    assert home.push() == ()
    marker = json.loads(home.store.objects[f"13/.hepsub/{home.uuid}/0.json"])
    assert (marker["code"], marker["message"]) == (0, "")
    assert {each["name"]: each["state"] for each in marker["outputs"]} == {
        "r": "uploaded",
        "m1": "uploaded",
    }
    assert marker["outputs"][0]["etag"] == md5("r of 0")
    assert home.files(0) == {"report.json"}


@pytest.mark.parametrize("state", ["home", "uploaded"])
def test_nothing_is_put_over_the_outputs_of_a_newer_run(home: Home, state: str) -> None:
    """Not even what the newer run did not write: the two must not mix."""
    both = {"m1": f"{HERD}/0/m1", "m2": f"{HERD}/0/m2"}
    if state == "home":
        home.came(0, {"r": f"{HERD}/r_0", **both})
    else:
        home.came(0, both, uploaded={"r": f"{HERD}/r_0"})
    home.store.objects["13/r_0"] = b"of a newer run"
    home.store.times["13/r_0"] = BEGUN + 60
    for _ in range(2):
        (trouble,) = home.push()
        assert "herd:out/13/r_0 was written by somebody else (2026-07-01 10:01:00 UTC)" in trouble
        assert "hep_fetch 13.0 -push -force" in trouble
        assert home.store.written == []
        assert {"m1", "m2", PENDING} < home.files(0)


def test_force_puts_them_there_all_the_same(home: Home) -> None:
    """What came home goes over the newer ones, and the set is complete; nothing replaces what it lost."""
    home.came(0, {"r": f"{HERD}/r_0"})
    home.came(1, {"m1": f"{HERD}/1/m1"}, uploaded={"r": f"{HERD}/r_1"})
    for proc in range(2):
        home.store.objects[f"13/r_{proc}"] = b"of a newer run"
        home.store.times[f"13/r_{proc}"] = BEGUN + 60
    (trouble,) = home.push(home.round(force=True))
    assert "13.1 is not complete, and gets no marker: herd:out/13/r_1 is another run's" in trouble
    assert home.store.written == ["13/r_0", "13/1/m1", f"13/.hepsub/{home.uuid}/0.json"]


def test_what_was_there_before_is_replaced(home: Home) -> None:
    """As the job itself would have done."""
    home.came(0, {"r": f"{HERD}/r_0"})
    home.store.objects["13/r_0"] = b"of last week"
    home.store.times["13/r_0"] = BEGUN - 60
    assert home.push() == ()
    assert home.store.objects["13/r_0"] == b"r of 0"


def test_an_upload_whose_answer_was_lost_is_not_done_again(home: Home) -> None:
    """The object is the file: nothing moves but the marker."""
    home.came(0, {"r": f"{HERD}/r_0"})
    home.store.objects["13/r_0"] = b"r of 0"
    home.store.times["13/r_0"] = BEGUN + 60
    assert home.push() == ()
    assert home.store.written == [f"13/.hepsub/{home.uuid}/0.json"]
    assert home.files(0) == {"report.json"}


def test_a_store_that_kept_nothing_gets_no_marker(home: Home) -> None:
    """It had answered 200 to the job: only a look tells."""
    home.came(0, {"r": f"{HERD}/r_0"}, uploaded={"m1": f"{HERD}/0/m1"})
    (trouble,) = home.push()
    assert "herd:out/13/0/m1 is not there, though it was uploaded" in trouble
    assert home.store.written == ["13/r_0"]
    assert home.files(0) == {"report.json", PENDING}


def test_the_list_of_an_earlier_run_does_not_count(home: Home) -> None:
    """HTCondor adds what a later run brings home to what is there: the list may be another run's."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    other = output("m1", "other content", "home", f"{HERD}/0/m1")
    home.reported(0, [output("r", "r of later", "uploaded", f"{HERD}/r_0"), other], code=85)
    (home.of(0) / PENDING).write_text(
        (home.of(0) / PENDING).read_text().replace(md5("m1 of 0"), md5("other content"))
    )
    home.store.objects["13/r_0"] = b"r of later"
    (trouble,) = home.push()
    assert "m1 is not the file that the job's report tells of" in trouble
    assert home.store.written == []


def test_a_later_run_that_is_complete_needs_nothing_of_an_earlier_one(home: Home) -> None:
    """The first run could not save all and was held; the second one, released, had no trouble."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    uploaded = [output("r", "r of later", "uploaded", f"{HERD}/r_0")]
    home.reported(0, [*uploaded, output("p", "", "home", "")], code=0)
    (home.of(0) / "outputs/p").write_text("")
    assert home.push() == ()
    assert home.store.written == []
    assert home.files(0) == {"report.json", "p"}


def test_only_the_jobs_that_are_meant(home: Home) -> None:
    """A job that runs again is left alone."""
    for proc in range(2):
        home.came(proc, {"r": f"{HERD}/r_{proc}"})
    assert push_pending(home.round(), home.ended, home.bundle, 13, procs=[1]) == ()
    assert home.store.written == ["13/r_1", f"13/.hepsub/{home.uuid}/1.json"]


def test_without_a_checksum_nothing_is_taken_for_what_is_there(home: Home) -> None:
    """A node without md5sum, openssl and Python: an earlier object of the same size is another one."""
    home.came(0, {"r": f"{HERD}/r_0"})
    told = home.of(0) / PENDING
    told.write_text(told.read_text().replace(md5("r of 0"), "-"))
    home.reported(0, [{**output("r", "r of 0", "home", f"{HERD}/r_0"), "md5": None}], code=85)
    home.store.objects["13/r_0"] = b"x of 0"
    assert home.push() == ()
    assert home.store.objects["13/r_0"] == b"r of 0"


# ---- what a job leaves instead ------------------------------------------------------------------


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Give a directory of the user's that no job may touch."""
    (tmp_path / "precious").mkdir()
    for name in ("r", "thesis.tex", PENDING):
        (tmp_path / "precious" / name).write_text("mine")
    return tmp_path / "precious"


def test_nothing_is_removed_below_a_directory_that_is_a_link(home: Home, precious: Path) -> None:
    """A complete report needs nothing of an earlier run: that must not mean the user's own files."""
    outputs = home.of(0) / "outputs"
    outputs.rmdir()
    outputs.symlink_to(precious)
    (home.bundle.returned(0) / "report.json").write_text(
        json.dumps({"code": 0, "payload": {"exit_code": 0}, "outputs": []})
    )
    [note] = home.push()
    assert note.startswith(f"what 13.0 brought back stays in {home.bundle.returned(0)}")
    assert {each.name for each in precious.iterdir()} == {"r", "thesis.tex", PENDING}


def test_a_returned_directory_that_is_a_link_is_not_entered(home: Home, precious: Path) -> None:
    (precious / "outputs").mkdir()
    (precious / "outputs/thesis.tex").write_text("mine")
    (precious / "report.json").write_text('{"code": 0, "payload": {"exit_code": 0}}')
    home.bundle.returned(0).symlink_to(precious)
    home.came(1, {"r": f"{HERD}/r_1"})
    [note] = home.push()
    assert "what 13.0 brought back" in note
    assert (precious / "outputs/thesis.tex").exists()
    assert home.store.written == ["13/r_1", f"13/.hepsub/{home.uuid}/1.json"]


@pytest.mark.parametrize("kind", ["link", "link below", "fifo", "directory"])
def test_what_is_no_file_is_not_uploaded(home: Home, precious: Path, kind: str) -> None:
    """A key of the user's that a link points to, above all: even where list and report agree about it."""
    home.came(0, {"r": f"{HERD}/r_0", "m1": f"{HERD}/0/m1"})
    said = [
        output("r", "mine", "home", f"{HERD}/r_0"),
        output("m1", "m1 of 0", "home", f"{HERD}/0/m1"),
    ]
    home.reported(0, said, code=85)
    told = (home.of(0) / PENDING).read_text()
    (home.of(0) / PENDING).write_text(told.replace(f"6\t{md5('r of 0')}", f"4\t{md5('mine')}"))
    file = home.of(0) / "outputs/r"
    file.unlink()
    if kind == "link":
        file.symlink_to(precious / "r")
    elif kind == "link below":
        file.parent.rename(file.parent.with_name("was"))
        file.parent.symlink_to(precious)
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        file.mkdir()
    troubles = home.push()
    assert any("stays there" in each or "brought back" in each for each in troubles), troubles
    assert "13/r_0" not in home.store.objects
    assert (precious / "r").read_text() == "mine"


@pytest.mark.parametrize(
    "destination",
    [
        "https://s3.example.org/out/14/r_0",
        "https://s3.example.org/other/13/r_0",
        f"{HERD}/r_1",
        f"{HERD}/0/r",
        "/home/alice/.ssh/authorized_keys",
    ],
)
def test_only_the_request_says_where_an_output_goes(home: Home, destination: str) -> None:
    """Though list and report agree: another object of the user's storages, another job's, or a path."""
    home.came(0, {"r": destination})
    [trouble] = home.push()
    assert f"outputs/r is still at home: {destination} is in no storage of the policy" in trouble
    assert home.store.written == []
    assert "r" in home.files(0)


@pytest.mark.parametrize(
    ("name", "destination"),
    [
        ("evil", f"{HERD}/r_0"),
        ("m1", f"{HERD}/0/m2"),
        ("m1", f"{HERD}/0/d/m1"),
        ("x1", f"{HERD}/0/x1"),
    ],
)
def test_a_name_that_the_request_does_not_expect_goes_nowhere(
    home: Home, name: str, destination: str
) -> None:
    """Neither as the output it is told to be, nor as a match that is none, nor under another name."""
    home.came(0, {name: destination})
    [trouble] = home.push()
    assert "is still at home" in trouble
    assert home.store.written == []


def test_a_marker_goes_to_its_place_only(home: Home) -> None:
    home.came(0, {"r": f"{HERD}/r_0"})
    told = home.of(0) / PENDING
    told.write_text(told.read_text().replace("/0.json", "/1.json"))
    [trouble] = home.push()
    assert "the marker of 13.0" in trouble
    assert home.store.written == ["13/r_0"]


def test_a_key_that_no_object_can_have_stops_nothing(home: Home) -> None:
    """A name whose bytes are not UTF-8."""
    name = os.fsdecode(b"m\xff")
    content = "m of 0"
    (home.of(0) / "outputs" / name).write_text(content)
    line = b"outputs/m\xff\t6\t%s\t%s/0/m\xff\n" % (md5(content).encode(), HERD.encode())
    (home.of(0) / PENDING).write_bytes(line)
    home.reported(0, [output("m\ufffd", content, "home", f"{HERD}/0/m\ufffd")], code=85)
    home.came(1, {"r": f"{HERD}/r_1"})
    [trouble] = home.push()
    assert "is still at home" in trouble
    assert "13/r_1" in home.store.objects


def test_a_bad_list_or_report_stops_no_other_job(home: Home) -> None:
    """It is named, with the job that it is of."""
    home.came(0, {"r": f"{HERD}/r_0"})
    home.came(1, {"r": f"{HERD}/r_1"})
    told = home.of(0) / PENDING
    whole = told.read_text()
    size = f"\t{len('r of 0')}\t"
    told.write_text(whole.replace(size, "\t" + "9" * 5000 + "\t"))
    assert home.push()[0] == "13.0: line 1 of pending.tsv was not used: its size or its MD5 is none"
    assert "13/r_1" in home.store.objects
    (home.of(0) / "report.json").write_text('{"code": 1e999}')
    [trouble] = home.push()
    assert trouble.startswith("what 13.0 brought back stays in")
    assert (home.of(0) / "outputs/r").exists()


def test_what_is_larger_than_may_come_home_is_not_read(home: Home) -> None:
    """A file without content costs a job nothing."""
    home.came(0, {"r": f"{HERD}/r_0"})
    huge = {**output("r", "", "home", f"{HERD}/r_0"), "size": 2**40}
    home.reported(0, [{**huge, "md5": None}], code=85)
    os.truncate(home.of(0) / "outputs/r", 2**40)
    (home.of(0) / PENDING).write_text(f"outputs/r\t{2**40}\t-\t{HERD}/r_0\n")
    [trouble] = home.push()
    assert "is not the file" in trouble
    assert home.store.written == []
