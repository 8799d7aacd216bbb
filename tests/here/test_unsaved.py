"""Outputs that can be put nowhere: the job is on hold with the reason, and what it made is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hepsub.batch import Act, JobStatus, State
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.local.outcome import (
    UNSAVED,
    UNSAVED_CODE,
    HoldCause,
    after,
    clear_scratch,
    complaint_of,
    scratch_directory,
)
from hepsub.local.record import End, Record
from tests.here.world import Here
from tests.unit.bundle.test_request import make_request

SMALL_HOME = "[staging]\nhome_limit = 1\n"
MAKES = """
[ ! -e "$HEPSUB_SUBMIT_DIR/mended" ] || exec sh -c 'echo small >big'
head -c 2000000 /dev/zero >big
rm -rf "$HEPSUB_SUBMIT_DIR/goal"
touch "$HEPSUB_SUBMIT_DIR/goal"
"""
"""Makes more than may come home, and its place a file where a directory has to be."""


@pytest.fixture
def held(here: Here) -> tuple[Here, JobStatus, Path]:
    """A job whose outputs found no place, and its scratch directory."""
    root = here.directory / "bundles"
    here = replace(here, policy=f'{here.policy}{SMALL_HOME}bundle_dir = "{root}"\n')
    here.script(MAKES)
    (here.directory / "goal").mkdir()
    cluster = here.submit("job.sh", "-out", "big=goal/big", "-wt", "6s")
    job = here.reach(f"{cluster}.0", State.HELD)
    [bundle] = root.iterdir()
    return here, job, scratch_directory(str(bundle), 0)


def test_it_is_held_and_nothing_is_thrown_away(held: tuple[Here, JobStatus, Path]) -> None:
    here, job, scratch = held
    assert (job.hold_code, job.exit_code) == (UNSAVED_CODE, UNSAVED)
    assert job.hold_reason == (
        "these outputs could neither be uploaded nor brought home: 'big'; they are kept in "
        f"{scratch}"
    )
    assert (scratch / "big").stat().st_size == 2_000_000
    assert not (scratch / ".hepsub").exists()
    advice = here.pool.explain(job, job.job, 0)
    assert advice.sentence.startswith("it ran to its end, but these outputs")
    assert f"hep_release {job.job}" in advice.next_command
    assert here.act(Act.REMOVE) == 1
    assert not scratch.exists()
    [past] = here.ended(job.cluster)
    assert (past.state, past.exit_code) == (State.REMOVED, UNSAVED)


def test_released_it_runs_again(held: tuple[Here, JobStatus, Path]) -> None:
    here, job, scratch = held
    (here.directory / "goal").unlink()
    (here.directory / "mended").touch()
    here.act(Act.RELEASE)
    [end] = here.ended(job.cluster)
    assert (end.state, end.exit_code) == (State.COMPLETED, 0)
    assert here.read("goal/big") == "small\n"
    assert not scratch.exists()


def test_a_payload_may_end_with_87_itself(here: Here) -> None:
    root = here.directory / "bundles"
    here = replace(here, policy=f'{here.policy}[staging]\nbundle_dir = "{root}"\n')
    here.script("echo x >r; exit 87")
    [end] = here.ended(here.submit("job.sh", "-out", "r=goal/r"))
    assert (end.state, end.exit_code) == (State.COMPLETED, 87)
    assert here.read("goal/r") == "x\n"
    assert list(root.glob("*/scratch/*")) == []


@pytest.mark.parametrize("state", list(State))
def test_whatever_was_asked_meanwhile(state: State) -> None:
    result, hold = after(
        state, Record(end=End(when=1, exit_code=UNSAVED)), HoldCause(UNSAVED_CODE, 0, "no place")
    )
    if state is State.REMOVED:
        assert (result, hold) == (State.REMOVED, None)
    else:
        assert result is State.HELD
        assert hold is not None
        assert hold.reason == "no place"


def test_what_the_report_tells(tmp_path: Path) -> None:
    bundle = Bundle(directory=tmp_path, request=make_request())
    fill_bundle(bundle)
    home = bundle.returned(3)
    assert complaint_of(str(tmp_path), 3, UNSAVED) is None
    home.mkdir(parents=True)
    for text in (
        "",
        "{",
        "[]",
        "{}",
        '{"code": 85, "message": "m"}',
        '{"code": 87}',
        '{"code": 87, "message": []}',
        "[" * 10**5,
    ):
        (home / "report.json").write_text(text)
        assert complaint_of(str(tmp_path), 3, UNSAVED) is None
    (home / "report.json").write_text(json.dumps({"code": 87, "message": "m"}))
    assert complaint_of(str(tmp_path), 3, UNSAVED) == HoldCause(UNSAVED_CODE, 0, "m")
    assert complaint_of(str(tmp_path), 3, 83) is None
    scratch = scratch_directory(str(tmp_path), 3)
    scratch.mkdir(parents=True)
    assert complaint_of(str(tmp_path), 3, UNSAVED) == HoldCause(
        UNSAVED_CODE, 0, f"m; they are kept in {scratch}"
    )
    clear_scratch("", 3)
    assert scratch.exists()
    clear_scratch(str(tmp_path), 3)
    assert not scratch.exists()
    scratch.parent.rmdir()
    (tmp_path / "precious/3").mkdir(parents=True)
    scratch.parent.symlink_to(tmp_path / "precious")
    clear_scratch(str(tmp_path), 3)
    assert (tmp_path / "precious/3").exists()
