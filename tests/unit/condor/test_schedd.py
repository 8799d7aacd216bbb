"""What can be said of a pool without asking it, and what a schedd is asked, and how its troubles are told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import classad2
import pytest
from msgspec.structs import replace

from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, ActCount, Selection, State, Submitted
from hepsub.batch_edit import Edit
from hepsub.batch_logs import Piece, Stream
from hepsub.condor.bindings import is_configured
from hepsub.condor.collector import ScheddAddress
from hepsub.condor.connection import Connection
from hepsub.condor.jobs import read_job
from hepsub.condor.schedd import CondorSchedd
from hepsub.condor.spool import PLACES
from hepsub.confine import Writable
from hepsub.errors import (
    AuthenticationRefused,
    CredentialMissing,
    HepsubError,
    NotDone,
    PoolError,
    PoolUnreachable,
    ScheddNotReached,
    SubmissionRefused,
    SubmissionUncertain,
)
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.plan.credentials import JobCredential
from hepsub.plan.model import Plan
from hepsub.plan.staging import Seal
from hepsub.session import Session
from tests.fakes.htcondor import (
    BUSY,
    NO_ANSWER,
    NO_MORE,
    NOT_BELIEVED,
    NOT_COMMITTED,
    AdType,
    CredType,
    FakeBindings,
    JobAction,
    QueryOpts,
    put_in_place,
)
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_spec,
    make_world,
    plan_for,
)

NAME = "schedd01@ap.test.hep"
AD = {"Name": NAME}
THIRTEEN = Selection(ids=(parse_job_id("13"),))


@pytest.mark.parametrize("value", ["ONLY_ENV", "/etc/condor/condor_config", "/no/such/file"])
def test_who_names_a_configuration_has_a_pool(value: str) -> None:
    """Also one that is not there: that is an error to tell, not a reason to use another pool."""
    assert is_configured({"CONDOR_CONFIG": value})


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """Give bindings in memory in the place of the real ones."""
    EDITED.clear()
    return put_in_place(
        monkeypatch, FakeBindings(param={"SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS, FS"})
    )


EDITED: list[tuple[object, ...]] = []
"""What condor_qedit was told, since the test's begin."""


def no_token(_: str) -> bool:
    """Nothing to show instead."""
    return False


@contextlib.contextmanager
def looked(
    schedd: str, collector: str, job: str, file: str, most: int, *, follow: bool
) -> Iterator[Iterator[Piece | None]]:
    """What condor_tail brings, which tells what it was asked."""
    words = (schedd, collector, job, file, str(most), str(follow))
    yield iter([Piece(offset=0, data=" ".join(words).encode())])


def opened(obtain: Callable[[str], bool] = no_token) -> CondorSchedd:
    """The schedd."""
    address = ScheddAddress(name=NAME, machine="ap.test.hep", version="23.9.6", ad=AD)
    return CondorSchedd(
        pool="local",
        connection=Connection(address=address, obtain_token=obtain),
        collector="pool.test.hep",
        produce_ticket=lambda *_: b"",
        edit_cluster=lambda *words: EDITED.append(words),
        has_edit_cluster=lambda: True,
        look_into=looked,
    )


def planned(*words: str, policy: str = "") -> Plan:
    """The plan of a submission."""
    return plan_for(make_spec("job.sh", *words), make_policy(policy), make_world())


# ---- what it is asked ---------------------------------------------------------------------------


def test_a_submission_is_one_call(htcondor: FakeBindings) -> None:
    """The description with the UUID, and how many."""
    submitted = opened().submit(planned("-n", "3"), "u-1")
    ref = SubmissionRef(uuid="u-1", pool="local", schedd=NAME, cluster=13, number=3)
    assert submitted == Submitted(ref=ref)
    [(name, text, count, items, spool)] = htcondor.calls
    assert (name, count, items, spool) == ("submit", 3, [], False)
    assert 'My.HepSub_UUID = "u-1"' in str(text)


def test_a_list_gives_one_item_a_job(htcondor: FakeBindings) -> None:
    plan = plan_for(
        make_spec("job.sh", "-list", "items.txt", "-o", "%{Item}.out"),
        make_policy(),
        make_world(items=("one", "two words")),
    )
    assert opened().submit(plan, "u-1").ref.number == 2
    [(_, _, count, items, _)] = htcondor.calls
    assert count == 0
    assert isinstance(items, list)
    assert len(items) == 2


@pytest.mark.parametrize(
    ("limit", "confined", "is_said"),
    [("", True, False), ("/home", True, True), ("/home", False, False)],
)
def test_an_administrators_limit_of_directories_is_said(
    htcondor: FakeBindings, limit: str, confined: bool, is_said: bool
) -> None:
    """Where jobs were to reach nothing but their own."""
    htcondor.param["LIMIT_DIRECTORY_ACCESS"] = limit
    plan = planned("-out", "r=res/", "-o", "/dev/null", "-e", "/dev/null")
    assert plan.staging is not None
    staging = replace(plan.staging, confined=confined, seal=Seal(wrapper="00", sets=("-",)))
    notes = opened().submit(replace(plan, staging=staging), "u-1").notes
    said = (
        "on this host LIMIT_DIRECTORY_ACCESS = /home replaces the limit of these jobs to their own directory;"
        f" where it does not hold {staging.bundle_root} they are put on hold"
    )
    assert notes == ((said,) if is_said else ())


def test_a_credential_goes_to_the_credd_beside_the_schedd(htcondor: FakeBindings) -> None:
    ad = {"Name": "ap", "Machine": "ap.test.hep", "MyAddress": "<127.0.0.1:1>"}
    htcondor.daemons[AdType.Credd] = [{**ad, "Machine": "other.test.hep"}, ad]
    opened().store_credential(
        JobCredential(name="iam", kind="token", file="", service="wlcg"), b"secret"
    )
    assert htcondor.calls == [
        ("collector", "pool.test.hep", AdType.Credd, ("Name", "Machine", "MyAddress")),
        ("add_user_service_cred", CredType.OAuth, b"secret", "wlcg", False),
    ]


def test_one_job_is_asked_for_to_be_explained(htcondor: FakeBindings) -> None:
    """An idle one with the slots that could run it."""
    job = read_job(classad2.ClassAd("[ClusterId = 13; ProcId = 2; JobStatus = 5]"), NAME, NOON)
    assert job is not None
    assert opened().explain(job, "13.2", NOON).next_command == "hep_release 13.2"
    idle = replace(job, state=State.IDLE)
    htcondor.queue = [classad2.ClassAd("[ClusterId = 13; ProcId = 2; Requirements = true]")]
    said = opened().explain(idle, "13.2", NOON).sentence
    assert said == "the pool has no worker node at the moment"
    query = ("query", "(ClusterId == 13 && ProcId == 2)", (), QueryOpts.Default)
    slots = 'SlotType == "Static" || SlotType == "Partitionable"'
    assert htcondor.calls == [query, query, ("collector", "pool.test.hep", AdType.Startd, slots)]


def test_what_is_spooled_is_handed_over_by_the_connection_that_submitted_it(
    htcondor: FakeBindings,
) -> None:
    plan = planned("-o", "/dev/null", "-e", "/dev/null", policy=SPOOL)
    schedd = opened()
    schedd.spool.hand_over(schedd.submit(plan, "u-1").ref.cluster)
    assert htcondor.calls[0][-1] is True
    assert htcondor.calls[1] == ("spool", 13)


SPOOL = "[defaults]\npool = 'there'\n[pool.there]\ncollector = 'c'\nspool = true\n"


def test_ended_jobs_only_are_fetched(htcondor: FakeBindings) -> None:
    """From the spool; the others would leave the queue as well."""
    opened().spool.fetch(THIRTEEN, Writable())
    ended = "(ClusterId == 13) && (JobStatus == 4)"
    assert htcondor.calls == [
        ("query", ended, PLACES, QueryOpts.Default),
        ("ping", {"Name": "schedd01@ap.test.hep"}, "WRITE"),
        ("retrieve", ended),
    ]


def test_what_would_go_elsewhere_is_not_fetched(htcondor: FakeBindings, tmp_path: Path) -> None:
    """The ads say where it goes: the jobs' own corners, and nowhere else."""
    ad = {"ClusterId": 13, "ProcId": 2, "Iwd": "/spool/13", "SUBMIT_Iwd": str(tmp_path)}
    htcondor.queue.append(ad)
    with pytest.raises(PoolError, match=rf"wants {tmp_path} written for job 13\.2"):
        opened().spool.fetch(THIRTEEN, Writable(directories=(tmp_path / "job/2",)))
    assert htcondor.names() == ["query"]
    opened().spool.fetch(THIRTEEN, Writable(directories=(tmp_path,)))
    assert htcondor.names() == ["query", "query", "ping", "retrieve"]


def test_the_gate_and_the_memory_are_edits(htcondor: FakeBindings) -> None:
    opened().open_gate(13, factory=False)
    opened().edit(THIRTEEN, Edit(memory_mb=3000))
    assert htcondor.calls == [
        ("edit", "ClusterId == 13", "HepSub_Ready", "true"),
        THROUGH_ELEMENT,
        ("edit", "(ClusterId == 13)", "RequestMemory", "3000"),
    ]
    assert EDITED == []


THROUGH_ELEMENT = (
    "query",
    "((ClusterId == 13)) && JobUniverse == 9",
    ("GridJobId",),
    QueryOpts.Default,
)


def test_the_memory_of_what_no_computing_element_has_yet_is_edited_in_its_word(
    htcondor: FakeBindings,
) -> None:
    htcondor.queue = [{}]
    opened().edit(THIRTEEN, Edit(memory_mb=3000))
    assert htcondor.calls == [
        THROUGH_ELEMENT,
        ("edit", "((ClusterId == 13)) && JobUniverse == 9", "maxMemory", "3000"),
        ("edit", "(ClusterId == 13)", "RequestMemory", "3000"),
    ]


def test_the_memory_of_what_a_computing_element_has_is_not_edited(htcondor: FakeBindings) -> None:
    """What was changed here would not reach it; so nothing is, and that is said."""
    htcondor.queue = [{"GridJobId": "condor ce ce:9619 7.0"}, {}]
    with pytest.raises(NotDone, match=r"1 job\(s\) are at their site"):
        opened().edit(THIRTEEN, Edit(memory_mb=3000))
    assert htcondor.calls == [THROUGH_ELEMENT]


def test_all_that_is_changed_is_checked_before_anything_is(htcondor: FakeBindings) -> None:
    """An element is asked for cores in its word, and for no disk; a walltime that travels stays."""
    htcondor.queue = [{}]
    with pytest.raises(NotDone, match="the cores and disk was not changed: a computing element"):
        opened().edit(THIRTEEN, Edit(cpus=4, disk_mb=10))
    htcondor.queue = [{"Cmd": "/usr/bin/env"}]
    with pytest.raises(NotDone, match=r"1 job\(s\) are in no walltime class"):
        opened().edit(THIRTEEN, Edit(walltime=lambda _: ("mid", 360)))
    htcondor.queue = [{"Cmd": "/bin/sh", "ClusterId": 14}]
    with pytest.raises(NotDone, match=r"1 job\(s\) have files or credentials that travel"):
        opened().edit(None, Edit(walltime=lambda _: ("mid", 360)), (14,))
    htcondor.queue = [{"HepSub_Cmd": "/work/job.sh", "GridJobId": ""}]
    with pytest.raises(NotDone, match=r"1 job\(s\) have files or credentials that travel"):
        opened().edit(THIRTEEN, Edit(walltime=lambda _: ("mid", 360)))
    assert "edit" not in htcondor.names()
    opened().edit(THIRTEEN, Edit(cpus=4, priority=-1))
    assert [call[2:] for call in htcondor.calls if call[0] == "edit"] == [
        ("xcount", "4"),
        ("RequestCpus", "4"),
        ("JobPrio", "-1"),
    ]


def test_another_walltime_moves_each_account_into_its_class(htcondor: FakeBindings) -> None:
    """What the class is depends on the group; whoever wrote the ad, its texts stay texts."""
    account = {"HepJob_Experiment": "JUNO", "HepJob_RealGroup": "juno", "AcctGroupUser": "alice"}
    htcondor.queue = [account, account, {**account, "HepJob_RealGroup": '" || true || "'}]

    def chosen(group: str) -> tuple[str, int]:
        return ("mid", 360) if group == "juno" else ("long", 720)

    opened().edit(THIRTEEN, Edit(walltime=chosen))
    edits = [call[1:] for call in htcondor.calls if call[0] == "edit"]
    meant = '((ClusterId == 13)) && HepJob_RealGroup =?= "juno" && HepJob_Experiment =?= "JUNO"'
    assert edits[:4] == [
        (f'{meant} && AcctGroupUser =?= "alice"', name, value)
        for name, value in (
            ("HepSub_WalltimeLimit", "360"),
            ("HepJob_Walltime", '"mid"'),
            ("AcctGroup", '"JUNO.juno.mid"'),
            ("AccountingGroup", '"JUNO.juno.mid.alice"'),
        )
    ]
    assert 'HepJob_RealGroup =?= "\\" || true || \\""' in str(edits[4][0])
    assert len(edits) == 8


def test_what_a_factory_has_still_to_make_is_edited_in_its_cluster(htcondor: FakeBindings) -> None:
    """By condor_qedit, for the bindings change jobs that exist only; before those, because it may fail."""
    opened().open_gate(13, factory=True)
    opened().edit(None, Edit(memory_mb=3000), (14,))
    assert htcondor.names() == ["edit"]
    assert EDITED == [
        (NAME, "pool.test.hep", 13, "HepSub_Ready", "true"),
        (NAME, "pool.test.hep", 14, "RequestMemory", "3000"),
    ]
    htcondor.fails("edit", "no")
    with pytest.raises(PoolError):
        opened().edit(THIRTEEN, Edit(memory_mb=3000), (14,))
    assert len(EDITED) == 3


def test_jobs_are_counted_by_the_schedd(htcondor: FakeBindings) -> None:
    """No job is sent: a summary, and the factories' cluster ads."""
    htcondor.queue = [
        {"MyType": "Summary", "Idle": 20000},
        {"ClusterId": 14, "TotalSubmitProcs": 9, "JobMaterializeNextProcId": 4},
    ]
    counts = opened().count(Selection(owner="alice"))
    assert counts.states == {State.IDLE: 20000}
    assert [each.number for each in counts.unmade] == [5]
    assert [call[3] for call in htcondor.calls] == [
        QueryOpts.SummaryOnly,
        QueryOpts.IncludeClusterAd,
    ]


@pytest.mark.parametrize(
    ("number", "asked"),
    [(999, ["IncludeClusterAd"]), (1000, ["IncludeClusterAd", "GroupBy", "IncludeClusterAd"])],
)
def test_many_jobs_are_grouped_by_the_schedd(
    htcondor: FakeBindings, number: int, asked: list[str]
) -> None:
    """Few are sent: a schedd groups the jobs of all its users."""
    htcondor.queue = [{"ClusterId": 13, "ProcId": proc, "JobCount": 1} for proc in range(number)]
    [found] = opened().count_clusters(Selection(owner="alice"), 0)
    assert found.states == {State.IDLE: number}
    assert [call[3] for call in htcondor.calls] == [QueryOpts[each] for each in asked]


@pytest.mark.parametrize("ads", [[], [{"ClusterId": 14, "TotalSubmitProcs": 9}]])
def test_a_factory_is_one_also_when_all_its_jobs_are_made(
    htcondor: FakeBindings, ads: list[dict[str, object]]
) -> None:
    htcondor.queue = [*ads]
    assert opened().has_factories(Selection(owner="alice")) is bool(ads)


@pytest.mark.parametrize(
    ("act", "action"),
    [
        (Act.REMOVE, JobAction.Remove),
        (Act.HOLD, JobAction.Hold),
        (Act.RELEASE, JobAction.Release),
    ],
)
def test_an_act_has_a_reason_and_is_counted(
    htcondor: FakeBindings, act: Act, action: JobAction
) -> None:
    """Whatever the answer holds: what is missing, or no number, is 0."""
    htcondor.acted = {"TotalSuccess": 2, "TotalAlreadyDone": 1, "TotalBadStatus": "x"}
    assert opened().act(act, THIRTEEN) == ActCount(done=2, already=1)
    reason = (f"hepsub was asked to {act.value} it", 0)
    assert htcondor.calls == [("act", action, "(ClusterId == 13)", reason)]


def test_the_queue_has_procs_and_factories(htcondor: FakeBindings) -> None:
    """Both in one question."""
    htcondor.queue = [
        {"ClusterId": 13, "ProcId": 1, "JobStatus": 2},
        {"ClusterId": 13, "ProcId": 0, "JobStatus": 5},
        {"ClusterId": 14, "TotalSubmitProcs": 9, "JobMaterializeNextProcId": 4},
        {"ClusterId": "no number"},
    ]
    found = opened().queue(Selection(), 0)
    assert [(job.job, job.state) for job in found.jobs] == [
        ("13.0", State.HELD),
        ("13.1", State.RUNNING),
    ]
    assert [(each.cluster, each.number) for each in found.unmade] == [(14, 5)]
    [(_, _, _, opts)] = htcondor.calls
    assert opts is QueryOpts.IncludeClusterAd


def test_a_table_asks_for_fewer_attributes(htcondor: FakeBindings) -> None:
    """The rest says nothing then; factories are there all the same."""
    htcondor.queue = [
        {"ClusterId": 13, "ProcId": 0, "JobStatus": 5, "Owner": "alice"},
        {"ClusterId": 14, "TotalSubmitProcs": 9, "JobMaterializeNextProcId": 4},
    ]
    brief = opened().queue(Selection(), 0, brief=True)
    assert brief == opened().queue(Selection(), 0)
    few, all_ = (set(call[2]) for call in htcondor.calls if isinstance(call[2], tuple))
    assert few < all_
    assert all_ - few >= {"RequestMemory", "HoldReason", "RemoteHost"}
    assert few >= {"TotalSubmitProcs", "JobMaterializeNextProcId", "JobMaterializePaused"}


def test_a_cluster_is_looked_for_in_the_queue_and_then_in_the_history(
    htcondor: FakeBindings,
) -> None:
    """By its UUID: who has lost the answer finds what became of the submission."""
    ad = {"ClusterId": 13, "ProcId": 0, "HepSub_UUID": "u-1"}
    wanted = Selection(uuid="u-1")
    assert opened().find(wanted) == ()
    assert htcondor.names() == ["query", "history"]
    htcondor.past = [ad]
    [found] = opened().find(wanted)
    assert (found.cluster, found.uuid) == (13, "u-1")
    htcondor.queue, htcondor.past, htcondor.calls = [ad], [], []
    assert opened().find(wanted) == (found,)
    assert htcondor.names() == ["query"]
    assert htcondor.calls[0][1] == 'HepSub_UUID == "u-1"'


def test_past_jobs_are_at_most_so_many(htcondor: FakeBindings) -> None:
    htcondor.past = [{"ClusterId": 13, "ProcId": n, "JobStatus": 4} for n in range(5)]
    assert [each.proc for each in opened().history(Selection(), 3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("answer", "who"),
    [
        ({"MyRemoteUserName": "alice@hep", "AuthMethods": "FS"}, "alice@hep, by FS"),
        ({}, "nobody, by no authentication"),
    ],
)
def test_it_says_who_we_are(htcondor: FakeBindings, answer: dict[str, str], who: str) -> None:
    htcondor.ping_answer = answer
    assert opened().identity() == who


# ---- troubles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (NO_ANSWER, ScheddNotReached),
        (BUSY, PoolUnreachable),
        (NOT_BELIEVED, AuthenticationRefused),
        (NO_MORE, SubmissionRefused),
        (NOT_COMMITTED, SubmissionRefused),
    ],
)
def test_what_the_words_mean(htcondor: FakeBindings, text: str, error: type[HepsubError]) -> None:
    htcondor.fails("submit", text)
    with pytest.raises(error) as caught:
        opened().submit(planned(), "u-1")
    assert type(caught.value) is error
    assert NAME in caught.value.message
    assert caught.value.remedy
    assert htcondor.submitted == []


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, IndexError])
def test_the_bindings_other_errors_are_told_as_well(
    htcondor: FakeBindings, kind: type[Exception]
) -> None:
    htcondor.fails("query", "strange", kind=kind)
    with pytest.raises(PoolError, match="strange"):
        opened().queue(Selection(), 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda schedd: schedd.open_gate(13, factory=False),
        lambda schedd: schedd.edit(THIRTEEN, Edit(memory_mb=3000)),
        lambda schedd: schedd.act(Act.HOLD, THIRTEEN),
        lambda schedd: schedd.spool.fetch(THIRTEEN, Writable()),
    ],
    ids=("open_gate", "edit", "act", "fetch"),
)
def test_whoever_writes_asks_why_it_was_refused(
    htcondor: FakeBindings, call: Callable[[CondorSchedd], object]
) -> None:
    """The bindings say of a write only that it failed."""
    for name in ("edit", "act", "retrieve"):
        htcondor.fails(name, "Unable to connect to schedd")
    htcondor.fails("ping", NOT_BELIEVED)
    with pytest.raises(AuthenticationRefused):
        call(opened())


def test_a_mistake_of_ours_is_not_the_pools(htcondor: FakeBindings) -> None:
    htcondor.fails("query", "ours", kind=TypeError)
    with pytest.raises(TypeError, match="ours"):
        opened().queue(Selection(), 0)


def test_where_the_bindings_do_not_say_why_a_ping_does(htcondor: FakeBindings) -> None:
    """For act and edit they leave it out; who only reads is not asked for what it may write."""
    htcondor.fails("act", "Failed to act")
    htcondor.fails("ping", NOT_BELIEVED)
    with pytest.raises(AuthenticationRefused, match="tried: IDTOKENS"):
        opened().act(Act.HOLD, THIRTEEN)
    htcondor.fails("act", "Failed to act")
    with pytest.raises(PoolError, match=r"said: Failed to act$"):
        opened().act(Act.HOLD, THIRTEEN)
    htcondor.calls.clear()
    htcondor.fails("query", "Failed to ask")
    with pytest.raises(PoolError):
        opened().queue(Selection(), 0)
    assert "ping" not in htcondor.names()


def test_with_a_new_token_it_is_tried_once_more(htcondor: FakeBindings) -> None:
    asked: list[str] = []

    def obtain(schedd: str) -> bool:
        asked.append(schedd)
        return True

    htcondor.fails("submit", NOT_BELIEVED)
    assert opened(obtain).submit(planned(), "u-1").ref.cluster == 13
    assert len(htcondor.submitted) == 1
    htcondor.fails("submit", NOT_BELIEVED, NOT_BELIEVED)
    with pytest.raises(AuthenticationRefused):
        opened(obtain).submit(planned(), "u-2")
    assert asked == [NAME, NAME]
    assert htcondor.names().count("submit") == 4


def test_no_token_is_asked_for_other_troubles(htcondor: FakeBindings) -> None:
    def obtain(_: str) -> bool:
        raise AssertionError

    htcondor.fails("submit", NO_ANSWER)
    with pytest.raises(ScheddNotReached):
        opened(obtain).submit(planned(), "u-1")
    assert htcondor.names().count("submit") == 1


def test_why_there_is_no_token_is_told_with_its_remedy(htcondor: FakeBindings) -> None:
    def obtain(_: str) -> bool:
        raise CredentialMissing("the agent is locked", remedy="unlock it")

    htcondor.fails("submit", NOT_BELIEVED)
    with pytest.raises(AuthenticationRefused, match="no token to show instead: the agent") as found:
        opened(obtain).submit(planned(), "u-1")
    assert found.value.remedy == "unlock it"


# ---- one cluster for one command ----------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path, htcondor: FakeBindings) -> Session:
    """Give a session whose one schedd speaks by the bindings in memory."""
    make_script(tmp_path)
    return make_session(tmp_path, lambda *_: (opened(),))


def test_an_answer_that_is_lost_after_the_commit_is_looked_up(
    session: Session, htcondor: FakeBindings
) -> None:
    """By the UUID of the description: the cluster is told, and submitted once."""
    htcondor.late["submit"] = [htcondor.HTCondorException(NOT_COMMITTED)]
    result = submit(session, make_spec("job.sh"))
    assert result.value.submitted.cluster == 13
    assert len(htcondor.submitted) == 1
    assert session.journal.entries()[-1].ref.cluster == 13


@pytest.mark.parametrize("since", [NO_ANSWER, NOT_BELIEVED])
def test_what_became_of_the_schedd_since_says_nothing_about_the_commit(
    session: Session, htcondor: FakeBindings, since: str
) -> None:
    """One that died when it had committed cannot be reached then, but heard of it; nor is it submitted twice."""
    htcondor.late["submit"] = [htcondor.HTCondorException(NOT_COMMITTED)]
    htcondor.fails("ping", since, since)
    result = submit(session, make_spec("job.sh"))
    assert result.value.submitted.cluster == 13
    assert len(htcondor.submitted) == 1
    assert session.journal.entries()[-1].ref.cluster == 13


def test_an_answer_that_is_lost_before_the_commit_is_an_error(
    session: Session, htcondor: FakeBindings
) -> None:
    htcondor.fails("submit", NOT_COMMITTED)
    with pytest.raises(SubmissionRefused):
        submit(session, make_spec("job.sh"))
    assert htcondor.names().count("submit") == 1
    assert "query" in htcondor.names()


def test_who_cannot_ask_afterwards_does_not_know(session: Session, htcondor: FakeBindings) -> None:
    htcondor.late["submit"] = [htcondor.HTCondorException(BUSY)]
    htcondor.fails("query", BUSY)
    with pytest.raises(SubmissionUncertain, match="was lost during the submission"):
        submit(session, make_spec("job.sh"))
    assert len(htcondor.submitted) == 1


def test_a_schedd_that_was_never_reached_is_not_asked_for_the_cluster(
    session: Session, htcondor: FakeBindings
) -> None:
    htcondor.fails("submit", NO_ANSWER)
    with pytest.raises(ScheddNotReached):
        submit(session, make_spec("job.sh"))
    assert htcondor.names()[-1] != "query"


# ---- the logs of a job --------------------------------------------------------------------------


def test_a_running_job_is_looked_into_by_condor_tail_as_who_is_believed(
    htcondor: FakeBindings,
) -> None:
    job = parse_job_id("13.2")
    with opened().watch(job, Stream.STDERR, 1000, follow=True) as pieces:
        [piece] = pieces
    assert piece is not None
    assert piece.data.decode() == f"{NAME} pool.test.hep 13.2 _condor_stderr 1000 True"
    assert [name for name, *_ in htcondor.calls] == ["ping"]
