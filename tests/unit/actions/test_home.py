"""Outputs that came home for a path: put there whole, or left where they are, whatever a job left beside them."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hepsub.actions.returned.place import place_outputs
from hepsub.bundle.bundle import Bundle, read_bundle
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]


class Returned:
    """A bundle of two jobs with an output for a path and a pattern for a directory, and what came home."""

    def __init__(self, world: World, results: Path) -> None:
        words = ("-out", f"r={results}/r_%{{ProcId}}", "-out", f"d/h*={results}/%{{ProcId}}/")
        more = ("-out", f"tree={results}/tree_%{{ProcId}}", "-out", f"t/*/x={results}/t/")
        bundle = read_bundle(world.submit("-n", "2", *words, *more))
        assert bundle is not None
        self.bundle: Bundle = bundle
        self.results = results
        for proc in range(2):
            (self.home(proc) / "outputs").mkdir(parents=True)

    def home(self, proc: int = 0) -> Path:
        """What one job brought back."""
        return self.bundle.returned(proc)

    def file(self, name: str, proc: int = 0) -> Path:
        """A file among its outputs."""
        path = self.home(proc) / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} of {proc}")
        return path

    def report(self, content: bytes | dict[str, Any], proc: int = 0) -> None:
        """Let a job report this."""
        whole = content if isinstance(content, bytes) else json.dumps(content).encode()
        (self.home(proc) / "report.json").write_bytes(whole)

    def place(self) -> tuple[str, ...]:
        """Put what came home where it belongs."""
        return place_outputs(self.bundle, 13, range(2))

    def placed(self) -> set[str]:
        """What is where it belongs."""
        return {
            str(each.relative_to(self.results))
            for each in self.results.rglob("*")
            if each.is_file()
        }


@pytest.fixture
def returned(world: World, tmp_path: Path) -> Returned:
    return Returned(world, tmp_path / "results")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Give a directory of the user's that no job may touch."""
    (tmp_path / "precious/d").mkdir(parents=True)
    for name in ("thesis.tex", "r", "d/h1"):
        (tmp_path / "precious" / name).write_text("mine")
    return tmp_path / "precious"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond three bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_gets_no_rubbish(returned: Returned) -> None:
    """What could not be written whole is removed; the output stays at home, and is placed later."""
    came = returned.file("r")
    with full_disk():
        [trouble] = returned.place()
    assert f"r_0 could not be written (File too large); it lies in {came}" in trouble
    assert list(returned.results.iterdir()) == []
    assert returned.place() == ()
    assert (returned.results / "r_0").read_text() == "r of 0"
    assert not came.exists()


def test_a_file_keeps_its_time_and_what_may_be_done_with_it(returned: Returned) -> None:
    came = returned.file("r")
    came.chmod(0o4750)
    os.utime(came, (1_700_000_000, 1_700_000_000))
    returned.place()
    facts = (returned.results / "r_0").stat()
    assert (facts.st_mode & 0o7777, facts.st_mtime) == (0o750, 1_700_000_000)


def test_a_match_of_a_pattern_contributes_its_last_component_only(returned: Returned) -> None:
    returned.file("d/h1")
    returned.file("d/e/h2")
    returned.file("h3")
    assert returned.place() == ()
    assert returned.placed() == {"0/h1"}


def test_a_directory_is_placed_whole(returned: Returned) -> None:
    """It joins the one of its name that is there, as it does where the job moves it itself."""
    goal = returned.results / "tree_0"
    (returned.results / "tree_0/tree").mkdir(parents=True)
    (goal / "thesis").write_text("mine")
    (goal / "tree/old").write_text("old")
    returned.file("tree/a b")
    returned.file("tree/c/d")
    assert returned.place() == ()
    placed = {"tree_0/thesis", "tree_0/tree/old", "tree_0/tree/a b", "tree_0/tree/c/d"}
    assert returned.placed() == placed
    assert [path.name for path in returned.results.iterdir()] == ["tree_0"]
    assert returned.place() == ()


def test_a_directory_is_placed_whole_or_stays(returned: Returned) -> None:
    came = returned.file("tree/a b")
    with full_disk():
        [trouble] = returned.place()
    assert "could not be written (File too large)" in trouble
    assert returned.placed() == set()
    assert list(returned.results.iterdir()) == []
    assert came.exists()


def test_what_is_a_directory_gets_the_file(returned: Returned) -> None:
    """As a job does that moves it there itself."""
    (returned.results / "r_0").mkdir(parents=True)
    returned.file("r")
    assert returned.place() == ()
    assert returned.placed() == {"r_0/r"}


def test_of_two_matches_of_one_file_name_one_stays(returned: Returned) -> None:
    returned.file("t/1/x")
    came = returned.file("t/2/x")
    [trouble] = returned.place()
    assert f"{came} stays there: another match has the same file name" in trouble
    assert (returned.results / "t/x").read_text() == "t/1/x of 0"
    assert came.exists()


def test_only_what_the_report_tells_of_is_placed(returned: Returned) -> None:
    returned.file("r")
    returned.file("d/h1")
    returned.report({"code": 0, "outputs": [{"name": "d/h1", "state": "home"}]})
    assert returned.place() == ()
    assert returned.placed() == {"0/h1"}


@pytest.mark.parametrize("told", [{"size": 3}, {"size": 6, "md5": "0" * 32}])
def test_what_is_not_the_file_that_the_report_tells_of_stays(
    returned: Returned, told: dict[str, Any]
) -> None:
    """A transfer that broke mixes the files of two runs: hep_fetch does not bring it either."""
    returned.file("r")
    returned.report({"code": 0, "outputs": [{"name": "r", "state": "home", **told}]})
    [trouble] = returned.place()
    assert "outputs/r is not the file that the job's report tells of: it stays there" in trouble
    assert returned.placed() == set()
    returned.report({"code": 0, "outputs": [{"name": "r", "state": "home", "size": 6}]})
    assert returned.place() == ()
    assert returned.placed() == {"r_0"}


def test_a_report_names_no_places(returned: Returned, tmp_path: Path) -> None:
    """Not where a file goes, nor another one than the request has."""
    returned.file("r")
    returned.file("evil")
    elsewhere = str(tmp_path / "authorized_keys")
    outputs = [{"name": name, "state": "home", "url": elsewhere} for name in ("r", "evil")]
    returned.report({"code": 0, "outputs": outputs})
    assert returned.place() == ()
    assert returned.placed() == {"r_0"}
    assert not (tmp_path / "authorized_keys").exists()


# ---- what a job leaves instead of files ---------------------------------------------------------


def test_a_link_among_the_outputs_is_not_followed_but_named(
    returned: Returned, precious: Path
) -> None:
    """The file it points to is the user's own, such as a key; relative ones are left as well."""
    (returned.home() / "outputs/r").symlink_to(precious / "thesis.tex")
    (returned.home() / "outputs/d").symlink_to(precious / "d")
    returned.file("r", 1)
    (returned.home(1) / "outputs/d").mkdir()
    (returned.home(1) / "outputs/d/h1").symlink_to("../r")
    notes = returned.place()
    assert [note.partition(" stay in ")[0] for note in notes] == [
        "'d', 'r' of 13.0",
        "'d/h1' of 13.1",
    ]
    assert returned.placed() == {"r_1"}
    assert (returned.home() / "outputs/r").is_symlink()


@pytest.mark.parametrize("name", ["", "outputs"])
def test_a_directory_that_is_a_link_is_not_entered(
    returned: Returned, precious: Path, name: str
) -> None:
    """One job that leaves such a thing does not keep the others from their outputs."""
    target = returned.home() / name
    (returned.home() / "outputs").rmdir()
    if not name:
        returned.home().rmdir()
    target.symlink_to(precious if name else precious.parent)
    returned.file("r", 1)
    [note] = returned.place()
    assert note.startswith(f"what 13.0 brought back stays in {returned.home()}: ")
    assert returned.placed() == {"r_1"}
    assert sorted(each.name for each in precious.iterdir()) == ["d", "r", "thesis.tex"]


def test_a_fifo_and_a_huge_sparse_file_are_left(returned: Returned) -> None:
    os.mkfifo(returned.home() / "outputs/r")
    os.truncate(returned.file("r", 1), 2**40)
    first, second = returned.place()
    assert "'r' of 13.0 stay in" in first
    assert "larger than what may come home" in second
    assert returned.placed() == set()


@pytest.mark.parametrize(
    "kind", ["link", "fifo", "directory", "sparse", "deep", "infinite", "list"]
)
def test_a_report_that_is_none_stops_no_other_job(
    returned: Returned, precious: Path, kind: str
) -> None:
    """What that job brought stays, and somebody hears of it."""
    returned.file("r")
    returned.file("r", 1)
    report = returned.home() / "report.json"
    if kind == "link":
        report.symlink_to(precious / "thesis.tex")
    elif kind == "fifo":
        os.mkfifo(report)
    elif kind == "directory":
        report.mkdir()
    elif kind == "sparse":
        report.touch()
        os.truncate(report, 16 * 2**30)
    else:
        bad = {"deep": b"[" * 200_000, "infinite": b'{"code": 1e999}', "list": b'{"code": [0]}'}
        returned.report(bad[kind])
    [note] = returned.place()
    assert note.startswith(f"what 13.0 brought back stays in {returned.home()}: ")
    assert note.endswith("; hep_fetch 13.0 brings what can be read")
    assert returned.placed() == {"r_1"}
    assert (precious / "thesis.tex").read_text() == "mine"
