"""A pool that sees nothing of this host: files after the cluster, nothing left behind by a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.renew import renew
from hepsub.actions.submit.submit import submit
from hepsub.batch import State
from hepsub.errors import JobCountTooLarge, PoolUnreachable, SubmissionRefused
from hepsub.journal import NO_CLUSTER
from hepsub.plan.model import SPOOL
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.batch import FakeSchedd, Fault, as_batch_systems
from tests.fakes.credentials import FakeSource
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

POLICY = """
[limits]
factory_above = 100
[pool.local]
spool = true
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[staging]
bundle_dir = "/proc/self/root{directory}/bundles"
"""
LINE = ("job.sh", "-nocheck", "-cred", "iam", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
AWAY = PoolUnreachable("the schedd does not answer", remedy="try again")


@pytest.fixture
def schedd() -> FakeSchedd:
    """A schedd on a host that this one shares nothing with."""
    return FakeSchedd(host="far.example.org")


@pytest.fixture
def session(tmp_path: Path, schedd: FakeSchedd) -> Session:
    """A session whose policy says that the schedd sees nothing."""
    make_script(tmp_path)
    made = make_session(
        tmp_path,
        as_batch_systems(schedd),
        policy=make_policy(POLICY.format(directory=tmp_path)),
        situation=make_situation(cwd=tmp_path),
        sources={"iam": FakeSource()},
    )
    keys = S3Credentials(access="AKIA", secret="hidden", token="", expires=None)
    return replace(made, keys=lambda _name, _storage: keys)


def test_the_files_follow_when_the_bundle_is_complete(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """No gate: the schedd itself holds the jobs until their files have come."""
    result = submit(session, make_spec(*LINE))
    assert schedd.calls[-2:] == ["submit", "hand_over 13"]
    [manifest] = tmp_path.glob("bundles/*/job/0/hepsub.manifest")
    assert "s3.example.org/out/13/r_0?" in manifest.read_text()
    assert any("nothing can be refreshed" in note for note in result.notes)
    plan = schedd.clusters[0].plan
    assert plan.staging is not None
    assert plan.route.delivery == SPOOL
    assert (plan.staging.shared, plan.staging.chirp) == (False, False)


def test_a_hand_over_that_fails_leaves_nothing(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """Neither a cluster that can never start, nor a bundle, nor a key that is used up."""
    schedd.handover_fault = AWAY
    with pytest.raises(SubmissionRefused, match="cluster 13 was removed again") as caught:
        submit(session, make_spec(*LINE, "-once", "k"))
    assert caught.value.remedy == "try again"
    assert list(tmp_path.glob("bundles/[!.]*")) == []
    assert [entry.ref.cluster for entry in session.journal.entries()] == [NO_CLUSTER]
    assert session.journal.once("k") is None


def test_a_connection_lost_after_the_commit_leaves_nothing(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """The cluster is there, but its files cannot be sent any more: it is removed."""
    schedd.fault = Fault.LOST_AFTER
    with pytest.raises(PoolUnreachable):
        submit(session, make_spec(*LINE))
    assert any(call.startswith("act") for call in schedd.calls), schedd.calls
    assert list(tmp_path.glob("bundles/[!.]*")) == []
    assert [entry.ref.cluster for entry in session.journal.entries()] == [NO_CLUSTER]


def test_too_many_to_hand_over_are_refused(session: Session, schedd: FakeSchedd) -> None:
    """HTCondor's factories hand over nothing, and say nothing."""
    with pytest.raises(JobCountTooLarge, match="handed over"):
        submit(session, make_spec("job.sh", "-n", "101"))
    assert schedd.clusters == []


def test_renew_fetches_the_ended_and_refreshes_nothing(
    session: Session, schedd: FakeSchedd
) -> None:
    """One that still runs stays as it is; what it has cannot be reached."""
    submit(session, make_spec(*LINE, "-n", "2"))
    schedd.jobs = [
        replace(job, state=State.COMPLETED if job.proc == 0 else State.RUNNING)
        for job in schedd.jobs
    ]
    result = renew(session)
    assert "fetch" in schedd.calls
    assert [job.proc for job in schedd.jobs] == [1]
    assert any("fetched what 1 job(s) left" in note for note in result.notes)
    assert result.problems == ()


def complete(schedd: FakeSchedd) -> None:
    """Let the jobs of the schedd have ended."""
    schedd.jobs = [replace(job, state=State.COMPLETED) for job in schedd.jobs]


def test_what_is_fetched_has_its_places(
    session: Session, schedd: FakeSchedd, tmp_path: Path
) -> None:
    """The corners and logs of the jobs that ended; what the schedd says of other clusters gives it none."""
    submit(session, make_spec(*LINE, "-n", "2"))
    complete(schedd)
    stranger = replace(schedd.jobs[0], cluster=14)
    schedd.jobs = [*schedd.jobs[:1], stranger, replace(stranger, cluster=13, proc=7)]
    renew(session)
    [places] = schedd.places
    [bundle] = session.bundles.glob("[!.]*")
    assert places.directories == (bundle / "job/0",)
    assert [each.name for each in places.files] == ["job.sh.err.13.0", "job.sh.out.13.0"]
    assert (tmp_path / "job.sh.out.13.0").exists()


def test_without_its_bundle_nothing_is_fetched(session: Session, schedd: FakeSchedd) -> None:
    """Nobody knows any more where it belongs but the schedd, which is not believed; it is said."""
    submit(session, make_spec(*LINE))
    complete(schedd)
    [bundle] = session.bundles.glob("[!.]*")
    bundle.rename(bundle.with_name(".away"))
    result = renew(session)
    assert schedd.places == []
    assert any("the bundle of cluster 13 is gone" in note for note in result.notes)
