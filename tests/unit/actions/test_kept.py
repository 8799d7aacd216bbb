"""hep_history without ids: what hepsub itself knows of the user's jobs stands beside what schedds tell."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.ends import job_states
from hepsub.actions.queue.history import history
from hepsub.actions.submit.submit import submit
from hepsub.batch import State
from hepsub.batch_system import BatchSystem
from hepsub.bundle.bundle import read_bundle
from hepsub.ended import EndedJobs, Kept
from hepsub.errors import PoolUnreachable
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, make_job
from tests.fakes.world import NOON, make_script, make_spec
from tests.unit.actions.test_renew import World, world
from tests.unit.actions.test_status import SCHEDD, UUID, ended, session_of

__all__ = ["world"]


def listed(session: Session, most: int = 9, owner: str = "alice") -> list[str]:
    """What hep_history lists without ids."""
    return [job.job for job in history(session, (), owner, most, None).value.jobs]


def also_submitted(session: Session, cluster: int, when: float, number: int = 1) -> str:
    """Another submission of alice's; its UUID."""
    uuid = UUID[:-3] + f"{cluster:03}"
    ref = SubmissionRef(uuid=uuid, pool="local", schedd=SCHEDD, cluster=cluster, number=number)
    session.journal.append(Entry(ref=ref, when=when))
    return uuid


def test_the_history_without_ids_has_what_is_kept_too(tmp_path: Path) -> None:
    """Once each, the latest first, and no more than asked; nothing of alice's where bob's is asked for."""
    schedd = FakeSchedd(past=[ended("14.0", ended=NOON - 20)])
    session = session_of(tmp_path, schedd, number=2)
    session.ended.keep(UUID, [ended("13.0", 85, ended=NOON - 10), ended("13.1", ended=NOON - 30)])
    session.ended.settle(UUID, 0)
    session.ended.keep(also_submitted(session, 14, NOON - 90), [ended("14.0", ended=NOON - 20)])
    assert listed(session) == ["13.0", "14.0", "13.1"]
    assert listed(session, most=2) == ["13.0", "14.0"]
    assert listed(session, owner="bob") == []
    assert listed(session, owner="") == ["13.0", "14.0", "13.1"]


def test_the_history_without_ids_reads_no_more_than_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that was written before the last job that is shown had ended nothing is read."""
    session = session_of(tmp_path, FakeSchedd(past=[]), number=1)
    for number in range(20, 40):
        when = NOON - 1000 * (40 - number)
        uuid = also_submitted(session, number, when - 50)
        session.ended.keep(uuid, [ended(f"{number}.0", ended=when)])
        os.utime(session.ended.directory / f"{uuid}.jsonl", (when + 5, when + 5))
    seen: list[str] = []
    read = EndedJobs.read

    def noting(own: EndedJobs, uuid: str) -> Kept:
        seen.append(uuid)
        return read(own, uuid)

    monkeypatch.setattr(EndedJobs, "read", noting)
    assert listed(session, most=3) == ["39.0", "38.0", "37.0"]
    assert len(seen) == 3


def test_the_history_without_ids_of_a_pool_that_is_away_is_what_is_kept(tmp_path: Path) -> None:
    session = session_of(tmp_path, FakeSchedd(), number=1)
    session.ended.keep(UUID, [ended("13.0")])

    def away(pool: str, _: object) -> tuple[BatchSystem, ...]:
        raise PoolUnreachable(f"the pool {pool} does not answer", remedy="try again")

    result = history(replace(session, connect=away), (), "alice", 9, None)
    assert ([job.job for job in result.value.jobs], result.exit_code) == (["13.0"], 40)
    with pytest.raises(PoolUnreachable):
        history(replace(session, connect=away), (), "bob", 9, None)


def test_the_history_without_ids_has_what_reported_home(world: World) -> None:
    """A job that nobody asked for before its schedd forgot it; not while its cluster may be in the queue."""
    bundle = read_bundle(world.submit("-n", "2", "-out", "r=herd:out/r_%{ProcId}"))
    assert bundle is not None
    home = bundle.returned(1)
    home.mkdir(parents=True)
    times = {"started": "2026-07-01T10:00:00Z", "ended": "2026-07-01T10:01:00Z"}
    report = {**times, "code": 0, "message": "", "payload": {"exit_code": 0}, "outputs": []}
    (home / "report.json").write_text(json.dumps(report))
    assert listed(world.session()) == []
    world.schedd.jobs = []
    assert listed(world.session()) == ["13.1"]
    shutil.rmtree(bundle.directory)
    assert listed(world.session()) == []


def test_a_job_that_reported_home_ran_its_own_script(world: World) -> None:
    """Each of run-0.sh, run-1.sh is named as what it is, not by what names all of them."""
    for proc in range(2):
        make_script(world.directory, f"run-{proc}.sh")
    spec = make_spec("run-%{ProcId}.sh", "-n", "2", "-out", "r=herd:out/r_%{ProcId}")
    value = submit(world.session(), spec).value
    bundle = read_bundle(world.directory / "bundles" / value.submitted.uuid)
    assert bundle is not None
    home = bundle.returned(1)
    home.mkdir(parents=True)
    times = {"started": "2026-07-01T10:00:00Z", "ended": "2026-07-01T10:01:00Z"}
    report = {**times, "code": 0, "message": "", "payload": {"exit_code": 0}, "outputs": []}
    (home / "report.json").write_text(json.dumps(report))
    world.schedd.jobs = []
    [job] = history(world.session(), (), "alice", 9, None).value.jobs
    assert (job.job, job.command) == ("13.1", "run-1.sh")


def test_what_is_kept_of_a_cluster_is_not_what_an_earlier_one_of_its_number_did(
    tmp_path: Path,
) -> None:
    """Cluster ids begin anew when a spool is lost, and histories go on."""
    old = ended("13.0", 1, submitted=NOON - 40 * 86400, ended=NOON - 39 * 86400)
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING)], past=[old])
    session = session_of(tmp_path, schedd, number=1)
    ids = (parse_job_id("13"),)
    assert [job.exit_code for job in history(session, ids, "alice", 9, None).value.jobs] == [1]
    assert session.ended.read(UUID).jobs == {}
    [ref] = (entry.ref for entry in session.journal.entries())
    assert job_states(session, ref, [0])[0][0].state is State.RUNNING
    schedd.jobs.clear()
    assert job_states(session, ref, [0]) == ({}, "")


def test_a_history_without_uuids_tells_how_jobs_ended(tmp_path: Path) -> None:
    """As Slurm's accounting, which keeps no comments unless it is set up to."""
    past = [ended("13.0", 1, submitted=NOON - 90), ended("13.1", 2, submitted=NOON - 40 * 86400)]
    schedd = FakeSchedd(past=past)
    session = session_of(tmp_path, schedd, number=2)
    [ref] = (entry.ref for entry in session.journal.entries())
    states, trouble = job_states(session, ref, [0, 1])
    assert ({proc: job.exit_code for proc, job in states.items()}, trouble) == ({0: 1}, "")
