"""hep_sub: one cluster for one command, whatever happens to the connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.submit import recovered, submit
from hepsub.batch import Selection, Submitted
from hepsub.errors import (
    AuthenticationRefused,
    HepsubError,
    Interrupted,
    LogDirectoryMissing,
    NotDone,
    PoolUnreachable,
    ScheddNotReached,
    ScriptMissing,
    SubmissionRefused,
    SubmissionUncertain,
    UnknownSchedd,
    UsageError,
)
from hepsub.jobid import SubmissionRef
from hepsub.journal import NO_CLUSTER, Entry, Journal
from hepsub.result import document_of
from hepsub.session import Session
from hepsub.storage.stores import Stores
from tests.fakes.batch import FakeSchedd, Fault, as_batch_systems
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_situation,
    make_spec,
)


@pytest.fixture
def schedd() -> FakeSchedd:
    """The pool's one schedd."""
    return FakeSchedd()


@pytest.fixture
def session(tmp_path: Path, schedd: FakeSchedd) -> Session:
    """A session of alice's in a directory with job.sh."""
    make_script(tmp_path)
    return make_session(tmp_path, as_batch_systems(schedd))


def journalled(session: Session) -> list[tuple[int, str]]:
    """Every line of the journal in its order: the cluster and the schedd."""
    lines = (session.paths.journal / "login01.example.org.jsonl").read_text().splitlines()
    return [(json.loads(line)["cluster"], json.loads(line)["schedd"]) for line in lines]


def test_a_submission_is_one_cluster(session: Session, schedd: FakeSchedd) -> None:
    """One call of the schedd, one cluster, and the journal knows intent and outcome."""
    result = submit(session, make_spec("job.sh", "-n", "3"))
    uuid = schedd.clusters[0].submitted.uuid
    ref = SubmissionRef(
        uuid=uuid, pool="local", schedd="schedd01.example.org", cluster=13, number=3
    )
    assert result.value.submitted == ref
    assert (result.exit_code, result.problems) == (0, ())
    assert schedd.calls.count("submit") == 1
    assert journalled(session) == [(0, "schedd01.example.org"), (13, "schedd01.example.org")]
    assert session.journal.entries() == (Entry(ref=ref, when=NOON, name="job.sh", intended=NOON),)


def test_two_submissions_have_two_uuids(session: Session, schedd: FakeSchedd) -> None:
    """A cluster is found by its UUID: no two may share one."""
    submit(session, make_spec("job.sh"))
    submit(session, make_spec("job.sh"))
    assert len({each.submitted.uuid for each in schedd.clusters}) == 2


def test_what_is_refused_before_the_pool_leaves_no_trace(
    session: Session, schedd: FakeSchedd
) -> None:
    """A missing script: the schedd hears nothing, and the journal neither."""
    with pytest.raises(ScriptMissing):
        submit(session, make_spec("gone.sh"))
    assert schedd.calls == []
    assert not session.paths.journal.exists()


def test_a_key_that_is_used_for_another_job_is_told(session: Session, schedd: FakeSchedd) -> None:
    """-once returns the first job's cluster, and says that the job differs now."""
    submit(session, make_spec("job.sh", "-once", "k"))
    (entry,) = session.journal.entries()
    assert len(entry.what) == 16
    same = submit(session, make_spec("job.sh", "-once", "k"))
    other = submit(session, make_spec("job.sh", "-once", "k", "-argu", "x"))
    assert [each.notes[-1] for each in (same, other)] == [
        "-once k: submitted before, nothing was submitted now",
        "-once k: submitted before, nothing was submitted now; but the job differs from the one of that"
        " time: a new job needs a new key",
    ]
    assert schedd.calls.count("submit") == 1


def test_a_connection_that_is_lost_after_the_commit_gives_one_cluster(
    session: Session, schedd: FakeSchedd
) -> None:
    """The schedd has it: the user reads of success, once, and nothing is repeated."""
    schedd.fault = Fault.LOST_AFTER
    result = submit(session, make_spec("job.sh"))
    assert result.value.submitted.cluster == 13
    assert result.exit_code == 0
    assert len(schedd.clusters) == 1
    assert schedd.calls.count("submit") == 1
    assert [each.ref.cluster for each in session.journal.entries()] == [13]


def test_a_connection_that_is_lost_before_the_commit_is_an_error(
    session: Session, schedd: FakeSchedd
) -> None:
    """The schedd was asked and has nothing: the error is told, and the journal says so too."""
    schedd.fault = Fault.LOST_BEFORE
    with pytest.raises(PoolUnreachable):
        submit(session, make_spec("job.sh"))
    assert schedd.clusters == []
    assert schedd.calls.count("submit") == 1
    assert journalled(session)[-1] == (-1, "schedd01.example.org")


def test_a_refusal_is_told_as_it_is(session: Session, schedd: FakeSchedd) -> None:
    """The schedd's no is the error, and there is certainly no cluster."""
    schedd.fault = Fault.REFUSED
    with pytest.raises(SubmissionRefused, match="said: no"):
        submit(session, make_spec("job.sh"))
    assert [each.ref.cluster for each in session.journal.entries()] == [-1]


def test_a_submission_that_the_schedd_never_heard_of_is_noted_as_none(
    session: Session, schedd: FakeSchedd
) -> None:
    """Its key is free at once, and nobody is asked what became of it."""
    schedd.fault = Fault.NEVER_REACHED
    with pytest.raises(ScheddNotReached):
        submit(session, make_spec("job.sh", "-once", "k"))
    assert [each.ref.cluster for each in session.journal.entries()] == [-1]
    schedd.calls.clear()
    assert submit(session, make_spec("job.sh", "-once", "k")).value.submitted.cluster == 13


class Vanishing(FakeSchedd):
    """A schedd that is gone after a submission it may or may not have made."""

    def submit(self, plan: object, uuid: str) -> Submitted:
        """Commit, lose the connection, and be unreachable from now on."""
        self.fault = Fault.LOST_AFTER
        try:
            return FakeSchedd.submit(self, plan, uuid)  # type: ignore[arg-type]
        finally:
            self.reachable = False


def test_a_schedd_that_is_gone_afterwards_leaves_it_uncertain(tmp_path: Path) -> None:
    """Neither success nor failure is claimed; the remedy warns of repeating, and the intent stays open."""
    make_script(tmp_path)
    schedd = Vanishing()
    session = make_session(tmp_path, as_batch_systems(schedd))
    with pytest.raises(SubmissionUncertain) as caught:
        submit(session, make_spec("job.sh"))
    uuid = schedd.clusters[0].submitted.uuid
    assert "schedd01.example.org was lost during the submission" in caught.value.message
    assert "do not submit again blindly" in caught.value.remedy
    assert uuid in caught.value.remedy
    assert schedd.calls.count("submit") == 1
    assert [each.ref.cluster for each in session.journal.entries()] == [0]


def test_a_pool_that_no_longer_lists_the_schedd_leaves_it_uncertain(tmp_path: Path) -> None:
    """A schedd that restarts is away from the collector for a moment."""
    make_script(tmp_path)
    schedd = FakeSchedd(fault=Fault.LOST_AFTER)
    answers = [(schedd,), ()]
    session = make_session(tmp_path, lambda *_: answers.pop(0))
    with pytest.raises(SubmissionUncertain):
        submit(session, make_spec("job.sh"))


def test_ctrl_c_after_the_commit_names_the_cluster(session: Session, schedd: FakeSchedd) -> None:
    """Its jobs wait for nothing: it was submitted, and who interrupts has to know what to remove."""
    schedd.fault = Fault.INTERRUPTED_AFTER
    result = submit(session, make_spec("job.sh"))
    assert result.value.submitted.cluster == 13
    assert result.exit_code == 130
    [problem] = result.problems
    assert problem.code == "interrupted"
    assert (
        problem.message
        == "interrupted, but cluster 13 had been submitted already: its jobs can start"
    )
    assert problem.remedy == "hep_rm 13 removes it"
    assert [each.ref.cluster for each in session.journal.entries()] == [13]


def test_ctrl_c_before_the_commit_says_that_nothing_was_submitted(
    session: Session, schedd: FakeSchedd
) -> None:
    """The schedd was asked: there is none."""
    schedd.fault = Fault.INTERRUPTED_BEFORE
    with pytest.raises(Interrupted, match=r"^interrupted; nothing was submitted$"):
        submit(session, make_spec("job.sh"))
    assert [each.ref.cluster for each in session.journal.entries()] == [-1]


def test_the_same_key_gives_the_same_cluster(session: Session, schedd: FakeSchedd) -> None:
    """-once: the second call submits nothing and reports what the first one did."""
    first = submit(session, make_spec("job.sh", "-n", "2", "-once", "reco"))
    again = submit(session, make_spec("job.sh", "-n", "2", "-once", "reco"))
    assert again.value.submitted == first.value.submitted
    assert again.value.plan is None
    assert len(schedd.clusters) == 1
    assert again.notes == ("-once reco: submitted before, nothing was submitted now",)


def test_a_gate_that_never_got_its_name_is_nothing_to_recover(session: Session) -> None:
    """hep_sub was killed before sbatch; else each later one would look for what is left."""

    def looked() -> Stores:
        raise AssertionError("it looks")

    gates = session.paths.slurm / "gates"
    gates.mkdir(parents=True)
    (gates / ".e0339dba.1.2").touch()
    assert recovered(session, looked, print) == ()
    (gates / "e0339dba-f0a8-4ea4-80f9-8134af13c661").touch()
    with pytest.raises(AssertionError, match="it looks"):
        recovered(session, looked, print)


def test_a_key_is_found_when_its_command_cannot_be_planned_any_more(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """A workflow clears up what a step needed, and is run once more; bad words are wrong all the same."""
    submit(session, make_spec("job.sh", "-once", "reco"))
    (tmp_path / "job.sh").unlink()
    again = submit(session, make_spec("job.sh", "-once", "reco"))
    assert again.value.submitted.cluster == 13
    (note,) = again.notes
    assert note.startswith(
        "-once reco: submitted before, nothing was submitted now; nor could it be: "
    )
    assert "job.sh" in note
    assert schedd.calls.count("submit") == 1
    with pytest.raises(ScriptMissing):
        submit(session, make_spec("job.sh", "-once", "another"))
    with pytest.raises(UsageError, match="NOT_SET"):
        submit(session, make_spec("job.sh", "-once", "reco", "-env", "NOT_SET"))


def test_another_key_is_another_cluster(session: Session, schedd: FakeSchedd) -> None:
    """A part of a key is not the key."""
    submit(session, make_spec("job.sh", "-once", "reco-2"))
    submit(session, make_spec("job.sh", "-once", "reco"))
    assert [each.plan.once for each in schedd.clusters] == ["reco-2", "reco"]


def test_a_key_is_found_without_the_journal(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """The ads carry it: from another host without this home, the cluster is found all the same."""
    submit(session, make_spec("job.sh", "-once", "reco"))
    elsewhere = make_session(
        tmp_path / "other",
        as_batch_systems(schedd),
        situation=make_situation(cwd=tmp_path, host="login02.example.org"),
    )
    assert submit(elsewhere, make_spec("job.sh", "-once", "reco")).value.submitted.cluster == 13
    assert len(schedd.clusters) == 1
    assert [each.ref.cluster for each in elsewhere.journal.entries()] == [13]


def test_another_users_key_is_not_mine(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """Keys are per user: `reco` of bob's is another submission."""
    submit(session, make_spec("job.sh", "-once", "reco"))
    bob = make_session(
        tmp_path / "bob",
        as_batch_systems(schedd),
        situation=make_situation(cwd=tmp_path, user="bob"),
    )
    submit(bob, make_spec("job.sh", "-once", "reco"))
    assert [each.plan.user for each in schedd.clusters] == ["alice", "bob"]


def test_a_key_is_found_on_another_schedd(tmp_path: Path) -> None:
    """Today's login node may have another schedd than yesterday's."""
    make_script(tmp_path)
    one, two = FakeSchedd(), FakeSchedd(name="schedd02.example.org")
    spec = make_spec("job.sh", "-once", "reco")
    submit(
        make_session(tmp_path / "a", as_batch_systems(two), situation=make_situation(cwd=tmp_path)),
        spec,
    )
    again = submit(
        make_session(
            tmp_path / "b", as_batch_systems(one, two), situation=make_situation(cwd=tmp_path)
        ),
        spec,
    )
    assert again.value.submitted.schedd == "schedd02.example.org"
    assert one.clusters == []


def test_a_key_whose_submission_failed_is_free(session: Session, schedd: FakeSchedd) -> None:
    """After an error without a cluster the same key submits."""
    schedd.fault = Fault.LOST_BEFORE
    with pytest.raises(PoolUnreachable):
        submit(session, make_spec("job.sh", "-once", "reco"))
    assert submit(session, make_spec("job.sh", "-once", "reco")).value.submitted.cluster == 13
    assert len(schedd.clusters) == 1


def test_a_key_whose_submission_was_uncertain_is_looked_up(tmp_path: Path) -> None:
    """-once can always be repeated: when the schedd is back, its cluster is found."""
    make_script(tmp_path)
    schedd = Vanishing()
    session = make_session(tmp_path, as_batch_systems(schedd))
    with pytest.raises(SubmissionUncertain):
        submit(session, make_spec("job.sh", "-once", "reco"))
    schedd.reachable = True
    again = submit(session, make_spec("job.sh", "-once", "reco"))
    assert again.value.submitted.cluster == 13
    assert len(schedd.clusters) == 1
    assert [each.ref.cluster for each in session.journal.entries()] == [13]


def test_an_uncertain_key_stays_uncertain_while_the_schedd_is_away(tmp_path: Path) -> None:
    """Nothing is submitted a second time in the meantime."""
    make_script(tmp_path)
    schedd = Vanishing()
    session = make_session(tmp_path, as_batch_systems(schedd))
    for _ in range(2):
        with pytest.raises((SubmissionUncertain, PoolUnreachable)):
            submit(session, make_spec("job.sh", "-once", "reco"))
    assert len(schedd.clusters) == 1
    assert schedd.calls.count("submit") == 1


def test_a_key_that_was_used_in_another_pool_is_reported_there(tmp_path: Path) -> None:
    """The cluster is in pool east, whatever -p says this time; -wait has to look there."""
    make_script(tmp_path)
    session = make_session(
        tmp_path, as_batch_systems(FakeSchedd()), policy=make_policy("[pool.east]\n")
    )
    submit(session, make_spec("job.sh", "-once", "reco", "-p", "east"))
    again = submit(session, make_spec("job.sh", "-once", "reco"))
    assert again.value.submitted.pool == "east"


def test_a_journal_that_cannot_be_written_stops_the_submission(tmp_path: Path) -> None:
    """No intent in the journal, no call of the schedd."""
    make_script(tmp_path)
    schedd = FakeSchedd()
    session = make_session(tmp_path, as_batch_systems(schedd))
    (tmp_path / "journal").write_text("a file where the directory should be")
    with pytest.raises(HepsubError):
        submit(session, make_spec("job.sh"))
    assert schedd.clusters == []


def test_the_schedd_asked_for_takes_the_jobs(tmp_path: Path) -> None:
    """-schedd schedd02 by its short name."""
    make_script(tmp_path)
    one, two = FakeSchedd(), FakeSchedd(name="schedd02.example.org")
    session = make_session(tmp_path, as_batch_systems(one, two))
    submit(session, make_spec("job.sh", "-schedd", "schedd02"))
    assert (len(one.clusters), len(two.clusters)) == (0, 1)


def test_an_unknown_schedd_is_refused(session: Session) -> None:
    """With the closest match."""
    with pytest.raises(UnknownSchedd) as caught:
        submit(session, make_spec("job.sh", "-schedd", "schedd10"))
    assert caught.value.remedy == "did you mean 'schedd01'?"


@pytest.mark.parametrize(
    ("policy", "host", "taken"),
    [
        ("", "login01.example.org", "a.example.org"),
        ("", "b.example.org", "b.example.org"),
        ("", "b", "b.example.org"),
        ("default_schedd = 'c'", "b.example.org", "c.example.org"),
        ("schedds = ['b', 'c']", "login01.example.org", "b.example.org"),
    ],
)
def test_which_schedd_takes_the_jobs(tmp_path: Path, policy: str, host: str, taken: str) -> None:
    """The policy's, else the one on this host, else the first."""
    make_script(tmp_path)
    schedds = [FakeSchedd(name=f"{name}.example.org") for name in "cab"]
    session = make_session(
        tmp_path,
        as_batch_systems(*schedds),
        policy=make_policy(f"[pool.local]\n{policy}\n"),
        situation=make_situation(cwd=tmp_path, host=host),
    )
    submit(session, make_spec("job.sh"))
    assert [each.name for each in schedds if each.clusters] == [taken]


def test_a_pool_without_the_policys_schedds_is_refused(tmp_path: Path) -> None:
    """A wrong pool.schedds does not submit to somebody else's schedd."""
    make_script(tmp_path)
    session = make_session(
        tmp_path,
        as_batch_systems(FakeSchedd()),
        policy=make_policy("[pool.local]\nschedds = ['other']\n"),
    )
    with pytest.raises(UnknownSchedd, match="the pool local has no schedd"):
        submit(session, make_spec("job.sh"))


def test_the_document_of_a_submission(session: Session, schedd: FakeSchedd, tmp_path: Path) -> None:
    """Cluster, pool, schedd, UUID, and the logs of every job with the cluster's id in them."""
    result = submit(session, make_spec("job.sh", "-n", "2", "-e", "/dev/null"))
    assert json.loads(json.dumps(document_of(result.value))) == {
        "cluster": 13,
        "jobs": 2,
        "pool": "local",
        "schedd": "schedd01.example.org",
        "uuid": schedd.clusters[0].submitted.uuid,
        "new": True,
        "libraries": [],
        "notes": [],
        "procs": [
            {"proc": 0, "stdout": f"{tmp_path}/job.sh.out.13.0", "stderr": "/dev/null"},
            {"proc": 1, "stdout": f"{tmp_path}/job.sh.out.13.1", "stderr": "/dev/null"},
        ],
        "runs_again": [],
    }


def test_a_preview_submits_nothing(session: Session, schedd: FakeSchedd, tmp_path: Path) -> None:
    """-dry-run asks the pool for its schedd and no more, and writes no journal."""
    result = preview(session, make_spec("job.sh"))
    assert result.value.schedd == "schedd01.example.org"
    assert schedd.clusters == []
    assert [path.name for path in tmp_path.iterdir()] == ["job.sh"]


def test_a_preview_needs_no_pool(tmp_path: Path) -> None:
    """Without a pool the plan is shown, and a problem says why the pool could not be asked."""
    make_script(tmp_path)

    def unreachable(*_: object) -> tuple[FakeSchedd, ...]:
        raise AuthenticationRefused("the collector refused", remedy="kinit")

    result = preview(make_session(tmp_path, unreachable), make_spec("job.sh"))
    assert result.value.schedd == ""
    assert result.exit_code == 0
    assert [(each.code, each.message) for each in result.problems] == [
        ("pool-unreachable", "the collector refused")
    ]


def test_an_unfinished_intent_is_seen_by_another_host(tmp_path: Path) -> None:
    """Two login nodes share a home: the key of one is looked up by the other, when nobody can be at it any more."""
    make_script(tmp_path)
    schedd = FakeSchedd()
    session = make_session(tmp_path, as_batch_systems(schedd))
    other = Journal(directory=session.paths.journal, host="login02.example.org")
    intent = Entry(
        ref=SubmissionRef(uuid="u1", pool="local", schedd="schedd01.example.org", number=1),
        when=NOON,
        once="reco",
    )
    other.append(intent)
    with pytest.raises(SubmissionUncertain, match=r"a hep_sub on login02\.example\.org began"):
        submit(session, make_spec("job.sh", "-once", "reco"))
    other.append(replace(intent, when=NOON - 600))
    assert submit(session, make_spec("job.sh", "-once", "reco")).value.submitted.cluster == 13
    assert schedd.calls.index("find") < schedd.calls.index("submit")


def test_two_hosts_begin_with_one_key_at_the_same_moment(tmp_path: Path) -> None:
    """Not every file system keeps a lock between hosts: who notes its intent sees the other's then, and gives up."""
    make_script(tmp_path)
    other = Journal(directory=tmp_path / "journal", host="login02.example.org")
    ref = SubmissionRef(uuid="u1", pool="local", schedd="schedd01.example.org", number=1)
    intent = Entry(ref=ref, when=NOON, once="reco", intended=NOON)

    class Slow(FakeSchedd):
        def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
            other.append(intent)
            return super().find(selection)

    schedd = Slow()
    session = make_session(tmp_path, as_batch_systems(schedd))
    with pytest.raises(NotDone, match=r"hep_sub on login02\.example\.org submits with -once reco"):
        submit(session, make_spec("job.sh", "-once", "reco"))
    assert schedd.clusters == []
    assert {each.ref.cluster for each in session.journal.entries()} == {0, NO_CLUSTER}


def test_a_directory_for_the_logs_is_made_when_it_is_needed(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """-n 4 -o newlog, as README has it; a preview makes nothing, and both say so."""
    spec = make_spec("job.sh", "-n", "4", "-o", "newlog", "-e", "newlog")
    note = f"the directory {tmp_path}/newlog is made for the jobs' logs"
    assert note in preview(session, spec).notes
    assert not (tmp_path / "newlog").exists()
    assert note in submit(session, spec).notes
    assert (tmp_path / "newlog").is_dir()
    logs = [each.stdout for each in schedd.clusters[0].plan.procs()]
    assert logs == [f"{tmp_path}/newlog/job.sh.out.%{{ClusterId}}.{proc}" for proc in range(4)]


def test_a_refused_submission_makes_no_directory(session: Session, tmp_path: Path) -> None:
    """Its parent is missing, too: rather a mistyped name."""
    with pytest.raises(LogDirectoryMissing):
        submit(session, make_spec("job.sh", "-n", "4", "-o", "new/log"))
    assert not (tmp_path / "new").exists()
