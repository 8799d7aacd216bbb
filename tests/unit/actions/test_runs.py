"""What was run again counts as its latest run, whoever asks: status, its one word, -why, hep_tail, hep_history."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.actions.lineage import Later, later_runs
from hepsub.actions.queue.cluster import reports
from hepsub.actions.queue.history import history
from hepsub.actions.queue.query import Filter
from hepsub.actions.queue.status import status
from hepsub.actions.queue.watch import Until, Watcher, watch
from hepsub.actions.queue.why import why
from hepsub.actions.queue.word import Word, job_state
from hepsub.actions.tail.target import find_target
from hepsub.batch import State
from hepsub.batch_logs import Stream
from hepsub.cli.output import value_text
from hepsub.errors import HepsubError, PoolUnreachable, UnknownJob
from hepsub.jobid import Again, SubmissionRef, parse_job_id
from hepsub.journal import Entry
from tests.fakes.batch import make_job, make_unmade
from tests.unit.actions.test_resubmit import World, end


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Of the six jobs of cluster 13, 1 and 3 failed, and run again as 14.0 and 14.1; the others are well."""
    world = World(tmp_path)
    world.ended(*(end(f"13.{proc}", int(proc in (1, 3)), run_seconds=5.0) for proc in range(6)))
    world.again(failed=True)
    return world


def word(world: World, job: str) -> Word:
    value = job_state(world.session(), parse_job_id(job), None, world.sleep).value
    return value.state


def report(world: World, job: str) -> tuple[int, ...]:
    value = reports(world.session(), [parse_job_id(job)], None).value
    [each] = value.clusters
    return (each.number, each.done, each.failed, each.running, each.idle, each.unknown)


def test_one_word(world: World) -> None:
    """A workflow manager goes on when the job that runs again has succeeded."""
    assert (word(world, "13.1"), word(world, "13.0"), word(world, "13")) == (
        Word.WAITING,
        Word.SUCCESS,
        Word.WAITING,
    )
    world.schedd.jobs = [make_job("14.0", State.RUNNING), make_job("14.1")]
    assert (word(world, "13.1"), word(world, "13.3")) == (Word.RUNNING, Word.WAITING)
    world.ended(end("14.0", 0), end("14.1", 2))
    assert [word(world, job) for job in ("13.1", "13.3", "13", "14.0", "14")] == [
        Word.SUCCESS,
        Word.FAILED,
        Word.FAILED,
        Word.SUCCESS,
        Word.FAILED,
    ]
    world.again("14.1")
    world.ended(end("15.0", 0))
    assert [word(world, job) for job in ("13.3", "13", "14.1", "14")] == [Word.SUCCESS] * 4


def test_a_cluster_in_full(world: World) -> None:
    world.schedd.jobs = [make_job("14.0", State.RUNNING), make_job("14.1")]
    assert report(world, "13") == (6, 4, 0, 1, 1, 0)
    assert report(world, "13.0-1") == (2, 1, 0, 1, 0, 0)
    world.ended(end("14.0", 0), end("14.1", 2, run_seconds=9.0))
    assert report(world, "13") == (6, 5, 1, 0, 0, 0)
    assert report(world, "13.3") == (1, 0, 1, 0, 0, 0)
    value = reports(world.session(), [parse_job_id("13")], None).value
    [cluster] = value.clusters
    assert [each.ids for each in cluster.failures] == [("14.1",)]
    assert (cluster.id, cluster.again) == ("13", ("14",))
    assert cluster.commands == ("hep_sub -resubmit 13 -failed",)
    assert cluster.usage is not None
    assert cluster.usage.run_seconds is not None
    assert (cluster.usage.number, cluster.usage.run_seconds.job) == (5, "14.1")
    assert "count as they are in cluster 14" in value_text(value)


def test_jobs_that_are_still_to_be_made_run_again_too(world: World) -> None:
    """Where ten thousand failed, their next cluster is a factory."""
    world.schedd.jobs = [make_job("14.0", State.RUNNING)]
    world.schedd.unmade = [make_unmade(14, first=1, number=1)]
    assert report(world, "13.0-3") == (4, 2, 0, 1, 1, 0)
    assert report(world, "13.3") == (1, 0, 0, 0, 1, 0)
    assert report(world, "13.1") == (1, 0, 0, 1, 0, 0)


def test_the_list_counts_each_job_once(world: World) -> None:
    world.schedd.jobs = [make_job("14.0", State.RUNNING), make_job("14.1")]
    found = status(world.session(), None)
    rows = {each.cluster: each for each in found.value.clusters}
    assert [(e.number, e.done, e.failed, e.resubmitted, e.unknown) for e in rows.values()] == [
        (2, 0, 0, 0, 0),
        (6, 4, 0, 2, 0),
    ]
    assert rows[13].next_command is None
    text = value_text(found.value)
    assert "2 run again: 14" in text
    assert "++++++" in text


def test_why(world: World) -> None:
    world.schedd.jobs = [make_job("14.0", State.HELD)]
    world.ended(end("14.1", 2))
    found = why(world.session(), Filter(ids=(parse_job_id("13.1"),)))
    assert [(each.jobs, each.state) for each in found.value.explanations] == [
        (("14.0",), State.HELD)
    ]
    found = why(world.session(), Filter(ids=(parse_job_id("13.3"),)))
    assert [(each.jobs, each.sentence[:9]) for each in found.value.explanations] == [
        (("14.1",), "it failed")
    ]
    assert found.notes == ("cluster 14 is 13.1,3 run again",)


def test_history_lists_every_run_and_counts_the_latest(world: World) -> None:
    world.schedd.jobs = []
    world.ended(end("14.0", 0), end("14.1", 2))
    result = history(world.session(), (parse_job_id("13"),), "alice", 100, None)
    assert len(result.value.jobs) == 8
    [summary] = result.value.summary
    assert (summary.id, summary.number, summary.done) == ("13", 6, 5)
    assert [each.ids for each in summary.failures] == [("14.1",)]


def test_the_log_of_the_latest_run(world: World) -> None:
    session = world.session()
    target = find_target(session, parse_job_id("13.3"), Stream.STDOUT, None)
    assert (target.meant, target.notes) == ("14.1", ("13.3 was run again: this is of 14.1",))
    target = find_target(session, parse_job_id("13.0"), Stream.STDOUT, None)
    assert (target.meant, target.notes) == ("13.0", ())


def test_watching_waits_for_what_runs_again(world: World) -> None:
    world.schedd.jobs = [make_job("14.0", State.RUNNING), make_job("14.1")]
    world.later = [lambda: None, lambda: world.ended(end("14.0", 0), end("14.1", 0))]
    watcher = Watcher(
        sleep=world.sleep,
        now=lambda: world.session().situation.now,
        show=lambda _: None,
        trouble=print,
    )
    result = watch(world.session(), [parse_job_id("13")], None, Until.DONE, watcher)
    assert (result.exit_code, result.problems, world.later) == (0, (), [])


def test_what_later_submissions_run_again() -> None:
    def entry(uuid: str, cluster: int, *procs: int) -> Entry:
        ref = SubmissionRef(uuid=uuid, pool="p", schedd="s", cluster=cluster, number=len(procs))
        return Entry(ref=ref, when=cluster, again=Again(uuid="a", cluster=13, procs=procs))

    second, third, never = entry("b", 14, 1, 3), entry("c", 15, 3), entry("d", -1, 1)
    assert later_runs([second, third, never]) == {
        "a": Later(refs=(second.ref, third.ref), procs=frozenset({1, 3})),
        "b": Later(refs=(third.ref,), procs=frozenset({1})),
    }


@pytest.mark.parametrize("job", ["13.6", "13.4-99"])
def test_jobs_that_the_cluster_does_not_have(world: World, job: str) -> None:
    with pytest.raises(UnknownJob, match=r"cluster 13 has 6 job\(s\), the last one is 13\.5"):
        report(world, job)
    result = history(world.session(), (parse_job_id("13.7"),), "alice", 100, None)
    assert (result.exit_code, result.problems[0].message) == (
        UnknownJob.exit_code,
        "13.7: cluster 13 has 6 job(s)",
    )


def test_history_of_what_nobody_knows(world: World) -> None:
    """An error; what has not ended yet is said."""
    result = history(world.session(), (parse_job_id("99"),), "alice", 100, None)
    assert (result.exit_code, result.problems[0].code) == (51, "unknown-job")
    result = history(world.session(), (parse_job_id("14"),), "alice", 100, None)
    assert result.exit_code == 0
    assert "no job of 14 is known to have ended; hep_sub status 14 tells more" in result.notes


def test_a_silent_schedd_hides_nothing_that_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.schedd.jobs = [make_job("14.0", State.HELD), make_job("14.1")]
    assert report(world, "13")[1] == 4

    def silent(*_: object, **__: object) -> None:
        raise PoolUnreachable("the schedd does not answer", remedy="wait")

    monkeypatch.setattr(type(world.schedd), "queue", silent)
    result = reports(world.session(), [parse_job_id("13")], None)
    assert "the schedd does not answer" in {each.message for each in result.problems}
    assert result.value.clusters[0].done == 4
    monkeypatch.setattr(type(world.schedd), "count_clusters", silent)
    result = reports(world.session(), [parse_job_id("13.0")], None)
    assert result.value.clusters[0].done == 1
    with pytest.raises(HepsubError, match="does not answer"):  # of these nothing is known
        reports(world.session(), [parse_job_id("14")], None)
