"""hep_q, hep_q -why, hep_sub status, hep_history, hep_clus: what is told of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import to_builtins

from hepsub.actions.queue.history import Past, history
from hepsub.actions.queue.query import Filter, job_document, query
from hepsub.actions.queue.status import status
from hepsub.actions.queue.walltimes import Walltimes, walltimes
from hepsub.actions.queue.why import Explanation, Explanations, why
from hepsub.batch import JobStatus, State, Unmade
from hepsub.errors import AmbiguousJob, NoGroup, UnknownGroup
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.result import Result
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job, make_unmade
from tests.fakes.world import NOON, as_json, make_policy, make_session, make_situation

SECOND = "schedd02.example.org"
QUEUE = [
    make_job("13.0", State.RUNNING),
    make_job("13.1", State.IDLE),
    make_job("13.2", State.HELD, hold_code=34, hold_reason="memory"),
    make_job("14.0", State.IDLE, owner="bob"),
    make_job("15.0", State.REMOVED),
    make_job("15.1", State.TRANSFERRING),
    make_job("15.2", State.SUSPENDED),
    make_job("15.3", State.COMPLETED),
]


@pytest.mark.parametrize(
    ("wanted", "jobs"),
    [
        (Filter(), ["13.0", "13.1", "13.2", "14.0", "15.0", "15.1", "15.2", "15.3"]),
        (Filter(owner="bob"), ["14.0"]),
        (Filter(ids=(parse_job_id("13"),)), ["13.0", "13.1", "13.2"]),
        (Filter(ids=(parse_job_id("13.1-2"), parse_job_id("14"))), ["13.1", "13.2", "14.0"]),
        (Filter(ids=(parse_job_id("14"),), owner="alice"), []),
        (Filter(states=(State.IDLE,), owner="alice"), ["13.1"]),
        (Filter(states=(State.HELD, State.RUNNING)), ["13.0", "13.2"]),
        (Filter(ids=(parse_job_id("99"),)), []),
    ],
)
def test_a_filter_narrows(tmp_path: Path, wanted: Filter, jobs: list[str]) -> None:
    """Ids, owner and states together; an id that is not there is an empty table, not an error."""
    session = make_session(tmp_path, as_batch_systems(FakeSchedd(jobs=list(QUEUE))))
    result = query(session, wanted)
    assert [job.job for job in result.value.jobs] == jobs
    assert result.exit_code == 0


def test_a_job_that_is_named_twice_is_shown_once(tmp_path: Path) -> None:
    """-i 13 13.0 means the cluster, of which 13.0 is one job; the counts say so too."""
    session = make_session(tmp_path, as_batch_systems(FakeSchedd(jobs=list(QUEUE))))
    found = query(session, Filter(ids=(parse_job_id("13"), parse_job_id("13.0")))).value
    assert [job.job for job in found.jobs] == ["13.0", "13.1", "13.2"]


def test_every_state_is_counted_once(tmp_path: Path) -> None:
    """Jobs whose outputs are on their way count as running, unmade ones as idle."""
    schedd = FakeSchedd(jobs=list(QUEUE), unmade=[make_unmade(20)])
    found = query(make_session(tmp_path, as_batch_systems(schedd)), Filter()).value
    assert to_builtins(found.counts()) == {
        "jobs": 98,
        "completed": 1,
        "removed": 1,
        "idle": 92,
        "running": 2,
        "held": 1,
        "suspended": 1,
    }


def test_all_schedds_are_asked_and_one_that_is_away_is_a_problem(tmp_path: Path) -> None:
    """The others' jobs are shown all the same; the exit code says that something is missing."""
    away = FakeSchedd(name=SECOND, reachable=False)
    session = make_session(tmp_path, as_batch_systems(FakeSchedd(jobs=list(QUEUE)), away))
    result = query(session, Filter(owner="bob"))
    assert [job.job for job in result.value.jobs] == ["14.0"]
    assert [each.message for each in result.problems] == [
        "the schedd schedd02.example.org does not answer"
    ]
    assert result.exit_code == 40


def test_an_id_on_two_schedds_is_refused(tmp_path: Path) -> None:
    """Which 13 is shown must not depend on the weather."""
    second = FakeSchedd(name=SECOND, jobs=[make_job("13.0", schedd=SECOND)])
    session = make_session(tmp_path, as_batch_systems(FakeSchedd(jobs=list(QUEUE)), second))
    with pytest.raises(AmbiguousJob):
        query(session, Filter(ids=(parse_job_id("13"),)))
    named = query(session, Filter(ids=(parse_job_id("schedd02:13"),)))
    assert [job.schedd for job in named.value.jobs] == [SECOND]


def test_an_id_that_no_schedd_knows_is_an_empty_table(tmp_path: Path) -> None:
    """Scripts poll until the table is empty: with two schedds, too."""
    session = make_session(tmp_path, as_batch_systems(FakeSchedd(), FakeSchedd(name=SECOND)))
    result = query(session, Filter(ids=(parse_job_id("99"),)))
    assert (result.value.jobs, result.exit_code) == ((), 0)


def test_an_id_that_nobody_knows_is_told(tmp_path: Path) -> None:
    """One that was submitted from here has ended: whoever waits for that asks again and again."""
    schedd = FakeSchedd(jobs=[make_job("13.0")], unmade=[make_unmade(20)])
    session = make_session(tmp_path, as_batch_systems(schedd))
    ref = SubmissionRef(uuid="u", pool="local", schedd=schedd.name, cluster=12, number=1)
    session.journal.append(Entry(ref=ref, when=NOON))
    ids = tuple(map(parse_job_id, ("12", "13", "13.0-3", "13.7", "20.50", "99999")))
    result = query(session, Filter(ids=ids))
    assert result.exit_code == 0
    assert result.notes == (
        "no job 13.7 is in the queue; hep_history 13.7 tells whether there was one",
        "no job 99999 is in the queue; hep_history 99999 tells whether there was one",
    )
    assert query(session, Filter(ids=ids, states=(State.HELD,))).notes == ()


def test_the_document_of_a_job() -> None:
    """Every key of a job in JSON; what does not apply is null."""
    job = make_job(
        "13.2", State.HELD, hold_code=34, hold_subcode=102, hold_reason="memory", memory_mb=732.5, name="scan",
        arguments=("a b", "c"), host="slot1@bws01", run_seconds=7448.0, priority=5,
        cpu_seconds=7300.25,
    )  # fmt: skip
    assert as_json(job_document(job, "local")) == {
        "id": "13.2",
        "pool": "local",
        "schedd": "schedd01.example.org",
        "cluster": 13,
        "proc": 2,
        "owner": "alice",
        "submitted": NOON - 100,
        "run_seconds": 7448.0,
        "cpu_seconds": 7300.25,
        "state": "H",
        "priority": 5,
        "memory_mb": 732.5,
        "requested_mb": 2000,
        "command": "job.sh",
        "arguments": ["a b", "c"],
        "name": "scan",
        "hold_code": 34,
        "hold_subcode": 102,
        "hold_reason": "memory",
        "host": "slot1@bws01",
        "exit_code": None,
        "exit_signal": None,
        "ended": None,
        "remove_reason": None,
    }


def test_an_exit_code_of_0_is_not_null() -> None:
    """0 is an answer, null is none."""
    job = make_job("13.0", State.COMPLETED, exit_code=0, ended=NOON)
    document = job_document(job, "local")
    assert (document.exit_code, document.ended, document.hold_code) == (0, NOON, None)


def test_the_document_of_a_listing(tmp_path: Path) -> None:
    """Jobs, unmade procs and counts."""
    schedd = FakeSchedd(jobs=[make_job("13.0")], unmade=[make_unmade(20, paused=True)])
    document = as_json(query(make_session(tmp_path, as_batch_systems(schedd)), Filter()).value)
    assert list(document) == ["jobs", "unmade", "counts"]
    assert document["unmade"] == [
        {
            "pool": "local",
            "schedd": "schedd01.example.org",
            "cluster": 20,
            "owner": "alice",
            "first": 10,
            "number": 90,
            "paused": True,
        }
    ]


def explanations(result: Result[Explanations]) -> list[Explanation]:
    """What hep_q -why says."""
    return list(result.value.explanations)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ("13 14.2", "; hep_history 13 14.2 tells of those that have ended"),
        ("", ""),
    ],
)
def test_where_there_is_nothing_to_explain_that_is_said(
    tmp_path: Path, ids: str, told: str
) -> None:
    wanted = Filter(ids=tuple(parse_job_id(each) for each in ids.split()))
    found = why(make_session(tmp_path, as_batch_systems(FakeSchedd())), wanted)
    assert (found.exit_code, found.problems) == (0, ())
    assert found.notes == (f"no job that this asks for is in the queue{told}",)


def test_jobs_that_are_alike_are_explained_together(tmp_path: Path) -> None:
    """1,000 idle jobs of a cluster wait for one reason: the schedd is asked once."""
    schedd = FakeSchedd(jobs=[make_job(f"13.{proc}") for proc in range(1000)])
    found = explanations(why(make_session(tmp_path, as_batch_systems(schedd)), Filter()))
    assert len(found) == 1
    assert len(found[0].jobs) == 1000
    assert found[0].next_command == "hep_rm 13"
    assert schedd.calls.count("explain") == 1


@pytest.mark.parametrize(
    ("ids", "states", "more", "command"),
    [
        ("", (), [], "hep_rm 13"),
        ("", (), [make_job("13.3", State.RUNNING, host="b")], "hep_rm 13.0-2"),
        ("", (State.HELD,), [], "hep_rm 13.0-2"),
        ("13.0-8", (), [], "hep_rm 13.0-2"),
        ("13", (), [make_unmade(13)], "hep_rm 13.0-2"),
    ],
)
def test_the_next_command_means_no_other_jobs(
    tmp_path: Path,
    ids: str,
    states: tuple[State, ...],
    more: list[JobStatus | Unmade],
    command: str,
) -> None:
    """Three on hold may have to be removed: not those that run, wait, or were not asked for."""
    held = [make_job(f"13.{proc}", State.HELD, hold_code=7) for proc in range(3)]
    schedd = FakeSchedd(
        jobs=[*held, *(each for each in more if isinstance(each, JobStatus))],
        unmade=[each for each in more if isinstance(each, Unmade)],
    )
    wanted = Filter(ids=tuple(map(parse_job_id, ids.split())), states=states)
    found = explanations(why(make_session(tmp_path, as_batch_systems(schedd)), wanted))
    assert [each.next_command for each in found if each.state is State.HELD] == [command]


def test_held_jobs_are_explained_by_the_one_that_used_most(tmp_path: Path) -> None:
    """The memory that is suggested has to do for all of them."""
    schedd = FakeSchedd(
        jobs=[
            make_job(f"13.{proc}", State.HELD, hold_code=34, memory_mb=peak)
            for proc, peak in enumerate((2100.0, 9000.0, 2200.0))
        ]
    )
    found = explanations(why(make_session(tmp_path, as_batch_systems(schedd)), Filter()))
    assert [(each.jobs, each.sentence) for each in found] == [
        (("13.0", "13.1", "13.2"), "13.1 is H")
    ]


def test_jobs_on_hold_for_other_reasons_are_explained_apart(tmp_path: Path) -> None:
    """A cluster may have outgrown its memory here and lost its directory there."""
    schedd = FakeSchedd(
        jobs=[
            make_job("13.0", State.HELD, hold_code=34),
            make_job("13.1", State.HELD, hold_code=7, hold_subcode=2),
            make_job("13.2", State.HELD, hold_code=7, hold_subcode=13),
        ]
    )
    found = explanations(why(make_session(tmp_path, as_batch_systems(schedd)), Filter()))
    assert [each.jobs for each in found] == [("13.0",), ("13.1",), ("13.2",)]


def test_no_job_is_told_to_run_where_another_one_runs(tmp_path: Path) -> None:
    """Two running jobs on two hosts: both hosts are named, or neither."""
    schedd = FakeSchedd(
        jobs=[
            make_job("13.0", State.RUNNING, host="slot1@a", memory_mb=5.0),
            make_job("13.1", State.RUNNING, host="slot1@b"),
        ]
    )
    told = explanations(why(make_session(tmp_path, as_batch_systems(schedd)), Filter()))
    text = " ".join(each.sentence for each in told)
    assert ("slot1@a" in text) is ("slot1@b" in text)


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        (make_job("13.0", State.RUNNING, host="slot1@b", run_seconds=90), "it runs on slot1@b, for 1 min 30 s so far"),
        (make_job("13.0", State.REMOVED), "it was removed and is about to leave the queue"),
        (make_job("13.0", State.COMPLETED), "it has ended and is about to leave the queue"),
        (make_job("13.0", State.SUSPENDED, host="b"), "it is suspended on b"),
        (make_job("13.0", State.TRANSFERRING, host="b"), "its outputs are on their way home from b"),
    ],
)  # fmt: skip
def test_a_state_that_explains_itself(tmp_path: Path, job: object, sentence: str) -> None:
    """No schedd has to be asked why a running job runs."""
    schedd = FakeSchedd(jobs=[job])  # type: ignore[list-item]
    found = explanations(why(make_session(tmp_path, as_batch_systems(schedd)), Filter()))
    assert [each.sentence for each in found] == [sentence]
    assert "explain" not in schedd.calls


@pytest.mark.parametrize(
    ("paused", "sentence", "next_command"),
    [
        (False, "the schedd makes these jobs as the ones before them start", None),
        (True, "the cluster is on hold, so the schedd makes no more of its jobs", "hep_release 20"),
    ],
)
def test_jobs_that_are_not_made_yet_are_explained(
    tmp_path: Path, sentence: str, next_command: str | None, *, paused: bool
) -> None:
    """They are idle jobs for a reason of their own."""
    schedd = FakeSchedd(unmade=[make_unmade(20, paused=paused)])
    assert explanations(why(make_session(tmp_path, as_batch_systems(schedd)), Filter())) == [
        Explanation(
            jobs=("20.10-99",), state=State.IDLE, sentence=sentence, next_command=next_command
        )
    ]


def test_the_document_of_explanations(tmp_path: Path) -> None:
    """Jobs, state, sentence, details and the next command."""
    schedd = FakeSchedd(jobs=[make_job("13.0")])
    result = why(make_session(tmp_path, as_batch_systems(schedd)), Filter())
    assert as_json(result.value) == {
        "explanations": [
            {
                "jobs": ["13.0"],
                "state": "I",
                "sentence": "13.0 is I",
                "details": ["a detail"],
                "next": "hep_rm 13.0",
            }
        ]
    }


def test_the_status_is_ones_own_jobs_by_cluster(tmp_path: Path) -> None:
    """Counts by cluster, the name or else the program, and the first hold reason."""
    schedd = FakeSchedd(
        jobs=[
            make_job("13.0", State.RUNNING, name="scan"),
            make_job("13.1", State.IDLE, name="scan"),
            make_job("13.2", State.HELD, name="scan", hold_reason="memory"),
            make_job("13.3", State.HELD, name="scan", hold_reason="another"),
            make_job("14.0", owner="bob"),
            make_job("20.9", State.TRANSFERRING),
        ],
        unmade=[make_unmade(20)],
    )
    result = status(make_session(tmp_path, as_batch_systems(schedd)), None)
    first, second = result.value.clusters
    assert as_json(first) == {
        "pool": "local",
        "schedd": "schedd01.example.org",
        "cluster": 13,
        "name": "scan",
        "submitted": NOON - 100,
        "idle": 1,
        "running": 1,
        "held": 2,
        "hold_reason": "memory",
        "id": "13",
        "jobs": 4,
        "done": 0,
        "failed": 0,
        "removed": 0,
        "unknown": 0,
        "waiting_since": NOON - 100,
        "ended": None,
        "next": "hep_q -i 13 -why",
        "again": [],
        "resubmitted": 0,
    }
    assert (second.cluster, second.name, second.idle, second.running) == (20, "job.sh", 90, 1)
    assert (second.held, second.reason, second.number) == (0, None, 91)


def test_the_same_id_on_two_schedds_is_two_clusters(tmp_path: Path) -> None:
    """Status shows all, so nothing is ambiguous."""
    second = FakeSchedd(name=SECOND, jobs=[make_job("13.0", schedd=SECOND)])
    session = make_session(tmp_path, as_batch_systems(FakeSchedd(jobs=[make_job("13.0")]), second))
    found = status(session, None).value
    assert [(each.schedd, each.cluster, each.idle) for each in found.clusters] == [
        ("schedd01.example.org", 13, 1),
        (SECOND, 13, 1),
    ]


def ended(job: str, when: float, **values: object) -> object:
    """A job that has left the queue."""
    return make_job(job, State.COMPLETED, ended=when, exit_code=0, **values)


def past(result: Result[Past]) -> list[tuple[str, str]]:
    """The jobs of the history with their schedds."""
    return [(job.job, job.schedd) for job in result.value.jobs]


def test_the_history_of_all_schedds_has_the_latest_first(tmp_path: Path) -> None:
    """As many as were asked for, over all schedds together."""
    first = FakeSchedd(past=[ended("13.0", 300), ended("12.0", 100)])  # type: ignore[list-item]
    second = FakeSchedd(name=SECOND, past=[ended("7.0", 200, schedd=SECOND)])  # type: ignore[list-item]
    session = make_session(tmp_path, as_batch_systems(first, second))
    result = history(session, (), "alice", 2, None)
    assert past(result) == [("13.0", "schedd01.example.org"), ("7.0", SECOND)]
    assert result.exit_code == 0


def test_an_id_in_the_history_is_looked_for_where_the_journal_says(tmp_path: Path) -> None:
    """The other schedd's 13 is somebody else's."""
    first = FakeSchedd(past=[ended("13.0", 300)])  # type: ignore[list-item]
    second = FakeSchedd(name=SECOND, past=[ended("13.0", 200, schedd=SECOND)])  # type: ignore[list-item]
    session = make_session(tmp_path, as_batch_systems(first, second))
    session.journal.append(
        Entry(
            ref=SubmissionRef(uuid="u", pool="local", schedd=SECOND, cluster=13, number=1),
            when=NOON,
        )
    )
    assert past(history(session, (parse_job_id("13"),), "alice", 9, None)) == [("13.0", SECOND)]


def test_a_schedds_name_narrows_the_history(tmp_path: Path) -> None:
    """schedd01:13 is not schedd02's."""
    first = FakeSchedd(past=[ended("13.0", 300)])  # type: ignore[list-item]
    second = FakeSchedd(name=SECOND, past=[ended("13.0", 200, schedd=SECOND)])  # type: ignore[list-item]
    session = make_session(tmp_path, as_batch_systems(first, second))
    assert past(history(session, (parse_job_id("schedd02:13"),), "alice", 9, None)) == [
        ("13.0", SECOND)
    ]


def test_ids_in_the_history_may_be_anybodys(tmp_path: Path) -> None:
    """Who names a job wants that job, whoever owned it."""
    schedd = FakeSchedd(past=[ended("13.0", 300, owner="bob")])  # type: ignore[list-item]
    session = make_session(tmp_path, as_batch_systems(schedd))
    assert past(history(session, (parse_job_id("13"),), "alice", 9, None)) == [
        ("13.0", "schedd01.example.org")
    ]
    assert past(history(session, (), "alice", 9, None)) == []


def test_a_schedd_that_is_away_is_a_problem_of_the_history(tmp_path: Path) -> None:
    """The others' history is shown."""
    first = FakeSchedd(past=[ended("13.0", 300)])  # type: ignore[list-item]
    session = make_session(
        tmp_path, as_batch_systems(first, FakeSchedd(name=SECOND, reachable=False))
    )
    result = history(session, (), "alice", 9, None)
    assert past(result) == [("13.0", "schedd01.example.org")]
    assert result.exit_code == 40


def test_the_walltime_classes_of_a_group(tmp_path: Path) -> None:
    """In the order of their names, without those on request, the group's own limits included."""
    policy = make_policy("[group.cms]\nwalltime = { mid = '200 h' }\n")
    session = make_session(tmp_path, as_batch_systems(), policy=policy)
    assert walltimes(session, "cms").value == Walltimes(
        group="cms",
        limits={
            "default": 36000,
            "long": 2592000,
            "mid": 720000,
            "short": 1800,
            "test": 300,
        },
    )


def test_without_a_group_the_classes_of_ones_own_are_shown(tmp_path: Path) -> None:
    """The group is the one that hep_sub would take."""
    session = make_session(
        tmp_path,
        as_batch_systems(),
        policy=make_policy("[group.cms]\n[group.juno]\n"),
        situation=make_situation(groups=("users", "juno")),
    )
    found = walltimes(session, None).value
    assert found.group == "juno"


def test_groups_that_do_not_exist_have_no_classes(tmp_path: Path) -> None:
    """An unknown group is refused with the closest match; who has none is told."""
    session = make_session(
        tmp_path,
        as_batch_systems(),
        policy=make_policy("[group.cms]\n"),
        situation=make_situation(groups=()),
    )
    with pytest.raises(UnknownGroup) as caught:
        walltimes(session, "cmss")
    assert caught.value.remedy == "did you mean 'cms'?"
    with pytest.raises(NoGroup):
        walltimes(session, None)
