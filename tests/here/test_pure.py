"""The decisions, without a process."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec import to_builtins

from hepsub.batch import Act, Selection, State
from hepsub.errors import QueueDirectoryRefused
from hepsub.jobid import JobId
from hepsub.local.database import Database
from hepsub.local.directory import Place, check, network_filesystem, prepare, queue_directory
from hepsub.local.explain import Idle, explain_idle
from hepsub.local.launch import Launch, read_launch
from hepsub.local.machine import Machine, Waiting, capped_note, choose
from hepsub.local.outcome import after
from hepsub.local.queue import act, condition, find
from hepsub.local.record import End, Record
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


def test_nobody_passes_a_job_that_waits_for_room() -> None:
    def chosen(*requests: tuple[int, int]) -> list[int]:
        jobs = [
            Waiting(cluster=1, proc=proc, request=Machine(cores=cores, memory_mb=memory))
            for proc, (cores, memory) in enumerate(requests)
        ]
        return [job.proc for job in choose(jobs, Machine(cores=4, memory_mb=10))]

    assert chosen((1, 1), (4, 1), (1, 1)) == [0]
    assert chosen((1, 6), (1, 6), (1, 1)) == [0]
    assert chosen((2, 4), (2, 6), (1, 0)) == [0, 1]
    assert chosen((5, 1), (1, 1)) == []


def test_caps() -> None:
    machine = Machine(cores=4, memory_mb=8000)
    assert machine.capped(Machine(cores=64, memory_mb=100)) == Machine(cores=4, memory_mb=100)
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
        "clusters.owner = ? AND (procs.cluster, procs.proc) IN (SELECT cluster, proc FROM (VALUES (3, 0, 2147483648),"
        " (4, 1, 2)) AS id JOIN procs ON cluster = id.column1 AND proc BETWEEN id.column2 AND id.column3)"
        " AND procs.state IN (?, ?)"
    )
    assert found.values == ("o'", "I", "H")


def test_any_number_of_ids(tmp_path: Path) -> None:
    """SQLite itself refuses 1,000 terms joined by OR."""
    prepare(tmp_path / "here", os.getuid())
    place = Place(tmp_path / "here")
    with Database(place).writing() as connection:
        for cluster in range(1, 5001):
            connection.execute(
                "INSERT INTO clusters VALUES (?, ?, '', 'alice', 1, 3, 1, 0, 0, '\"\"', '{}')",
                (cluster, str(cluster)),
            )
        connection.executemany(
            "INSERT INTO procs (cluster, proc, priority, memory_mb, shown, launch) VALUES (?, ?, 0, 1, '[]', '{}')",
            ((cluster, proc) for cluster in range(1, 5001) for proc in range(3)),
        )
        ids = [JobId(cluster=each, first=1, last=1 + each % 2) for each in range(1, 5001)]
        some = Selection(ids=(*ids[:4999], JobId(cluster=5000), JobId(cluster=6000)))
        assert len(find(connection, some, "here", "s")) == 5000
        done = act(connection, Act.HOLD, some, 1)
        assert done.done == 2500 * 2 + 2499 + 3
        held = connection.execute("SELECT cluster, proc FROM procs WHERE state = 'H'").fetchall()
        assert {tuple(row) for row in held} == {
            (each.cluster, proc)
            for each in (*ids[:4999], JobId(cluster=5000, first=0, last=2))
            for proc in range(each.first or 0, (each.last or 0) + 1)
        }


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
    assert sentence(before=7, free=Machine(cores=4, memory_mb=1000)) == first
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
