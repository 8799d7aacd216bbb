"""hep_sub -resubmit on the embedded pool: the same jobs, under their own names, and none twice."""

from __future__ import annotations

import pytest

from hepsub.actions.submit.choose import Wanted
from hepsub.actions.submit.respell import Changes
from hepsub.actions.submit.resubmit import resubmit
from hepsub.actions.submit.result import Submission
from hepsub.batch import Act, State, memory_to_ask_for
from hepsub.errors import NotDone
from hepsub.jobid import parse_job_id
from hepsub.result import Result
from tests.here.world import Here

_FAILS_ONCE = """echo "$*" "$HEPSUB_ITEM" $_CONDOR_IHEP_JOB_ID $FLAVOUR >> ran.$1
[ -e good ] || [ $(($1 % 2)) = 0 ]"""


def again(
    here: Here,
    job: str,
    changes: Changes = Changes(),  # noqa: B008
    **wanted: object,
) -> Result[Submission]:
    return resubmit(here.session(), Wanted(job=parse_job_id(job), **wanted), changes)  # type: ignore[arg-type]


def test_failed_jobs_keep_their_names(here: Here) -> None:
    """ProcId, Index, item, log names and the variable are those of the first time, as often as it is done."""
    here = Here(
        directory=here.directory, environment={"FLAVOUR": "vanilla", "PATH": "/usr/bin:/bin"}
    )
    try:
        here.script(_FAILS_ONCE)
        (here.directory / "runs.txt").write_text("a\nb\nc\nd\ne f\nf\n")
        words = "job.sh -list runs.txt -first 100 -o log -e log -argu %{ProcId} %{Index} %{item} %{ClusterId}"
        cluster = here.submit(*words.split())
        assert [job.exit_code for job in here.ended(cluster)] == [0, 1, 0, 1, 0, 1]
        (here.directory / "runs.txt").write_text("other\n")  # the list is the one of that time
        second = again(here, str(cluster), failed=True).value.submitted.cluster
        assert [job.exit_code for job in here.ended(second)] == [1, 1, 1]
        (here.directory / "good").write_text("")
        third = again(here, f"{second}.1-2").value.submitted.cluster
        assert [job.exit_code for job in here.ended(third)] == [0, 0]
        line = f"3 103 d {cluster}  {cluster}.3 vanilla\n"
        assert here.read("ran.3") == line * 3
        assert here.read("ran.5") == f"5 105 f {cluster}  {cluster}.5 vanilla\n" * 3
        assert here.read("ran.1") == f"1 101 b {cluster}  {cluster}.1 vanilla\n" * 2
        logs = {path.name for path in (here.directory / "log").iterdir()}
        assert {f"job.sh.out.{second}.3", f"job.sh.err.{third}.5"} <= logs
        result = again(
            here, str(cluster), failed=True
        )  # the last one of the first cluster's that is left
        assert here.ended(result.value.submitted.cluster)[0].arguments == (
            "1",
            "101",
            "b",
            str(cluster),
        )
        with pytest.raises(NotDone, match="6 ended with exit code 0"):
            again(here, str(cluster), failed=True)
    finally:
        here.close()


def test_what_goes_on_or_went_well_is_not_run_again(here: Here) -> None:
    """Named it is refused, else passed over; and a job that was resubmitted counts as its successor."""
    here.script('[ "$1" = 0 ] && exec sleep 1000; [ "$1" = 1 ]')
    cluster = here.submit("job.sh", "-n", "3", "-argu", "%{ProcId}")
    here.reach(f"{cluster}.0", State.RUNNING)
    here.reach(f"{cluster}.1", State.COMPLETED)
    here.reach(f"{cluster}.2", State.COMPLETED)
    with pytest.raises(
        NotDone, match=rf"{cluster}\.0 is running, {cluster}\.1 ended with exit code 0"
    ):
        again(here, str(cluster), only=(0, 1, 2))
    here.script("exec sleep 1000")
    result = again(here, str(cluster))
    second = result.value.submitted.cluster
    here.reach(f"{second}.0", State.RUNNING)
    assert any("1 is running, 1 ended with exit code 0" in note for note in result.notes)
    assert any(
        "changed since that submission" in note and "job.sh" in note for note in result.notes
    )
    with pytest.raises(NotDone, match=rf"{cluster}\.2 \(now {second}\.0\) is running"):
        again(here, f"{cluster}.2")
    with pytest.raises(NotDone, match="2 is running"):
        again(here, str(cluster))
    here.act(Act.REMOVE)
    here.ended(second)
    assert here.reach(f"{again(here, str(second)).value.submitted.cluster}.0", State.RUNNING)


def test_a_job_on_hold_is_removed_first(here: Here) -> None:
    """With the memory that it was seen to need."""
    here.script('exec python3 -c "import time; b = bytearray(150 << 20); time.sleep(1000)"')
    cluster = here.submit("job.sh")
    held = here.reach(f"{cluster}.0", State.HELD)
    assert held.hold_subcode == 34
    result = again(here, str(cluster))
    second = result.value.submitted.cluster
    assert here.state(f"{cluster}.0") is State.REMOVED
    [job] = here.queued(str(second))
    assert job.requested_mb == memory_to_ask_for(held.memory_mb, 100) >= 200
    assert any(f"asks for {job.requested_mb} MB now" in note for note in result.notes)
    here.act(Act.HOLD)
    third = again(here, str(cluster), Changes(memory_mb=1300)).value.submitted.cluster
    assert here.queued(str(third))[0].requested_mb == 1300
