"""Files that take longer to a schedd than most: as long as a living hep_sub sends them, nobody gives their jobs up."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.actions.lineage import lineage_of
from hepsub.actions.queue.cluster import reports
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.later import wait_for
from hepsub.actions.queue.query import Filter
from hepsub.actions.queue.why import why
from hepsub.actions.queue.word import Word, job_state
from hepsub.actions.submit.judge import Verdict, judge
from hepsub.batch import SPOOLING, State
from hepsub.bundle.directory import is_being_made, new_bundle
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.session import Session
from tests.fakes.batch import Cluster, FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import (
    NOON,
    make_policy,
    make_session,
    make_spec,
    make_world,
    plan_for,
)

REF = SubmissionRef(uuid="u-1", pool="local", schedd="schedd01.example.org", cluster=13, number=1)
LOST = (
    "its files have not reached its schedd, and nobody sends them any more: it can never start",
    "hep_rm 13.0, and submit it again",
)


@pytest.fixture
def schedd() -> FakeSchedd:
    """A schedd that waits for the files of cluster 13, since an hour."""
    job = make_job("13.0", State.HELD, hold_code=SPOOLING, submitted=NOON - 3600)
    plan = plan_for(make_spec("job.sh"), make_policy(), make_world())
    return FakeSchedd(jobs=[job], clusters=[Cluster(submitted=REF, plan=plan)])


@pytest.fixture
def session(tmp_path: Path, schedd: FakeSchedd) -> Session:
    """Its user's, in another terminal."""
    policy = make_policy(
        f'[staging]\nbundle_dir = "{tmp_path}/bundles"\n[pool.local]\nspool = true\n'
    )
    made = make_session(tmp_path, as_batch_systems(schedd), policy=policy)
    made.journal.append(Entry(ref=REF, when=NOON - 3600))
    return made


@contextlib.contextmanager
def sender(session: Session, *, alive: bool) -> Iterator[int]:
    """A process that has made the bundle, and sends it or has been killed."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        with new_bundle(session.bundles, REF.uuid):
            os.write(there, b"x")
            signal.pause()
        os._exit(0)
    assert os.read(here, 1) == b"x"
    if not alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:
        yield child
    finally:
        if alive:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(here)
        os.close(there)


def test_a_bundle_is_being_made_as_long_as_its_process_lives(session: Session) -> None:
    directory = session.bundles / REF.uuid
    assert not is_being_made(directory)
    with sender(session, alive=True):
        assert is_being_made(directory)
    assert not is_being_made(directory)


@pytest.mark.parametrize("alive", [True, False])
def test_it_is_told_whether_somebody_sends_them(session: Session, *, alive: bool) -> None:
    """By hep_q -why, and by hep_sub status 13."""
    with sender(session, alive=alive):
        [why_held] = why(session, Filter()).value.explanations
        [status] = reports(session, [parse_job_id("13")], None).value.clusters
    [failure] = status.failures
    lost = (why_held.sentence, why_held.next_command) == LOST
    assert lost is not alive
    assert ("nobody sends them" in failure.reason) is not alive


@pytest.mark.parametrize("alive", [True, False])
def test_they_count_as_alive_meanwhile(session: Session, *, alive: bool) -> None:
    """For hep_sub -resubmit, which would submit them twice, and for programs."""
    lineage = lineage_of(session.journal.entries(), REF, [0])
    with sender(session, alive=alive):
        [judged] = judge(session, lineage)
        word = job_state(session, parse_job_id("13"), None, lambda _: None).value.state
    assert judged.verdict is (Verdict.ALIVE if alive else Verdict.HELD)
    assert word is (Word.WAITING if alive else Word.FAILED)


def test_they_are_waited_for(session: Session, schedd: FakeSchedd) -> None:
    """Until they have come, and the jobs have run."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        schedd.past = [make_job("13.0", State.COMPLETED, exit_code=0, ended=NOON)]
        schedd.jobs = []

    with sender(session, alive=True):
        clock = Clock(sleep=sleep, progress=lambda _: None)
        result = wait_for(session, [parse_job_id("13")], None, clock)
    assert result.exit_code == 0
    assert len(slept) == 1
