"""hep_sub status: clusters that ended, why jobs failed, what they used, one word, watching."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.lineage import lineage_of
from hepsub.actions.queue.cluster import ClusterReports, reports
from hepsub.actions.queue.counted import ClusterStatus
from hepsub.actions.queue.failures import end_text, groups_of, last_lines, ranges
from hepsub.actions.queue.history import history
from hepsub.actions.queue.query import Filter
from hepsub.actions.queue.status import status
from hepsub.actions.queue.usage import histogram, usage_of
from hepsub.actions.queue.watch import Until, Watcher, watch
from hepsub.actions.queue.why import why
from hepsub.actions.queue.word import Word, job_state
from hepsub.actions.submit.judge import Verdict, judge
from hepsub.batch import JobStatus, State
from hepsub.batch_system import BatchSystem
from hepsub.errors import PoolUnreachable, UnknownJob
from hepsub.jobid import Again, SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.session import Session
from hepsub.units import moment_text
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import NOON, make_policy, make_session

SCHEDD = "schedd01.example.org"
UUID = "7e0f6e3c-0000-4000-8000-000000000001"
DAY = 86400


def ended(job: str, exit_code: int | None = 0, **values: object) -> JobStatus:
    plain = {"ended": NOON - 50, "run_seconds": 30.0, "exit_code": exit_code}
    return make_job(job, State.COMPLETED, **(plain | values))


def session_of(
    directory: Path, schedd: FakeSchedd, *, number: int, when: float = NOON - 100
) -> Session:
    """Alice's, with one submission of so many jobs in the journal."""
    session = make_session(directory, as_batch_systems(schedd))
    ref = SubmissionRef(uuid=UUID, pool="local", schedd=SCHEDD, cluster=13, number=number)
    session.journal.append(Entry(ref=ref, when=when))
    return session


def rows(session: Session) -> list[tuple[int, int, int, int, int, int, int]]:
    value = status(session, None).value
    return [counts(each) for each in value.clusters]


def counts(each: ClusterStatus) -> tuple[int, int, int, int, int, int, int]:
    return (
        each.number,
        each.done,
        each.failed,
        each.removed,
        each.unknown,
        each.running,
        each.idle,
    )


PAST = [
    ended("13.0"),
    ended("13.1", 1),
    ended("13.2", None, exit_signal=9),
    make_job("13.3", State.REMOVED, ended=NOON),
]


def test_what_has_ended_is_counted_by_how_it_did(tmp_path: Path) -> None:
    schedd = FakeSchedd(jobs=[make_job("13.4", State.RUNNING), make_job("13.5")], past=list(PAST))
    session = session_of(tmp_path, schedd, number=6)
    assert rows(session) == [(6, 1, 2, 1, 0, 1, 1)]


def test_a_cluster_that_runs_for_weeks_keeps_what_has_ended_of_it(tmp_path: Path) -> None:
    """Its journal entry is as old; another cluster of its number that was not submitted by hepsub is none of it."""
    begun = NOON - 20 * DAY
    past = [replace(job, submitted=begun, ended=NOON - 10 * DAY) for job in PAST]
    schedd = FakeSchedd(jobs=[make_job("13.4", State.RUNNING, submitted=begun)], past=past)
    session = session_of(tmp_path, schedd, number=5, when=begun)
    assert rows(session) == [(5, 1, 2, 1, 0, 1, 0)]
    schedd.jobs = [make_job("13.0", State.RUNNING, submitted=NOON - 50)]
    assert rows(session) == [(1, 0, 0, 0, 0, 1, 0)]
    schedd.jobs.clear()
    assert rows(session) == []


def test_a_cluster_that_ended_stays_visible_when_its_schedd_has_forgotten_it(
    tmp_path: Path,
) -> None:
    schedd = FakeSchedd(past=list(PAST))
    session = session_of(tmp_path, schedd, number=4)
    assert rows(session) == [(4, 1, 2, 1, 0, 0, 0)]
    schedd.past.clear()
    schedd.calls.clear()
    assert rows(session) == [(4, 1, 2, 1, 0, 0, 0)]
    assert "history" not in schedd.calls  # what is known is not asked for again
    later = replace(session, situation=replace(session.situation, now=NOON + 5 * DAY))
    assert rows(later) == []


@pytest.mark.parametrize(("number", "shown"), [(4, [(4, 1, 2, 1, 0, 0, 0)]), (5, [])])
def test_a_schedd_that_is_away_hides_nothing_that_is_known(
    tmp_path: Path, number: int, shown: list[tuple[int, ...]]
) -> None:
    """What has ended is shown; of what may be in its queue nothing is said to have ended."""
    schedd = FakeSchedd(reachable=False)
    session = session_of(tmp_path, schedd, number=number)
    session.ended.keep(UUID, PAST)
    found = status(session, None)
    assert found.exit_code == PoolUnreachable.exit_code
    assert [counts(each) for each in found.value.clusters] == shown


def test_counting_asks_for_no_job(tmp_path: Path) -> None:
    """A cluster of which nothing has ended costs its counts and nothing else."""
    schedd = FakeSchedd(jobs=[make_job(f"13.{proc}") for proc in range(50)])
    assert rows(session_of(tmp_path, schedd, number=50)) == [(50, 0, 0, 0, 0, 0, 50)]
    assert schedd.calls == ["count_clusters"]


def test_what_nobody_knows_is_of_unknown_end_and_the_schedd_is_not_asked_for_ever(
    tmp_path: Path,
) -> None:
    schedd = FakeSchedd()
    session = session_of(tmp_path, schedd, number=3)
    asked = []
    for seconds in (0, 5, 70, 80, 90):
        now = replace(session, situation=replace(session.situation, now=NOON + seconds))
        schedd.calls.clear()
        assert rows(now) == [(3, 0, 0, 0, 3, 0, 0)]
        asked.append("history" in schedd.calls)
    assert asked == [True, True, True, False, False]


def test_jobs_that_were_removed_before_they_were_made_are_removed(tmp_path: Path) -> None:
    """Of a large cluster its schedd has made the first ones only: no history tells of the others."""
    past = [ended("13.0"), *(make_job(f"13.{proc}", State.REMOVED, ended=NOON) for proc in (1, 2))]
    schedd = FakeSchedd(past=past)
    session = session_of(tmp_path, schedd, number=1000)
    asked = []
    for seconds in (0, 70, 80):
        now = replace(session, situation=replace(session.situation, now=NOON + seconds))
        schedd.calls.clear()
        assert rows(now) == [(1000, 1, 0, 999, 0, 0, 0)]
        asked.append("history" in schedd.calls)
    assert asked == [True, True, False]


def test_a_job_that_was_removed_says_nothing_of_those_behind_it(tmp_path: Path) -> None:
    """They ended later, and the history is asked for them."""
    schedd = FakeSchedd(past=[make_job("13.0", State.REMOVED, ended=NOON)], jobs=[make_job("13.1")])
    session = session_of(tmp_path, schedd, number=2)
    assert rows(session)[0][1:4] == (0, 0, 1)
    schedd.jobs, schedd.past = [], [*schedd.past, ended("13.1")]
    assert rows(session)[0][1:4] == (1, 0, 1)


def test_jobs_of_an_earlier_cluster_of_the_same_number_are_not_taken(tmp_path: Path) -> None:
    schedd = FakeSchedd(past=[ended("13.0", submitted=NOON - 30 * DAY)])
    assert rows(session_of(tmp_path, schedd, number=1)) == [(1, 0, 0, 0, 1, 0, 0)]


def test_a_job_that_ended_late_of_an_old_submission_is_found(tmp_path: Path) -> None:
    """It ran six days over a holiday, and nobody looked meanwhile."""
    begun = NOON - 6 * DAY
    schedd = FakeSchedd(past=[ended("13.0", 1, submitted=begun)])
    assert rows(session_of(tmp_path, schedd, number=1, when=begun)) == [(1, 0, 1, 0, 0, 0, 0)]


def test_a_history_that_cannot_be_asked_is_a_problem_and_not_the_end(tmp_path: Path) -> None:
    class Silent(FakeSchedd):
        def history(self, *_: object, **__: object) -> tuple[JobStatus, ...]:
            raise PoolUnreachable("no history", remedy="try again")

    schedd = Silent(jobs=[make_job("13.1")])
    result = status(session_of(tmp_path, schedd, number=2), None)
    assert [counts(each) for each in result.value.clusters] == [(2, 0, 0, 0, 1, 0, 1)]
    assert ([each.message for each in result.problems], result.exit_code) == (["no history"], 40)


def test_jobs_that_have_ended_and_are_still_in_the_queue(tmp_path: Path) -> None:
    """At a schedd that keeps what they left until it is fetched, or on their way out."""
    queued = [ended("13.0"), ended("13.1", 3), make_job("13.2", State.REMOVED), make_job("13.3")]
    session = session_of(tmp_path, FakeSchedd(jobs=queued), number=4)
    spooling = replace(session, policy=make_policy("[pool.local]\nspool = true\n"))
    for each, command in ((session, "hep_sub status 13"), (spooling, "hep_sub status 13")):
        assert rows(each) == [(4, 1, 1, 1, 0, 0, 1)]
        value = status(each, None).value
        assert value.clusters[0].next_command == command
        (report,) = told(each, "13").clusters
        assert counts(report) == (4, 1, 1, 1, 0, 0, 1)
    good = session_of(tmp_path / "b", FakeSchedd(jobs=[ended("13.0")]), number=1)
    left = status(replace(good, policy=spooling.policy), None).value
    assert [(each.done, each.next_command) for each in left.clusters] == [(1, "hep_fetch 13")]


def told(session: Session, *ids: str) -> ClusterReports:
    return reports(session, [parse_job_id(each) for each in ids], None).value


def test_failures_are_grouped_by_the_reason(tmp_path: Path) -> None:
    stderr = tmp_path / "err.6"
    stderr.write_text("one\ntwo\nthree\n\nfour\n")
    past = [
        *(ended(f"13.{proc}", 1, stderr=str(tmp_path / f"err.{proc}")) for proc in (3, 6, 7, 8)),
        ended("13.1", None, exit_signal=9), ended("13.0"),
        make_job("13.2", State.REMOVED, ended=NOON, remove_reason="by alice"),
    ]  # fmt: skip
    held = make_job("13.4", State.HELD, hold_code=34, memory_mb=3000.0)
    session = session_of(tmp_path, FakeSchedd(jobs=[held, make_job("13.5")], past=past), number=9)
    (report,) = told(session, "13").clusters
    assert [(each.state.value, each.reason, each.ids, each.number) for each in report.failures] == [
        ("H", "13.4 is H", ("13.4",), 1),
        ("C", "exit code 1", ("13.3", "13.6-8"), 4),
        ("C", "signal 9, SIGKILL", ("13.1",), 1),
        ("X", "removed: by alice", ("13.2",), 1),
    ]
    assert report.failures[0].next_command == "hep_rm 13.4"
    said = report.failures[1].stderr
    assert said is not None
    assert (said.job, said.path, said.lines) == ("13.6", str(stderr), ("two", "three", "four"))
    assert report.commands == ("hep_sub -resubmit 13 -failed",)


def test_what_is_kept_counts_for_running_jobs_again(tmp_path: Path) -> None:
    """Their schedd has forgotten them, and no report came home."""
    schedd = FakeSchedd(past=list(PAST))
    session = session_of(tmp_path, schedd, number=4)
    rows(session)
    schedd.past.clear()
    entries = session.journal.entries()
    judged = judge(session, lineage_of(entries, entries[0].ref, range(4)))
    assert [each.verdict for each in judged] == [
        Verdict.SUCCEEDED, Verdict.FAILED, Verdict.FAILED, Verdict.FAILED,
    ]  # fmt: skip


@pytest.mark.parametrize(("procs", "next_command"), [((1,), "hep_sub status 13"), ((1, 2), None)])
def test_nobody_is_told_to_run_jobs_again_that_run_again(
    tmp_path: Path, procs: tuple[int, ...], next_command: str | None
) -> None:
    schedd = FakeSchedd(past=list(PAST), jobs=[make_job("20.0")])
    session = session_of(tmp_path, schedd, number=4)
    ref = SubmissionRef(
        uuid=UUID.replace("1", "2"), pool="local", schedd=SCHEDD, cluster=20, number=len(procs)
    )
    again = Again(uuid=UUID, cluster=13, procs=procs)
    session.journal.append(Entry(ref=ref, when=NOON - 10, again=again))
    value = status(session, None).value
    assert [(each.cluster, each.again, each.next_command) for each in value.clusters] == [
        (20, (), None), (13, ("20",), next_command),
    ]  # fmt: skip
    (report,) = told(session, "13").clusters
    assert report.commands == (("hep_sub -resubmit 13 -failed",) if next_command else ())


@pytest.mark.parametrize(("spool", "shown"), [("false", True), ("true", False)])
def test_no_file_is_shown_that_a_far_schedd_names(
    tmp_path: Path, spool: str, *, shown: bool
) -> None:
    """It may name any file of the user's as the standard error of a job."""
    key = tmp_path / "key"
    key.write_text("secret\n")
    session = session_of(tmp_path, FakeSchedd(past=[ended("13.0", 1, stderr=str(key))]), number=1)
    session = replace(session, policy=make_policy(f"[pool.local]\nspool = {spool}\n"))
    (report,) = told(session, "13").clusters
    assert (report.failures[0].stderr is not None) is shown


def test_some_jobs_of_a_cluster_in_full(tmp_path: Path) -> None:
    schedd = FakeSchedd(jobs=[make_job("13.4", State.RUNNING)], past=list(PAST))
    (report,) = told(session_of(tmp_path, schedd, number=5), "13.1-4").clusters
    assert (report.id, *counts(report)) == ("13.1-4", 4, 0, 2, 1, 0, 1, 0)


def test_a_cluster_that_hepsub_did_not_submit_is_told_of_too(tmp_path: Path) -> None:
    session = make_session(
        tmp_path, as_batch_systems(FakeSchedd(past=[ended("14.0", 2), ended("14.1")]))
    )
    (report,) = told(session, "14").clusters
    assert counts(report) == (2, 1, 1, 0, 0, 0, 0)
    assert report.commands == ()  # there is nothing to submit again from


def test_an_id_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownJob, match="nobody knows 99"):
        told(make_session(tmp_path, as_batch_systems(FakeSchedd())), "99")


def test_what_is_kept_is_told_while_the_pool_is_away(tmp_path: Path) -> None:
    schedd = FakeSchedd(past=list(PAST))
    session = session_of(tmp_path, schedd, number=4)
    rows(session)

    def away(pool: str, _: object) -> tuple[BatchSystem, ...]:
        raise PoolUnreachable(f"the pool {pool} does not answer", remedy="try again")

    result = reports(replace(session, connect=away), [parse_job_id("13")], None)
    assert [counts(each) for each in result.value.clusters] == [(4, 1, 2, 1, 0, 0, 0)]
    assert result.exit_code == 40


def explained(session: Session, **wanted: object) -> list[tuple[str, str, str | None]]:
    value = why(session, Filter(ids=(parse_job_id("13"),), **wanted)).value  # type: ignore[arg-type]
    return [(" ".join(each.jobs), each.sentence, each.next_command) for each in value.explanations]


def test_it_is_said_how_jobs_ended_that_are_not_in_the_queue_any_more(tmp_path: Path) -> None:
    past = [
        ended("13.0", 1, host="b", run_seconds=3600.0), ended("13.1"), ended("13.2"),
        make_job("13.3", State.REMOVED, remove_reason="by alice", ended=NOON - 50),
    ]  # fmt: skip
    schedd = FakeSchedd(jobs=[make_job("13.4", State.REMOVED)], past=past)
    session = session_of(tmp_path, schedd, number=5)
    when = moment_text(NOON - 50, NOON)
    again = "hep_sub -resubmit 13 -failed"
    told = [
        ("13.4", "it was removed and is about to leave the queue", None),
        ("13.1 13.2", f"it ended with exit code 0; the last of them at {when}", None),
        ("13.0", f"it failed: exit code 1; on b after 1 h at {when}", again),
        ("13.3", f"removed: by alice; at {when}", None),
    ]
    assert explained(session) == told
    schedd.past.clear()
    schedd.jobs.clear()
    kept = [each for each in told if each[0] in ("13.0", "13.1 13.2", "13.3")]
    assert [each for each in explained(session) if each in kept] == kept
    assert explained(session, states=(State.HELD,)) == []
    assert explained(session, owner="bob") == []


def test_the_history_tells_what_is_kept_when_the_schedd_has_forgotten_it(tmp_path: Path) -> None:
    schedd = FakeSchedd(past=[ended("13.0", 2), ended("13.1")])
    session = session_of(tmp_path, schedd, number=2)
    before = history(session, (parse_job_id("13"),), "alice", 9, None).value
    schedd.past.clear()
    after = history(session, (parse_job_id("13"),), "alice", 9, None).value
    assert [(job.job, job.exit_code, job.command) for job in after.jobs] == [
        ("13.0", 2, "job.sh"), ("13.1", 0, "job.sh"),
    ]  # fmt: skip
    assert after.summary == before.summary
    (summary,) = after.summary
    assert (summary.id, summary.number, summary.done, summary.failures[0].ids) == (
        "13",
        2,
        1,
        ("13.0",),
    )
    one = history(session, (parse_job_id("13.1"),), "alice", 9, None).value
    assert [job.job for job in one.jobs] == ["13.1"]


def test_the_history_of_a_pool_that_is_away_is_what_is_kept(tmp_path: Path) -> None:
    session = session_of(tmp_path, FakeSchedd(past=[ended("13.0", 2)]), number=1)
    history(session, (parse_job_id("13"),), "alice", 9, None)

    def away(pool: str, _: object) -> tuple[BatchSystem, ...]:
        raise PoolUnreachable(f"the pool {pool} does not answer", remedy="try again")

    result = history(replace(session, connect=away), (parse_job_id("13"),), "alice", 9, None)
    assert ([job.job for job in result.value.jobs], result.exit_code) == (["13.0"], 40)


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (ended("13.0", 3), "exit code 3"),
        (ended("13.0", 84), "exit code 84: an output was not made"),
        (ended("13.0", 127), "exit code 127: a program was not found"),
        (ended("13.0", 139), "exit code 139: a program in it was ended by signal 11, SIGSEGV"),
        (ended("13.0", None, exit_signal=11), "signal 11, SIGSEGV"),
        (ended("13.0", None, exit_signal=99), "signal 99"),
        (ended("13.0", None), "it has no exit code"),
        (ended("13.0", None, remove_reason="its node failed"), "its node failed"),
        (make_job("13.0", State.REMOVED), "removed"),
    ],
)
def test_how_a_job_failed(job: JobStatus, text: str) -> None:
    assert end_text(job) == text


def test_the_largest_group_is_first() -> None:
    groups = groups_of([ended("13.0", 1), ended("13.1", 2), ended("13.2", 2)])
    assert [[job.proc for job in group] for group in groups] == [[1, 2], [0]]


@pytest.mark.parametrize(
    ("procs", "ids"),
    [((), ()), ((3,), ("13.3",)), ((5, 3, 4, 9), ("13.3-5", "13.9")), ((0, 1, 1), ("13.0-1",))],
)
def test_ids_as_ranges(procs: Sequence[int], ids: tuple[str, ...]) -> None:
    assert ranges("13", procs) == ids


def test_only_a_regular_file_is_looked_into(tmp_path: Path) -> None:
    """A job may have put anything where its log was."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "long").write_bytes(b"x" * 9000 + b"\nlast \xff\n")
    names = ("fifo", "link", "nothing", "a\0b", "")
    assert [last_lines(str(tmp_path / name)) for name in names] == [()] * 5
    assert last_lines(str(tmp_path / "long")) == ("last �",)


def test_what_jobs_used_and_what_to_ask_for() -> None:
    jobs = [
        ended(f"13.{proc}", run_seconds=600.0 + proc, cpu_seconds=300.0, memory_mb=900.0 + proc, requested_mb=4000,
              walltime_s=36000, cores=2)
        for proc in range(5)
    ]  # fmt: skip
    usage = usage_of(jobs)
    assert usage is not None
    assert usage.memory_mb is not None
    assert usage.run_seconds is not None
    memory, time = usage.memory_mb, usage.run_seconds
    assert (memory.median, memory.most, memory.job, memory.asked, memory.advice) == (
        902.0, 904.0, "13.4", 4000.0, "-mem 1200",
    )  # fmt: skip
    assert (time.most, time.asked, time.advice) == (604.0, 36000.0, "-wt 16min")
    assert (usage.cores, usage.cpu_efficiency, usage.cpu_advice) == (2, 0.249, "-np 1")


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"memory_mb": 3900.0, "requested_mb": 4000}, None),  # about right
        ({"memory_mb": 5000.0, "requested_mb": 4000}, "-mem 6300"),  # more than it asked for
        ({"memory_mb": 100.0, "requested_mb": 500}, None),  # not worth a word
        ({"memory_mb": 10.0, "requested_mb": 4000, "run_seconds": 2.0}, None),  # hardly measured
    ],
)
def test_advice_about_memory(values: dict[str, object], advice: str | None) -> None:
    usage = usage_of([ended("13.0", 0, **({"run_seconds": 600.0} | values))])
    assert usage is not None
    assert usage.memory_mb is not None
    assert usage.memory_mb.advice == advice


def test_no_usage_where_nothing_ran() -> None:
    assert usage_of([ended("13.0", run_seconds=0.0)]) is None


def test_a_histogram_has_every_value_once() -> None:
    bins = histogram([1.0, 2.0, 2.5, 9.0])
    assert [each.number for each in bins] == [1, 2, 0, 0, 0, 0, 0, 1]
    assert (bins[0].least, bins[-1].below) == (1.0, 9.0)
    assert [each.number for each in histogram([4.0, 4.0])] == [2]


@pytest.mark.parametrize(
    ("jobs", "past", "asked", "word"),
    [
        ([make_job("13.0")], [], "13.0", "waiting"),
        ([make_job("13.0", State.RUNNING)], [], "13.0", "running"),
        ([make_job("13.0", State.TRANSFERRING)], [], "13.0", "running"),
        ([make_job("13.0", State.HELD, hold_code=34)], [], "13.0", "failed"),
        ([make_job("13.0", State.HELD, hold_code=16)], [], "13.0", "waiting"),
        ([], [ended("13.0")], "13.0", "success"),
        ([], [ended("13.0", 1)], "13.0", "failed"),
        ([], [make_job("13.0", State.REMOVED, ended=NOON)], "13.0", "failed"),
        ([make_job("13.0", State.REMOVED)], [], "13.0", "failed"),
        ([ended("13.0")], [], "13.0", "success"),
        ([make_job("13.1")], [ended("13.0", 1)], "13", "waiting"),
        ([make_job("13.1", State.RUNNING)], [ended("13.0", 1)], "13", "running"),
        ([], [ended("13.0"), ended("13.1")], "13", "success"),
        ([], [ended("13.0"), ended("13.1", 1)], "13", "failed"),
        ([make_job("13.1", State.HELD)], [ended("13.0")], "13", "failed"),
        ([make_job("13.1", State.RUNNING)], [ended("13.0")], "13.0", "success"),
    ],
)
def test_one_word(
    tmp_path: Path, jobs: list[JobStatus], past: list[JobStatus], asked: str, word: str
) -> None:
    session = session_of(tmp_path, FakeSchedd(jobs=jobs, past=past), number=len(jobs) + len(past))
    result = job_state(session, parse_job_id(asked), None, _never)
    assert (result.value.state.value, result.exit_code) == (word, 0)


def _never(_: float) -> None:
    raise AssertionError("nothing is waited for")


def test_a_history_that_comes_a_moment_later_is_waited_for(tmp_path: Path) -> None:
    schedd = FakeSchedd()
    session = session_of(tmp_path, schedd, number=1)
    result = job_state(
        session, parse_job_id("13.0"), None, lambda _: schedd.past.append(ended("13.0"))
    )
    assert result.value.state.value == "success"


def test_no_cluster_has_failed_whose_other_jobs_may_run(tmp_path: Path) -> None:
    """While its schedd is away a job that is known to have failed has, and of the others nothing is said."""
    schedd = FakeSchedd(reachable=False)
    session = session_of(tmp_path, schedd, number=2)
    session.ended.keep(UUID, [ended("13.0", 1)])
    assert job_state(session, parse_job_id("13.0"), None, _never).value.state is Word.FAILED
    with pytest.raises(PoolUnreachable):
        job_state(session, parse_job_id("13"), None, _never)


def test_no_word_is_guessed(tmp_path: Path) -> None:
    pauses: list[float] = []
    with pytest.raises(UnknownJob, match=r"nobody knows how 13\.0 ended"):
        job_state(
            session_of(tmp_path, FakeSchedd(), number=1), parse_job_id("13.0"), None, pauses.append
        )
    assert sum(pauses) == pytest.approx(4.5)


def test_what_else_is_submitted_meanwhile_keeps_no_failure_secret(tmp_path: Path) -> None:
    """A workflow manager asks for one job while it submits others: each look finds a journal that has grown."""
    schedd = FakeSchedd(past=[ended("13.0", 1)])
    session = session_of(tmp_path, schedd, number=1)

    class Submitting(list[str]):
        """Somebody submits whenever the schedd is asked for anything."""

        def append(self, call: str) -> None:
            super().append(call)
            ref = SubmissionRef(uuid=f"u{len(self)}", pool="local", schedd=SCHEDD, cluster=99)
            session.journal.append(Entry(ref=ref, when=NOON))

    schedd.calls = Submitting()
    for _ in range(20):
        result = job_state(session, parse_job_id("13.0"), None, _never)
        assert result.value.state is Word.FAILED


class Time:
    """A clock that moves when somebody sleeps, and what happens then."""

    def __init__(self, *steps: object) -> None:
        self.moment, self.steps, self.pauses = NOON, list(steps), list[float]()
        self.seen: list[tuple[int, ...]] = []
        self.troubles: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.moment += seconds
        self.pauses.append(round(seconds, 1))
        step = self.steps.pop(0) if self.steps else None
        if step is not None:
            step()  # type: ignore[operator]

    def watcher(self) -> Watcher:
        return Watcher(
            sleep=self.sleep,
            now=lambda: self.moment,
            show=lambda seen: self.seen.extend(counts(each) for each in seen.clusters),
            trouble=self.troubles.append,
        )


def test_a_cluster_is_watched_to_its_end_with_growing_pauses(tmp_path: Path) -> None:
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING)])
    session = session_of(tmp_path, schedd, number=1)

    def end() -> None:
        schedd.jobs.clear()
        schedd.past.append(ended("13.0"))

    time = Time(None, None, end)
    result = watch(session, [parse_job_id("13")], None, Until.DONE, time.watcher())
    assert time.pauses == [2.6, 3.4, 4.4]
    assert time.seen == [(1, 0, 0, 0, 0, 1, 0)] * 3 + [(1, 1, 0, 0, 0, 0, 0)]
    assert (result.exit_code, result.problems) == (0, ())


@pytest.mark.parametrize(
    ("until", "jobs", "past", "message"),
    [
        (Until.ANY_FAILED, [make_job("13.0")], [ended("13.1", 1)], "of 2 job(s): 1 failed"),
        (
            Until.ANY_HELD,
            [make_job("13.0"), make_job("13.1", State.HELD)],
            [],
            "of 2 job(s): 1 on hold",
        ),
        (
            Until.DONE,
            [make_job("13.0", State.HELD)],
            [ended("13.1", 1)],
            "of 2 job(s): 1 failed, 1 on hold",
        ),
    ],
)
def test_what_ends_the_watching(
    tmp_path: Path, until: Until, jobs: list[JobStatus], past: list[JobStatus], message: str
) -> None:
    session = session_of(tmp_path, FakeSchedd(jobs=jobs, past=past), number=2)
    time = Time()
    result = watch(session, [parse_job_id("13")], None, until, time.watcher())
    assert ([each.message for each in result.problems], result.exit_code) == ([message], 60)
    assert time.pauses == []


def test_a_schedd_that_is_away_is_asked_again(tmp_path: Path) -> None:
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING)])
    session = session_of(tmp_path, schedd, number=1)

    def leave() -> None:
        schedd.reachable = False

    def come_back() -> None:
        schedd.reachable = True
        schedd.jobs.clear()
        schedd.past.append(ended("13.0"))

    time = Time(leave, None, come_back)
    result = watch(session, [parse_job_id("13")], None, Until.DONE, time.watcher())
    assert time.pauses == [2.6, 2.0, 4.0]
    assert time.troubles == [
        f"the schedd {SCHEDD} does not answer; asking again in {s} s" for s in (2, 4)
    ]
    assert result.exit_code == 0


def test_ctrl_c_ends_the_watching_and_no_job(tmp_path: Path) -> None:
    schedd = FakeSchedd(jobs=[make_job("13.0", State.RUNNING)])

    def interrupt() -> None:
        raise KeyboardInterrupt

    time = Time(interrupt)
    result = watch(session_of(tmp_path, schedd, number=1), (), None, Until.DONE, time.watcher())
    assert result.exit_code == 130
    assert [each.running for each in result.value.clusters] == [1], "what was seen last stays"
    assert not [call for call in schedd.calls if call.startswith("act")]


def test_what_was_over_before_does_not_end_the_watching_of_all_clusters(tmp_path: Path) -> None:
    """Yesterday's failures are shown, and count for nothing."""
    schedd = FakeSchedd(jobs=[make_job("20.0", State.RUNNING)], past=[ended("13.0", 1)])
    session = session_of(tmp_path, schedd, number=1)
    ref = SubmissionRef(
        uuid=UUID.replace("1", "2"), pool="local", schedd=SCHEDD, cluster=20, number=1
    )
    session.journal.append(Entry(ref=ref, when=NOON - 100))

    def end() -> None:
        schedd.jobs.clear()
        schedd.past.append(ended("20.0"))

    time = Time(None, end)
    result = watch(session, (), None, Until.ANY_FAILED, time.watcher())
    assert len(time.pauses) == 2
    assert (result.exit_code, result.problems) == (0, ())
    assert [(each.cluster, each.failed) for each in result.value.clusters] == [(13, 1), (20, 0)]


def test_what_was_put_in_its_place_later_is_done_everywhere(tmp_path: Path) -> None:
    """Status, the word, the reason, the history and the judge say the same; also when the schedd has forgotten all."""
    schedd = FakeSchedd(past=[ended("13.0", 85), ended("13.1", 85), ended("13.2", 3)])
    session = session_of(tmp_path, schedd, number=3)
    for proc in (0, 2):
        session.ended.settle(UUID, proc)
    entries = session.journal.entries()
    for _ in range(2):
        assert rows(session) == [(3, 1, 2, 0, 0, 0, 0)]
        assert job_state(session, parse_job_id("13.0"), None, _never).value.state is Word.SUCCESS
        assert job_state(session, parse_job_id("13.2"), None, _never).value.state is Word.FAILED
        [summary] = history(session, (parse_job_id("13"),), "alice", 9, None).value.summary
        assert (summary.done, [each.ids for each in summary.failures]) == (
            1,
            [("13.1",), ("13.2",)],
        )
        assert ("13.0", None) in [(ids, command) for ids, _, command in explained(session)]
        judged = judge(session, lineage_of(entries, entries[0].ref, range(3)))
        assert [each.verdict for each in judged] == [
            Verdict.SUCCEEDED,
            Verdict.FAILED,
            Verdict.FAILED,
        ]
        assert (
            judged[0].said == "ended with exit code 85, and its outputs are in their places since"
        )
        schedd.past.clear()


def test_what_is_in_its_place_succeeded_though_nothing_else_is_known_of_it(tmp_path: Path) -> None:
    session = session_of(tmp_path, FakeSchedd(), number=1)
    session.ended.settle(UUID, 0)
    entries = session.journal.entries()
    [judged] = judge(session, lineage_of(entries, entries[0].ref, [0]))
    assert judged.verdict is Verdict.SUCCEEDED
