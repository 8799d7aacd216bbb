"""Which of the user's own jobs completions offer, and what they say of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.cli.completion.jobs import own_jobs, own_schedds
from hepsub.ended import EndedJobs
from hepsub.jobid import SubmissionRef
from hepsub.journal import NO_CLUSTER, Entry
from hepsub.session import Session
from tests.fakes.world import make_policy, make_session, make_situation

DAY = 86400.0


@pytest.fixture
def session(tmp_path: Path) -> Session:
    situation = replace(make_situation(cwd=tmp_path), now=time.time())
    policy = make_policy('[pool.far]\nschedds = ["s9"]\n[defaults]\npool = "local"\n')
    return make_session(tmp_path, policy=policy, situation=situation)


def note(
    session: Session,
    cluster: int,
    *,
    days: float = 0,
    number: int = 2,
    pool: str = "local",
    schedd: str = "s1",
    name: str = "job.sh",
    uuid: str = "",
) -> str:
    uuid = uuid or f"{pool}{schedd}{cluster}"
    ref = SubmissionRef(uuid=uuid, pool=pool, schedd=schedd, cluster=cluster, number=number)
    when = session.situation.now - days * DAY - 60
    session.journal.append(Entry(ref=ref, when=when, name=name))
    return uuid


def end(session: Session, uuid: str, number: int, text: str = "") -> Path:
    path = session.ended.directory / f"{uuid}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'{{"proc":{proc},"name":"a \\"proc\\":{text}"}}\n' for proc in range(number)]
    path.write_text("\n" + "\n".join(lines) + '\n{"asked":1,"ended":2}\n')
    return path


def ids(session: Session, word: str = "", *, queued: bool = False) -> list[str]:
    return [each for each, _ in own_jobs(session, word, queued=queued)]


def test_the_latest_come_first_with_their_names(session: Session) -> None:
    note(session, 13, days=1, name="reco.sh")
    note(session, 14, number=1, name="")
    assert list(own_jobs(session, "", queued=True)) == [
        ("14", "1 job, submitted 1 min ago"),
        ("13", "reco.sh, 2 jobs, submitted 1 d 1 min ago"),
    ]


def test_what_never_became_a_cluster_or_is_of_long_ago_is_none(session: Session) -> None:
    note(session, 0, uuid="intended")
    note(session, NO_CLUSTER, uuid="certainly-none")
    note(session, 12, days=15)
    assert ids(session) == []


def test_of_one_number_at_one_schedd_the_later_counts(session: Session) -> None:
    note(session, 13, days=2, uuid="earlier", number=5)
    note(session, 13, uuid="later")
    note(session, 13, pool="far", schedd="s9")
    assert ids(session) == ["s9:13", "13"]
    assert ids(session, "13.") == ["13.0", "13.1"]
    assert ids(session, "s9:13.1") == ["s9:13.1"]
    assert ids(session, "99.") == []


def test_what_has_ended_is_offered_for_some_days_where_it_may_be(session: Session) -> None:
    note(session, 13)
    kept = end(session, note(session, 14), 2)
    end(session, note(session, 15), 1)
    assert ids(session, queued=True) == ["15", "13"]
    assert ids(session) == ["15", "14", "13"]
    assert dict(own_jobs(session, "", queued=False))["14"].endswith(", ended")
    old = session.situation.now - 5 * DAY
    os.utime(kept, (old, old))
    assert ids(session) == ["15", "13"]


def test_a_large_file_of_ended_jobs_is_not_read(session: Session) -> None:
    """Then nobody knows whether all have ended, and the cluster is offered."""
    uuid = note(session, 13)
    path = end(session, uuid, 2)
    ended = EndedJobs(directory=path.parent)
    tally = ended.tally(uuid, path.stat().st_size)
    assert tally is not None
    assert tally.jobs == 2
    assert ended.tally(uuid, path.stat().st_size - 1) is None
    assert ended.tally("../x", 1000) is None


def test_many_jobs_are_bounded(session: Session) -> None:
    note(session, 13, number=100_000)
    assert len(ids(session, "13.")) == 1000
    assert ids(session, "13.9999")[:2] == ["13.9999", "13.99990"]
    for cluster in range(100, 400):
        note(session, cluster)
    assert len(ids(session)) == 200


def test_schedds_are_those_of_the_policy_and_of_the_latest_submissions(session: Session) -> None:
    note(session, 13, schedd="s3")
    note(session, 13, schedd="here@laptop")
    note(session, 13, schedd="s2", days=20)
    assert [name for name, _ in own_schedds(session)] == ["s3", "s9"]
