"""The actions behind the commands work on the embedded pool as on any other."""

from __future__ import annotations

from hepsub.actions.queue.cluster import reports
from hepsub.actions.queue.control import control
from hepsub.actions.queue.edit import edit
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.history import history
from hepsub.actions.queue.query import Filter, Listing, query
from hepsub.actions.queue.status import status
from hepsub.actions.queue.wait import wait
from hepsub.actions.queue.why import why
from hepsub.actions.submit.result import Submission
from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, Selection, State
from hepsub.batch_edit import Edit
from hepsub.jobid import parse_job_id
from tests.fakes.world import make_spec
from tests.here.world import Here, until


def listing(here: Here, **wanted: object) -> Listing:
    return query(here.session(), Filter(pool="here", **wanted)).value  # type: ignore[arg-type]


def submission(here: Here, *words: str) -> Submission:
    return submit(here.session(), make_spec("-p", "here", *words)).value


def test_submit_and_wait(here: Here) -> None:
    here.script("exit $1")
    made = submission(here, "job.sh", "-argu", "%{ProcId}", "-n", "3")
    said: list[str] = []
    result = wait(here.session(), made, Clock(sleep=lambda _: None, progress=said.append))
    assert [job.exit_code for job in result.value.jobs] == [0, 1, 2]
    assert result.exit_code == 60
    assert said[-1] == "cluster 1: 0 idle, 0 running, 0 held, 3 ended"


def test_no_event_log_is_written(here: Here) -> None:
    """It is HTCondor's; -l is taken all the same."""
    here.script("true")
    made = submission(here, "job.sh", "-l", "job.log")
    wait(here.session(), made, Clock(sleep=lambda _: None, progress=lambda _: None))
    assert not (here.directory / "job.log").exists()


def test_once(here: Here) -> None:
    here.script("true")
    first = submission(here, "job.sh", "-once", "key")
    again = submission(here, "job.sh", "-once", "key")
    assert (again.submitted, again.plan) == (first.submitted, None)
    for entry in here.session().journal.directory.glob("*.jsonl"):
        entry.unlink()  # the queue knows it, too
    assert submission(here, "job.sh", "-once", "key").submitted == first.submitted
    assert len(here.pool.find(Selection())) == 1


def test_queue_hold_edit_release_remove_history(here: Here) -> None:
    here.script("sleep 1000")
    made = submission(here, "job.sh", "-n", "50", "-name", "naïve", "-prio", "2")
    cluster = made.submitted.cluster
    here.reach(f"{cluster}.0", State.RUNNING)
    seen = listing(here, owner="alice")
    assert seen.counts().jobs == 50
    assert {(job.schedd, job.name, job.priority) for job in seen.jobs} == {
        ("here@laptop", "naïve", 2)
    }
    assert listing(here, owner="bob").jobs == ()
    waiting = (parse_job_id(f"{cluster}.40-49"),)
    held = control(here.session(), Act.HOLD, waiting, "here").value
    assert held.outcomes[0].number == 10
    assert len(listing(here, states=(State.HELD,)).jobs) == 10
    edited = edit(here.session(), waiting, Edit(memory_mb=300), "here").value
    assert [(each.number, each.old_mb, each.new_mb) for each in edited.changes] == [(10, 100, 300)]
    assert control(here.session(), Act.RELEASE, waiting, "here").exit_code == 0
    assert control(here.session(), Act.RELEASE, waiting, "here").exit_code == 53
    assert control(here.session(), Act.REMOVE, (), "here").exit_code == 0
    until(lambda: not listing(here).jobs)
    past = history(here.session(), (), "alice", 10, "here").value
    assert [job.state for job in past.jobs] == [State.REMOVED] * 10
    assert control(here.session(), Act.REMOVE, waiting, "here").exit_code == 51


def test_why(here: Here) -> None:
    here.script("sleep 1000")
    submission(here, "job.sh", "-n", "50")
    here.reach("1.0", State.RUNNING)
    control(here.session(), Act.HOLD, (parse_job_id("1.49"),), "here")
    value = why(here.session(), Filter(pool="here")).value
    by_state = {each.state: each for each in value.explanations}
    assert by_state[State.RUNNING].sentence.startswith("it runs on ")
    assert "cores: " in by_state[State.IDLE].details[0]
    assert by_state[State.HELD].next_command == "hep_release 1.49"
    assert by_state[State.HELD].details == ("1/0 hepsub was asked to hold it",)


def test_status_of_what_has_ended(here: Here) -> None:
    """Also when nobody has the queue any more: what was seen is kept."""
    here.script("echo oh no >&2; exit $1")
    made = submission(here, "job.sh", "-argu", "%{ProcId}", "-n", "3")
    wait(here.session(), made, Clock(sleep=lambda _: None, progress=lambda _: None))

    def told() -> tuple[str, list[tuple[str, tuple[str, ...], tuple[str, ...]]]]:
        value = reports(here.session(), [parse_job_id("1")], "here").value
        (found,) = value.clusters
        failures = [
            (each.reason, each.ids, each.stderr.lines if each.stderr else ())
            for each in found.failures
        ]
        return f"{found.done} {found.failed} {found.unknown}", failures

    expected = (
        "1 2 0",
        [("exit code 1", ("1.1",), ("oh no",)), ("exit code 2", ("1.2",), ("oh no",))],
    )
    assert told() == expected
    here.place.directory.rename(here.directory / "elsewhere")
    assert told() == expected
    overview = status(here.session(), "here").value
    assert [(each.id, each.done, each.failed) for each in overview.clusters] == [("1", 1, 2)]
