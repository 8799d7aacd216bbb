"""-wait: 0 only if every job ended with 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.later import wait_for as wait_for_jobs
from hepsub.actions.queue.wait import Waited, wait
from hepsub.actions.submit.result import Submission
from hepsub.batch import SPOOLING, JobStatus, State, end_text
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import new_bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.notes import mark_ready
from hepsub.errors import PoolUnreachable
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.plan.model import BUNDLE
from hepsub.result import Result, document_of
from tests.fakes.batch import Cluster, FakeSchedd, as_batch_systems, make_job, make_unmade
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_spec,
    make_world,
    plan_for,
)
from tests.unit.bundle.test_request import make_request

Step = Callable[[], None]


@dataclass(slots=True)
class Time:
    """A clock in which something happens during each sleep; asleep for ever is an error."""

    steps: list[Step]
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let the next thing happen; after the last one a few more sleeps are allowed."""
        self.slept.append(seconds)
        if self.steps:
            self.steps.pop(0)()
        elif len(self.slept) > 100:
            raise AssertionError("it would wait for ever")

    def clock(self) -> Clock:
        """This clock for `wait`."""
        return Clock(sleep=self.sleep, progress=self.told.append)


def submission(number: int) -> Submission:
    """Cluster 13 on schedd01."""
    return Submission(
        submitted=SubmissionRef(
            uuid="", pool="local", schedd="schedd01.example.org", cluster=13, number=number
        ),
        plan=None,
    )


def end(proc: int, exit_code: int | None = 0, **values: object) -> JobStatus:
    """A job of cluster 13 that has left the queue."""
    return make_job(f"13.{proc}", **{"state": State.COMPLETED, "exit_code": exit_code, **values})  # type: ignore[arg-type]


def wait_for(
    tmp_path: Path, schedd: FakeSchedd, number: int, steps: Sequence[Step] = ()
) -> tuple[Result[Waited], Time]:
    """Wait for cluster 13 while these things happen."""
    time = Time(list(steps))
    session = make_session(tmp_path, as_batch_systems(schedd))
    return wait(session, submission(number), time.clock()), time


def ends_of(result: Result[Waited]) -> list[tuple[str, int | None]]:
    """The jobs that were waited for, and their exit codes."""
    return [(job.job, job.exit_code) for job in result.value.jobs]


def test_all_well(tmp_path: Path) -> None:
    """Two jobs wait, run and end with 0; each change is told once."""
    schedd = FakeSchedd(jobs=[make_job("13.0"), make_job("13.1")])

    def run() -> None:
        schedd.jobs = [make_job("13.0", State.RUNNING), make_job("13.1")]

    def finish() -> None:
        schedd.jobs = []
        schedd.past = [end(1), end(0)]

    result, time = wait_for(tmp_path, schedd, 2, [lambda: None, run, finish])
    assert (result.exit_code, result.problems) == (0, ())
    assert ends_of(result) == [("13.0", 0), ("13.1", 0)]
    assert time.told == [
        "cluster 13: 2 idle, 0 running, 0 held, 0 ended",
        "cluster 13: 1 idle, 1 running, 0 held, 0 ended",
        "cluster 13: 0 idle, 0 running, 0 held, 2 ended",
    ]


def test_one_failure_is_a_failure(tmp_path: Path) -> None:
    """Exit code 60, and the problem names the jobs that failed and how."""
    schedd = FakeSchedd(
        past=[end(0), end(1, 3), end(2, None, exit_signal=9), end(3, None, state=State.REMOVED)]
    )
    result, _ = wait_for(tmp_path, schedd, 4)
    assert result.exit_code == 60
    assert [each.message for each in result.problems] == [
        "3 of 4 job(s) did not end with 0: 13.1 ended with exit code 3, 13.2 was ended by signal 9, 13.3 was removed"
    ]


def test_only_ten_failures_are_named(tmp_path: Path) -> None:
    """The rest is counted."""
    result, _ = wait_for(tmp_path, FakeSchedd(past=[end(proc, 1) for proc in range(12)]), 12)
    assert result.problems[0].message.startswith("12 of 12 job(s) did not end with 0: 13.0 ended")
    assert result.problems[0].message.endswith("13.9 ended with exit code 1 and 2 more")


def test_a_held_job_ends_the_waiting_and_is_a_failure(tmp_path: Path) -> None:
    """It can only go on with the user's help."""
    held = make_job("13.1", State.HELD, hold_reason="memory")
    result, time = wait_for(tmp_path, FakeSchedd(jobs=[held], past=[end(0)]), 2)
    assert result.exit_code == 60
    assert (
        result.problems[0].message == "1 of 2 job(s) did not end with 0: 13.1 is on hold (memory)"
    )
    assert time.slept == []


def test_a_held_job_does_not_end_the_waiting_for_the_others(tmp_path: Path) -> None:
    """The others are still running."""
    held = make_job("13.1", State.HELD)
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING), held])

    def finish() -> None:
        schedd.jobs, schedd.past = [held], [end(0)]

    result, time = wait_for(tmp_path, schedd, 2, [finish])
    assert len(time.slept) == 1
    assert result.exit_code == 60


def test_jobs_that_are_still_to_be_made_are_waited_for(tmp_path: Path) -> None:
    """A factory with an empty queue has not ended."""
    schedd = FakeSchedd(unmade=[make_unmade(13, first=1, number=1)], past=[end(0)])

    def finish() -> None:
        schedd.unmade, schedd.past = [], [end(0), end(1)]

    result, time = wait_for(tmp_path, schedd, 2, [finish])
    assert result.exit_code == 0
    assert time.told[0] == "cluster 13: 1 idle, 0 running, 0 held, 1 ended"


def test_the_history_may_be_late(tmp_path: Path) -> None:
    """A job leaves the queue a moment before it stands in the history."""
    schedd = FakeSchedd(past=[end(0)])

    def written() -> None:
        schedd.past = [end(0), end(1, 7)]

    result, _ = wait_for(tmp_path, schedd, 2, [lambda: None, written])
    assert ends_of(result) == [("13.0", 0), ("13.1", 7)]
    assert result.exit_code == 60


@pytest.mark.parametrize("past", [[], [end(0)]], ids=["none", "one of two"])
def test_jobs_whose_end_nobody_knows_are_no_success(tmp_path: Path, past: list[JobStatus]) -> None:
    """A history that stays silent: 0 is promised only when every job is known to have ended with 0."""
    result, _ = wait_for(tmp_path, FakeSchedd(past=past), 2)
    assert result.exit_code != 0
    assert result.problems


def test_a_schedd_that_is_away_is_asked_again(tmp_path: Path) -> None:
    """The jobs go on without it; so does the waiting, with longer pauses."""
    schedd = FakeSchedd(past=[end(0)], reachable=False)

    def back() -> None:
        schedd.reachable = True

    result, time = wait_for(tmp_path, schedd, 1, [lambda: None, back])
    assert result.exit_code == 0
    assert time.slept[:2] == [2.0, 4.0]
    assert time.told[0] == "the schedd schedd01.example.org does not answer; asking again in 2 s"


def test_a_collector_that_is_away_is_asked_again(tmp_path: Path) -> None:
    """It is the same to the user."""
    schedd = FakeSchedd(past=[end(0)])
    answers: list[bool] = [False, True, True]

    def connect(*_: object) -> tuple[FakeSchedd, ...]:
        if not answers.pop(0):
            raise PoolUnreachable("the collector does not answer", remedy="")
        return (schedd,)

    result = wait(make_session(tmp_path, connect), submission(1), Time([]).clock())
    assert result.exit_code == 0


def test_a_schedd_that_restarts_is_waited_for(tmp_path: Path) -> None:
    """While it restarts the collector does not list it; its jobs go on all the same."""
    schedd = FakeSchedd(past=[end(0)])
    answers: list[tuple[FakeSchedd, ...]] = [(), (schedd,), (schedd,)]
    session = make_session(tmp_path, lambda *_: answers.pop(0))
    result = wait(session, submission(1), Time([]).clock())
    assert result.exit_code == 0


def test_pauses_grow_to_half_a_minute(tmp_path: Path) -> None:
    """Short jobs are noticed at once, long ones cost the schedd little."""
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING)])

    def finish() -> None:
        schedd.jobs, schedd.past = [], [end(0)]

    _, time = wait_for(tmp_path, schedd, 1, [*[lambda: None] * 30, finish])
    assert time.slept[0] == 0.5
    assert time.slept == sorted(time.slept)
    assert time.slept[-1] == 30.0


def test_ctrl_c_ends_the_waiting_not_the_jobs(tmp_path: Path) -> None:
    """Exit code 130, and what to do with the jobs that go on."""
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING)])

    def interrupt() -> None:
        raise KeyboardInterrupt

    result, _ = wait_for(tmp_path, schedd, 1, [interrupt])
    assert result.exit_code == 130
    assert [(each.code, each.message, each.remedy) for each in result.problems] == [
        (
            "interrupted",
            "waiting was interrupted; the jobs of cluster 13 go on",
            "hep_q -i 13 shows them, hep_rm 13 removes them",
        )
    ]
    assert schedd.jobs[0].state is State.RUNNING


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (end(0, 3), "ended with exit code 3"),
        (end(0, None, exit_signal=11), "was ended by signal 11"),
        (end(0, None, state=State.REMOVED), "was removed"),
        (end(0, None, state=State.HELD, hold_reason="memory"), "is on hold (memory)"),
        (end(0, None), "has no exit code"),
        (end(0, None, remove_reason="its node failed"), "has no exit code (its node failed)"),
        (end(0, 73, remove_reason="no log"), "ended with exit code 73 (no log)"),
    ],
)
def test_how_a_job_ended_in_words(job: JobStatus, text: str) -> None:
    """Each way has its own."""
    assert end_text(job) == text


def test_the_document_of_a_wait(tmp_path: Path) -> None:
    """The submission's keys, the ends, and the number of failures."""
    result, _ = wait_for(tmp_path, FakeSchedd(past=[end(0), end(1, 3)]), 2)
    document = document_of(result.value)
    assert list(document) == [
        "cluster", "jobs", "pool", "schedd", "uuid", "new", "libraries", "notes", "procs", "runs_again", "ended",
        "failed", "unknown",
    ]  # fmt: skip
    assert document["failed"] == 1


def test_outputs_of_an_earlier_command_with_the_same_key_get_to_their_paths(tmp_path: Path) -> None:
    """The repeated command has no plan; the bundle knows where they belong."""
    schedd = FakeSchedd(past=[end(0), end(1)])
    policy = make_policy(f'[staging]\nbundle_dir = "{tmp_path}/bundles"\n')
    session = make_session(tmp_path, as_batch_systems(schedd), policy=policy)
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    request = make_request(
        "-out",
        f"r={tmp_path}/results/%{{ProcId}}",
        delivery=BUNDLE,
        executable=f"{tmp_path}/run.sh",
    )
    with new_bundle(session.bundles, "u") as directory:
        bundle = Bundle(directory=directory, request=request)
        fill_bundle(bundle)
    (bundle.returned(1) / "outputs").mkdir(parents=True)
    (bundle.returned(1) / "outputs/r").write_text("a result")
    session.ended.keep("u", [end(0, ended=NOON), end(1, ended=NOON)])
    named = submission(2)
    named = replace(named, submitted=replace(named.submitted, uuid="u"))
    result = wait(session, named, Time([]).clock())
    assert (result.exit_code, result.notes) == (0, ())
    assert (tmp_path / "results/1").read_text() == "a result"


@pytest.mark.parametrize(("meant", "state"), [("13.0", State.TRANSFERRING), ("13.0-1", State.HELD)])
def test_what_a_job_is_bringing_home_now_is_left_alone(
    tmp_path: Path, meant: str, state: State
) -> None:
    """HTCondor still writes it, and its report has not come; or that failed, and the job is on hold for it."""
    schedd = FakeSchedd(past=[end(0)], jobs=[make_job("13.1", state)])
    policy = make_policy(f'[staging]\nbundle_dir = "{tmp_path}/bundles"\n')
    session = make_session(tmp_path, as_batch_systems(schedd), policy=policy)
    request = make_request(
        "-out",
        f"r={tmp_path}/results/%{{ProcId}}",
        delivery=BUNDLE,
        executable=str(make_script(tmp_path)),
    )
    with new_bundle(session.bundles, "u") as directory:
        bundle = Bundle(directory=directory, request=request)
        fill_bundle(bundle)
    mark_ready(bundle, 13)
    plan = plan_for(make_spec("job.sh"), policy, make_world())
    schedd.clusters.append(Cluster(submitted=replace(request.ref, uuid="u", cluster=13), plan=plan))
    for proc in (0, 1):
        (bundle.returned(proc) / "outputs").mkdir(parents=True)
        (bundle.returned(proc) / "outputs/r").write_text("half of a result")
    wait_for_jobs(session, [parse_job_id(meant)], None, Time([]).clock())
    assert [each.name for each in (tmp_path / "results").iterdir()] == ["0"]
    assert (bundle.returned(1) / "outputs/r").exists()


def test_a_job_whose_files_are_still_on_their_way_is_waited_for(tmp_path: Path) -> None:
    """HTCondor has it on hold while its input is spooled, and releases it by itself."""
    spooling = make_job("13.0", State.HELD, hold_code=SPOOLING)
    schedd = FakeSchedd(jobs=[spooling])

    def finish() -> None:
        schedd.jobs, schedd.past = [], [end(0)]

    result, time = wait_for(tmp_path, schedd, 1, [finish])
    assert result.exit_code == 0
    assert len(time.slept) == 1
