"""Jobs at sites that are another pool's schedd: looked at by the commands that look at those at home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.control import control
from hepsub.actions.queue.edit import edit
from hepsub.actions.queue.history import Past, history
from hepsub.actions.queue.query import Filter, Listing, query
from hepsub.actions.queue.status import status
from hepsub.actions.queue.why import why
from hepsub.actions.reach import Reach
from hepsub.actions.submissions import find_submissions
from hepsub.actions.submit.once import find_earlier
from hepsub.batch import Act, State
from hepsub.batch_edit import Edit
from hepsub.batch_system import BatchSystem
from hepsub.errors import AmbiguousJob, PoolUnreachable, UnknownSchedd
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.plan.model import SPOOL
from hepsub.result import AnyResult, Result
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, make_job, make_unmade
from tests.fakes.world import (
    NOON,
    RUNNABLE,
    as_json,
    make_policy,
    make_script,
    make_session,
    make_spec,
    make_world,
    plan_for,
)

HOME, FAR = "schedd01@ap.test.hep", "schedd01@ap.qingdao.hep"
DAY = 86400
POLICY = """
[defaults]
pool = "local"
[pool.local]
[pool.qingdao]
collector = "ap.qingdao.hep"
spool = true
[site.qd]
kind = "schedd"
pool = "qingdao"
"""


@dataclass
class Pools:
    """Two pools, and which of them were asked."""

    home: FakeSchedd
    far: FakeSchedd
    away: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def connect(self, pool: str, _: object) -> tuple[BatchSystem, ...]:
        """The one schedd of a pool."""
        self.asked.append(pool)
        if pool in self.away:
            raise PoolUnreachable(f"the collector of {pool} does not answer", remedy="wait")
        schedd = self.far if pool == "qingdao" else self.home
        schedd.pool = pool
        return (schedd,)


@pytest.fixture
def pools() -> Pools:
    """Give home with cluster 1, which ran there, and the site with 2, under another name, among others' jobs."""
    return Pools(
        home=FakeSchedd(name=HOME, jobs=[make_job("1.0", schedd=HOME)]),
        far=FakeSchedd(
            name=FAR,
            jobs=[
                make_job("1.0", schedd=FAR, owner="qdbob"),
                make_job("2.0", schedd=FAR, owner="qdalice"),
                make_job("2.1", State.COMPLETED, schedd=FAR, owner="qdalice"),
                make_job("3.0", schedd=FAR, owner="alice"),
            ],
            past=[make_job("2.2", State.COMPLETED, schedd=FAR, owner="qdalice", ended=NOON)],
        ),
    )


@pytest.fixture
def session(tmp_path: Path, pools: Pools) -> Session:
    """Give a session of a user who has sent cluster 2 to the site."""
    policy = make_policy(f'{POLICY}[staging]\nbundle_dir = "{tmp_path}/bundles"\n')
    made = make_session(tmp_path, pools.connect, policy=policy)
    note(made, "u2", 2)
    return made


def note(
    session: Session, uuid: str, cluster: int, pool: str = "qingdao", when: float = NOON
) -> None:
    """Note a submission."""
    schedd = FAR if pool == "qingdao" else HOME
    ref = SubmissionRef(uuid=uuid, pool=pool, schedd=schedd, cluster=cluster, number=3)
    session.journal.append(Entry(ref=ref, when=when))


def shown(result: Result[Listing | Past]) -> list[str]:
    """The ids of a listing."""
    return [job.id for job in result.value.jobs]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), ["1.0", f"{FAR}:2.0", f"{FAR}:2.1"]),
        (Filter(owner="alice"), ["1.0", f"{FAR}:2.0", f"{FAR}:2.1"]),
        (Filter(owner="bob"), []),
        (Filter(states=(State.COMPLETED,)), [f"{FAR}:2.1"]),
        (Filter(pool="local"), ["1.0"]),
        (Filter(pool="qingdao"), ["1.0", "2.0", "2.1", "3.0"]),
        (Filter(pool="qingdao", owner="alice"), ["2.0", "2.1", "3.0"]),
        (Filter(pool="qingdao", owner="alice", ids=(parse_job_id("2.0"),)), ["2.0"]),
        (Filter(ids=(parse_job_id("2"),)), [f"{FAR}:2.0", f"{FAR}:2.1"]),
        (Filter(ids=(parse_job_id("2.0"),), owner="alice"), [f"{FAR}:2.0"]),
        (Filter(ids=(parse_job_id("2.0"),), owner="bob"), []),
        (Filter(ids=(parse_job_id(f"{FAR}:2.1"), parse_job_id("1"))), [f"{FAR}:2.1", "1.0"]),
    ],
)
def test_the_queue_of_both_pools(session: Session, wanted: Filter, ids: list[str]) -> None:
    """At a site the user's own jobs alone, after those at home, whatever the user is called there."""
    result = query(session, wanted)
    assert (shown(result), result.exit_code) == (ids, 0)


def test_a_program_sees_which_pool_a_job_is_in(session: Session, pools: Pools) -> None:
    """And can give its id back as it is."""
    pools.far.unmade = [make_unmade(2, schedd=FAR)]
    document = as_json(query(session, Filter()).value)
    found = [(each["id"], each["pool"], each["schedd"]) for each in document["jobs"]]
    assert found[:2] == [("1.0", "local", HOME), (f"{FAR}:2.0", "qingdao", FAR)]
    assert [each["pool"] for each in document["unmade"]] == ["qingdao"]
    assert as_json(query(session, Filter(pool="qingdao")).value)["jobs"][0]["pool"] == "qingdao"


def forgotten(session: Session) -> None:
    """The journal of a user who has sent nothing lately."""
    for each in session.journal.directory.iterdir():
        each.unlink()
    note(session, "u1", 1, pool="local")
    note(session, "u0", 2, when=NOON - 15 * DAY)


def test_a_pool_where_nothing_of_the_users_lives_is_not_asked(
    session: Session, pools: Pools
) -> None:
    """It may be dead: that is nobody's affair who has no job there."""
    forgotten(session)
    pools.away = {"qingdao"}
    acts: tuple[Callable[[], AnyResult], ...] = (
        lambda: query(session, Filter()),
        lambda: why(session, Filter(ids=(parse_job_id("2"),))),
        lambda: status(session, None),
        lambda: control(session, Act.HOLD, (), None),
        lambda: edit(session, (), Edit(memory_mb=3000), None),
        lambda: history(session, (), "alice", 10, None),
    )
    for act in acts:
        assert act().exit_code == 0
    assert set(pools.asked) == {"local"}


def make_bundle(session: Session, uuid: str) -> Path:
    """The part of a bundle that decides."""
    for directory in (session.bundles, session.bundles / uuid, session.bundles / uuid / "private"):
        directory.mkdir(mode=0o700, exist_ok=True)
    return session.bundles / uuid / "private"


def test_what_has_ended_by_its_bundle_is_asked_for_its_history_alone(
    session: Session, pools: Pools
) -> None:
    (make_bundle(session, "u2") / "finished").touch()
    assert shown(query(session, Filter())) == ["1.0"]
    assert pools.asked == ["local"]
    assert shown(history(session, (), "alice", 10, None)) == [f"{FAR}:2.2"]
    assert pools.asked == ["local", "local", "qingdao"]


def test_a_bundle_tells_of_jobs_that_wait_for_weeks_or_are_in_no_journal(session: Session) -> None:
    forgotten(session)
    make_bundle(session, "u0")
    ready = f'{{"pool": "qingdao", "schedd": "{FAR}", "cluster": 3}}'
    (make_bundle(session, "u9") / "ready").write_text(ready)
    assert shown(query(session, Filter())) == ["1.0", f"{FAR}:2.0", f"{FAR}:2.1", f"{FAR}:3.0"]


@pytest.mark.parametrize("pool", [None, "qingdao"])
@pytest.mark.parametrize("act", list(Act))
def test_what_is_done_to_all_is_done_at_the_site_too(
    session: Session, pools: Pools, act: Act, pool: str | None
) -> None:
    """To the user's own; what has ended there is left, with what it has to bring home: -p does not throw it away."""
    if act is Act.RELEASE:
        control(session, Act.HOLD, (), None)
        pools.far.jobs[2] = make_job("2.1", State.COMPLETED, schedd=FAR, owner="qdalice")
    pools.far.jobs[3] = make_job("3.0", schedd=FAR, owner="bob")
    result = control(session, act, (), pool)
    home = [(HOME, 1)] if pool is None else []
    assert [(each.meant, each.number) for each in result.value.outcomes] == [*home, (FAR, 1)]
    states = {job.job: job.state for job in pools.far.jobs}
    assert (states["1.0"], states["3.0"]) == (State.IDLE, State.IDLE)
    assert states["2.1"] is State.COMPLETED


def test_the_memory_of_all_is_changed_at_the_site_too(session: Session, pools: Pools) -> None:
    result = edit(session, (), Edit(memory_mb=3000), None)
    assert [each.meant for each in result.value.changes] == ["1", f"{FAR}:2"]
    assert {job.job: job.requested_mb for job in pools.far.jobs}["3.0"] == 2000


def test_jobs_at_a_site_that_is_away_are_not_said_to_be_over(
    session: Session, pools: Pools
) -> None:
    """One of three is known to have ended; the others may run."""
    session.ended.keep("u2", [make_job("2.2", State.COMPLETED, ended=NOON, exit_code=0)])
    pools.away.add("qingdao")
    assert [each.cluster for each in status(session, None).value.clusters] == [1]


def test_the_status_tells_the_whole_name_of_a_sites_schedd(session: Session) -> None:
    value = status(session, None).value
    assert [(each.pool, each.schedd, each.cluster) for each in value.clusters] == [
        ("local", HOME, 1),
        ("qingdao", FAR, 2),
    ]


@pytest.mark.parametrize("text", ["1", "1.0", "schedd01:1"])
def test_a_number_that_home_has_too_is_refused(session: Session, pools: Pools, text: str) -> None:
    """Both have the same short name, so the whole names are spelled out, and each of them is understood."""
    note(session, "u3", 1)
    number = text.rpartition(":")[2]
    acts: tuple[Callable[[], AnyResult], ...] = (
        lambda: control(session, Act.REMOVE, (parse_job_id(text),), None),
        lambda: query(session, Filter(ids=(parse_job_id(text),))),
    )
    for act in acts:
        with pytest.raises(AmbiguousJob) as caught:
            act()
        assert caught.value.remedy == f"say which one: {HOME}:{number} or {FAR}:{number}"
    pools.asked.clear()
    for schedd, jobs in ((FAR, pools.far.jobs), (HOME, pools.home.jobs)):
        control(session, Act.REMOVE, (parse_job_id(f"{schedd}:{number}"),), None)
        assert jobs[0].state is State.REMOVED


def test_hep_fetch_refuses_it_in_the_same_words(session: Session) -> None:
    """Of all submissions, long after they left the queues."""
    note(session, "u1", 2, pool="local")
    with pytest.raises(AmbiguousJob, match=r"2\.1 is a job on 2 schedds") as caught:
        find_submissions(session, [parse_job_id("2.1")], None)
    assert caught.value.remedy == f"say which one: {FAR}:2.1 or {HOME}:2.1"
    [found] = find_submissions(session, [parse_job_id(f"{FAR}:2.1")], None)
    assert (found.ref.uuid, found.meant) == ("u2", f"{FAR}:2")


def test_a_whole_name_needs_no_other_pool(session: Session, pools: Pools) -> None:
    """Home is dead, the job is not there."""
    pools.away = {"local"}
    result = control(session, Act.HOLD, (parse_job_id(f"{FAR}:2.0"),), None)
    assert (result.exit_code, pools.asked) == (0, ["qingdao"])
    target = Reach(session=session, asked=None).find(parse_job_id(f"{FAR}:2"))
    assert target is not None
    assert target.schedd is pools.far


def test_who_spells_a_schedd_may_mean_what_ended_long_ago(session: Session, pools: Pools) -> None:
    forgotten(session)
    assert shown(query(session, Filter(ids=(parse_job_id(f"{FAR}:2.0"),)))) == [f"{FAR}:2.0"]
    assert shown(history(session, (parse_job_id("2.2"),), "alice", 10, None)) == [f"{FAR}:2.2"]
    with pytest.raises(UnknownSchedd):
        query(session, Filter(ids=(parse_job_id(f"{FAR}:9"),)))


SAID = "the collector of qingdao does not answer; cluster 2 of yours is there"


@pytest.mark.parametrize(
    "act",
    [
        lambda session: query(session, Filter()),
        lambda session: query(session, Filter(ids=(parse_job_id("2"), parse_job_id("1")))),
        lambda session: why(session, Filter()),
        lambda session: status(session, None),
        lambda session: control(session, Act.HOLD, (), None),
        lambda session: control(
            session, Act.HOLD, tuple(map(parse_job_id, ("2.0", "2.1", "1"))), None
        ),
        lambda session: edit(session, (), Edit(memory_mb=3000), None),
        lambda session: history(session, (), "alice", 10, None),
    ],
)
def test_a_site_that_does_not_answer_hides_nothing_else(
    session: Session, pools: Pools, act: Callable[[Session], AnyResult]
) -> None:
    """It is asked once, said, and what is at home is shown, or done."""
    pools.away = {"qingdao"}
    result: Any = act(session)
    assert [each.message for each in result.problems] == [SAID]
    assert result.exit_code == 40
    assert pools.asked.count("qingdao") == 1
    if not isinstance(result.value, Past):
        assert "1" in str(as_json(result.value))


def test_home_that_does_not_answer_hides_no_site(session: Session, pools: Pools) -> None:
    """The default pool is the one that is away this time."""
    pools.away = {"local"}
    result = query(session, Filter(owner="alice"))
    assert shown(result) == [f"{FAR}:2.0", f"{FAR}:2.1"]
    assert [each.message for each in result.problems] == ["the collector of local does not answer"]
    assert result.exit_code == 40
    with pytest.raises(PoolUnreachable):
        query(session, Filter(owner="bob"))


def test_a_schedd_that_its_collector_does_not_know_is_away(session: Session, pools: Pools) -> None:
    pools.far.name = "schedd02@ap.qingdao.hep"
    result = query(session, Filter())
    assert shown(result) == ["1.0"]
    [problem] = result.problems
    assert problem.message.startswith(f"the schedd {FAR} does not answer")
    assert problem.message.endswith("cluster 2 of yours is there")


def test_why_names_what_can_be_typed(session: Session) -> None:
    """Jobs and next commands."""
    value = why(session, Filter(states=(State.IDLE,))).value
    assert [(each.jobs, each.next_command) for each in value.explanations] == [
        (("1.0",), "hep_rm 1.0"),
        ((f"{FAR}:2.0",), f"hep_rm {FAR}:2.0"),
    ]


def test_why_tells_that_what_an_ended_job_left_waits_there(session: Session) -> None:
    value = why(session, Filter(states=(State.COMPLETED,))).value
    assert [each.next_command for each in value.explanations] == [f"hep_fetch {FAR}:2.1"]


def test_many_clusters_are_named_in_few_words(session: Session, pools: Pools) -> None:
    for cluster in range(4, 9):
        note(session, f"u{cluster}", cluster)
    pools.away = {"qingdao"}
    [problem] = query(session, Filter()).problems
    assert "; clusters 2, 4, 5 and 3 more of yours are there" in problem.message


def test_what_means_a_submission(session: Session) -> None:
    """In remedies: as hep_q would show it."""
    note(session, "u1", 1, pool="local")
    meant = [session.meant(entry.ref) for entry in session.journal.entries()]
    assert meant == [f"{FAR}:2", "1"]


def test_a_key_is_looked_for_under_the_account_at_the_site(
    tmp_path: Path, session: Session, pools: Pools
) -> None:
    """Another user there may have used the same key."""
    make_script(tmp_path)
    spec = make_spec(str(tmp_path / "job.sh"), "-once", "key")
    plan = plan_for(spec, make_policy(), make_world(programs={str(tmp_path / "job.sh"): RUNNABLE}))
    far = replace(plan, route=replace(plan.route, pool="qingdao", delivery=SPOOL))
    pools.far.owner = "qdalice"
    for user in ("qdbob", "qdalice"):
        pools.far.submit(replace(far, user=user), f"of {user}")
    found = find_earlier(session, far)
    assert found is not None
    assert found.submitted.uuid == "of qdalice"
