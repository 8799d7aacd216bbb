"""Where at home belongs what jobs left with a schedd that was handed them."""

import os
from pathlib import Path

import pytest

from hepsub.bundle.bundle import Bundle
from hepsub.bundle.spooled import open_places, places_of
from hepsub.confine import Writable
from tests.unit.bundle.test_request import make_request


def test_the_corners_and_logs_of_the_jobs_that_ended(tmp_path: Path) -> None:
    """And of no job that the submission has not."""
    out = "/w/out.%{ClusterId}.%{ProcId}"
    request = make_request(stdout=out, stderr="/dev/null", event_log="/w/log")
    bundle = Bundle(directory=tmp_path, request=request)
    places = places_of(bundle, 13, [1, 2, -1])
    assert places.directories == (tmp_path / "job/1",)
    names = [each.name for each in places.files]
    assert sorted(names) == ["log", "null", "out.13.1"]


def test_logs_are_made_beforehand(tmp_path: Path) -> None:
    """What is there stays as it is; what is no file, or cannot be made or even looked at, is no place."""
    names = ("new", "old", "pipe", "missing/log", "n" * 300)
    logs = tuple(tmp_path / name for name in names)
    logs[1].write_text("old")
    os.mkfifo(logs[2])
    with open_places([Writable(files=logs), Writable(directories=(tmp_path,))]) as writable:
        assert writable == Writable(directories=(tmp_path,), files=logs[:2])
    assert logs[0].read_text() == ""
    assert logs[1].read_text() == "old"


def test_after_a_failure_empty_ones_are_gone(tmp_path: Path) -> None:
    """What has come stays, and what was there before."""
    logs = tuple(tmp_path / name for name in ("empty", "come", "old"))
    logs[2].touch()

    def fail() -> None:
        with open_places([Writable(files=logs)]):
            logs[1].write_text("come")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["come", "old"]
