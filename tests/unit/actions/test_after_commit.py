"""After the commit: no error hides the cluster; Ctrl-C takes back what cannot start yet; no means no."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.renew import renew
from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, ActCount, Selection, State, Submitted
from hepsub.errors import Interrupted, PoolUnreachable, SubmissionRefused, SubmissionUncertain
from hepsub.journal import NO_CLUSTER
from hepsub.plan.model import Plan
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

POLICY = """
[staging]
bundle_dir = "/proc/self/root{directory}/bundles"
[storage.herd]
endpoint = "https://s3.example.org"
default = true
"""
WAITS = ("job.sh", "-nocheck", "-n", "3", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
"""Its jobs wait behind a gate."""
STARTS = ("job.sh", "-nocheck", "-n", "3", "-out", "r=herd:out/r_%{ProcId}")
"""Its jobs may start at once."""
AWAY = PoolUnreachable("the schedd does not answer", remedy="try again")


def press() -> None:
    """Press Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def nothing() -> None:
    """Do nothing."""


@dataclass(slots=True, kw_only=True)
class Moments(FakeSchedd):
    """A schedd on this host; at each of these moments something happens outside.

    Attributes:
        committed: after it has committed a cluster, and before its answer is there.
        opening: before a gate is opened.
        opened: after it was opened.
        removing: before jobs are removed.
        gates: the clusters whose gates were opened.
    """

    host: str = "login01.example.org"
    committed: Callable[[], None] = nothing
    opening: Callable[[], None] = nothing
    opened: Callable[[], None] = nothing
    removing: Callable[[], None] = nothing
    gates: list[int] = field(default_factory=list)

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Commit."""
        submitted = FakeSchedd.submit(self, plan, uuid)
        self.committed()
        return submitted

    def open_gate(self, cluster: int, *, factory: bool, held: bool = False) -> None:  # noqa: ARG002
        """Open."""
        self.opening()
        FakeSchedd.open_gate(self, cluster, factory=factory)
        self.gates.append(cluster)
        self.opened()

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove."""
        self.removing()
        return FakeSchedd.act(self, act, selection)

    def living(self) -> list[int]:
        """The clusters that have jobs."""
        return sorted({job.cluster for job in self.jobs if job.state is not State.REMOVED})

    def go_away(self) -> None:
        """Answer no more."""
        self.reachable = False


@pytest.fixture
def schedd() -> Moments:
    """A schedd on this host."""
    return Moments()


@pytest.fixture
def session(tmp_path: Path, schedd: Moments) -> Session:
    """A session with keys for the storage herd."""
    return session_with(tmp_path, schedd)


def session_with(tmp_path: Path, schedd: FakeSchedd, more: str = "") -> Session:
    """A session with keys for the storage herd, and more in its policy."""
    make_script(tmp_path)
    made = make_session(
        tmp_path,
        as_batch_systems(schedd),
        policy=make_policy(POLICY.format(directory=tmp_path) + more),
        situation=make_situation(cwd=tmp_path),
    )
    keys = S3Credentials(access="AKIA", secret="hidden", token="", expires=None)
    return replace(made, keys=lambda _name, _storage: keys)


def bundles(session: Session) -> list[Path]:
    """The bundles there are, also those that are being made or removed."""
    there = session.situation.cwd.glob("bundles/*")
    return sorted(each for each in there if each.name not in (".renew", ".libraries"))


def bundle_of(session: Session) -> Path:
    """The one bundle."""
    [bundle] = bundles(session)
    return bundle


def spoil(session: Session) -> None:
    """Let the file `ready` be impossible to write, as a full disk does."""
    (bundle_of(session) / "private/ready").mkdir()


# ---- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [WAITS, STARTS])
def test_a_bundle_that_cannot_be_marked_is_no_failed_submission(
    session: Session, schedd: Moments, line: tuple[str, ...]
) -> None:
    """The jobs run: exit code 0, and a note of what is made up for later."""
    schedd.committed = lambda: spoil(session)
    result = submit(session, make_spec(*line))
    assert result.value.submitted.cluster == 13
    assert (result.exit_code, result.problems) == (0, ())
    assert any("is noted by the next hep_sub or hep_auth renew" in note for note in result.notes)
    assert schedd.gates == ([13] if line is WAITS else [])


def test_what_could_not_be_marked_is_marked_by_the_next_one(
    session: Session, schedd: Moments
) -> None:
    """Nothing of it is started twice, or removed."""
    schedd.committed = lambda: spoil(session)
    submit(session, make_spec(*STARTS))
    (bundle_of(session) / "private/ready").rmdir()
    schedd.committed = nothing
    submit(session, make_spec("job.sh"))
    assert (bundle_of(session) / "private/ready").is_file()
    assert schedd.living() == [13, 14]


def test_jobs_that_cannot_start_are_told_with_their_cluster(
    session: Session, schedd: Moments
) -> None:
    """The line with the cluster, then the problem; the exit code is the problem's."""

    def fail() -> None:
        raise AWAY

    schedd.opening = fail
    result = submit(session, make_spec(*WAITS))
    assert result.value.submitted.cluster == 13
    assert result.exit_code == 36
    [problem] = result.problems
    assert problem.code == "bundle-unusable"
    assert problem.message == (
        "cluster 13 was submitted, but its jobs cannot start: the schedd does not answer"
    )
    assert problem.remedy == "the next hep_sub tries again; hep_rm 13 removes it"
    schedd.opening = nothing
    submit(session, make_spec("job.sh"))
    assert schedd.gates == [13]


def test_a_journal_that_is_full_after_the_commit_is_a_note(
    session: Session, schedd: Moments
) -> None:
    """The cluster is there; it is found at the schedd."""
    file = session.paths.journal / "login01.example.org.jsonl"

    def fill() -> None:
        file.unlink()
        file.mkdir()

    schedd.committed = fill
    result = submit(session, make_spec(*WAITS, "-once", "k"))
    assert (result.value.submitted.cluster, result.exit_code) == (13, 0)
    assert any("the journal could not be written" in note for note in result.notes)
    assert bundle_of(session).is_dir()
    schedd.committed = nothing
    again = submit(session, make_spec(*WAITS, "-once", "k"))
    assert (again.value.submitted.cluster, again.exit_code) == (13, 0)
    assert schedd.living() == [13]


def test_a_lost_answer_and_a_full_journal_do_not_hide_the_cluster(
    session: Session, schedd: Moments
) -> None:
    """`nothing was submitted` would be a lie."""

    def fill_and_lose() -> None:
        file = session.paths.journal / "login01.example.org.jsonl"
        file.unlink()
        file.mkdir()
        raise AWAY

    schedd.committed = fill_and_lose
    assert submit(session, make_spec("job.sh")).value.submitted.cluster == 13


def test_what_may_fail_is_asked_before_the_commit(session: Session, schedd: Moments) -> None:
    """How long the access to a storage lasts, for the notes: an error there submits nothing."""
    asked: list[str] = []

    def keys(name: str, _storage: object) -> S3Credentials:
        asked.append(name)
        assert "submit" not in schedd.calls
        return S3Credentials(access="AKIA", secret="hidden", token="", expires=None)

    submit(replace(session, keys=keys), make_spec(*WAITS))
    assert asked


# ---- Ctrl-C ---------------------------------------------------------------------------------------


def test_ctrl_c_before_the_jobs_can_start_takes_the_submission_back(
    session: Session, schedd: Moments
) -> None:
    """No cluster, no bundle, no key that is used up; and the user reads so."""
    schedd.committed = press
    with pytest.raises(Interrupted) as caught:
        submit(session, make_spec(*WAITS, "-once", "k"))
    assert caught.value.message == "interrupted; cluster 13 was removed again"
    assert (schedd.living(), schedd.gates, bundles(session)) == ([], [], [])
    assert [entry.ref.cluster for entry in session.journal.entries()] == [NO_CLUSTER]


def test_ctrl_c_while_the_manifests_are_written_ends_at_once(
    session: Session, schedd: Moments
) -> None:
    """10,000 of them take long: none is written after it was pressed."""
    found: list[int] = []
    schedd.committed = press
    schedd.removing = lambda: found.append(len([*bundle_of(session).glob("*/hepsub.manifest")]))
    with pytest.raises(Interrupted):
        submit(session, make_spec(*WAITS))
    assert found == [0]


@pytest.mark.parametrize("moment", ["opening", "opened"])
def test_ctrl_c_while_the_gate_is_opened_comes_too_late(
    session: Session, schedd: Moments, moment: str
) -> None:
    """The jobs can start: the cluster is told as submitted, and how to remove it; the bundle is whole."""
    setattr(schedd, moment, press)
    result = submit(session, make_spec(*WAITS))
    assert (result.value.submitted.cluster, result.exit_code) == (13, 130)
    assert [each.remedy for each in result.problems] == ["hep_rm 13 removes it"]
    assert (bundle_of(session) / "private/ready").is_file()


def test_ctrl_c_while_the_gate_does_not_open_takes_the_submission_back(
    session: Session, schedd: Moments
) -> None:
    """The user does not want what could not be completed."""

    def fail() -> None:
        press()
        raise AWAY

    schedd.opening = fail
    with pytest.raises(Interrupted, match="cluster 13 was removed again"):
        submit(session, make_spec(*WAITS))
    assert (schedd.living(), bundles(session)) == ([], [])


def test_a_key_is_free_after_its_submission_was_taken_back(
    session: Session, schedd: Moments
) -> None:
    """-once K: the schedd's history has the removed cluster with that key, which counts no more."""
    schedd.committed = press
    with pytest.raises(Interrupted):
        submit(session, make_spec(*WAITS, "-once", "k"))
    schedd.committed = nothing
    again = submit(session, make_spec(*WAITS, "-once", "k"))
    assert again.value.submitted.cluster == 14
    assert schedd.gates == [14]


def away(session: Session, schedd: Moments) -> Path:
    """A submission that was interrupted when the schedd went away; its bundle."""
    schedd.committed, schedd.removing = press, schedd.go_away
    with pytest.raises(Interrupted) as caught:
        submit(session, make_spec(*WAITS, "-once", "k"))
    schedd.committed = schedd.removing = nothing
    assert caught.value.message == (
        "interrupted, but cluster 13 could not be removed again: the schedd schedd01.example.org does not answer"
    )
    assert caught.value.remedy == (
        "its jobs do not start; hep_rm 13 removes it, as the next hep_sub or hep_auth renew does by itself"
    )
    schedd.reachable = True
    return bundle_of(session)


def test_what_could_not_be_removed_is_removed_by_the_next_hep_sub(
    session: Session, schedd: Moments
) -> None:
    """It is never started, however complete its bundle could be made; the user is told."""
    away(session, schedd)
    told: list[str] = []
    submit(session, make_spec("job.sh"), told.append)
    assert told == [
        "cluster 13, whose submission had been interrupted, was removed: submit it again if you want it"
    ]
    assert (schedd.living(), schedd.gates, bundles(session)) == ([14], [], [])


def test_what_could_not_be_removed_is_removed_by_hep_auth_renew(
    session: Session, schedd: Moments
) -> None:
    """The refresher goes on with the removal, too."""
    away(session, schedd)
    renew(session)
    assert (schedd.living(), schedd.gates, bundles(session)) == ([], [], [])


def test_the_same_key_removes_what_was_cancelled_and_submits_anew(
    session: Session, schedd: Moments
) -> None:
    """-once K again: the user wants it now, once."""
    away(session, schedd)
    again = submit(session, make_spec(*WAITS, "-once", "k"))
    assert again.value.submitted.cluster == 14
    assert (schedd.living(), schedd.gates) == ([14], [14])


def test_a_second_ctrl_c_changes_nothing(session: Session, schedd: Moments) -> None:
    """Pressed while the cluster is removed: it is removed all the same."""
    schedd.committed = schedd.removing = press
    with pytest.raises(Interrupted, match="cluster 13 was removed again"):
        submit(session, make_spec(*WAITS))
    assert (schedd.living(), bundles(session)) == ([], [])


def test_ctrl_c_and_a_full_disk_leave_nothing_to_finish_it_with(
    session: Session, schedd: Moments
) -> None:
    """Where it cannot be noted that the submission is cancelled, its bundle goes at once."""

    def press_and_fill() -> None:
        (bundle_of(session) / "private/cancelled").mkdir()
        press()

    schedd.committed, schedd.removing = press_and_fill, schedd.go_away
    with pytest.raises(Interrupted, match="could not be removed"):
        submit(session, make_spec(*WAITS))
    schedd.reachable, schedd.committed, schedd.removing = True, nothing, nothing
    submit(session, make_spec("job.sh"))
    assert schedd.gates == []


def test_ctrl_c_when_nobody_can_tell_whether_the_cluster_exists_is_remembered(
    session: Session, schedd: Moments
) -> None:
    """The schedd is away at once: uncertain; when it is back, the next command removes the cluster."""

    def press_and_lose() -> None:
        press()
        schedd.go_away()
        raise AWAY

    schedd.committed = press_and_lose
    with pytest.raises(SubmissionUncertain):
        submit(session, make_spec(*WAITS))
    schedd.reachable, schedd.committed = True, nothing
    submit(session, make_spec("job.sh"))
    assert (schedd.living(), schedd.gates, bundles(session)) == ([14], [], [])


def test_ctrl_c_before_the_commit_leaves_nothing(session: Session, schedd: Moments) -> None:
    """While the keys are asked for: no bundle, no line in the journal, no call of the schedd."""

    def keys(_name: str, _storage: object) -> S3Credentials:
        press()
        raise AssertionError("reached")

    with pytest.raises(Interrupted, match=r"^interrupted; nothing was submitted$"):
        submit(replace(session, keys=keys), make_spec(*WAITS))
    assert (bundles(session), schedd.clusters) == ([], [])
    assert not session.paths.journal.exists()


def test_after_a_submission_ctrl_c_is_what_it_was(session: Session) -> None:
    """A program that calls hepsub.submit can be interrupted as before."""
    before = signal.getsignal(signal.SIGINT)
    submit(session, make_spec(*WAITS))
    assert signal.getsignal(signal.SIGINT) is before


# ---- spool ----------------------------------------------------------------------------------------

SPOOL = "[pool.local]\nspool = true\n"


def test_files_that_cannot_be_handed_over_nor_the_cluster_removed_name_it(
    tmp_path: Path, schedd: Moments
) -> None:
    """Printed first, then the problem; the next command removes it, and its key is free again."""
    session = session_with(tmp_path, schedd, SPOOL)
    schedd.handover_fault = AWAY
    schedd.removing = schedd.go_away
    result = submit(session, make_spec(*WAITS, "-once", "k"))
    assert (result.value.submitted.cluster, result.exit_code) == (13, SubmissionRefused.exit_code)
    [problem] = result.problems
    assert problem.message.startswith("cluster 13 cannot start: its files could not be handed over")
    assert problem.remedy.startswith("hep_rm 13 removes it")
    schedd.reachable, schedd.removing = True, nothing
    again = submit(session, make_spec(*WAITS, "-once", "k"))
    assert again.value.submitted.cluster == 14
    assert schedd.living() == [14]


@pytest.mark.parametrize("line", [WAITS, STARTS, ("job.sh",)])
def test_ctrl_c_before_the_files_are_handed_over_takes_the_submission_back(
    tmp_path: Path, schedd: Moments, line: tuple[str, ...]
) -> None:
    """With and without a bundle: jobs on hold for files that never come are of no use."""
    session = session_with(tmp_path, schedd, SPOOL)
    schedd.committed = press
    with pytest.raises(Interrupted, match="cluster 13 was removed again"):
        submit(session, make_spec(*line))
    assert (schedd.living(), bundles(session)) == ([], [])
    assert not any(call.startswith("hand_over") for call in schedd.calls)
