"""The decisions, without a process."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from msgspec import to_builtins

from hepsub.batch import Selection, State
from hepsub.errors import QueueDirectoryRefused
from hepsub.jobid import JobId
from hepsub.local.directory import check, network_filesystem, prepare, queue_directory
from hepsub.local.explain import Idle, explain_idle
from hepsub.local.launch import Launch, read_launch
from hepsub.local.machine import Busy, Machine, Waiting, capped_note, choose, latest_end
from hepsub.local.queue import condition
from hepsub.local.record import End, Record
from hepsub.local.runs import after
from hepsub.local.start import Timing

MOUNTS = """\
25 30 0:23 / /proc rw - proc proc rw
30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 30 0:50 / /home rw shared:2 - nfs4 server:/home rw
41 40 8:2 / /home/local rw - xfs /dev/sdb rw
42 30 0:51 / /my\\040disk rw - fuse.sshfs x: rw
43 30 0:52 / /afs rw - afs AFS rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/tmp/hepsub-1", ""),
        ("/home/alice/q", "nfs4"),
        ("/home/local/q", ""),
        ("/homework/q", ""),
        ("/my disk/q", "fuse.sshfs"),
        ("/afs/ihep.ac.cn/user", "afs"),
    ],
)
def test_network_file_systems(path: str, kind: str) -> None:
    assert network_filesystem(Path(path), MOUNTS) == kind


def test_a_later_mount_covers_an_earlier_one() -> None:
    covered = MOUNTS + "44 30 0:60 / /home rw - tmpfs none rw\n"
    assert network_filesystem(Path("/home/alice"), covered) == ""


def test_queue_directory() -> None:
    assert queue_directory({}, 7) == Path("/var/tmp/hepsub-7")
    assert queue_directory({"HEPSUB_HERE_DIR": "/x/y"}, 7) == Path("/x/y")
    assert queue_directory({"HEPSUB_HERE_DIR": "relative"}, 7) == Path("/var/tmp/hepsub-7")


def test_a_directory_that_cannot_be_trusted(tmp_path: Path) -> None:
    own = tmp_path / "own"
    prepare(own, os.getuid())
    assert own.stat().st_mode & 0o777 == 0o700
    link = tmp_path / "link"
    link.symlink_to(own)
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    file = tmp_path / "file"
    file.touch()
    for path, uid, said in (
        (link, os.getuid(), "is a symbolic link"),
        (own, os.getuid() + 1, "belongs to the user with uid"),
        (open_to_all, os.getuid(), "can be written by others"),
        (file, os.getuid(), "is no directory"),
    ):
        with pytest.raises(QueueDirectoryRefused, match=said):
            check(path, uid)
    with pytest.raises(QueueDirectoryRefused, match="cannot be made"):
        prepare(file / "below", os.getuid())


def _waiting(proc: int, cores: int, memory: int = 1, walltime: int = 0) -> Waiting:
    request = Machine(cores=cores, memory_mb=memory)
    return Waiting(cluster=1, proc=proc, request=request, walltime_s=walltime)


def test_nobody_overtakes_a_job_for_which_there_may_never_be_room() -> None:
    free = Machine(cores=4, memory_mb=10)
    jobs = [_waiting(0, 1), _waiting(1, 4), _waiting(2, 1)]
    assert [job.proc for job in choose(jobs, free)] == [0]
    jobs = [_waiting(0, 1, 6), _waiting(1, 1, 6)]
    assert [job.proc for job in choose(jobs, free)] == [0]
    endless = Busy(request=Machine(cores=4, memory_mb=0), until=latest_end(100, 0))
    jobs = [_waiting(0, 5), _waiting(1, 1, walltime=1)]
    assert choose(jobs, free, [endless], 200) == []


def test_who_may_pass_a_job_that_waits_for_room() -> None:
    free = Machine(cores=3, memory_mb=10)
    busy = [
        Busy(request=Machine(cores=1, memory_mb=0), until=latest_end(100, 50)),
        Busy(request=Machine(cores=4, memory_mb=0), until=latest_end(100, 900)),
    ]

    def chosen(*jobs: Waiting) -> list[int]:
        return [job.proc for job in choose(jobs, free, busy, 120)]

    wants_four = _waiting(0, 4)  # from 150 on; then nothing is spare
    assert chosen(wants_four, _waiting(1, 1, walltime=30)) == [1]
    assert chosen(wants_four, _waiting(1, 1, walltime=31)) == []
    assert chosen(wants_four, _waiting(1, 1)) == []
    wants_five = _waiting(0, 5)  # from 1000 on; then three cores and three MB are spare
    assert chosen(wants_five, _waiting(1, 1, walltime=880), _waiting(2, 2, 2)) == [1, 2]
    assert chosen(wants_five, _waiting(1, 4, walltime=1), _waiting(2, 3, 9)) == [2]
    assert chosen(wants_five, _waiting(1, 3, 10)) == []
    assert chosen(_waiting(0, 1, 8), wants_five, _waiting(1, 1, 1, 10), _waiting(2, 1)) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(30))
def test_nobody_starts_later_than_the_walltimes_promise(seed: int) -> None:
    """Whatever comes behind it and whenever jobs end, the first job starts when it was promised, or before."""
    dice = random.Random(seed)
    machine, now, promised = Machine(cores=8, memory_mb=100), 0.0, dict[int, float]()
    queue = [
        _waiting(proc, dice.choice((1, 1, 2, 8)), dice.randrange(1, 60), dice.choice((5, 30, 90)))
        for proc in range(60)
    ]
    running: list[tuple[Waiting, float, float]] = []  # the job, its end, the latest end
    passed = 0
    while queue:
        free = machine
        for job, _, _ in running:
            free = free.less(job.request)
        assert machine.holds(free)
        assert free.cores >= 0 <= free.memory_mb
        busy = [Busy(request=job.request, until=until) for job, _, until in running]
        chosen = choose(queue, free, busy, now)
        passed += chosen != queue[: len(chosen)]
        for job in chosen:
            assert now <= promised.get(job.proc, now)
            running.append((job, now + dice.uniform(0, job.walltime_s), now + job.walltime_s))
        queue = [job for job in queue if job not in chosen]
        if queue:
            ends = sorted(running, key=lambda each: each[2])
            room = machine
            for job, _, _ in ends:
                room = room.less(job.request)
            for job, _, until in ends:
                room = room.more(job.request)
                if room.holds(queue[0].request):
                    promise = promised.setdefault(queue[0].proc, until)
                    promised[queue[0].proc] = min(promise, until)
                    break
        now = min(end for _, end, _ in running)
        running = [each for each in running if each[1] > now]
    assert passed


def test_caps() -> None:
    machine = Machine(cores=4, memory_mb=8000)
    assert machine.capped(64, 100) == Machine(cores=4, memory_mb=100)
    assert capped_note(machine, 4, 8000) == ""
    assert capped_note(machine, 8, 16000) == (
        "8 cores were asked for, this machine has 4; 16000 MB were asked for, this machine has 8000 MB:"
        " each job gets all of them"
    )


@pytest.mark.parametrize(
    ("state", "cause", "result", "code"),
    [
        (State.RUNNING, "", State.COMPLETED, 0),
        (State.RUNNING, "walltime", State.HELD, 3),
        (State.RUNNING, "memory", State.HELD, 3),
        (State.RUNNING, "start", State.HELD, 6),
        (State.RUNNING, "shutdown", State.HELD, 1001),
        (State.HELD, "asked", State.HELD, 0),
        (State.HELD, "", State.COMPLETED, 0),
        (State.IDLE, "asked", State.IDLE, 0),
        (State.REMOVED, "", State.REMOVED, 0),
        (State.REMOVED, "asked", State.REMOVED, 0),
    ],
)
def test_what_an_end_means(state: State, cause: str, result: State, code: int) -> None:
    end = End(when=1, cause=cause, hold_code=6)
    found, hold = after(state, Record(end=end))
    assert (found, hold.code if hold else 0) == (result, code)


def test_selections() -> None:
    assert condition(Selection()).text == "1"
    found = condition(
        Selection(
            ids=(JobId(cluster=3), JobId(cluster=4, first=1, last=2)),
            owner="o'",
            states=(State.IDLE, State.HELD),
        )
    )
    assert found.text == (
        "clusters.owner = ? AND (procs.cluster = ? OR (procs.cluster = ? AND procs.proc BETWEEN ? AND ?))"
        " AND procs.state IN (?, ?)"
    )
    assert found.values == ("o'", 3, 4, 1, 2, "I", "H")


def test_explanations_of_idle_jobs() -> None:
    def sentence(**changed: object) -> str:
        usual = {
            "request": Machine(cores=2, memory_mb=500),
            "machine": Machine(cores=4, memory_mb=1000),
            "free": Machine(cores=1, memory_mb=100),
            "running": 3,
            "before": 0,
            "ending": False,
            "stale": False,
            "gated": False,
        }
        return explain_idle(Idle(**{**usual, **changed})).sentence  # type: ignore[arg-type]

    assert sentence() == "it is next, and waits until 2 core(s) and 500 MB of memory are free"
    assert sentence(free=Machine(cores=4, memory_mb=1000)) == "it is next, and starts in a moment"
    first = "7 job(s) go first, by priority and then by id"
    assert sentence(before=7) == first
    assert sentence(before=7, free=Machine(cores=4, memory_mb=1000)).startswith(
        f"{first}; it passes"
    )
    assert "still being ended" in sentence(ending=True)
    assert "since the queue was read" in sentence(ending=True, stale=True)
    assert "being prepared" in sentence(gated=True)


def test_what_is_kept_comes_back() -> None:
    launch = Launch(
        argv=("/x\udcff", "a b"), cwd="/", variables={"A": "ü"}, stdout="/o", stderr="/e"
    )
    document = json.loads(json.dumps(to_builtins(launch)))
    assert read_launch(document) == launch
    del document["bundle"]  # as an earlier hepsub wrote it
    assert read_launch(document) == launch
    timing = Timing(grace_s=3)
    assert Timing.read(timing.text()) == timing
