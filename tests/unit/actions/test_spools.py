"""What jobs left in a spool: what of one is lost keeps nobody else's there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.spools import collect_all
from hepsub.actions.queue.wait import wait
from hepsub.actions.renew.renew import renew
from hepsub.actions.submit.result import Submission
from hepsub.actions.submit.submit import submit
from hepsub.batch import Selection, State
from hepsub.bundle.directory import discard_bundle
from hepsub.confine import Writable
from hepsub.result import document_of
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd
from tests.fakes.world import NOON, make_spec
from tests.unit.actions.test_hand_over import LINE, complete, schedd, session

__all__ = ["schedd", "session"]

SAID = "the schedd schedd01.example.org said: File transfer failed"


def submitted(session: Session, schedd: FakeSchedd, number: int) -> Submission:
    """Cluster 13, whose jobs have ended."""
    value = submit(session, make_spec(*LINE, "-n", str(number))).value
    complete(schedd)
    return value


def left(schedd: FakeSchedd) -> list[int]:
    """The jobs that are still in the queue."""
    return [job.proc for job in schedd.jobs]


def note_of(session: Session) -> str:
    """What a round says of the schedd that it could not fetch from."""
    result = renew(session)
    told = document_of(result.value)["notes"]
    assert isinstance(told, (list, tuple))
    assert all(each in told for each in result.notes)
    notes = [each for each in result.notes if "could not be fetched" in each]
    assert len(notes) <= 1
    return "".join(notes)


@pytest.mark.parametrize("lost", [(), (0,), (4,), (8,), (2, 3), (0, 4, 8)])
def test_all_others_come_home(session: Session, schedd: FakeSchedd, lost: tuple[int, ...]) -> None:
    """Whichever it is of nine; each is named with what to do, in every round."""
    submitted(session, schedd, 9)
    schedd.lost = {f"13.{proc}" for proc in lost}
    said = "; ".join(f"13.{p}: {SAID}; hep_rm removes the job with what it left" for p in lost)
    meant = f"what jobs left at schedd01.example.org could not be fetched: {said}"
    for _ in range(2):
        assert note_of(session) == (meant if lost else "")
        assert left(schedd) == list(lost)


class Moving(FakeSchedd):
    """Jobs that run end just before the others are fetched."""

    def fetch(self, selection: Selection, writable: Writable) -> None:
        """More have ended."""
        complete(self)
        super().fetch(selection, writable)


@pytest.mark.parametrize("schedd", [Moving(host="far.example.org")])
def test_a_job_that_ends_meanwhile_is_left_for_the_next_round(
    session: Session, schedd: FakeSchedd
) -> None:
    """No place was made for it."""
    submitted(session, schedd, 4)
    schedd.jobs[1:3] = [replace(each, state=State.RUNNING) for each in schedd.jobs[1:3]]
    assert note_of(session) == ""
    assert left(schedd) == [1, 2]


def test_where_nothing_can_be_fetched_few_are_tried(session: Session, schedd: FakeSchedd) -> None:
    """A disk that is full at home is no fault of a thousand jobs."""
    submitted(session, schedd, 64)
    schedd.lost = {job.job for job in schedd.jobs}
    said = note_of(session)
    assert said.count(SAID) == 10
    assert said.endswith("; 54 more job(s) were not tried after these")
    assert schedd.calls.count("fetch") < 30


def test_jobs_without_a_bundle_keep_no_others(session: Session, schedd: FakeSchedd) -> None:
    """The others' files come; the cluster is named."""
    submitted(session, schedd, 1)
    gone = submitted(session, schedd, 1).submitted
    discard_bundle(session.bundles / gone.uuid)
    assert "the bundle of cluster 14 is gone, into which it belongs" in note_of(session)
    assert [job.job for job in schedd.jobs] == ["14.0"]


def test_what_is_long_gone_is_not_asked_for_in_every_round(
    session: Session, schedd: FakeSchedd
) -> None:
    """A journal has the submissions of years: each of them would be in each question of each round."""
    gone = submitted(session, schedd, 1).submitted
    discard_bundle(session.bundles / gone.uuid)
    schedd.calls.clear()
    later = replace(session.situation, now=NOON + 30 * 86400)
    assert collect_all(replace(session, situation=later)) == ()
    assert schedd.calls == []


def test_what_was_fetched_is_in_the_history_when_the_wait_ends(
    session: Session, schedd: FakeSchedd
) -> None:
    """hep_history, the next command, knows it."""
    value = submitted(session, schedd, 2)
    ended = [replace(job, exit_code=0, ended=NOON) for job in schedd.jobs]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        schedd.past = ended[: len(pauses)]

    result = wait(session, value, Clock(sleep=sleep, progress=lambda _: None))
    assert (result.exit_code, len(pauses)) == (0, 2)


def test_waiting_tells_what_did_not_come(session: Session, schedd: FakeSchedd) -> None:
    """The job's end is known all the same; the command says that not all is here."""
    value = submitted(session, schedd, 2)
    schedd.lost = {"13.1"}
    schedd.jobs = [replace(job, exit_code=0, ended=NOON) for job in schedd.jobs]
    schedd.past = [schedd.jobs[0]]
    result = wait(session, value, Clock(sleep=lambda _: None, progress=lambda _: None))
    assert [job.exit_code for job in result.value.jobs] == [0, 0]
    [problem] = result.problems
    assert (result.exit_code, problem.code) == (53, "spool")
    assert f"13.1: {SAID}" in problem.message
    assert problem.remedy == "hep_fetch 13 tries it again"
