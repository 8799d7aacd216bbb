"""Jobs that the schedd of another pool keeps go elsewhere once they are gone there, each once, whatever happens."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import re
import signal
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.leave import leave_out
from hepsub.actions.renew.live import find_live
from hepsub.actions.renew.renew import renew
from hepsub.actions.submit.resubmit import key_of
from hepsub.actions.submit.submit import submit
from hepsub.batch import State
from hepsub.batch_sites import HeldThere, Removed
from hepsub.batch_system import BatchSystem
from hepsub.bundle.directory import locked
from hepsub.bundle.leaving import left_out_now, read_sites
from hepsub.errors import PoolUnreachable
from hepsub.jobid import SubmissionRef
from hepsub.journal import Journal
from hepsub.plan.model import LEFT_SITES, Plan
from hepsub.session import Session
from tests.fakes.batch import FakeLeaving, FakeSchedd, Fault, Killed, as_batch_systems, make_job
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

NOW = 1_900_000_000.0
POLICY = """
[pool.local]
[pool.far]
collector = "far.org"
spool = true
[staging]
bundle_dir = "/proc/self/root{}/bundles"
[site.a]
kind = "schedd"
pool = "far"
isolation = "user"
[site.b]
requirements = 'G == "b"'
isolation = "user"
[rule.any]
kinds = ["schedd", "glidein"]
because = "the test"
"""
WORDS = ("job.sh", "-rmt", "-n", "5", "-argu", "%{ProcId}")
HOUR = 3600.0


class World:
    """A schedd at home, one far away that is a site's, and cluster 13 of five jobs there."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.directory = directory
        self.now = NOW
        self.policy = POLICY.format(directory)
        make_script(directory)
        self.home = FakeSchedd(name="schedd01.home", host="login01.example.org")
        self.far = FakeSchedd(name="schedd01.far", host="far.org")
        self.leaving.removing = self.remove
        self.told: Callable[[Removed], Removed] = lambda told: told
        value = submit(self.session(), make_spec(*(words or WORDS))).value
        self.sent = value.submitted
        assert self.sent.schedd == self.far.name

    @property
    def leaving(self) -> FakeLeaving:
        """The far schedd's jobs at its site."""
        assert self.far.leaving is not None
        return self.far.leaving

    def session(self) -> Session:
        """A session at this moment."""

        def connect(pool: str, rules: object) -> tuple[BatchSystem, ...]:
            return as_batch_systems(self.far if pool == "far" else self.home)(pool, rules)

        situation = make_situation(cwd=self.directory, environment={"FLAVOUR": "x"})
        return make_session(
            self.directory,
            connect,
            policy=make_policy(self.policy),
            situation=replace(situation, now=self.now),
        )

    def hold(self, *procs: int, code: int = 19) -> None:
        """Let the far schedd hold jobs."""
        self.far.jobs = [
            replace(job, state=State.HELD, hold_code=code, hold_reason="hook", submitted=self.now)
            if job.proc in procs
            else job
            for job in self.far.jobs
        ]
        self.look(code)

    def look(self, code: int = 19) -> None:
        """What the far schedd tells of its jobs at the site."""
        one = HeldThere(cluster=13, proc=0, site="a", since=self.now, code=code, reason="hook")

        def those(state: State) -> list[HeldThere]:
            jobs = [job for job in self.far.jobs if job.state is state]
            return [replace(one, proc=job.proc) for job in jobs]

        self.leaving.on_hold = those(State.HELD)
        self.leaving.idle = [replace(each, code=0, reason="") for each in those(State.IDLE)]

    def remove(self, ref: SubmissionRef, procs: Collection[int]) -> Removed:
        """Let jobs on hold, and those that wait, leave the queue."""
        assert (ref.cluster, ref.uuid) == (13, self.sent.uuid)
        going = [
            job
            for job in self.far.jobs
            if job.proc in procs and job.state in (State.HELD, State.IDLE)
        ]
        self.far.jobs = [job for job in self.far.jobs if job not in going]
        self.far.past = [
            *(replace(job, state=State.REMOVED, ended=self.now) for job in going),
            *self.far.past,
        ]
        self.look()
        past = [job for job in self.far.past if job.proc in procs]
        return self.told(
            Removed(
                gone=frozenset(job.job for job in past if job.state is State.REMOVED),
                ended=frozenset(job.job for job in past if job.state is State.COMPLETED),
                there=frozenset(job.job for job in self.far.jobs if job.proc in procs),
            )
        )

    def round(self, clock: Callable[[], float] = lambda: 0.0) -> list[str]:
        """What a look at the sites says, without which are left out."""
        now = self.session()
        with locked(now.bundles / ".renew"):
            said = leave_out(now, find_live(now).bundles, clock)
        return [each for each in said if "of your jobs were held" not in each]

    def moves(self) -> dict[str, list[int]]:
        """What is noted."""
        file = self.session().bundles / ".renew/moves.json"
        moves = json.loads(file.read_text())["moves"] if file.exists() else {}
        return {uuid: each["procs"] for uuid, each in moves.items()}

    def again(self) -> list[Plan]:
        """What was submitted at home."""
        return [each.plan for each in self.home.clusters]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The world: of cluster 13, jobs 0 to 2 are on hold by their site's fault, 3 runs, 4 waits."""
    world = World(tmp_path)
    world.far.jobs[3] = replace(world.far.jobs[3], state=State.RUNNING)
    world.hold(0, 1, 2)
    return world


WENT = "4 job(s) of schedd01.far:13 were removed at a, and go to b as cluster 13"


def procs_of(plans: list[Plan]) -> list[tuple[int, ...]]:
    """Which jobs of the far cluster were submitted anew, submission by submission."""
    assert all(plan.again is not None and plan.again.cluster == 13 for plan in plans)
    return [plan.again.procs for plan in plans if plan.again is not None]


def test_what_is_held_or_waits_goes_elsewhere_under_its_own_name(world: World) -> None:
    """Once; what runs there goes on. The new jobs know what they left."""
    assert world.round() == [WENT]
    [plan] = world.again()
    assert procs_of([plan]) == [(0, 1, 2, 4)]
    assert [proc.arguments for proc in plan.procs()] == [("0",), ("1",), ("2",), ("4",)]
    assert (plan.route.sites, plan.route.attributes[LEFT_SITES]) == (("b",), '"a"')
    assert [job.job for job in world.far.jobs] == ["13.3"]
    assert world.moves() == {}
    assert world.round() == []
    assert len(world.again()) == 1


def test_a_site_that_is_not_left_out_keeps_its_jobs(tmp_path: Path) -> None:
    """Two jobs on hold are not enough, and what the user's own job brought about never is."""
    world = World(tmp_path)
    world.hold(0, 1)
    assert world.round() == []
    world.hold(0, 1, 2, 3, 4, code=34)
    assert world.round() == []
    assert (world.again(), len(world.far.jobs), world.moves()) == ([], 5, {})


@pytest.mark.parametrize(
    "lie", [{"site": "b"}, {"site": "nowhere"}, {"cluster": 14}, {"proc": 5}, {"proc": 2**31}]
)
def test_another_pool_is_not_believed_about_others(tmp_path: Path, lie: dict[str, Any]) -> None:
    """It tells of the user's jobs there, and of its own site: no other one is left out for what it says."""
    world = World(tmp_path)
    world.hold(0, 1)
    lies = [replace(each, **lie) for each in world.leaving.on_hold]
    world.leaving.on_hold += [*lies, *(replace(each, since=each.since - 1) for each in lies)]
    world.leaving.idle = []
    now = world.session()
    assert world.round() == []
    assert {each.site for each in read_sites(now.bundles).troubles} <= {"a"}
    assert (left_out_now(now.bundles, now.policy, world.now), world.again()) == ({}, [])


def test_a_job_that_the_user_wants_there_stays(tmp_path: Path) -> None:
    """-site names it."""
    world = World(tmp_path, *WORDS, "-site", "a")
    world.hold(0, 1, 2)
    assert world.round() == []
    assert (world.again(), len(world.far.jobs)) == ([], 5)


def gone_script(world: World) -> None:
    """The script was deleted."""
    (world.directory / "job.sh").unlink()


def no_order(world: World) -> None:
    """What they were made from was not kept."""
    for file in (world.directory / "orders").rglob("*.z"):
        file.unlink()


def no_other(world: World) -> None:
    """There is no other site any more."""
    world.policy = world.policy.partition("[site.b]")[0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (gone_script, "4 job.s. of schedd01.far:13 at a stay there: no such script: .*job.sh"),
        (no_order, "stay there: nothing was submitted: what cluster 13 was made from is not known"),
        (no_other, "stay there: no remote site takes this job: a: jobs like these were on hold there"),
    ],
)  # fmt: skip
def test_where_it_cannot_be_submitted_nothing_is_removed(
    world: World, spoil: Callable[[World], None], said: str
) -> None:
    """And it is said why."""
    spoil(world)
    [told] = world.round()
    assert re.search(said, told), told
    assert (world.again(), len(world.far.jobs), world.moves()) == ([], 5, {})


def test_a_script_that_was_changed_since_is_another_job(tmp_path: Path) -> None:
    """They stay as they were sent."""
    world = World(tmp_path)  # whose noon is long after today
    world.hold(0, 1, 2)
    late = NOW - 2e8
    world.now = late
    entries = tmp_path / "journal"
    for file in entries.glob("*.jsonl"):
        file.write_text(file.read_text().replace(f'"when":{NOW}', '"when":1000.0'))
    orders = next((tmp_path / "orders").iterdir())
    orders.rename(orders.with_name("1970-01"))
    world.now = NOW
    [told] = world.round()
    assert "job.sh changed since their submission, and they would be other jobs" in told
    assert (world.again(), len(world.far.jobs)) == ([], 5)


@pytest.mark.parametrize(
    ("change", "procs", "said"),
    [
        (
            {"there": {"13.0"}}, [(1, 2, 4)],
            "were removed there, or may have been, and are not submitted anew yet: it has not let go of them yet (1)",
        ),
        ({"ended": {"13.0"}}, [(1, 2, 4)], "they have ended there, or somebody else has removed them (1)"),
        ({"unknown": {"13.0"}}, [(1, 2, 4)], "it knows nothing of them, so nobody can tell that they do not run (1)"),
    ],
)  # fmt: skip
def test_only_what_is_gone_there_goes_elsewhere(
    world: World, change: dict[str, set[str]], procs: list[tuple[int, ...]], said: str
) -> None:
    """All of a submission or none in one round; the others go in the next."""

    def told(truth: Removed) -> Removed:
        moved = frozenset[str]().union(*change.values())
        return Removed(
            gone=truth.gone - moved,
            ended=truth.ended | frozenset(change.get("ended", ())),
            there=truth.there | frozenset(change.get("there", ())),
        )

    world.told = told
    [sentence] = world.round()
    assert said in sentence
    assert world.again() == []
    if "ended" in change:
        assert world.moves() == {world.sent.uuid: [1, 2, 4]}
    else:
        assert world.moves() == {world.sent.uuid: [0, 1, 2, 4]}
        world.told = lambda truth: truth
        procs = [(0, 1, 2, 4)]
    world.round()
    assert procs_of(world.again()) == procs
    assert world.moves() == {}


def test_a_schedd_that_does_not_answer_keeps_its_jobs(world: World) -> None:
    """Also one that goes away in the middle: what may be removed is found out later."""

    def lost(ref: SubmissionRef, procs: Collection[int]) -> Removed:
        world.remove(ref, procs)
        raise PoolUnreachable("the schedd schedd01.far does not answer", remedy="")

    world.leaving.removing = lost
    [said] = world.round()
    assert "may have been, and are not submitted anew yet: the schedd schedd01.far does not" in said
    world.far.reachable = False
    said = " ".join(world.round())
    assert "and are not submitted anew yet: the schedd schedd01.far does not answer" in said
    assert world.again() == []
    world.far.reachable, world.leaving.removing = True, world.remove
    assert world.round() == [WENT]
    assert world.round() == []


@contextlib.contextmanager
def dying(world: World, when: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a process die at a step."""

    def die(*_: object) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        if when == "before the removal":
            world.leaving.removing = die
        elif when == "after it":
            world.leaving.removing = lambda ref, procs: (world.remove(ref, procs), die())[1]
        elif when == "before the submission":
            patch.setattr(FakeSchedd, "submit", die)
        elif when == "after it was submitted":
            world.home.fault = Fault.KILLED_AFTER
        elif when == "before it was noted":
            patch.setattr("hepsub.actions.renew.departure.Departure._told", die)
        with pytest.raises(Killed):
            yield
    world.leaving.removing = world.remove


@pytest.mark.parametrize(
    "when",
    [
        "before the removal",
        "after it",
        "before the submission",
        "after it was submitted",
        "before it was noted",
    ],
)
@pytest.mark.parametrize("healed", [False, True])
def test_whatever_kills_it_the_next_round_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str, healed: bool
) -> None:
    """Also when the site gets jobs again by then: what was removed is submitted, what was not stays."""
    with dying(world, when, monkeypatch):
        world.round()
    world.now += 3 * HOUR if healed else 60
    renew(world.session())
    if healed and when == "before the removal":
        assert (world.again(), len(world.far.jobs)) == ([], 5)
    else:
        assert procs_of(world.again()) == [(0, 1, 2, 4)]
        assert [job.job for job in world.far.jobs] == ["13.3"]
    assert world.moves() == {}
    number = len(world.again())
    renew(world.session())
    assert len(world.again()) == number


def test_what_went_on_otherwise_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has released jobs, or run them again, knows better."""
    with dying(world, "before the removal", monkeypatch):
        world.round()
    world.far.jobs = [make_job(job.job, State.RUNNING, schedd="s") for job in world.far.jobs]
    world.look()
    assert world.round() == []
    assert (world.again(), world.moves()) == ([], {})


def test_who_runs_them_again_by_hand_is_not_disturbed(world: World) -> None:
    """Their lock is held."""

    def hold(journal: Journal, key: str, ready: Any, done: Any) -> None:
        with journal.locked(key):
            ready.set()
            done.wait(60)

    now = world.session()
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(now.journal, key_of(now, world.sent), ready, done))
    other.start()
    try:
        assert ready.wait(60)
        [said] = world.round()
    finally:
        done.set()
        other.join()
    assert said == "4 job(s) of schedd01.far:13 at a wait: a hep_sub -resubmit has them"
    assert (world.again(), len(world.far.jobs)) == ([], 5)
    assert world.round() == [WENT]


def test_a_round_has_a_minute(world: World) -> None:
    """What is not begun by then is done in the next one."""
    times = iter([0.0, 61.0, 61.0, 61.0])
    assert world.round(lambda: next(times)) == [
        "4 job(s) of schedd01.far:13 at a wait: hep_auth renew goes on in its next round"
    ]
    assert len(world.far.jobs) == 5
    assert world.round() == [WENT]


def test_a_record_that_cannot_be_read_stops_it(world: World) -> None:
    """Nobody knows then what is on its way."""
    file = world.session().bundles / ".renew/moves.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text("{")
    [said] = world.round()
    assert "no job is taken away from another pool" in said
    assert file.read_text() == "{"
    assert (world.again(), len(world.far.jobs)) == ([], 5)


def test_what_cannot_be_submitted_for_days_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that is said, with what to type."""
    with dying(world, "after it", monkeypatch):
        world.round()
    policy = world.policy
    no_other(world)
    world.now += 2 * 24 * HOUR
    assert "not submitted anew yet: no remote site takes" in " ".join(world.round())
    world.now += 2 * 24 * HOUR
    said = " ".join(world.round())
    assert "4 job(s) of schedd01.far:13 at a were removed there" in said
    assert "hep_sub -resubmit schedd01.far:13 does it by hand" in said
    world.policy = policy
    assert world.round() == []
    assert (world.again(), world.moves()) == ([], {})


def test_ctrl_c_is_heard_when_all_is_noted(world: World) -> None:
    """Whoever listens for it hears it; the next round goes on."""

    def interrupted(ref: SubmissionRef, procs: Collection[int]) -> Removed:
        world.remove(ref, procs)
        raise KeyboardInterrupt

    heard: list[int] = []
    world.leaving.removing = interrupted
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        [said] = world.round()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
    assert "not submitted anew yet: interrupted" in said
    world.leaving.removing = world.remove
    assert world.round() == [WENT]


def test_two_renews_at_once_move_nothing_twice(world: World) -> None:
    """The second one finds the first one's lock, and does nothing."""

    def other(ref: SubmissionRef, procs: Collection[int]) -> Removed:
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        second = context.Process(
            target=lambda: answers.put(getattr(renew(world.session()).value, "busy", None))
        )
        second.start()
        busy.append(answers.get(timeout=60))
        second.join()
        return world.remove(ref, procs)

    busy: list[bool] = []
    world.leaving.removing = other
    renew(world.session())
    assert busy == [True]
    assert procs_of(world.again()) == [(0, 1, 2, 4)]
