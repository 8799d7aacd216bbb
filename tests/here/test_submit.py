"""Submissions happen whole or not at all."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.batch import Act, Selection, State
from hepsub.errors import NotOnThisMachine, QueueNotWritable
from hepsub.local.record import FREE
from tests.here.world import Here, alive, until

ROOT = Path(__file__).parents[2]


def user_environment(here: Here) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(here.directory),
        "HEPSUB_HERE_DIR": str(here.place.directory),
        "PYTHONPATH": str(ROOT),
    }


def rows(here: Here) -> dict[int, int]:
    """How many jobs each cluster has."""
    with closing(sqlite3.connect(here.place.database, timeout=10)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute(
            "SELECT cluster, count(proc) FROM clusters LEFT JOIN procs USING (cluster) GROUP BY cluster"
        )
        return dict(found.fetchall())


def test_ten_at_once_into_a_queue_that_does_not_exist_yet(here: Here) -> None:
    here.script('echo "$_CONDOR_IHEP_JOB_ID" >>ran')
    words = [sys.executable, "-m", "hepsub", "hep_sub", "-p", "here", "job.sh", "-n", "3"]
    log = ["-o", "/dev/null", "-e", "/dev/null"]
    started = [
        subprocess.Popen(
            [*words, *log],
            cwd=here.directory,
            env=user_environment(here),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    said = sorted(each.communicate()[0] for each in started)
    assert said == sorted(f"3 job(s) submitted to cluster {number}\n" for number in range(1, 11))
    until(lambda: not here.queued())
    expected = sorted(f"{cluster}.{proc}" for cluster in range(1, 11) for proc in range(3))
    assert sorted(here.read("ran").split()) == expected
    here.kill_runner()  # it would stay for a while


def test_the_command_waits_and_tells(here: Here) -> None:
    here.script("echo hello; exit $1")
    words = [sys.executable, "-m", "hepsub", "hep_sub", "-p", "here", "job.sh", "-wait"]
    environment = user_environment(here)
    good = subprocess.run(
        words, cwd=here.directory, env=environment, capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "1 job(s) submitted to cluster 1")
    bad = subprocess.run(
        [*words, "-argu", "3"],
        cwd=here.directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bad.returncode == 60
    assert "2.0 ended with exit code 3" in bad.stderr
    here.kill_runner()


def test_a_submission_killed_at_any_moment_is_whole_or_nothing(here: Here) -> None:
    here.script("true")
    plan = here.plan("job.sh", "-n", "500", "-o", "/dev/null", "-e", "/dev/null")
    here.pool.submit(replace(plan, number=1), "first")
    chance = random.Random(1)
    for number in range(12):
        pid = os.fork()
        if pid == 0:
            try:
                here.pool.submit(plan, f"uuid {number}")
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, 0.06))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        here.act(Act.HOLD)
    counts = Counter(rows(here).values())
    assert set(counts) <= {1, 500}
    for cluster, number in rows(here).items():
        (found,) = [each for each in here.pool.find(Selection()) if each.cluster == cluster]
        assert found.number == number


def test_ten_thousand(here: Here) -> None:
    here.script("true")
    plan = here.plan("job.sh", "-n", "10000", "-o", "/dev/null", "-e", "/dev/null")
    began = time.process_time()
    here.pool.submit(plan, "uuid")
    took = time.process_time() - began
    assert took < 1, f"{took:.2f} s"  # 0.2 s where it was written
    began = time.process_time()
    queued = here.queued()
    took = time.process_time() - began
    assert took < 1, f"{took:.2f} s"
    assert 9_000 < len(queued) <= 10_000
    assert here.act(Act.REMOVE) > 9_000
    until(lambda: not here.queued())
    assert len(here.past()) == 10_000


def limited(size: int, call: Callable[[], object]) -> str:
    """What a call raises in a process whose files may not grow beyond a size."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            call()
        except BaseException as error:  # noqa: BLE001 (told to the parent)
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return told


def test_a_limit_on_file_sizes_leaves_nothing_half(here: Here) -> None:
    here.script("sleep 1000")
    here.submit("job.sh")
    here.reach("1.0", State.RUNNING)
    plan = here.plan("job.sh", "-n", "3000")
    for size in (4096, 50_000, 200_000):
        told = limited(size, lambda: here.pool.submit(plan, "uuid"))
        assert told.startswith("QueueNotWritable: the queue in "), told
    assert rows(here) == {1: 1}
    assert here.pool.find(Selection(uuid="uuid")) == ()


@pytest.fixture
def small_disk(here: Here) -> Iterator[Path]:
    """The queue's directory on a file system of half a megabyte."""
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    directory = here.place.directory
    directory.mkdir(mode=0o700)
    words = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "none", str(directory)]
    if subprocess.run(words, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield directory
    (directory / "filler").unlink(missing_ok=True)
    here.close()
    until(lambda: subprocess.run(["umount", "-q", directory], check=False).returncode == 0)


def fill(directory: Path) -> Path:
    path = directory / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return path


def test_a_full_disk(here: Here, small_disk: Path) -> None:
    here.script("until [ -e go ]; do sleep 0.02; done; exit 5")
    cluster = here.submit("job.sh", "-n", "2")
    until(lambda: here.supervisor(f"{cluster}.0") > 0)
    filler = fill(small_disk)
    for number in ("1", "10", "3000"):
        with pytest.raises(QueueNotWritable, match="disk is full"):
            here.pool.submit(here.plan("job.sh", "-n", number), "uuid")
    assert len(here.queued()) == 2  # it can still be read
    supervisor = here.supervisor(f"{cluster}.0")
    (here.directory / "go").touch()
    until(lambda: not alive(supervisor))
    time.sleep(0.3)
    assert here.runner() != FREE
    filler.unlink()
    assert [job.exit_code for job in here.ended(cluster)] == [5, 5]
    assert rows(here) == {cluster: 2}


def test_what_the_embedded_pool_does_not_have_is_refused(here: Here) -> None:
    here.script("true")
    with pytest.raises(NotOnThisMachine, match="GPUs"):
        here.pool.submit(here.plan("job.sh", "-gpu", "1"), "uuid")
    assert not here.place.directory.exists()
