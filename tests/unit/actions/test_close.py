"""Bundles whose jobs have ended: secrets go at once, what users made never, reports after a while."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from hepsub.actions.renew.renew import Renewed
from hepsub.auth.renewal import read_state
from hepsub.bundle.directory import discard_bundle
from hepsub.errors import NotDone
from hepsub.result import Result
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]

DAY = 86400.0
BROUGHT = '{"code": 0, "outputs": [{"name": "r", "state": "home"}]}'


@pytest.fixture
def ended(world: World) -> Path:
    """A bundle whose only job has left the queue, with a report; nobody has looked yet."""
    bundle = world.submit("-cred", "iam", "-out", f"r={world.directory}/results/r")
    home = bundle / "job/0/home.0"
    (home / "outputs").mkdir(parents=True)
    (home / "report.json").write_text(BROUGHT)
    world.schedd.jobs.clear()
    return bundle


def told(result: Result[Renewed]) -> list[str]:
    """All that a round says."""
    return [*result.notes, *(each.message for each in result.problems)]


def age(bundle: Path, days: float) -> None:
    """Let the end be so long ago."""
    when = time.time() - days * DAY
    os.utime(bundle / "private/finished", (when, when))


def test_an_output_for_a_path_is_put_there(world: World, ended: Path) -> None:
    """Directories are made; a file that is there is replaced."""
    (ended / "job/0/home.0/outputs/r").write_text("a result")
    result = world.renew()
    assert (result.notes, result.problems) == ((), ())
    assert (world.directory / "results/r").read_text() == "a result"
    assert not (ended / "job/0/home.0/outputs/r").exists()


def test_secrets_go_at_once_and_reports_after_thirty_days(world: World, ended: Path) -> None:
    """[renew] keep; it is counted from the end."""
    world.renew()
    left = {str(path.relative_to(ended)) for path in ended.rglob("*") if path.is_file()}
    assert left == {
        *(f"private/{name}" for name in ("finished", "lock", "ready", "request.json")),
        "job/0/home.0/report.json",
    }
    age(ended, 29)
    world.renew()
    assert ended.exists()
    age(ended, 31)
    world.renew()
    assert not ended.exists()


def test_what_has_no_place_is_never_forgotten(world: World, ended: Path) -> None:
    """The goal cannot be written: it is told in each round, for as long as it takes."""
    (world.directory / "results").write_text("a file where a directory should be")
    (ended / "job/0/home.0/outputs/r").write_text("a result")
    for _ in range(2):
        result = world.renew()
        assert any("results/r could not be written" in note for note in told(result)), result
        age(ended, 400)
    assert (ended / "job/0/home.0/outputs/r").read_text() == "a result"
    assert not (ended / "creds").exists()
    (world.directory / "results").unlink()
    world.renew()
    assert (world.directory / "results/r").read_text() == "a result"
    assert ended.exists(), "the report was kept for no time at all"


def test_secrets_do_not_wait_for_logs_that_cannot_be_placed(world: World) -> None:
    """These stay, are told, and get there when their directory is back."""
    logs = world.directory / "logs"
    logs.mkdir()
    bundle = world.submit("-cred", "iam", "-o", f"{logs}/o", "-e", f"{logs}/o")
    shutil.rmtree(logs)
    (bundle / "private/unlinked").touch()
    (bundle / "job/0/stdout").write_text("said")
    (bundle / "job/0/iam.token").write_text("secret")
    world.schedd.jobs.clear()
    assert f"{logs}/o cannot be written (No such file or directory)" in told(world.renew())
    left = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert left == {
        *(f"private/{name}" for name in ("lock", "ready", "request.json", "unlinked")),
        "job/0/stdout",
    }
    logs.mkdir()
    assert told(world.renew()) == []
    assert (logs / "o").read_text() == "said"
    assert not (bundle / "job/0/stdout").exists()


def test_of_many_sentences_the_state_keeps_as_many_as_can_be_read_again(world: World) -> None:
    """Each output of ten thousand jobs may have one."""
    bundle = world.submit("-out", f"*.root={world.directory}/results/")
    (world.directory / "results").write_text("a file where a directory should be")
    (bundle / "job/0/home.0/outputs").mkdir(parents=True)
    for number in range(1200):
        (bundle / f"job/0/home.0/outputs/{number}{'x' * 200}.root").write_text("x")
    world.schedd.jobs.clear()
    result = world.renew()
    assert len(result.problems) == 1200
    *kept, last = read_state(bundle.parent, world.now).notes
    assert sum(map(len, kept)) <= 2**19
    assert last == f"and {1200 - len(kept)} more"


def test_one_that_is_settled_is_not_looked_through_again(world: World, ended: Path) -> None:
    """Its 10,000 directories cost a second in every round; whoever puts something there does so in vain."""
    world.renew()
    assert (ended / "private/finished").stat().st_size > 0
    (ended / "private/request.json").unlink()
    assert told(world.renew()) == []
    age(ended, 31)
    world.renew()
    assert not ended.exists()


def test_one_of_an_older_hepsub_is_looked_through_once(world: World, ended: Path) -> None:
    """Its mark is empty."""
    world.renew()
    (ended / "private/finished").write_text("")
    (ended / "job/0/home.0/outputs/r").write_text("late")
    world.renew()
    assert (world.directory / "results/r").read_text() == "late"
    assert (ended / "private/finished").stat().st_size > 0


def test_torn_files_of_killed_rounds_go(world: World) -> None:
    """After an hour; a file that somebody may be writing now stays."""
    bundle = world.submit("-cred", "iam")
    renewal = bundle.parent / ".renew"
    world.renew()
    torn = [
        renewal / ".state.json.7",
        bundle / "private/.signed.json.7",
        bundle / "private/creds/.iam.token.7.9",
    ]
    fresh = bundle / "private/creds/.iam.token.8.1"
    for path in (*torn, fresh):
        path.write_text("half")
    for path in torn:
        os.utime(path, (time.time() - 3700, time.time() - 3700))
    world.renew()
    assert [path for path in torn if path.exists()] == []
    assert fresh.exists()
    assert (bundle / "private/creds/iam.token").exists()
    discard_bundle(bundle)
    assert not bundle.exists()


def test_what_had_to_be_left_alone_is_a_problem(world: World, ended: Path) -> None:
    """By hand the exit code says "not all"; who runs it by itself comes again."""
    (ended / "job/0/home.0/report.json").write_text("{")
    result = world.renew()
    assert [each.code for each in result.problems] == ["left-alone"]
    assert result.exit_code == NotDone.exit_code


# ---- what a job leaves instead ------------------------------------------------------------------


def test_a_spoilt_bundle_keeps_no_other_one_back(world: World, ended: Path, tmp_path: Path) -> None:
    """Its job is named; the outputs of the other one get into their place."""
    second = world.submit("-out", f"r={world.directory}/results/second")
    world.schedd.jobs.clear()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.tex").write_text("mine")
    (ended / "job/0/home.0/outputs").rmdir()
    (ended / "job/0/home.0/outputs").symlink_to(tmp_path / "precious")
    (second / "job/0/home.0/outputs").mkdir(parents=True)
    (second / "job/0/home.0/outputs/r").write_text("a result")
    for _ in range(2):
        notes = told(world.renew())
        assert len([note for note in notes if "13.0 brought back stays in" in note]) == 1
    assert (world.directory / "results/second").read_text() == "a result"
    assert (tmp_path / "precious/thesis.tex").read_text() == "mine"
    assert (ended / "private/finished").stat().st_size == 0, "somebody may want to look at it"


def test_a_link_is_named_and_never_forgotten(world: World, ended: Path, tmp_path: Path) -> None:
    """It is what a user made, perhaps; and the file that it points to stays as it is."""
    (tmp_path / "key").write_text("mine")
    (ended / "job/0/home.0/outputs/r").symlink_to(tmp_path / "key")
    world.renew()
    age(ended, 400)
    assert any("'r' of 13.0 stay in" in note for note in told(world.renew()))
    assert (ended / "job/0/home.0/outputs/r").is_symlink()
    assert not (world.directory / "results/r").exists()
    assert (tmp_path / "key").read_text() == "mine"


def test_a_bundle_in_which_a_job_made_deep_directories_is_removed(
    world: World, ended: Path
) -> None:
    """The library's way of removing a directory ends with RecursionError, and the round with it."""
    world.renew()
    deep = os.open(ended / "job/0/home.0", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    age(ended, 31)
    try:
        assert told(world.renew()) == []
        assert not ended.exists()
    finally:
        subprocess.run(["rm", "-rf", ended], check=True)  # pytest's own way would fail, too
