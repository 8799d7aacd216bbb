"""Whoever is killed: no job is forgotten, and none runs twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hepsub.batch import Act, State
from hepsub.local import record
from hepsub.local.launch import Launch
from hepsub.local.outcome import Outcome, outcome_of
from hepsub.local.record import FREE
from hepsub.local.start import ensure_runner
from hepsub.local.supervise import Order, supervise
from tests.here.test_control import FAMILY, STUBBORN
from tests.here.world import FAST, Here, alive, until

WAITS = 'echo "$$" >>started; until [ -e go ]; do sleep 0.02; done; exit 5'


def sql(here: Here, text: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(here.place.database, timeout=10) as connection:
        return connection.execute(text).fetchall()


def test_a_killed_runner_is_followed_by_one_that_finds_the_jobs(here: Here) -> None:
    here.script(WAITS)
    cluster = here.submit("job.sh")
    job = f"{cluster}.0"
    until(lambda: here.read("started").endswith("\n"))
    first = here.runner()
    here.kill_runner()
    assert here.state(job) is State.RUNNING  # asking starts the next one
    until(lambda: here.runner() not in (FREE, first))
    (here.directory / "go").touch()
    (end,) = here.ended(cluster)
    assert (end.state, end.exit_code) == (State.COMPLETED, 5)
    assert here.read("started").count("\n") == 1


def test_a_job_that_ends_without_a_runner_is_not_lost(here: Here) -> None:
    here.script(WAITS)
    cluster = here.submit("job.sh")
    until(lambda: here.read("started").endswith("\n"))
    here.kill_runner()
    supervisor = here.supervisor(f"{cluster}.0")
    (here.directory / "go").touch()
    until(lambda: not alive(supervisor))
    (end,) = here.ended(cluster)
    assert (end.state, end.exit_code) == (State.COMPLETED, 5)
    assert 0 < end.run_seconds < 30
    assert here.read("started").count("\n") == 1


def test_a_killed_runner_among_many_short_jobs(here: Here) -> None:
    here.script('echo "$_CONDOR_IHEP_JOB_ID" >>ran')
    cluster = here.submit("job.sh", "-n", "60", "-o", "/dev/null", "-e", "/dev/null")
    for _ in range(6):
        time.sleep(0.1)
        if (pid := here.runner()) > 0:
            os.kill(pid, signal.SIGKILL)
        here.queued()
    ends = here.ended(cluster)
    assert [job.exit_code for job in ends] == [0] * 60
    assert sorted(here.read("ran").split(), key=lambda job: int(job.split(".")[1])) == [
        f"{cluster}.{proc}" for proc in range(60)
    ]


def test_a_killed_supervisor_means_a_lost_job_on_hold(here: Here) -> None:
    here.script(STUBBORN)
    job = f"{here.submit('job.sh')}.0"
    pids = [here.pid(name) for name in FAMILY]
    os.kill(here.supervisor(job), signal.SIGKILL)
    held = here.reach(job, State.HELD)
    assert held.hold_reason == "lost: the process that watched it was killed while it ran"
    assert not any(map(alive, pids))
    assert here.read("runs") == "run\n"
    advice = here.pool.explain(held, job, 0)
    assert advice.next_command == f"hep_release {job}, to run it again from its beginning"
    here.act(Act.RELEASE, job)
    until(lambda: here.read("runs") == "run\nrun\n")


def test_killed_runner_and_supervisor(here: Here) -> None:
    here.script(WAITS)
    job = f"{here.submit('job.sh')}.0"
    until(lambda: here.read("started").endswith("\n"))
    supervisor = here.supervisor(job)
    here.kill_runner()
    os.kill(supervisor, signal.SIGKILL)
    held = here.reach(job, State.HELD)
    assert "killed while it ran" in held.hold_reason
    assert here.read("started").count("\n") == 1
    assert not alive(int(here.read("started")))


def test_a_reboot_means_a_lost_job_on_hold(here: Here) -> None:
    here.script(WAITS)
    cluster = here.submit("job.sh", "-n", "2")
    until(lambda: here.read("started").count("\n") == 2)
    supervisors = [here.supervisor(f"{cluster}.{proc}") for proc in range(2)]
    here.kill_runner()
    for supervisor in supervisors:
        os.kill(supervisor, signal.SIGKILL)
    sql(here, "UPDATE procs SET boot = 'an earlier one'")
    here.place.record(cluster, 1, 1).unlink()  # as a crash of the file system may leave it
    for proc in range(2):
        held = here.reach(f"{cluster}.{proc}", State.HELD)
        assert held.hold_reason == "lost: the machine was restarted while it ran"
    assert here.read("started").count("\n") == 2


def test_a_shutdown_holds_the_job(here: Here) -> None:
    here.script(WAITS)
    job = f"{here.submit('job.sh')}.0"
    until(lambda: here.read("started").endswith("\n"))
    os.kill(here.supervisor(job), signal.SIGTERM)
    assert here.reach(job, State.HELD).hold_reason.startswith("lost: the machine, or the session")


def runners(here: Here) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            line = (each / "cmdline").read_bytes()
            name = (each / "comm").read_text()
        except OSError:
            continue
        if str(here.place.directory).encode() in line and not name.startswith("hepsub 1."):
            found.append(int(each.name))
    return found


@pytest.mark.parametrize("lives", [True, False])
@pytest.mark.parametrize("name", ["wake", "runner.lock"])
def test_what_somebody_removed_of_the_queue_is_made_again(
    here: Here, name: str, *, lives: bool
) -> None:
    """A cleaner of /var/tmp, say; with a runner that lives, and with the next one."""
    here.script(WAITS)
    cluster = here.submit("job.sh")
    until(lambda: here.read("started").endswith("\n"))
    if not lives:
        here.kill_runner()
    (here.place.directory / name).unlink()
    here.queued()  # asking starts a runner where none is seen
    until(lambda: here.runner() > 0 and runners(here) == [here.runner()], "for one runner")
    until(here.place.wake.is_fifo)
    (here.directory / "go").touch()
    (end,) = here.ended(cluster)
    assert (end.exit_code, here.read("started").count("\n")) == (5, 1)


def test_the_directory_of_records_is_made_again(here: Here) -> None:
    """It is empty while nothing runs; what is no FIFO does not wake the runner, either."""
    here.script(WAITS)
    job = f"{here.submit('job.sh')}.0"
    until(lambda: here.read("started").endswith("\n"))
    here.act(Act.HOLD, job)
    until(lambda: here.runner() == FREE, "for the runner to end")
    here.place.runs.rmdir()
    here.place.wake.unlink()
    here.place.wake.touch()
    (here.directory / "go").touch()
    here.act(Act.RELEASE, job)
    until(lambda: not here.queued(job))
    assert here.past(job)[0].exit_code == 5


def test_two_runners_started_at_once_are_one(here: Here) -> None:
    here.script(WAITS)
    here.submit("job.sh")
    until(lambda: here.read("started").endswith("\n"))
    here.kill_runner()
    program = Path(sys.modules["hepsub.local.start"].__file__ or "").with_name("__main__.py")
    words = [sys.executable, "-I", str(program), str(here.place.directory), FAST.text()]
    started = [subprocess.Popen(words) for _ in range(8)]
    assert [each.wait() for each in started] == [0] * 8
    until(lambda: here.runner() > 0)

    until(lambda: runners(here) == [here.runner()], "for one runner")
    (here.directory / "go").touch()


def test_a_killed_runners_half_transaction_is_undone(here: Here) -> None:
    here.script(WAITS)
    cluster = here.submit("job.sh", "-n", "100")
    until(lambda: here.read("started").count("\n") >= 1)
    here.kill_runner()
    half = (
        "import sqlite3, os, signal, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)\n"
        "c.execute('PRAGMA cache_size = 1')\n"  # so that it has to spill into the file
        "c.execute('BEGIN IMMEDIATE')\n"
        "c.execute(\"UPDATE procs SET state = 'C', queued = 0, shown = shown || hex(zeroblob(2000))\")\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", half, here.place.database], check=False)
    journal = here.place.database.with_name("queue.sqlite-journal")
    assert journal.stat().st_size > 0
    assert len(here.queued(str(cluster))) == 100
    (here.directory / "go").touch()
    assert len(here.ended(cluster)) == 100


def test_a_run_that_was_noted_but_never_began_cannot_begin_later(
    here: Here, tmp_path: Path
) -> None:
    path = tmp_path / "1.0.1"
    assert outcome_of(path, same_boot=True, expected=True).outcome is Outcome.RUNS
    assert outcome_of(path, same_boot=False, expected=False).outcome is Outcome.LOST
    assert outcome_of(path, same_boot=True, expected=False).outcome is Outcome.NEVER_BEGAN
    assert outcome_of(path, same_boot=True, expected=False).outcome is Outcome.NEVER_BEGAN
    with pytest.raises(FileExistsError):
        record.create_locked(path)
    assert [each.name for each in tmp_path.iterdir()] == ["1.0.1"]
    pid = os.fork()
    if pid == 0:  # the supervisor of such a run ends without a word
        nothing = Launch(
            argv=("/bin/touch", str(tmp_path / "ran")),
            cwd="/",
            variables={},
            stdout="/dev/null",
            stderr="/dev/null",
        )
        try:
            supervise(
                Order(
                    record=path,
                    wake=tmp_path / "wake",
                    launch=nothing,
                    environment={},
                    walltime_s=0,
                    memory_mb=0,
                    grace_s=1,
                    name="1.0",
                )
            )
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert not (tmp_path / "ran").exists()


def test_the_runner_ends_when_there_is_nothing_to_do(here: Here) -> None:
    here.script("true")
    here.ended(here.submit("job.sh"))
    until(lambda: here.runner() == FREE)
    here.queued()
    assert here.runner() == FREE
    ensure_runner(here.place, FAST)
    until(lambda: here.runner() != FREE)
    until(lambda: here.runner() == FREE)
