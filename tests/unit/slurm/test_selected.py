"""What squeue is asked for, and which submissions that are kept a selection means."""

from __future__ import annotations

import pytest

from hepsub.batch import Selection
from hepsub.jobid import JobId
from hepsub.slurm.selected import asked_for, is_slip_meant, is_whole_meant, own_marks
from tests.unit.slurm.test_rows import one
from tests.unit.slurm.test_slips import UUID, slip


@pytest.mark.parametrize(
    ("ids", "asked"),
    [
        ([], []),
        ([JobId(cluster=7)], ["7"]),
        ([JobId(cluster=7, first=0, last=0)], ["7_0"]),
        ([JobId(cluster=7, first=1, last=2), JobId(cluster=8, first=2, last=2)], ["7_1", "7_2", "8_2"]),
        ([JobId(cluster=7, first=0, last=1), JobId(cluster=7, first=1, last=1)], ["7_0", "7_1"]),
        ([JobId(cluster=9, first=0, last=0), JobId(cluster=7)], ["7", "9"]),
        ([JobId(cluster=7, first=1, last=501)], ["7"]),
    ],
)  # fmt: skip
def test_a_few_jobs_are_asked_for_by_themselves(ids: list[JobId], asked: list[str]) -> None:
    assert asked_for(ids) == asked


def test_no_more_jobs_than_a_command_line_holds() -> None:
    assert len(asked_for([JobId(cluster=7, first=0, last=499)])) == 500


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), True),
        (Selection(ids=(JobId(cluster=8), JobId(cluster=7, first=1, last=1))), True),
        (Selection(ids=(JobId(cluster=8),)), False),
        (Selection(owner="alice"), True),
        (Selection(owner="bob"), False),
        (Selection(once="reco"), True),
        (Selection(once="other"), False),
        (Selection(uuid=UUID), True),
        (Selection(uuid="f" * 36), False),
    ],
)
def test_a_submission_that_is_kept(selection: Selection, meant: bool) -> None:
    assert is_slip_meant(slip(cluster=7, owner="alice", once="reco"), selection) == meant


@pytest.mark.parametrize(
    ("ids", "whole"),
    [
        ((), True),
        ((JobId(cluster=7),), True),
        ((JobId(cluster=7, first=0, last=2),), True),
        ((JobId(cluster=7, first=1, last=2),), False),
        ((JobId(cluster=8),), False),
    ],
)
def test_a_whole_submission_that_is_kept(ids: tuple[JobId, ...], *, whole: bool) -> None:
    assert is_whole_meant(slip(cluster=7), Selection(ids=ids)) == whole


@pytest.mark.parametrize(("owner", "uuid"), [("alice", UUID), ("bob", "")])
def test_a_mark_counts_on_ones_own_jobs_alone(owner: str, uuid: str) -> None:
    """Anybody can write it."""
    row = one(UserName=owner, Comment=f"hepsub:{UUID}:key")
    assert own_marks(row, "alice").uuid == uuid
    assert bool(own_marks(row, "alice").once) is bool(uuid)
