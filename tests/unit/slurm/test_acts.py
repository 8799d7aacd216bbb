"""What is done to jobs: which program is told which of them, and what counts where it could not do it to all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hepsub.batch import Act, ActCount
from hepsub.errors import NotDone, ToolFailed
from hepsub.slurm.acts import act_on, edit_jobs
from hepsub.slurm.rows import Row
from tests.fakes.programs import Programs
from tests.fakes.slurm import FakeSlurm
from tests.unit.slurm.test_rows import one

REQUEUED = "job requeued in held state"


@pytest.fixture
def slurm(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Give a Slurm that does all it is told, to a user who is not root, whoever runs the tests."""
    monkeypatch.setattr("hepsub.slurm.acts.os.getuid", lambda: 1000)
    return FakeSlurm(programs)


def tasks(text: str, state: str = "PENDING", reason: str = "None", owner: str = "alice") -> Row:
    """Tasks of an array."""
    return one(ArrayTaskID=text, State=state, Reason=reason, UserName=owner)


def unseen(_clusters: object) -> list[Row]:
    """Fail where nobody needs to look again."""
    raise AssertionError


ALL = (
    tasks("0-9"),
    tasks("10", "RUNNING"),
    tasks("11", "COMPLETING"),
    tasks("12-13", reason="JobHeldUser"),
    tasks("14", "COMPLETED"),
    tasks("15", owner="bob"),
    tasks("16", "COMPLETING", REQUEUED),
    one(ArrayTaskID="N/A", ArrayJobID="88", JobID="88", State="SUSPENDED"),
)


@pytest.mark.parametrize(
    ("act", "calls", "count"),
    [
        (
            Act.HOLD,
            ["hold 4711_[0-9]", "requeuehold 88,4711_[10]"],
            ActCount(done=12, already=3, wrong_state=2, denied=1, runs_ended=2),
        ),
        (
            Act.RELEASE,
            ["release 4711_[12-13,16]"],
            ActCount(done=3, already=0, wrong_state=14, denied=1),
        ),
        (
            Act.REMOVE,
            ["88 4711_[0-13,16]"],
            ActCount(done=16, already=0, wrong_state=1, denied=1),
        ),
    ],
)
def test_each_act_has_its_jobs_and_its_program(
    slurm: FakeSlurm, act: Act, calls: list[str], count: ActCount
) -> None:
    """A running job that is held is put back into the queue; scancel takes words apart, scontrol a list."""
    assert act_on(act, ALL, "alice", unseen) == count
    assert slurm.calls("scancel" if act is Act.REMOVE else "scontrol") == calls


@pytest.mark.parametrize(
    ("act", "later", "done"),
    [
        (Act.HOLD, [tasks("0-2", reason="JobHeldUser"), tasks("3", "RUNNING")], 3),
        (Act.HOLD, [tasks("0", reason="JobHeldUser"), tasks("1-3", "COMPLETED")], 1),
        (Act.REMOVE, [tasks("0", "RUNNING"), tasks("1", "COMPLETING"), tasks("2", "CANCELLED")], 3),
        (Act.REMOVE, [tasks("9", "RUNNING")], 4),
    ],
)
def test_where_not_all_could_be_done_the_queue_tells_of_how_many(
    slurm: FakeSlurm, act: Act, later: list[Row], done: int
) -> None:
    """One that has ended meanwhile is not on hold, and need not be removed any more."""
    for name in ("scontrol", "scancel"):
        slurm.answer(name, "scontrol: error: some of them", code=1)
    asked = list[object]()

    def look(clusters: object) -> list[Row]:
        asked.append(clusters)
        return [each.of(proc) for each in later for part in each.tasks for proc in part]

    count = act_on(act, [tasks("0-3")], "alice", look)
    assert (count.done, count.wrong_state, asked) == (done, 4 - done, [(4711,)])


def test_of_runs_that_a_hold_could_not_end_none_is_said(slurm: FakeSlurm) -> None:
    slurm.answer("scontrol", "requeue is disabled", code=1)
    look: Callable[[object], list[Row]] = lambda _: [tasks("0", "RUNNING")]  # noqa: E731
    count = act_on(Act.HOLD, [tasks("0", "RUNNING")], "alice", look)
    assert (count.done, count.runs_ended, count.wrong_state) == (0, 0, 1)


SCATTERED = one(ArrayTaskID=",".join(str(2 * proc) for proc in range(20_000)))
STARTED = "slurm_update error: Job is no longer pending execution"


@pytest.mark.parametrize("started", [False, True])
def test_all_jobs_are_changed_that_wait_however_many_calls_it_takes(
    slurm: FakeSlurm, *, started: bool
) -> None:
    if started:
        slurm.answer("scontrol", STARTED, code=1)
        with pytest.raises(NotDone, match="no longer pending"):
            edit_jobs(("minmemorynode=3000",), [SCATTERED])
    else:
        edit_jobs(("minmemorynode=3000",), [SCATTERED])
    calls = slurm.calls("scontrol")
    assert len(calls) == 2
    assert all(
        each.startswith("update jobid=4711_[") and each.endswith(" minmemorynode=3000")
        for each in calls
    )
    assert ",39998]" in calls[1]


def test_what_slurm_does_not_allow_is_said_in_its_words(slurm: FakeSlurm) -> None:
    slurm.answer("scontrol", "slurm_update error: Access/permission denied", code=1)
    with pytest.raises(ToolFailed, match="Access/permission denied"):
        edit_jobs(("timelimit=10:00",), [tasks("0")])


def test_another_priority_is_for_jobs_that_are_not_on_hold(slurm: FakeSlurm) -> None:
    """Slurm 22.05 would start them."""
    held = [tasks("0-9"), tasks("10-12", reason="JobHeldUser")]
    with pytest.raises(NotDone, match=r"3 job\(s\) are on hold"):
        edit_jobs(("nice=5",), held)
    assert slurm.calls("scontrol") == []
    edit_jobs(("minmemorynode=3000",), held)
    assert slurm.calls("scontrol") == ["update jobid=4711_[0-12] minmemorynode=3000"]
