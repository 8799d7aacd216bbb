"""What a bundle's directory says of itself, and what stays of it when its jobs have ended."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hepsub import __version__
from hepsub.bundle.bundle import read_bundle, why_of_another, why_unreadable
from hepsub.bundle.directory import ABANDONED_S, strip_bundle, sweep
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.notes import (
    Placed,
    Signed,
    is_ready,
    mark_ready,
    note_signed,
    read_placed,
    read_signed,
)
from hepsub.bundle.root import finished_bundles, kept_bundles, remove_abandoned
from hepsub.errors import BundleUnusable
from hepsub.jobid import SubmissionRef
from hepsub.storage.signing import LONGEST_URL_S
from tests.unit.bundle.test_bundle import make_bundle

NOW = 2_000_000_000.0


def names(directory: Path) -> set[str]:
    """All that is below a directory, but for directories."""
    return {str(each.relative_to(directory)) for each in directory.rglob("*") if not each.is_dir()}


def test_where_the_jobs_are_is_written_into_the_bundle(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    fill_bundle(bundle)
    assert read_placed(bundle.directory) is None
    assert kept_bundles(tmp_path / "b") == ()
    mark_ready(bundle, 13)
    ref = SubmissionRef(uuid="u-1", pool="local", schedd="schedd01.example.org", cluster=13)
    placed = Placed(directory=bundle.directory, ref=ref)
    assert read_placed(bundle.directory) == placed
    assert kept_bundles(tmp_path / "b") == (placed,)
    strip_bundle(bundle.directory)
    assert kept_bundles(tmp_path / "b") == ()
    assert finished_bundles(tmp_path / "b") == (bundle.directory,)


@pytest.mark.parametrize("text", ["", "{}", '{"pool": "p", "schedd": "s", "cluster": 0}'])
def test_a_note_that_says_nothing_places_nothing(tmp_path: Path, text: str) -> None:
    """An empty one, as a power cut leaves it, is written anew."""
    bundle = make_bundle(tmp_path)
    bundle.private("ready").write_text(text)
    assert read_placed(bundle.directory) is None
    assert is_ready(bundle.directory) is bool(text)


@pytest.mark.parametrize(
    ("ends", "signed", "is_known"),
    [
        (LONGEST_URL_S - 60, -60, True),
        (LONGEST_URL_S + 600, 600, True),
        (60, 5000, False),
        (LONGEST_URL_S + 5000, -60, False),
    ],
)
def test_urls_that_a_clock_ahead_has_signed_are_none(
    tmp_path: Path, ends: float, signed: float, is_known: bool
) -> None:
    """When they end is noted, and the note's own time tells when they were signed, both in seconds from now."""
    bundle = make_bundle(tmp_path)
    assert read_signed(bundle.directory, NOW) == {}
    note_signed(bundle, {"herd": NOW + ends})
    os.utime(bundle.private("signed.json"), (NOW + signed, NOW + signed))
    expected = {"herd": Signed(when=NOW + signed, end=NOW + ends)} if is_known else {}
    assert read_signed(bundle.directory, NOW) == expected
    bundle.private("signed.json").write_text('{"herd": "soon"}')
    assert read_signed(bundle.directory, NOW) == {}


def test_why_a_bundle_cannot_be_read(tmp_path: Path) -> None:
    """Nothing of one that can, or that was never written."""
    bundle = make_bundle(tmp_path)
    directory, request = bundle.directory, bundle.private("request.json")
    assert (why_unreadable(directory), why_of_another(directory)) == ("", "")
    fill_bundle(bundle)
    assert (why_unreadable(directory), why_of_another(directory)) == ("", "")
    written = request.read_bytes()
    request.write_text(json.dumps({**json.loads(written), "format": 3, "hepsub": "9.0"}))
    told = f"it was written by hepsub 9.0, and this is {__version__}"
    said = f"the bundle {directory} is passed over: {told}; use that version for its jobs"
    assert (why_unreadable(directory), why_of_another(directory)) == (said, said)
    request.write_bytes(written[:-1])
    assert why_unreadable(directory)
    assert why_of_another(directory) == ""
    request.write_bytes(written)
    directory.chmod(0o750)
    assert why_unreadable(directory).endswith(": others may use it (mode 0750, not 0700)")
    assert read_bundle(directory) is None


def test_what_came_home_stays_and_all_else_goes(tmp_path: Path) -> None:
    """Links are removed, and what they lead to is not; a job that brought nothing home leaves no corner."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/data").write_text("x")
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    fill_bundle(bundle)
    mark_ready(bundle, 13)
    note_signed(bundle, {})
    corner = bundle.directory / "job/0"
    (corner / "home.0/outputs").mkdir(parents=True)
    (corner / "home.0/outputs/r").write_text("r")
    (corner / "home.1").mkdir()
    (corner / "home.1/x").write_text("not of this job")
    (corner / "link").symlink_to(tmp_path / "precious")
    (bundle.directory / "job/5").symlink_to(tmp_path / "precious")
    (bundle.directory / "shared/link").symlink_to(tmp_path / "precious")
    strip_bundle(bundle.directory)
    kept = {f"private/{name}" for name in ("finished", "lock", "ready", "request.json")}
    assert names(bundle.directory) - {"job/5"} == kept | {"job/0/home.0/outputs/r"}
    assert not (bundle.directory / "job/1").exists()
    assert not (bundle.directory / "shared").exists()
    assert (tmp_path / "precious/data").read_text() == "x"
    finished = bundle.private("finished")
    os.utime(finished, (1, 1))
    strip_bundle(bundle.directory)
    assert finished.stat().st_mtime == 1, "when they ended is not noted twice"


def test_a_bundle_that_is_gone_cannot_be_finished(tmp_path: Path) -> None:
    with pytest.raises(BundleUnusable, match=r"gone cannot be written: No such file"):
        strip_bundle(tmp_path / "gone")


@pytest.mark.parametrize(("age", "stays"), [(ABANDONED_S - 60, True), (ABANDONED_S + 60, False)])
def test_what_killed_processes_left_goes_when_it_is_old(
    tmp_path: Path, age: float, stays: bool
) -> None:
    """Temporary files, and directories that were being made or removed."""
    root = tmp_path / "b"
    made = {
        "torn": (root / ".u-1.new", root / ".u-2.gone"),
        "kept": (root / ".libraries", root / "u-4/private/lock", root / "thesis/chapters"),
    }
    for path in (*made["torn"], *made["kept"]):
        path.mkdir(parents=True)
    (root / "file").write_text("")
    old = (tmp_path / "f/.tmp", tmp_path / "f/tmp", tmp_path / "f/.d")
    old[2].mkdir(parents=True)
    for path in old[:2]:
        path.write_text("")
    for path in (*root.iterdir(), *old):
        os.utime(path, (NOW - age, NOW - age))
    remove_abandoned(root, NOW)
    sweep(tmp_path / "f", NOW)
    assert [path.exists() for path in made["torn"]] == [stays] * 2
    assert all(path.exists() for path in (*made["kept"], root / "file"))
    assert [path.exists() for path in old] == [stays, True, True]
