"""The order of a staged submission: keys, bundle, cluster, manifests, gate; and what is left by a failure."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.submit import submit
from hepsub.bundle.directory import locked
from hepsub.errors import (
    BundleUnusable,
    HepsubError,
    OutputConflict,
    StorageRefused,
)
from hepsub.policy.model import Storage
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.batch import FakeSchedd, Fault, Killed, as_batch_systems
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_situation,
    make_spec,
)

KEYS = S3Credentials(access="AKIA", secret="hidden", token="", expires=None)
LINE = ("job.sh", "-nocheck", "-n", "2", "-in", "s3://raw/x_%{ProcId}")
WITH_CLUSTER = (*LINE, "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
WITHOUT = (*LINE, "-out", "r=herd:out/r_%{ProcId}")


@pytest.fixture
def schedd() -> FakeSchedd:
    """A schedd on this host."""
    return FakeSchedd(host="login01.example.org")


def session_with(
    tmp_path: Path, schedd: FakeSchedd, more: str = "", keys: S3Credentials | None = KEYS
) -> Session:
    """A session with the storage herd, whose bundles lie where the test says."""
    make_script(tmp_path)
    policy = make_policy(
        f'[staging]\nbundle_dir = "/proc/self/root{tmp_path}/bundles"\n'
        f'[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n{more}'
    )

    def keys_of(name: str, storage: Storage) -> S3Credentials:
        del storage
        if keys is None:
            raise StorageRefused(f"no keys for the storage {name}")
        return keys

    session = make_session(
        tmp_path, as_batch_systems(schedd), policy=policy, situation=make_situation(cwd=tmp_path)
    )
    return replace(session, keys=keys_of)


@pytest.fixture
def session(tmp_path: Path, schedd: FakeSchedd) -> Session:
    """A session whose bundles are kept in the test's directory, named so that it is not in /tmp."""
    return session_with(tmp_path, schedd)


def bundles(tmp_path: Path) -> list[Path]:
    """The bundles there are."""
    return sorted(tmp_path.glob("bundles/*"))


def test_without_the_clusters_id_all_is_written_before_the_commit(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """No gate: the manifests are there when the schedd hears of the jobs."""
    result = submit(session, make_spec(*WITHOUT))
    [bundle] = bundles(tmp_path)
    assert bundle.name == result.value.submitted.uuid
    assert "open_gate 13" not in schedd.calls
    lines = (bundle / "job/1/hepsub.manifest").read_text().splitlines()
    assert lines[0] == "hepsub-manifest\t1\t1"
    assert (bundle / "private/ready").exists()


def test_with_the_clusters_id_the_gate_is_opened_last(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """Committed, then written with the id, then opened."""
    submit(session, make_spec(*WITH_CLUSTER))
    assert schedd.calls[-1] == "open_gate 13"
    assert schedd.calls.index("submit") < schedd.calls.index("open_gate 13")
    [bundle] = bundles(tmp_path)
    text = (bundle / "job/1/hepsub.manifest").read_text()
    assert text.startswith("hepsub-manifest\t1\t13.1\n")
    assert "/out/13/r_1?" in text
    assert "hidden" not in text


@pytest.mark.parametrize("more", [(), ("-lib", "job.sh")])
def test_the_first_user_does_not_make_the_directory_of_all(
    tmp_path: Path, schedd: FakeSchedd, more: tuple[str, ...]
) -> None:
    """It would be closed to the others: what a site names has to be there, and each user gets one in it."""
    session = session_with(tmp_path, schedd)
    common = f"/proc/self/root{tmp_path}/all"
    said = replace(session.policy.staging, bundle_dir=f"{common}/%{{User}}")
    session = replace(session, policy=replace(session.policy, staging=said))
    with pytest.raises(BundleUnusable, match="is not there, in which each user") as caught:
        submit(session, make_spec(*WITHOUT, *more))
    assert f"install -d -m 1777 {common}" in caught.value.remedy
    assert not (tmp_path / "all").exists()
    (tmp_path / "all").mkdir()
    submit(session, make_spec(*WITHOUT, *more))
    assert stat.S_IMODE((tmp_path / "all/alice").stat().st_mode) == 0o700


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST_BEFORE, Fault.INTERRUPTED_BEFORE])
def test_a_submission_that_did_not_happen_leaves_no_bundle(
    session: Session, schedd: FakeSchedd, tmp_path: Path, fault: Fault
) -> None:
    """Refused, cut off or Ctrl-C before the commit: certain, so nothing stays on the disk."""
    schedd.fault = fault
    with pytest.raises(HepsubError):
        submit(session, make_spec(*WITH_CLUSTER))
    assert bundles(tmp_path) == []


def test_a_lost_answer_is_asked_for_and_the_gate_is_opened(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """The connection breaks after the commit: the cluster is found, written and opened."""
    schedd.fault = Fault.LOST_AFTER
    submit(session, make_spec(*WITH_CLUSTER))
    assert schedd.calls[-1] == "open_gate 13"
    assert len(bundles(tmp_path)) == 1


def test_what_was_killed_behind_the_gate_is_finished_and_told(
    session: Session, schedd: FakeSchedd
) -> None:
    """The cluster exists and stays behind its gate; the next submission finishes both, and says so at once."""
    bundle = abandoned(session, schedd)
    assert "open_gate 13" not in schedd.calls
    assert not (bundle / "private/ready").exists()
    told: list[str] = []
    result = submit(session, make_spec("job.sh"), told.append)
    assert "open_gate 13" in schedd.calls
    assert (bundle / "private/ready").exists()
    assert told == [
        "cluster 13, whose submission had been interrupted, was completed and may start now"
    ]
    assert told[0] in result.value.notes
    assert told[0] not in result.notes


def test_a_note_that_a_power_cut_has_emptied_is_written_anew(
    session: Session, schedd: FakeSchedd
) -> None:
    """By the next submission, as by hep_auth renew: without it nobody finds the bundle of the jobs."""
    bundle = abandoned(session, schedd)
    submit(session, make_spec("job.sh"))
    text = (bundle / "private/ready").read_text()
    (bundle / "private/ready").write_text("")
    submit(session, make_spec("job.sh"))
    assert (bundle / "private/ready").read_text() == text


def test_what_was_finished_is_told_even_if_the_submission_fails(
    session: Session, schedd: FakeSchedd
) -> None:
    """The error of this submission does not hide that jobs of another one start."""
    abandoned(session, schedd)
    schedd.fault = Fault.REFUSED
    told: list[str] = []
    with pytest.raises(HepsubError):
        submit(session, make_spec("job.sh"), told.append)
    assert [text[:10] for text in told] == ["cluster 13"]


def test_without_keys_nothing_is_written_and_nothing_submitted(
    tmp_path: Path, schedd: FakeSchedd
) -> None:
    """The keys are looked for first."""
    with pytest.raises(StorageRefused):
        submit(session_with(tmp_path, schedd, keys=None), make_spec(*WITH_CLUSTER))
    assert "submit" not in schedd.calls
    assert bundles(tmp_path) == []


def test_a_conflict_is_found_before_anything_is_written(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """Two jobs, one object."""
    with pytest.raises(OutputConflict):
        submit(session, make_spec(*LINE, "-out", "r=herd:out/r"))
    assert "submit" not in schedd.calls
    assert bundles(tmp_path) == []


def test_a_schedd_elsewhere_needs_a_shared_directory(tmp_path: Path) -> None:
    """Unknown whether it sees the bundle: refused; with shared = true in the policy it is not."""
    far = FakeSchedd(host="ap.example.org")
    with pytest.raises(BundleUnusable):
        submit(session_with(tmp_path, far), make_spec(*WITHOUT))
    assert bundles(tmp_path) == []


def test_a_dry_run_leaves_no_bundle(session: Session, schedd: FakeSchedd, tmp_path: Path) -> None:
    """-dry-run reads and writes nothing."""
    preview(session, make_spec(*WITH_CLUSTER))
    assert "submit" not in schedd.calls
    assert bundles(tmp_path) == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (KEYS, "ends in 7 d; a job may wait and run up to 10 d 10 h, and nothing renews it"),
        (replace(KEYS, token="t", expires=NOON + 3600), "ends in 1 h and cannot be renewed"),
    ],
)
def test_the_true_lifetime_is_said(
    tmp_path: Path, schedd: FakeSchedd, keys: S3Credentials, said: str
) -> None:
    """The session's end or S3's seven days, whichever is first, against the expected wait and the walltime."""
    result = submit(session_with(tmp_path, schedd, keys=keys), make_spec(*WITHOUT))
    assert any(said in note for note in result.notes), result.notes


def test_long_enough_is_not_talked_about(session: Session) -> None:
    """A test of five minutes that is expected to wait an hour needs no words."""
    policy = replace(session.policy, staging=replace(session.policy.staging, expected_wait=3600))
    result = submit(replace(session, policy=policy), make_spec(*WITHOUT, "-wt", "5min"))
    assert not any("signed access" in note for note in result.notes)


def test_session_keys_without_a_known_end_are_not_promised_seven_days(
    tmp_path: Path, schedd: FakeSchedd
) -> None:
    """Keys with a session token in ~/.aws/credentials end with a session whose end nobody knows here."""
    session = session_with(tmp_path, schedd, keys=replace(KEYS, token="t"))
    result = submit(session, make_spec(*WITHOUT))
    assert not any("7 d" in note for note in result.notes), result.notes


def abandoned(session: Session, schedd: FakeSchedd, *words: str) -> Path:
    """The bundle of a submission that was killed behind its gate, and the schedd without its cluster."""
    schedd.fault = Fault.KILLED_AFTER
    with pytest.raises(Killed):
        submit(session, make_spec(*(words or WITH_CLUSTER)))
    [bundle] = bundles(session.situation.cwd)
    return bundle


def test_a_bundle_whose_cluster_never_came_is_cleared_away(
    session: Session, schedd: FakeSchedd
) -> None:
    """Killed before the commit: the schedd knows nothing of it, and the next hep_sub removes it in silence."""
    bundle = abandoned(session, schedd)
    schedd.clusters.clear()
    result = submit(session, make_spec("job.sh"))
    assert not bundle.exists()
    assert not any("interrupted" in note for note in result.notes)


def test_a_bundle_in_the_making_is_left_alone(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """Another hep_sub has it locked: neither completed nor removed."""
    bundle = abandoned(session, schedd)
    begun, end = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        with locked(bundle / "private"):
            os.write(begun[1], b"x")
            os.read(end[0], 1)
        os._exit(0)
    os.read(begun[0], 1)
    submit(session, make_spec("job.sh"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not (bundle / "private/ready").exists()
    assert "open_gate 13" not in schedd.calls
    submit(session, make_spec("job.sh"))
    assert (bundle / "private/ready").exists()


def test_what_is_no_bundle_yet_is_left_for_an_hour(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """A directory without a request may be one that is being made; an old one is nobody's."""
    young, old = tmp_path / "bundles/young", tmp_path / "bundles/old"
    for place, when in ((young, NOON - 60), (old, NOON - 7200)):
        (place / "private").mkdir(mode=0o700, parents=True)
        place.chmod(0o700)
        (place / "private/lock").touch(mode=0o600)
        os.utime(place, (when, when))
    submit(session, make_spec("job.sh"))
    assert young.exists()
    assert not old.exists()


def test_a_schedd_that_is_away_loses_nothing(session: Session, schedd: FakeSchedd) -> None:
    """What cannot be decided now stays as it is."""
    bundle = abandoned(session, schedd)
    schedd.reachable = False
    with pytest.raises(HepsubError):
        submit(session, make_spec("job.sh"))
    assert bundle.exists()
    schedd.reachable = True
    submit(session, make_spec("job.sh"))
    assert (bundle / "private/ready").exists()


def test_recovery_without_keys_leaves_the_jobs_behind_their_gate(
    session: Session, schedd: FakeSchedd
) -> None:
    """A submission without S3 is not stopped by the keys that an earlier one needs."""
    bundle = abandoned(session, schedd)

    def no_keys(name: str, storage: Storage) -> S3Credentials:
        del storage
        raise StorageRefused(f"no keys for the storage {name}")

    told: list[str] = []
    submit(replace(session, keys=no_keys), make_spec("job.sh"), told.append)
    assert "open_gate 13" not in schedd.calls
    assert told == [
        "cluster 13 was submitted, but its jobs cannot start: no keys for the storage herd"
    ]
    assert not (bundle / "private/ready").exists()


def test_storages_of_a_list_are_those_of_all_its_items(tmp_path: Path, schedd: FakeSchedd) -> None:
    """Whole URLs on the list: the second job's file is in another storage, whose keys have to be had, too."""
    session = session_with(tmp_path, schedd, '[storage.far]\nendpoint = "https://far.example.org"')
    (tmp_path / "list").write_text("herd:raw/a\nfar:raw/b\n")
    submit(
        session, make_spec("job.sh", "-nocheck", "-list", str(tmp_path / "list"), "-in", "%{item}")
    )
    texts = [path.read_text() for path in sorted(tmp_path.glob("bundles/*/job/*/hepsub.manifest"))]
    assert ["s3.example.org" in text for text in texts] == [True, False]
    (signed,) = tmp_path.glob("bundles/*/private/signed.json")
    assert {"herd", "far"} == set(json.loads(signed.read_text()))


def test_the_uuid_in_a_name_is_the_submissions_own(session: Session, schedd: FakeSchedd) -> None:
    """In arguments, logs and outputs; the same command is still the same job for -once."""
    words = ("job.sh", "-argu", "%{Uuid}", "-o", "%{uuid}.%{ProcId}", "-out", "r=res/%{UUID}")
    for key in ("a", "b"):
        submit(session, make_spec(*words, "-once", key))
    for each in schedd.clusters:
        uuid = each.submitted.uuid
        (proc,) = each.plan.procs()
        assert proc.arguments == (uuid,)
        assert proc.stdout.endswith(f"/{uuid}.0")
        assert [Path(str(one.place)).name for one in proc.outputs] == [uuid]
    notes = submit(session, make_spec(*words, "-once", "a")).notes
    assert notes == ("-once a: submitted before, nothing was submitted now",)


def test_a_key_that_was_used_tells_the_same_of_the_jobs(session: Session) -> None:
    """Their logs stand in the bundle: a framework that repeats the command needs no other source."""
    words = ("job.sh", "-n", "2", "-o", "o.%{ClusterId}.%{ProcId}", "-out", "r=r.%{ProcId}")
    spec = make_spec(*words, "-once", "k")
    first, again = (submit(session, spec).value for _ in range(2))
    told, repeated = first.document(), again.document()
    assert (told.new, repeated.new) == (True, False)
    assert len(told.notes) < len(repeated.notes)
    assert told == replace(repeated, new=True, notes=told.notes)
    assert len(told.procs) == 2


def test_results_of_earlier_jobs_are_not_overwritten_where_the_policy_says_so(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """But a key that was used finds its cluster, whose results they are."""
    careful = replace(
        session,
        policy=replace(session.policy, staging=replace(session.policy.staging, overwrite=False)),
    )
    spec = make_spec("job.sh", "-out", "r=r.txt", "-once", "k")
    submit(careful, spec)
    (tmp_path / "r.txt").touch()
    assert submit(careful, spec).notes[-1].startswith("-once k: submitted before")
    other = make_spec("job.sh", "-out", "r=r.txt")
    for refused in (submit, preview):
        with pytest.raises(OutputConflict, match="1 output exists already"):
            refused(careful, other)
    assert len(schedd.clusters) == 1
    assert "will be overwritten" in submit(session, other).notes[0]
    assert submit(careful, replace(other, check_objects=False)).exit_code == 0
