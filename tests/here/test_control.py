"""Hold, release and remove, also of jobs that resist."""

from __future__ import annotations

import dataclasses

from msgspec.structs import replace

from hepsub.batch import Act, Selection, State
from hepsub.jobid import parse_job_id
from tests.here.world import FAST, Here, alive, until

STUBBORN = """
trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ >away; while :; do sleep 0.05; done' &
sh -c 'trap "" TERM; echo $$ >child; while :; do sleep 0.05; done' &
(env -i setsid sh -c 'echo $$ >nameless; while :; do sleep 0.05; done' &)
echo run >>runs
echo $$ >main
while :; do sleep 0.05; done
"""
FAMILY = ("main", "child", "away", "nameless")


def test_hold_and_release_of_an_idle_job(here: Here) -> None:
    here.script("sleep 60")
    cluster = here.submit("job.sh", "-n", "100")
    assert here.act(Act.HOLD, f"{cluster}.99") == 1
    job = here.queued(f"{cluster}.99")[0]
    assert (job.state, job.hold_code, job.hold_subcode) == (State.HELD, 1, 0)
    again = here.pool.act(Act.HOLD, Selection(ids=(parse_job_id(f"{cluster}.99"),)))
    assert (again.done, again.already) == (0, 1)
    assert here.act(Act.RELEASE, f"{cluster}.99") == 1
    job = here.queued(f"{cluster}.99")[0]
    assert (job.state, job.hold_code, job.hold_reason) == (State.IDLE, 0, "")
    assert (
        here.pool.act(Act.RELEASE, Selection(ids=(parse_job_id(f"{cluster}.99"),))).wrong_state == 1
    )


def test_hold_ends_the_whole_tree_and_release_begins_anew(here: Here) -> None:
    here.script(STUBBORN)
    job = f"{here.submit('job.sh')}.0"
    pids = [here.pid(name) for name in FAMILY]
    assert all(map(alive, pids))
    assert here.act(Act.HOLD, job) == 1
    assert here.state(job) is State.HELD  # at once, as on HTCondor
    until(lambda: not any(map(alive, pids)), "for the tree to end")
    assert here.state(job) is State.HELD
    for name in FAMILY:
        (here.directory / name).unlink()
    assert here.act(Act.RELEASE, job) == 1
    pids = [here.pid(name) for name in FAMILY]
    assert here.read("runs").split() == ["run", "run"]
    assert here.act(Act.REMOVE, job) == 1
    assert here.state(job) is State.REMOVED
    until(lambda: not here.queued(job), "for it to leave the queue")
    assert not any(map(alive, pids))
    (past,) = here.past(job)
    assert (past.state, past.remove_reason) == (State.REMOVED, "hepsub was asked to remove it")
    assert past.ended


def test_a_job_gets_its_grace(here: Here) -> None:
    here = dataclasses.replace(here, timing=replace(FAST, grace_s=10))
    here.script(
        'trap "echo saved >saved; exit 3" TERM; echo $$ >main; while :; do sleep 0.02; done'
    )
    job = f"{here.submit('job.sh')}.0"
    here.pid("main")
    here.act(Act.REMOVE, job)
    until(lambda: not here.queued(job))
    assert here.read("saved") == "saved\n"


def test_what_a_job_leaves_behind_is_ended(here: Here) -> None:
    here.script(
        "setsid sh -c 'echo $$ >left; exec sleep 1000' & until [ -s left ]; do sleep 0.01; done"
    )
    (job,) = here.ended(here.submit("job.sh"))
    assert job.exit_code == 0
    assert not alive(here.pid("left"))


def test_released_while_it_is_still_being_ended(here: Here) -> None:
    here.script('trap "" TERM; echo $$ >>mains; while :; do sleep 0.02; done')
    job = f"{here.submit('job.sh')}.0"
    until(lambda: here.read("mains").endswith("\n"))
    here.act(Act.HOLD, job)
    here.act(Act.RELEASE, job)
    (listed,) = here.queued(job)
    assert listed.state is State.IDLE
    assert "still being ended" in here.pool.explain(listed, job, 0).sentence
    until(lambda: here.read("mains").count("\n") == 2, "for the second run")
    first, second = map(int, here.read("mains").split())
    assert not alive(first)
    assert alive(second)
    assert here.state(job) is State.RUNNING
    said = here.pool.explain(listed, job, 0).sentence  # of a list that was read a moment earlier
    assert said == "it has started, or left the queue, since the queue was read: look again"


def test_a_job_that_ended_a_moment_before_is_complete(here: Here) -> None:
    here.script("exit 4")
    cluster = here.submit("job.sh", "-n", "30")
    held = {job.proc for job in here.queued(str(cluster))}
    here.act(Act.HOLD)
    until(lambda: all(job.state is State.HELD for job in here.queued()))
    done = {job.proc: job.exit_code for job in here.past()}
    assert set(done.values()) <= {4}
    assert {job.proc for job in here.queued()} | set(done) == set(range(30)) >= held


def test_many_short_jobs_all_end(here: Here) -> None:
    here.script("exit 0")
    ends = here.ended(here.submit("job.sh", "-n", "100", "-o", "/dev/null", "-e", "/dev/null"))
    assert [(job.proc, job.exit_code) for job in ends] == [(proc, 0) for proc in range(100)]
    assert list(here.place.runs.iterdir()) == []
