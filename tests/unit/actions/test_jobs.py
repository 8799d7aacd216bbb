"""hep_rm, hep_hold, hep_release, hep_edit: exactly what was asked, told exactly."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.control import Control, Outcome, control
from hepsub.actions.queue.edit import Change, Edited, edit, walltime_chosen
from hepsub.batch import Act, ActCount, Selection, State
from hepsub.batch_edit import Edit
from hepsub.errors import AmbiguousJob, PoolError, UnknownPool, UnknownSchedd
from hepsub.jobid import Again, JobId, SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.result import Result
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job, make_unmade
from tests.fakes.world import NOON, as_json, make_policy, make_session

SECOND = "schedd02.example.org"


def ids(*texts: str) -> tuple[JobId, ...]:
    """Ids from their texts."""
    return tuple(parse_job_id(text) for text in texts)


def outcomes(result: Result[Control]) -> list[tuple[str, int]]:
    """What was meant, and how many jobs were acted upon."""
    return [(each.meant, each.number) for each in result.value.outcomes]


def states(schedd: FakeSchedd) -> str:
    """The letters of the queue's jobs."""
    return "".join(job.state.value for job in schedd.jobs)


def one(tmp_path: Path, schedd: FakeSchedd) -> Session:
    """A session with one schedd."""
    return make_session(tmp_path, as_batch_systems(schedd))


MIXED = [
    make_job("13.0", State.RUNNING),
    make_job("13.1", State.IDLE),
    make_job("13.2", State.HELD),
    make_job("14.0", State.IDLE),
    make_job("15.0", State.IDLE, owner="bob"),
]


@pytest.mark.parametrize(
    ("act", "texts", "expected", "letters"),
    [
        (Act.REMOVE, ["13"], [("13", 3)], "XXXII"),
        (Act.REMOVE, ["13.1"], [("13.1", 1)], "RXHII"),
        (Act.REMOVE, ["13.0-1", "14"], [("13.0-1", 2), ("14", 1)], "XXHXI"),
        (Act.HOLD, ["13"], [("13", 2)], "HHHII"),
        (Act.RELEASE, ["13.2"], [("13.2", 1)], "RIIII"),
        (Act.REMOVE, [], [("schedd01.example.org", 4)], "XXXXI"),
    ],
)
def test_what_is_asked_is_done_and_counted(
    tmp_path: Path, act: Act, texts: list[str], expected: list[tuple[str, int]], letters: str
) -> None:
    """Ids, ranges, clusters, or all of one's own: the jobs that change are the jobs that are counted."""
    schedd = FakeSchedd(jobs=list(MIXED))
    result = control(one(tmp_path, schedd), act, ids(*texts), None)
    assert outcomes(result) == expected
    assert (result.exit_code, result.problems) == (0, ())
    assert states(schedd) == letters


@pytest.mark.parametrize(
    ("act", "text", "code", "message", "exit_code"),
    [
        (Act.HOLD, "13.2", "not-done", "13.2: not held, its state is H", 53),
        (Act.RELEASE, "13.0", "not-done", "13.0: not released, its state is R", 53),
        (Act.RELEASE, "13.0-1", "not-done", "13.0-1: not released, its state is I/R", 53),
        (Act.REMOVE, "99", "unknown-job", "99 is not in the queue", 51),
        (Act.HOLD, "13.9", "unknown-job", "13.9 is not in the queue", 51),
    ],
)
def test_what_cannot_be_done_is_a_problem(
    tmp_path: Path, act: Act, text: str, code: str, message: str, exit_code: int
) -> None:
    """The schedd is not even asked, and the exit code is not 0."""
    schedd = FakeSchedd(jobs=list(MIXED))
    result = control(one(tmp_path, schedd), act, ids(text), None)
    assert [(each.code, each.message) for each in result.problems] == [(code, message)]
    assert result.exit_code == exit_code
    assert outcomes(result) == []
    assert not [call for call in schedd.calls if call.startswith("act")]


def test_one_wrong_id_does_not_stop_the_others(tmp_path: Path) -> None:
    """What can be done is done; the exit code says that it was not all."""
    schedd = FakeSchedd(jobs=list(MIXED))
    result = control(one(tmp_path, schedd), Act.REMOVE, ids("99", "14"), None)
    assert outcomes(result) == [("14", 1)]
    assert result.exit_code == 51


def test_different_problems_share_one_exit_code(tmp_path: Path) -> None:
    """Not in the queue, and in a wrong state: not done."""
    schedd = FakeSchedd(jobs=list(MIXED))
    result = control(one(tmp_path, schedd), Act.RELEASE, ids("99", "13.0"), None)
    assert [each.code for each in result.problems] == ["unknown-job", "not-done"]
    assert result.exit_code == 53


def test_all_of_nothing_is_done(tmp_path: Path) -> None:
    """hep_rm -a in an empty queue is no error: a cron job relies on it."""
    result = control(one(tmp_path, FakeSchedd()), Act.REMOVE, (), None)
    assert outcomes(result) == [("schedd01.example.org", 0)]
    assert result.exit_code == 0


@pytest.mark.parametrize("texts", [(), ("13",)])
@pytest.mark.parametrize("factory", [False, True])
def test_runs_that_a_hold_ends_are_told(
    tmp_path: Path, texts: tuple[str, ...], *, factory: bool
) -> None:
    """Slurm holds a running job by giving up its run: whoever holds all of them has to hear it, too."""
    schedd = FakeSchedd(jobs=list(MIXED), counts=ActCount(done=2, runs_ended=1))
    schedd.unmade = [make_unmade(13)] if factory else []
    result = control(one(tmp_path, schedd), Act.HOLD, ids(*texts), None)
    meant = texts[0] if texts else "schedd01.example.org"
    assert result.notes == (
        f"{meant}: 1 job(s) ran; their runs are lost, and begin anew when released",
    )


def test_a_range_that_is_partly_gone_is_not_all_that_was_asked(tmp_path: Path) -> None:
    """13.0-9 with three jobs left: three are removed, and the exit code says that ten were meant."""
    schedd = FakeSchedd(jobs=list(MIXED))
    result = control(one(tmp_path, schedd), Act.REMOVE, ids("13.0-9"), None)
    assert outcomes(result) == [("13.0-9", 3)]
    assert result.exit_code != 0


def test_what_the_schedd_did_not_do_is_not_told_as_done(tmp_path: Path) -> None:
    """A job that ended between the look and the act was not removed by us."""
    schedd = FakeSchedd(jobs=list(MIXED), counts=ActCount(done=0, wrong_state=1))
    result = control(one(tmp_path, schedd), Act.REMOVE, ids("13.1"), None)
    assert outcomes(result) in ([], [("13.1", 0)])
    assert result.exit_code != 0


def test_another_users_job_is_denied(tmp_path: Path) -> None:
    """The owner is named."""
    schedd = FakeSchedd(jobs=list(MIXED), counts=ActCount(done=0, denied=1))
    result = control(one(tmp_path, schedd), Act.REMOVE, ids("15"), None)
    assert [each.message for each in result.problems] == ["15: not removed, the job belongs to bob"]
    assert result.exit_code == 53


@pytest.mark.parametrize(
    ("act", "paused", "number"),
    [
        (Act.REMOVE, False, 92),
        (Act.HOLD, False, 92),
        (Act.RELEASE, True, 90),
    ],
)
def test_a_factory_is_counted_with_what_it_has_still_to_make(
    tmp_path: Path, act: Act, *, paused: bool, number: int
) -> None:
    """Two jobs exist, 90 do not: all of them are meant by the cluster's id."""
    schedd = FakeSchedd(
        jobs=[make_job("20.8", State.IDLE), make_job("20.9", State.RUNNING)],
        unmade=[make_unmade(20, paused=paused)],
    )
    result = control(one(tmp_path, schedd), act, ids("20"), None)
    assert outcomes(result) == [("20", number)]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("act", "command"), [(Act.REMOVE, "hep_rm"), (Act.HOLD, "hep_hold"), (Act.RELEASE, "hep_release")]
)  # fmt: skip
def test_a_proc_that_is_not_made_yet_cannot_be_named(
    tmp_path: Path, act: Act, command: str
) -> None:
    """HTCondor can act on it only with its cluster: said, with the command that does."""
    schedd = FakeSchedd(jobs=[make_job("20.9")], unmade=[make_unmade(20)])
    result = control(one(tmp_path, schedd), act, ids("20.50"), None)
    assert [(each.code, each.message, each.remedy) for each in result.problems] == [
        (
            "not-yet-made",
            "20.50: the schedd makes the procs of cluster 20 as they are needed, and has made none from 10 on",
            f"{command} 20 acts on the whole cluster",
        )
    ]
    assert result.exit_code == 52


def test_who_names_a_schedd_is_told_a_command_with_it(tmp_path: Path) -> None:
    """Another one may have a cluster of that number, too."""
    session = one(tmp_path, FakeSchedd(jobs=[make_job("20.9")], unmade=[make_unmade(20)]))
    [acted] = control(session, Act.HOLD, ids("schedd01:20.50"), None).problems
    [edited] = edit(session, ids("schedd01:20.50"), Edit(memory_mb=3000), None).problems
    assert acted.remedy == "hep_hold schedd01:20 acts on the whole cluster"
    assert edited.remedy == "hep_edit with schedd01:20 changes the whole cluster"


def test_a_proc_that_a_factory_has_made_can_be_named(tmp_path: Path) -> None:
    """20.9 exists."""
    schedd = FakeSchedd(jobs=[make_job("20.9")], unmade=[make_unmade(20)])
    assert outcomes(control(one(tmp_path, schedd), Act.REMOVE, ids("20.9"), None)) == [("20.9", 1)]


def two(tmp_path: Path, first: FakeSchedd, second: FakeSchedd) -> Session:
    """A session with two schedds."""
    return make_session(tmp_path, as_batch_systems(first, second))


def journal(session: Session, cluster: int, schedd: str) -> None:
    """Note that this cluster was submitted on this schedd."""
    ref = SubmissionRef(uuid=f"u-{schedd}", pool="local", schedd=schedd, cluster=cluster, number=1)
    session.journal.append(Entry(ref=ref, when=NOON))


def both() -> tuple[FakeSchedd, FakeSchedd]:
    """Two schedds, each with a cluster 13 of alice's."""
    return FakeSchedd(jobs=[make_job("13.0")]), FakeSchedd(
        name=SECOND, jobs=[make_job("13.0", schedd=SECOND)]
    )


def test_an_id_that_two_schedds_know_is_refused(tmp_path: Path) -> None:
    """Ids are per schedd: both meanings are spelled out, and nothing is done."""
    first, second = both()
    with pytest.raises(AmbiguousJob) as caught:
        control(two(tmp_path, first, second), Act.REMOVE, ids("13.0"), None)
    assert caught.value.message == "13.0 is a job on 2 schedds"
    assert caught.value.remedy == "say which one: schedd01:13.0 or schedd02:13.0"
    assert states(first) + states(second) == "II"


def test_an_ambiguous_id_stops_the_ones_before_it_too(tmp_path: Path) -> None:
    """A command that is half done is worse than one that is not done."""
    first, second = both()
    first.jobs.append(make_job("14.0"))
    with pytest.raises(AmbiguousJob):
        control(two(tmp_path, first, second), Act.REMOVE, ids("schedd01:14", "13"), None)
    assert states(first) == "II"


@pytest.mark.parametrize("text", ["schedd02:13.0", f"{SECOND}:13.0"])
def test_a_schedds_name_makes_it_plain(tmp_path: Path, text: str) -> None:
    """Short or full."""
    first, second = both()
    assert outcomes(control(two(tmp_path, first, second), Act.REMOVE, ids(text), None)) == [
        (text, 1)
    ]
    assert (states(first), states(second)) == ("I", "X")


def test_the_journal_knows_which_schedd_is_meant(tmp_path: Path) -> None:
    """Only one of the two was submitted by this user from here."""
    first, second = both()
    session = two(tmp_path, first, second)
    journal(session, 13, SECOND)
    control(session, Act.REMOVE, ids("13"), None)
    assert (states(first), states(second)) == ("I", "X")


def test_an_id_that_the_journal_knows_on_two_schedds_is_refused(tmp_path: Path) -> None:
    """The journal does not guess either."""
    session = two(tmp_path, *both())
    journal(session, 13, "schedd01.example.org")
    journal(session, 13, SECOND)
    with pytest.raises(AmbiguousJob):
        control(session, Act.REMOVE, ids("13"), None)


def test_ones_own_job_goes_before_other_peoples(tmp_path: Path) -> None:
    """Without a journal the schedds are asked; bob's 13 is not what alice means."""
    first, second = both()
    first.jobs = [make_job("13.0", owner="bob")]
    control(two(tmp_path, first, second), Act.REMOVE, ids("13"), None)
    assert (states(first), states(second)) == ("I", "X")


def test_a_factory_with_nothing_made_is_found_too(tmp_path: Path) -> None:
    """It has no job in the queue, but it is there."""
    first, second = (
        FakeSchedd(unmade=[make_unmade(20, first=0, number=100)]),
        FakeSchedd(name=SECOND),
    )
    result = control(two(tmp_path, first, second), Act.REMOVE, ids("20"), None)
    assert outcomes(result) == [("20", 100)]


def test_an_id_that_no_schedd_knows_is_a_problem(tmp_path: Path) -> None:
    """With the command that shows jobs that have ended."""
    result = control(two(tmp_path, *both()), Act.REMOVE, ids("99"), None)
    assert [(each.message, each.remedy) for each in result.problems] == [
        ("no schedd has a job 99 in its queue", "hep_history 99 tells of jobs that have ended")
    ]
    assert result.exit_code == 51


class Refusing(FakeSchedd):
    """A schedd that changes nothing."""

    def edit(
        self, selection: Selection | None, wanted: Edit, factories: tuple[int, ...] = ()
    ) -> None:
        """Say no."""
        del selection, wanted, factories
        raise PoolError("the schedd said: no", remedy="the words are HTCondor's")


@pytest.mark.parametrize(
    ("owner", "message", "remedy"),
    [
        ("alice", "the schedd said: no", "the words are HTCondor's"),
        (
            "bob",
            "the memory was not changed: the jobs belong to bob (the schedd said: no)",
            "only the owner and the administrators may do that",
        ),
    ],
)
def test_only_a_refusal_of_other_peoples_jobs_is_said_to_be_one(
    tmp_path: Path, owner: str, message: str, remedy: str
) -> None:
    """Who owns the jobs is not sent to their owner."""
    schedd = Refusing(jobs=[make_job("13.0", owner=owner)])
    [problem] = edit(one(tmp_path, schedd), ids("13"), Edit(memory_mb=3000), None).problems
    assert (problem.message, problem.remedy) == (message, remedy)


@pytest.mark.parametrize(
    ("after", "told", "message"),
    [
        ([], "13", "13 is not in the queue"),
        ([State.RUNNING], "13", "13: the memory of a job in state R cannot be changed"),
        ([State.RUNNING, State.IDLE], "13", "the schedd said: no"),
        ([], "", None),
        ([State.RUNNING], "", None),
    ],
)
@pytest.mark.parametrize("owner", ["alice", "pool_alice"])
def test_what_left_or_began_while_it_was_changed_is_said_to_have(
    tmp_path: Path, after: list[State], told: str, message: str | None, owner: str
) -> None:
    """HTCondor answers the same where nothing matches any more and where it does not let one."""

    class Leaving(Refusing):
        def edit(
            self, selection: Selection | None, wanted: Edit, factories: tuple[int, ...] = ()
        ) -> None:
            self.jobs = [
                make_job(f"13.{proc}", state, owner=owner) for proc, state in enumerate(after)
            ]
            super().edit(selection, wanted, factories)

    schedd = Leaving(jobs=[make_job("13.0", owner=owner), make_job("13.1", owner=owner)])
    schedd.owner = owner
    result = edit(one(tmp_path, schedd), ids(*told.split()), Edit(memory_mb=3000), None)
    said = [each.message for each in result.problems]
    if owner != "alice" and State.IDLE in after:
        message = f"the memory was not changed: the jobs belong to {owner} ({message})"
    assert said == ([message] if message else [])
    assert result.value.changes == ()


def test_a_job_whose_schedd_is_gone_is_shown_where_it_runs_again(tmp_path: Path) -> None:
    """By hep_edit as by hep_rm."""
    session = two(tmp_path, *both())
    gone = SubmissionRef(
        uuid="u1", pool="local", schedd="schedd03.example.org", cluster=70, number=1
    )
    anew = replace(gone, uuid="u2", schedd=SECOND, cluster=71)
    session.journal.append(Entry(ref=gone, when=NOON - 9))
    again = Again(uuid="u1", cluster=70, procs=(0,))
    session.journal.append(Entry(ref=anew, when=NOON - 5, again=again))
    for command, result in (
        ("hep_rm", control(session, Act.REMOVE, ids("70"), None)),
        ("hep_edit with", edit(session, ids("70"), Edit(memory_mb=3000), None)),
    ):
        [problem] = result.problems
        assert (problem.message, problem.remedy) == (
            "no schedd has a job 70 in its queue: 70.0 runs again as 71.0",
            f"{command} 71",
        )


def test_a_schedd_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """schedd03:13, with the closest match."""
    with pytest.raises(UnknownSchedd) as caught:
        control(two(tmp_path, *both()), Act.REMOVE, ids("schedd03:13"), None)
    assert caught.value.message == "schedd03:13: the pool has no schedd 'schedd03'"
    assert caught.value.remedy.startswith("did you mean 'schedd0")


def test_all_means_all_schedds_and_one_that_is_away_is_a_problem(tmp_path: Path) -> None:
    """What can be removed is removed; the other schedd's silence is told."""
    first, second = both()
    second.reachable = False
    result = control(two(tmp_path, first, second), Act.REMOVE, (), None)
    assert outcomes(result) == [("schedd01.example.org", 1)]
    assert result.exit_code == 40


def test_an_unknown_pool_is_refused(tmp_path: Path) -> None:
    """hep_rm -p moon 13."""
    with pytest.raises(UnknownPool):
        control(one(tmp_path, FakeSchedd()), Act.REMOVE, ids("13"), "moon")


def test_the_document_of_an_act() -> None:
    """The action, the number of jobs, and the targets."""
    value = Control(
        act=Act.HOLD,
        number=3,
        outcomes=(Outcome(meant="13", number=2), Outcome(meant="14.0", number=1)),
    )
    assert as_json(value) == {
        "action": "hold",
        "jobs": 3,
        "targets": [{"target": "13", "jobs": 2}, {"target": "14.0", "jobs": 1}],
    }


def more_memory(meant: str, number: int, old: int, new: int) -> Change:
    """Memory that was changed, said as ever and as everything else that can be."""
    return Change(
        meant=meant, number=number, what="memory", old=old, new=new, old_mb=old, new_mb=new
    )


def test_memory_of_waiting_and_held_jobs_is_changed(tmp_path: Path) -> None:
    """Old → new; the running job keeps what it has."""
    schedd = FakeSchedd(jobs=list(MIXED))
    result = edit(one(tmp_path, schedd), ids("13"), Edit(memory_mb=3000), None)
    assert result.value.changes == (more_memory("13", 2, 2000, 3000),)
    assert result.exit_code == 0
    assert [job.requested_mb for job in schedd.jobs] == [2000, 3000, 3000, 2000, 2000]


def test_all_of_ones_own_are_told_by_cluster_and_old_value(tmp_path: Path) -> None:
    """hep_edit -m 3000 -a: bob's jobs are bob's."""
    schedd = FakeSchedd(jobs=[*MIXED, make_job("14.1", State.HELD, requested_mb=2500)])
    result = edit(one(tmp_path, schedd), (), Edit(memory_mb=3000), None)
    assert result.value.changes == (
        more_memory("13", 2, 2000, 3000),
        more_memory("14", 1, 2000, 3000),
        more_memory("14", 1, 2500, 3000),
    )
    assert schedd.jobs[4].requested_mb == 2000


def test_nothing_to_edit_is_no_error_for_all(tmp_path: Path) -> None:
    """The chain `hep_edit -m 3000 -a && hep_release -a` goes on."""
    result = edit(one(tmp_path, FakeSchedd()), (), Edit(memory_mb=3000), None)
    assert (result.value.changes, result.exit_code) == ((), 0)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("13.0", "not-done", "13.0: the memory of a job in state R cannot be changed"),
        ("99", "unknown-job", "99 is not in the queue"),
        ("20.50", "not-yet-made", "20.50: the schedd has not made this proc yet"),
    ],
)
def test_what_cannot_be_edited_is_a_problem(
    tmp_path: Path, text: str, code: str, message: str
) -> None:
    """A running job, one that is gone, one that does not exist yet."""
    schedd = FakeSchedd(jobs=list(MIXED), unmade=[make_unmade(20)])
    result = edit(one(tmp_path, schedd), ids(text), Edit(memory_mb=3000), None)
    assert [(each.code, each.message) for each in result.problems] == [(code, message)]
    assert result.exit_code != 0
    assert not [call for call in schedd.calls if call.startswith("edit")]


def test_a_factory_that_cannot_be_edited_leaves_its_jobs_alone(tmp_path: Path) -> None:
    """Without condor_qedit the cluster ad cannot be changed: nothing is, and that is told."""
    schedd = FakeSchedd(jobs=[make_job("20.9")], unmade=[make_unmade(20)], edits_factories=False)
    result = edit(one(tmp_path, schedd), ids("20"), Edit(memory_mb=3000), None)
    assert result.value.changes == ()
    assert [each.code for each in result.problems] == ["tool-failed"]
    assert schedd.jobs[0].requested_mb == 2000


def test_a_whole_factory_is_edited(tmp_path: Path) -> None:
    """The jobs that exist, and those that do not exist yet; those alone where no other is there."""
    schedd = FakeSchedd(jobs=[make_job("20.9")], unmade=[make_unmade(20), make_unmade(21)])
    result = edit(one(tmp_path, schedd), ids("20", "21"), Edit(memory_mb=3000), None)
    assert [(each.meant, each.number) for each in result.value.changes] == [("20", 91), ("21", 90)]
    assert [call for call in schedd.calls if call.startswith("edit")] == [
        "edit_factory 20 3000",
        "edit 3000",
        "edit_factory 21 3000",
    ]


def test_the_document_of_an_edit() -> None:
    """The number of jobs, and each change."""
    value = Edited(number=2, changes=(more_memory("13", 2, 2000, 3000),))
    assert as_json(value) == {
        "jobs": 2,
        "changes": [
            {
                "target": "13",
                "jobs": 2,
                "what": "memory",
                "old": 2000,
                "new": 3000,
                "old_mb": 2000,
                "new_mb": 3000,
            }
        ],
    }


def test_all_that_can_be_changed_is_told_one_by_one(tmp_path: Path) -> None:
    """Walltime as the schedd tells it afterwards: the class depends on the group. The jobs are counted once."""
    schedd = FakeSchedd(jobs=list(MIXED), unmade=[make_unmade(20)])
    wanted = Edit(
        memory_mb=3000,
        cpus=4,
        disk_mb=10,
        priority=7,
        walltime=walltime_chosen("2h", make_policy()),
    )
    result = edit(one(tmp_path, schedd), ids("13", "20"), wanted, None)
    told = [
        (each.meant, each.what, each.old, each.new, each.number) for each in result.value.changes
    ]
    assert told[:5] == [
        ("13", "memory", 2000, 3000, 2),
        ("13", "cores", 1, 4, 2),
        ("13", "disk", None, 10, 2),
        ("13", "priority", 0, 7, 2),
        ("13", "walltime", 0, 7200, 2),
    ]
    assert [each[1:2] + each[3:] for each in told[5:]] == [
        ("memory", 3000, 90),
        ("cores", 4, 90),
        ("disk", 10, 90),
        ("priority", 7, 90),
        ("walltime", 7200, 90),
    ]
    assert result.value.number == 92


def test_what_cannot_be_changed_is_named(tmp_path: Path) -> None:
    """A running job keeps its cores, too."""
    result = edit(
        one(tmp_path, FakeSchedd(jobs=list(MIXED))), ids("13.0"), Edit(cpus=2, priority=1), None
    )
    assert result.problems[0].message == (
        "13.0: the cores and priority of a job in state R cannot be changed"
    )
