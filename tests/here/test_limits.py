"""Walltime and memory limits, programs that cannot be started: holds with HTCondor's codes."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from hepsub.batch import Act, JobStatus, Selection, State
from hepsub.batch_edit import Edit
from hepsub.errors import NotDone
from hepsub.jobid import parse_job_id
from tests.here.world import Here, alive, until

EATS = """import os, sys, time
open('main', 'w').write(f'{os.getpid()}\\n')
size = int(sys.argv[1])
held = bytearray(size * 2**20)
for i in range(0, len(held), 4096):
    held[i] = 1
while not os.path.exists('go'):
    time.sleep(0.02)
"""


def program(here: Here) -> None:
    path = here.directory / "eats.py"
    path.write_text(f"#!{sys.executable} -IS\n{EATS}")
    path.chmod(0o755)


def codes(job: JobStatus) -> tuple[int, int]:
    return job.hold_code, job.hold_subcode


def test_walltime(here: Here) -> None:
    here.script('trap "" TERM; echo $$ >main; while :; do sleep 0.05; done')
    cluster = here.submit("job.sh", "-wt", "1s")
    held = here.reach(f"{cluster}.0", State.HELD)
    assert (codes(held), held.hold_reason) == ((3, 72), "walltime limit reached")
    assert held.run_seconds >= 1
    assert not alive(here.pid("main"))
    assert "longer than its walltime" in here.pool.explain(held, held.job, 0).sentence


def test_a_job_that_waits_for_its_log_is_stopped_as_others_are(here: Here) -> None:
    """It is a named pipe, and the reader that the program would begin with never comes."""
    here.script("echo begun")
    os.mkfifo(here.directory / "pipe")
    late, never = (here.submit("job.sh", "-o", "pipe", "-wt", each) for each in ("1s", "1h"))
    held = here.reach(f"{late}.0", State.HELD)
    assert held.hold_reason == "walltime limit reached"
    here.reach(f"{never}.0", State.RUNNING)
    here.act(Act.REMOVE)
    assert [job.state for job in here.ended(never)] == [State.REMOVED]


def test_memory(here: Here) -> None:
    program(here)
    cluster = here.submit("eats.py", "-mem", "60", "-argu", "90")
    held = here.reach(f"{cluster}.0", State.HELD)
    assert codes(held) == (3, 34)
    assert held.hold_reason.startswith("memory limit reached: used ")
    assert 60 < held.memory_mb < 130  # it may have been seen while it grew
    assert held.exit_signal is None
    until(lambda: not alive(here.pid("main")))
    advice = here.pool.explain(held, held.job, 0)
    assert advice.next_command.startswith("hep_edit -m ")
    (here.directory / "go").touch()
    here.pool.edit(Selection(states=(State.IDLE, State.HELD)), Edit(memory_mb=200))
    here.act(Act.RELEASE)
    (end,) = here.ended(cluster)
    assert (end.state, end.exit_code, end.requested_mb) == (State.COMPLETED, 0, 200)


def test_peak_memory_is_kept_and_shown_meanwhile(here: Here) -> None:
    program(here)
    cluster = here.submit("eats.py", "-mem", "500", "-argu", "80")
    until(lambda: 80 <= here.queued()[0].memory_mb < 120, "for the memory to be seen")
    (here.directory / "go").touch()
    (end,) = here.ended(cluster)
    assert 80 <= end.memory_mb < 120


def test_limits_that_the_policy_does_not_enforce(here: Here) -> None:
    policy = f"{here.policy}[limits]\nenforce_walltime = false\nenforce_memory = false\n"
    here = replace(here, policy=policy)
    program(here)
    here.submit("eats.py", "-mem", "10", "-wt", "1s", "-argu", "50")
    until(lambda: here.queued()[0].run_seconds > 1.5)
    assert here.queued()[0].state is State.RUNNING
    here.act(Act.HOLD)
    until(lambda: not any(here.place.runs.iterdir()))
    with pytest.raises(NotDone, match="the policy ends none of these jobs for its walltime"):
        here.pool.edit(Selection(), Edit(walltime=lambda _: ("", 1)))


@pytest.mark.parametrize(
    ("head", "number"),
    [("#!/no/such/interpreter\n", errno.ENOENT), ("true\n", errno.ENOEXEC), ("", errno.EACCES)],
)
def test_a_program_that_cannot_be_started(here: Here, head: str, number: int) -> None:
    path = here.script("true")
    plan = here.plan("job.sh")
    path.write_text(head)
    if not head:
        path.chmod(0o600)
    cluster = here.pool.submit(plan, "uuid").ref.cluster
    held = here.reach(f"{cluster}.0", State.HELD)
    assert codes(held) == (6, number)
    assert held.hold_reason.startswith(f"Failed to execute '{path}' (errno={number}: ")
    assert "could not be started" in here.pool.explain(held, held.job, 0).sentence
    path.write_text("#!/bin/sh\nexit 9\n")
    path.chmod(0o755)
    here.act(Act.RELEASE)
    assert here.ended(cluster)[0].exit_code == 9


def test_a_log_or_directory_that_is_gone(here: Here) -> None:
    here.script("true")
    logs = here.directory / "logs"
    logs.mkdir()
    plan = here.plan("job.sh", "-o", "logs/")
    logs.rmdir()
    held = here.reach(f"{here.pool.submit(plan, 'one').ref.cluster}.0", State.HELD)
    assert codes(held) == (7, errno.ENOENT)
    gone = here.pool.submit(structs.replace(plan, directory="/no/such"), "two").ref
    held = here.reach(f"{gone.cluster}.0", State.HELD)
    assert codes(held) == (14, errno.ENOENT)


def test_one_path_for_both_streams_is_one_file(here: Here) -> None:
    here.script("echo out; echo err >&2; echo out again")
    Path(here.directory / "log").write_text("something longer that was there before\n" * 9)
    here.ended(here.submit("job.sh", "-o", "log", "-e", "log"))
    assert here.read("log") == "out\nerr\nout again\n"


def test_edit_of_what_a_cluster_has_in_common(here: Here) -> None:
    """Cores and walltime of a whole cluster that does not run; priority of each job; disk of none."""
    here.script("[ -e go ] || sleep 30")
    cluster = here.submit("job.sh", "-n", "2", "-wt", "1s")
    edited = Edit(cpus=1, walltime=lambda _: ("default", 3600))
    here.reach(f"{cluster}.0", State.RUNNING)
    one = Selection(ids=(parse_job_id(f"{cluster}.1"),))
    whole = Selection(ids=(parse_job_id(str(cluster)),), states=(State.IDLE, State.HELD))
    for selection in (one, whole):
        with pytest.raises(NotDone, match="cores and walltime was not changed: on this machine"):
            here.pool.edit(selection, edited)
    with pytest.raises(NotDone, match="no disk of their own"):
        here.pool.edit(whole, Edit(disk_mb=1, priority=9))
    assert {job.priority for job in here.queued()} == {0}
    here.reach(f"{cluster}.0", State.HELD)
    here.reach(f"{cluster}.1", State.HELD)
    (here.directory / "go").touch()
    here.pool.edit(whole, edited)
    here.pool.edit(one, Edit(priority=9))
    assert [(job.walltime_s, job.priority) for job in here.queued()] == [(3600, 0), (3600, 9)]
    here.act(Act.RELEASE)
    assert [job.exit_code for job in here.ended(cluster)] == [0, 0]


def test_a_walltime_that_travels_stays(here: Here) -> None:
    """The wrapper goes by the one in its manifest."""
    here.script("sleep 30")
    cluster = here.submit("job.sh", "-in", "job.sh=x")
    here.act(Act.HOLD)
    here.reach(f"{cluster}.0", State.HELD)
    whole = Selection(ids=(parse_job_id(str(cluster)),))
    until(lambda: not [job for job in here.queued() if job.state is State.RUNNING])
    with pytest.raises(NotDone, match="files or credentials travel"):
        here.pool.edit(whole, Edit(walltime=lambda _: ("default", 3600)))
