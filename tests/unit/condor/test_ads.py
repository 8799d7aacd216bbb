"""Job ads → JobStatus, and selections → constraints."""

from __future__ import annotations

from typing import Any

import classad2
import pytest

from hepsub.batch import JobStatus, Queue, Selection, State, Unmade
from hepsub.condor.ads import (
    FACTORY_PROJECTION,
    PROJECTION,
    cluster_constraint,
    constraint,
    groups_hold,
    read_counts,
    read_groups,
    read_queue,
    read_submissions,
)
from hepsub.condor.jobs import read_job
from hepsub.jobid import JobId, SubmissionRef, parse_job_id

SCHEDD = "schedd01.example.org"


def ids(*texts: str) -> Selection:
    """The selection of these ids."""
    return Selection(ids=tuple(parse_job_id(text) for text in texts))


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Selection(), "true"),
        (Selection(owner="alice"), 'Owner == "alice"'),
        (
            Selection(owner="alice", own=(13, 14)),
            '(Owner == "alice" || member(ClusterId, {13, 14}))',
        ),
        (ids("13"), "(ClusterId == 13)"),
        (ids("13.2"), "((ClusterId == 13 && ProcId == 2))"),
        (ids("13.0-9"), "((ClusterId == 13 && ProcId >= 0 && ProcId <= 9))"),
        (ids("13", "14.1"), "(ClusterId == 13 || (ClusterId == 14 && ProcId == 1))"),
        (Selection(states=(State.IDLE, State.HELD)), "(JobStatus == 1 || JobStatus == 5)"),
        (Selection(uuid="a-b"), 'HepSub_UUID == "a-b"'),
        (
            Selection(once='k "1" \\'),
            'HepSub_Once == "k \\"1\\" \\\\" && !(JobStatus =?= 3 && HepSub_Ready =?= false)',
        ),
        (
            Selection(owner="alice", ids=(parse_job_id("13"),), states=(State.RUNNING,)),
            'Owner == "alice" && (ClusterId == 13) && (JobStatus == 2)',
        ),
    ],
)
def test_a_selection_is_a_constraint(selection: Selection, text: str) -> None:
    """What is given narrows, what is empty does not."""
    assert constraint(selection) == text


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Selection(), "JobMaterializeDigestFile isnt undefined && ProcId is undefined"),
        (
            Selection(owner="alice", ids=(parse_job_id("13.2"),)),
            "JobMaterializeDigestFile isnt undefined && ProcId is undefined"
            ' && Owner == "alice" && (ClusterId == 13)',
        ),
    ],
)
def test_a_selections_factories(selection: Selection, text: str) -> None:
    """Cluster ads have no ProcId; the procs meant are picked out of them later."""
    assert cluster_constraint(selection) == text


JOB = {
    "Owner": "alice",
    "ClusterId": 13,
    "ProcId": 2,
    "JobStatus": 5,
    "HepSub_UUID": "u",
    "HepSub_Once": 'k "x" \\',
}


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), True),
        (Selection(owner="alice"), True),
        (Selection(owner="bob", own=(13,)), True),
        (Selection(owner="bob", own=(14, 15)), False),
        (Selection(ids=tuple(JobId(cluster=each) for each in range(1, 200))), True),
        (Selection(ids=tuple(JobId(cluster=each) for each in range(14, 200))), False),
        (Selection(owner="bob"), False),
        (ids("13"), True),
        (ids("13.2"), True),
        (ids("13.3"), False),
        (ids("13.0-2"), True),
        (ids("13.3-9", "13.2"), True),
        (ids("14"), False),
        (Selection(states=(State.HELD,)), True),
        (Selection(states=(State.IDLE, State.RUNNING)), False),
        (Selection(uuid="u"), True),
        (Selection(once='k "x" \\'), True),
        (Selection(once="k"), False),
        (Selection(owner='x" || true || "'), False),
        (Selection(owner="alice", states=(State.HELD,), ids=(parse_job_id("13"),)), True),
    ],
)
def test_htcondor_understands_the_constraint(selection: Selection, *, meant: bool) -> None:
    """HTCondor's own evaluation of the text picks the jobs that are meant, and no others."""
    ad = classad2.ClassAd(JOB)
    assert classad2.ExprTree(constraint(selection)).eval(ad) is meant


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        ({"JobStatus": 3, "HepSub_Ready": False}, False),
        ({"JobStatus": 3, "HepSub_Ready": True}, True),
        ({"JobStatus": 3}, True),
        ({"JobStatus": 1, "HepSub_Ready": False}, True),
        ({"JobStatus": classad2.Value.Undefined, "HepSub_Ready": False}, True),
    ],
)
def test_a_key_does_not_mean_what_was_taken_back(more: dict[str, Any], *, meant: bool) -> None:
    """Removed behind its gate; what was removed later, or waits there, keeps its key; so does a cluster's own ad."""
    ad = classad2.ClassAd({**JOB, **more})
    assert classad2.ExprTree(constraint(Selection(once='k "x" \\'))).eval(ad) is meant


def job(**attributes: Any) -> JobStatus:
    """The status of 13.2 whose ad has these attributes as well."""
    found = read_job({"ClusterId": 13, "ProcId": 2, **attributes}, SCHEDD, 1000.0)
    assert found is not None
    return found


def test_a_running_job() -> None:
    """Every attribute that hepsub shows, from an ad as a schedd gives it."""
    assert job(
        Owner="alice", QDate=100, JobStatus=2, JobPrio=5, Cmd="/home/alice/run 1.sh", Arguments="'a b' $'(X)'",
        RemoteWallClockTime=50.0, RemoteUserCpu=90.5, RemoteSysCpu=2,
        ShadowBday=940, ServerTime=1000, MemoryUsage=732, RequestMemory=2000,
        JobBatchName="scan", RemoteHost="slot1@bws01",
    ) == JobStatus(
        schedd=SCHEDD, cluster=13, proc=2, owner="alice", submitted=100, run_seconds=110, state=State.RUNNING,
        priority=5, memory_mb=732.0, requested_mb=2000, command="run 1.sh", arguments=("a b", "$(X)"),
        name="scan", host="slot1@bws01", cpu_seconds=92.5,
    )  # fmt: skip


def test_an_ad_with_nothing_in_it_is_an_idle_job() -> None:
    """Attributes that are not there have values that say nothing."""
    assert job() == JobStatus(
        schedd=SCHEDD, cluster=13, proc=2, owner="", submitted=0, run_seconds=0, state=State.IDLE,
        priority=0, memory_mb=0, requested_mb=0, command="", arguments=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, State.IDLE),
        (2, State.RUNNING),
        (3, State.REMOVED),
        (4, State.COMPLETED),
        (5, State.HELD),
        (6, State.TRANSFERRING),
        (7, State.SUSPENDED),
    ],
)
def test_htcondors_numbers_are_states(number: int, state: State) -> None:
    """The numbers of HTCondor's manual."""
    assert job(JobStatus=number).state is state


def test_a_held_job_has_its_reason() -> None:
    """Code, subcode and text."""
    found = job(JobStatus=5, HoldReason="out of memory", HoldReasonCode=34, HoldReasonSubCode=102)
    assert (found.hold_code, found.hold_subcode, found.hold_reason) == (34, 102, "out of memory")


def test_an_old_hold_is_forgotten_after_the_release() -> None:
    """HTCondor keeps the last reason in the ad; a job that runs has none."""
    found = job(JobStatus=2, HoldReason="old", HoldReasonCode=34, HoldReasonSubCode=1)
    assert (found.hold_code, found.hold_subcode, found.hold_reason) == (0, 0, "")


@pytest.mark.parametrize(
    ("attributes", "exit_code", "exit_signal"),
    [
        ({"ExitCode": 0, "ExitBySignal": False}, 0, None),
        ({"ExitCode": 3}, 3, None),
        ({"ExitBySignal": True, "ExitSignal": 9}, None, 9),
        ({"ExitBySignal": True, "ExitSignal": 9, "ExitCode": 0}, None, 9),
        ({}, None, None),
    ],
)
def test_how_a_job_ended(
    attributes: dict[str, Any], exit_code: int | None, exit_signal: int | None
) -> None:
    """By an exit code, or by a signal, or not yet; a signal hides no 0."""
    found = job(JobStatus=4, **attributes)
    assert (found.exit_code, found.exit_signal) == (exit_code, exit_signal)


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ({"JobStatus": 1, "RemoteWallClockTime": 50.0, "ShadowBday": 940}, 50.0),
        ({"JobStatus": 2, "ShadowBday": 940}, 60.0),
        ({"JobStatus": 2, "JobCurrentStartDate": 900}, 100.0),
        ({"JobStatus": 7, "RemoteWallClockTime": 5.0, "ShadowBday": 990}, 15.0),
        ({"JobStatus": 2, "ShadowBday": 940, "ServerTime": 950}, 10.0),
        ({"JobStatus": 2, "ShadowBday": 2000}, 0.0),
        ({"JobStatus": 2}, 0.0),
        ({"JobStatus": 5, "RemoteWallClockTime": 7.0, "ShadowBday": 1}, 7.0),
    ],
)
def test_the_run_time_is_the_past_and_the_present(
    attributes: dict[str, Any], seconds: float
) -> None:
    """By the schedd's clock, never less than nothing, and an old start does not count."""
    assert job(**attributes).run_seconds == seconds


@pytest.mark.parametrize(
    ("attributes", "megabytes"),
    [
        ({"MemoryUsage": 732}, 732.0),
        ({"MemoryUsage": 732, "ImageSize": 99999999}, 732.0),
        ({"ImageSize": 2048}, 2.0),
        ({"MemoryUsage": "unknown", "ImageSize": 1024}, 1.0),
        ({}, 0.0),
    ],
)
def test_the_memory_is_in_mb(attributes: dict[str, Any], megabytes: float) -> None:
    """MemoryUsage is in MB; until it is known, ImageSize in kB has to do."""
    assert job(**attributes).memory_mb == megabytes


@pytest.mark.parametrize(
    ("attributes", "arguments"),
    [
        ({"Arguments": "a 'b c' ''"}, ("a", "b c", "")),
        ({"Args": "a b 'c"}, ("a", "b", "'c")),
        ({"Arguments": ""}, ()),
        ({}, ()),
    ],
)
def test_both_syntaxes_of_arguments_are_read(
    attributes: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    """The new one with quotes, the old one split at blanks."""
    assert job(**attributes).arguments == arguments


@pytest.mark.parametrize(
    ("attributes", "host"),
    [
        ({"RemoteHost": "slot1@a", "LastRemoteHost": "slot1@b"}, "slot1@a"),
        ({"LastRemoteHost": "slot1@b"}, "slot1@b"),
        ({}, ""),
    ],
)
def test_where_it_runs_or_ran_last(attributes: dict[str, Any], host: str) -> None:
    """The present host goes before the last one."""
    assert job(**attributes).host == host


@pytest.mark.parametrize(
    ("attributes", "ended"),
    [
        ({"JobStatus": 4, "CompletionDate": 500}, 500),
        ({"JobStatus": 3, "CompletionDate": 0, "EnteredCurrentStatus": 600}, 600),
        ({"JobStatus": 5, "EnteredCurrentStatus": 600}, 0),
        ({"JobStatus": 2}, 0),
    ],
)
def test_when_it_ended(attributes: dict[str, Any], ended: float) -> None:
    """A removed job ended when it was removed; a held one has not ended."""
    assert job(**attributes).ended == ended


FACTORY = {
    "ClusterId": 20,
    "Owner": "alice",
    "TotalSubmitProcs": 100,
    "JobMaterializeNextProcId": 10,
    "JobMaterializeDigestFile": "/x",
    "RequestMemory": 2000,
}


def queue(*ads: dict[str, Any], selection: Selection | None = None) -> Queue:
    """The queue that these ads are."""
    return read_queue(ads, SCHEDD, selection or Selection(), 1000.0)


def test_the_jobs_are_in_order() -> None:
    """Schedds answer in any order; hepsub shows clusters and procs in theirs."""
    found = queue(
        {"ClusterId": 14, "ProcId": 0}, {"ClusterId": 13, "ProcId": 10}, {"ClusterId": 13, "ProcId": 9}
    )  # fmt: skip
    assert [each.job for each in found.jobs] == ["13.9", "13.10", "14.0"]


def test_what_a_factory_has_still_to_make() -> None:
    """Procs 10 to 99 do not exist yet; they are idle jobs all the same."""
    assert queue(FACTORY).unmade == (
        Unmade(schedd=SCHEDD, cluster=20, owner="alice", first=10, number=90, requested_mb=2000),
    )


def test_a_factory_is_asked_for_what_is_read_of_it() -> None:
    """Together with what is asked of its procs."""
    whole = {**FACTORY, "JobMaterializePaused": 1}
    asked = {name: whole[name] for name in (*FACTORY_PROJECTION, "RequestMemory")}
    assert queue(asked) == queue(whole)
    assert "RequestMemory" in PROJECTION


def test_a_factory_on_hold_is_paused() -> None:
    """JobMaterializePaused is not 0 while the cluster is on hold."""
    assert queue({**FACTORY, "JobMaterializePaused": 1}).unmade[0].paused


def test_a_factory_that_has_made_all_is_silent() -> None:
    """Nothing is left to count."""
    assert queue({**FACTORY, "JobMaterializeNextProcId": 100}).unmade == ()


@pytest.mark.parametrize(
    ("selection", "number"),
    [
        (ids("20"), 90),
        (ids("20.50"), 1),
        (ids("20.0-9"), 0),
        (ids("20.5-14"), 5),
        (ids("20.95-200"), 5),
        (ids("20.10", "20.10-11"), 2),
        (ids("20.3", "20"), 90),
        (Selection(states=(State.IDLE,)), 90),
        (Selection(states=(State.HELD,)), 0),
        (Selection(states=(State.RUNNING, State.IDLE)), 90),
    ],
)
def test_only_the_procs_that_are_meant_are_counted(selection: Selection, number: int) -> None:
    """Unmade procs are idle, and ids pick among them."""
    assert sum(each.number for each in queue(FACTORY, selection=selection).unmade) == number


@pytest.mark.parametrize(
    ("ads", "found"),
    [
        ([], ()),
        (
            [{"ClusterId": 13, "ProcId": 0, "HepSub_UUID": "u"}, {"ClusterId": 13, "ProcId": 1, "HepSub_UUID": "u"}],
            (SubmissionRef(pool="p", schedd=SCHEDD, cluster=13, number=2, uuid="u"),),
        ),
        (
            [{"ClusterId": 13, "ProcId": 0, "TotalSubmitProcs": 5, "HepSub_UUID": "u"}],
            (SubmissionRef(pool="p", schedd=SCHEDD, cluster=13, number=5, uuid="u"),),
        ),
        (
            [{"ClusterId": 13, "TotalSubmitProcs": 100, "HepSub_UUID": "u"}],
            (SubmissionRef(pool="p", schedd=SCHEDD, cluster=13, number=100, uuid="u"),),
        ),
        (
            [{"ClusterId": 13, "ProcId": 0}, {"ClusterId": 14, "ProcId": 0, "HepSub_UUID": "v"}],
            (
                SubmissionRef(pool="p", schedd=SCHEDD, cluster=13, number=1, uuid=""),
                SubmissionRef(pool="p", schedd=SCHEDD, cluster=14, number=1, uuid="v"),
            ),
        ),
    ],
)  # fmt: skip
def test_clusters_are_found_in_ads(
    ads: list[dict[str, Any]], found: tuple[SubmissionRef, ...]
) -> None:
    """Of procs and of cluster ads alike; a factory with nothing made has only the latter."""
    assert read_submissions(ads, "p", SCHEDD) == found


@pytest.mark.parametrize(
    "uuid", ["../x", "/tmp/x", "a1/job/0/x", "..", ".", "a\n", "a\0", "u" * 101, "\u00e9", 5]
)
def test_a_uuid_in_an_ad_is_no_path(uuid: object) -> None:
    """The bundle is looked for by it, and whoever wrote the ad may have written one somewhere."""
    ad = {"ClusterId": 13, "ProcId": 0, "HepSub_UUID": uuid}
    [found] = read_submissions([ad], "p", SCHEDD)
    assert found.uuid == ""


def test_the_projection_asks_for_everything_that_is_read() -> None:
    """An attribute that is read but not asked for would always be missing."""
    asked: set[str] = set()

    class Ad(dict[str, Any]):
        """An ad that notes which of its attributes are read."""

        def get(self, name: str, default: Any = None) -> Any:
            """Note the name."""
            asked.add(name)
            return super().get(name, default)

        def __getitem__(self, name: str) -> Any:
            asked.add(name)
            return super().__getitem__(name)

        def __contains__(self, name: object) -> bool:
            asked.add(str(name))
            return super().__contains__(name)

    for status in range(1, 8):
        for signalled in (True, False):
            read_job(
                Ad(ClusterId=1, ProcId=0, JobStatus=status, ExitBySignal=signalled, Arguments="a"), SCHEDD, 0
            )  # fmt: skip
            read_job(Ad(ClusterId=1, ProcId=0, JobStatus=status), SCHEDD, 0)
    read_queue([Ad(FACTORY)], SCHEDD, Selection(), 0)
    assert asked <= {*PROJECTION, *FACTORY_PROJECTION}


def group(first: str, number: int, status: int, **more: object) -> dict[str, object]:
    """Jobs of alice's that are alike, as a schedd counts them."""
    cluster = int(first.split(".", maxsplit=1)[0])
    return {
        "ClusterId": cluster, "JobIds": first, "JobCount": number, "JobStatus": status, "QDate": 100,
        "Owner": "alice", "Cmd": "/home/alice/job.sh", **more,
    }  # fmt: skip


def test_groups_are_clusters() -> None:
    """The group with the first job tells the name and the date, the first held one the reason."""
    ads = [
        group("14.7", 1, 5, HoldReason="second"),
        group("14.3 ... 14.6", 4, 5, HoldReason="first"),
        group("14.0 ... 14.9", 5, 1, JobBatchName="named", QDate=50),
        group("13.0 ... 13.4", 5, 2),
        {"JobCount": 3},
    ]
    factories = (
        Unmade(schedd=SCHEDD, cluster=13, owner="alice", first=5, number=9),
        Unmade(schedd=SCHEDD, cluster=15, owner="alice", first=0, number=2),
    )
    thirteen, fourteen, fifteen = read_groups(ads, factories, SCHEDD)
    assert (thirteen.name, thirteen.states, thirteen.unmade) == ("job.sh", {State.RUNNING: 5}, 9)
    assert fourteen.states == {State.IDLE: 5, State.HELD: 5}
    assert (fourteen.name, fourteen.submitted, fourteen.hold_reason) == ("named", 50, "first")
    assert (fifteen.cluster, fifteen.name, fifteen.states, fifteen.unmade) == (15, "", {}, 2)


@pytest.mark.parametrize(
    ("selection", "possible"),
    [
        (Selection(), True),
        (Selection(owner="alice", states=(State.HELD,)), True),
        (ids("13"), True),
        (ids("13", "14.2"), False),
        (Selection(uuid="u"), False),
        (Selection(once="k"), False),
    ],
)
def test_a_schedd_groups_only_by_what_is_in_the_groups(
    selection: Selection, *, possible: bool
) -> None:
    """Tried with 23.9: a constraint on anything else finds no group at all."""
    assert groups_hold(selection) is possible


def test_a_summary_counts_jobs_by_state() -> None:
    summary = {
        "MyType": "Summary",
        "Jobs": 12,
        "Idle": 7,
        "Held": 5,
        "Running": 0,
        "AllusersIdle": 99,
    }
    counts = read_counts([summary], [FACTORY], SCHEDD, Selection())
    assert counts.states == {State.IDLE: 7, State.HELD: 5}
    assert counts.total() == 12
    assert [each.cluster for each in counts.unmade] == [FACTORY["ClusterId"]]
