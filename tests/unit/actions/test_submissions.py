"""What job ids mean: the same for the queue's commands and for hep_fetch."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions import submissions
from hepsub.actions.elsewhere import recent_refs
from hepsub.actions.queue.counted import keeps_ended
from hepsub.actions.queue.ends import schedd_of
from hepsub.actions.reach import Reach, Target
from hepsub.actions.submissions import find_submissions, is_spooled, submitted_to
from hepsub.bundle.root import kept_bundles
from hepsub.errors import AmbiguousJob, UnknownJob, UnknownPool
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import NOON, make_policy, make_session
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]

FIRST, SECOND = "schedd01.example.org", "schedd02.example.org"
POLICY = "[defaults]\npool = 'local'\n[pool.local]\naliases = ['near']\n[pool.east]\n"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Give a session with two schedds that have nothing."""
    schedds = as_batch_systems(FakeSchedd(), FakeSchedd(name=SECOND))
    return make_session(tmp_path, schedds, policy=make_policy(POLICY))


def submitted(
    session: Session, uuid: str, cluster: int, schedd: str = FIRST, pool: str = "local"
) -> SubmissionRef:
    """Note that two jobs were submitted, each submission later than the one before."""
    ref = SubmissionRef(uuid=uuid, pool=pool, schedd=schedd, cluster=cluster, number=2)
    session.journal.append(Entry(ref=ref, when=NOON + len(session.journal.entries())))
    return ref


def find(session: Session, text: str) -> Target:
    """What an id means for the queue's commands."""
    target = Reach(session=session, asked=None).find(parse_job_id(text))
    assert target is not None
    return target


def test_the_schedds_of_a_cluster(session: Session) -> None:
    """An id that was submitted on two schedds is known on both."""
    submitted(session, "u1", 13)
    submitted(session, "u2", 13, SECOND)
    submitted(session, "u3", 14, "schedd03.example.org")
    assert list(submitted_to(session, parse_job_id("13.4"))) == [FIRST, SECOND]
    assert list(submitted_to(session, parse_job_id("schedd02:13"))) == [SECOND]
    assert submitted_to(session, parse_job_id("15")) == {}


def test_of_two_clusters_of_one_number_the_later_one_is_meant(session: Session) -> None:
    """Cluster ids begin anew when a spool is lost: the same id twice is still one schedd."""
    submitted(session, "u1", 13)
    later = submitted(session, "u2", 13)
    assert submitted_to(session, parse_job_id("13")) == {FIRST: later}


def test_both_ways_refuse_what_two_schedds_may_mean(session: Session) -> None:
    """In the same words."""
    submitted(session, "u1", 13)
    submitted(session, "u2", 13, SECOND)
    said = []
    for act in (
        lambda: find(session, "13.1"),
        lambda: find_submissions(session, [parse_job_id("13.1")], None),
    ):
        with pytest.raises(AmbiguousJob) as caught:
            act()
        said.append((caught.value.message, caught.value.remedy))
    assert said == 2 * [
        ("13.1 is a job on 2 schedds", "say which one: schedd01:13.1 or schedd02:13.1")
    ]


def test_schedds_of_two_pools_that_have_one_short_name_are_told_apart(session: Session) -> None:
    submitted(session, "u1", 13, "schedd01@ap.example.org")
    submitted(session, "u2", 13, "schedd01@ap.example.net", "far")
    with pytest.raises(AmbiguousJob) as caught:
        find_submissions(session, [parse_job_id("13")], None)
    assert caught.value.remedy == (
        "say which one: schedd01@ap.example.org:13 or schedd01@ap.example.net:13"
    )


def test_a_submission_is_found_in_any_pool_unless_one_is_named(session: Session) -> None:
    """The names of the policy and their aliases."""
    ref = submitted(session, "u1", 13)
    other = submitted(session, "u2", 14, pool="east")
    for pool, text, wanted in (
        (None, "13", ref),
        (None, "14", other),
        ("near", "13", ref),
        ("east", "14", other),
    ):
        [found] = find_submissions(session, [parse_job_id(text)], pool)
        assert found.ref == wanted
        assert found.procs == (0, 1)
    with pytest.raises(UnknownJob):
        find_submissions(session, [parse_job_id("14")], "near")


def test_a_pool_may_have_another_name_by_now(tmp_path: Path) -> None:
    """Submissions keep the name of their time; the policy knows it as an alias."""
    policy = make_policy("[pool.new]\naliases = ['old']\nspool = true\n")
    session = make_session(tmp_path, as_batch_systems(FakeSchedd()), policy=policy)
    ref = submitted(session, "u1", 13, pool="old")
    assert is_spooled(session, "old")
    assert keeps_ended(session, "old")
    assert schedd_of(session, ref).name == FIRST
    assert not is_spooled(session, "gone")
    with pytest.raises(UnknownPool):
        schedd_of(session, replace(ref, pool="gone"))


def test_jobs_of_one_submission_are_one(session: Session) -> None:
    """However often it is named."""
    submitted(session, "u1", 13)
    [found] = find_submissions(session, [parse_job_id("13.1"), parse_job_id("13.0")], None)
    assert found.procs == (0, 1)
    with pytest.raises(UnknownJob, match=r"the last one is 13\.1"):
        find_submissions(session, [parse_job_id("13.2")], None)


def test_a_bundle_that_goes_while_bundles_are_looked_through_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hep_auth renew drops those of jobs that were fetched, at any moment."""
    world.submit("-cred", "iam")
    session = world.session()
    [kept] = kept_bundles(session.bundles)
    gone = replace(kept, directory=session.bundles / "gone")
    monkeypatch.setattr(submissions, "kept_bundles", lambda _: (gone, kept))
    for each in session.journal.directory.glob("*.jsonl"):
        each.unlink()
    assert submitted_to(session, parse_job_id("13")) == {kept.ref.schedd: kept.ref}


def test_without_a_journal_the_bundles_know(world: World) -> None:
    """Another user's cluster of this number is not asked for, and not hit."""
    world.submit("-cred", "iam")
    for each in world.session().journal.directory.glob("*.jsonl"):
        each.unlink()
    theirs = FakeSchedd(name=SECOND, jobs=[make_job("13.0", owner="bob", schedd=SECOND)])
    session = make_session(
        world.directory,
        as_batch_systems(world.schedd, theirs),
        policy=world.session().policy,
    )
    world.schedd.jobs.clear()
    assert find(session, "13").schedd is world.schedd
    [placed] = kept_bundles(session.bundles)
    ready = placed.directory / "private/ready"
    ready.write_text(ready.read_text().replace('"local"', '"physical"'))
    assert [each.pool for each in submitted_to(session, parse_job_id("13")).values()] == ["local"]
    assert [each.pool for each in recent_refs(session, frozenset({"local"}))] == ["local"]
