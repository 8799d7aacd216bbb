"""hep_sub -resubmit: which jobs run again, with what, and never one twice, whatever happens in between."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.choose import Wanted
from hepsub.actions.submit.respell import Changes
from hepsub.actions.submit.resubmit import preview_again, resubmit
from hepsub.actions.submit.result import Submission
from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, ActCount, JobStatus, Selection, State
from hepsub.errors import (
    HepsubError,
    Interrupted,
    NotDone,
    PoolUnreachable,
    SubmissionUncertain,
    UnknownJob,
    UsageError,
)
from hepsub.job import Remote
from hepsub.jobid import Again, parse_job_id
from hepsub.journal import Entry
from hepsub.plan.model import Plan
from hepsub.result import Result
from hepsub.session import Session
from tests.fakes.batch import (
    FakeSchedd,
    Fault,
    Killed,
    as_batch_systems,
    make_job,
    make_unmade,
)
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_situation,
    make_spec,
)

POLICY = """
[defaults]
memory = 2000
[staging]
bundle_dir = "/proc/self/root{}/bundles"
"""
WORDS = "job.sh -n 6 -first 100 -argu %{ProcId} %{Index} %{ClusterId} -name fit -once key"


class World:
    """A schedd, a session, and cluster 13 of six jobs."""

    def __init__(
        self,
        directory: Path,
        words: str = WORDS,
        variables: dict[str, str] | None = None,
        schedd: FakeSchedd | None = None,
    ) -> None:
        self.directory = directory
        make_script(directory)
        self.schedd = schedd or FakeSchedd(host="login01.example.org")
        self.slept = 0.0
        self.spool = False
        self.later: list[Callable[[], None]] = []
        self.variables = {"FLAVOUR": "vanilla"} if variables is None else variables
        submit(self.session(), make_spec(*words.split()))
        self.schedd.jobs = []

    def session(self, **changes: object) -> Session:
        situation = make_situation(cwd=self.directory, environment=self.variables)
        return make_session(
            self.directory,
            as_batch_systems(self.schedd),
            situation=replace(situation, **changes),
            policy=make_policy(
                f'[defaults]\nmemory = 2000\n[staging]\nbundle_dir = "/proc/self/root{self.directory}/bundles"\n'
                + ("[pool.local]\nspool = true\n" if self.spool else "")
            ),
        )

    def ended(self, *jobs: JobStatus) -> None:
        """These have left the queue."""
        self.schedd.past = [*jobs, *self.schedd.past]
        gone = {job.job for job in jobs}
        self.schedd.jobs = [job for job in self.schedd.jobs if job.job not in gone]

    def again(
        self,
        job: str = "13",
        changes: Changes = Changes(),  # noqa: B008
        **wanted: Any,
    ) -> Result[Submission]:
        wanted_jobs = Wanted(job=parse_job_id(job), **wanted)
        return resubmit(self.session(), wanted_jobs, changes, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Time passes, and something happens then."""
        self.slept += seconds
        if self.later:
            self.later.pop(0)()

    def plan(self) -> Plan:
        return self.schedd.clusters[-1].plan


def end(job: str, exit_code: int | None = 1, **values: object) -> JobStatus:
    """A job that has left the queue."""
    known = {"state": State.COMPLETED, "exit_code": exit_code, "ended": NOON, **values}
    return make_job(job, **known)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Of cluster 13, jobs 1, 3 and 4 have failed, 0 and 5 are well, 2 runs."""
    world = World(tmp_path)
    world.ended(end("13.0", 0), end("13.1"), end("13.3"), end("13.4", 2), end("13.5", 0))
    world.schedd.jobs = [make_job("13.2", State.RUNNING)]
    return world


def words_of(plan: Plan) -> list[tuple[str, ...]]:
    return [proc.arguments for proc in plan.procs()]


def test_the_failed_ones_under_their_own_names(world: World) -> None:
    """The rest is passed over, and said; the key of the first time belongs to that alone."""
    result = world.again(failed=True)
    plan = world.plan()
    assert result.value.submitted.cluster == 14
    assert plan.again is not None
    assert (plan.again.cluster, plan.again.procs) == (13, (1, 3, 4))
    assert words_of(plan) == [("1", "101", "13"), ("3", "103", "13"), ("4", "104", "13")]
    assert [proc.stderr.rpartition("/")[2] for proc in plan.procs()] == [
        f"job.sh.err.%{{ClusterId}}.{number}" for number in (1, 3, 4)
    ]
    assert (plan.once, plan.name, plan.environment["FLAVOUR"]) == ("", "fit", "vanilla")
    assert "not run again: 2 ended with exit code 0, 1 is running" in result.notes
    assert result.notes[0].startswith("13.1,3-4 run again:")


def test_the_environment_and_directory_are_those_of_the_first_time(
    world: World, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    world.variables = {"FLAVOUR": "mint", "MORE": "x"}
    session = world.session(cwd=other)
    resubmit(session, Wanted(job=parse_job_id("13")), Changes(variables=(("MORE", None),)))
    plan = world.plan()
    assert plan.directory == str(tmp_path)
    assert (plan.environment["FLAVOUR"], plan.environment["MORE"]) == ("vanilla", "x")


@pytest.mark.parametrize(
    ("job", "wanted", "procs"),
    [
        ("13", {}, (1, 3, 4)),
        ("13.3-5", {"failed": True}, (3, 4)),
        ("13.3-4", {}, (3, 4)),
        ("13", {"only": (1, 4)}, (1, 4)),
        ("schedd01:13", {"only": (0, 1, 2), "failed": True}, (1,)),
    ],
)
def test_which(world: World, job: str, wanted: dict[str, Any], procs: tuple[int, ...]) -> None:
    world.again(job, **wanted)
    again = world.plan().again
    assert again is not None
    assert again.procs == procs


@pytest.mark.parametrize(
    ("job", "wanted", "message"),
    [
        ("13.2", {}, "13.2 is running"),
        ("13", {"only": (0, 3)}, "13.0 ended with exit code 0"),
        ("13.0", {"failed": True}, "has failed: 1 ended with exit code 0"),
    ],
)
def test_what_may_not_run_twice(
    world: World, job: str, wanted: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotDone, match=message):
        world.again(job, **wanted)
    assert len(world.schedd.clusters) == 1


@pytest.mark.parametrize(
    ("job", "wanted", "error"),
    [
        ("13.3", {"only": (3,)}, UsageError),
        ("13", {"only": (6,)}, UnknownJob),
    ],
)
def test_what_is_no_job(
    world: World, job: str, wanted: dict[str, Any], error: type[HepsubError]
) -> None:
    with pytest.raises(error):
        world.again(job, **wanted)


def test_a_successor_counts(world: World) -> None:
    """Alive, it is left alone; when it has failed it runs again, by either number, from its own first one."""
    world.again()
    with pytest.raises(NotDone, match=r"3 is idle|4 is idle"):
        world.again()
    with pytest.raises(NotDone, match=r"13\.3 \(now 14\.1\) is idle"):
        world.again("13.3")
    world.ended(end("14.0", 0), end("14.1"), end("14.2"))
    world.again("14.2")
    assert words_of(world.plan()) == [("4", "104", "13")]
    world.again("13")
    assert words_of(world.plan()) == [("3", "103", "13")]
    world.ended(end("15.0", 0), end("16.0", 0))
    with pytest.raises(NotDone, match="5 ended with exit code 0, 1 is running"):
        world.again()


@pytest.mark.parametrize("fault", [Fault.KILLED_AFTER, Fault.LOST_BEFORE, Fault.LOST_AFTER])
def test_whatever_happens_there_is_one_successor(world: World, fault: Fault) -> None:
    """A process that was killed left an intent: the schedd is asked what became of it."""
    world.schedd.fault = fault
    try:
        world.again()
        told = True
    except (Killed, PoolUnreachable):
        told = False
    assert told is (fault is Fault.LOST_AFTER)
    existing = len(world.schedd.clusters)
    assert existing == (1 if fault is Fault.LOST_BEFORE else 2)
    if existing == 1:
        world.again()
    else:
        with pytest.raises(NotDone):
            world.again()
    assert len(world.schedd.clusters) == 2
    assert {entry.ref.cluster for entry in world.session().journal.entries()} - {-1} == {13, 14}


def test_an_intent_of_which_nobody_knows_stops_it(world: World) -> None:
    world.schedd.fault = Fault.KILLED_AFTER
    with pytest.raises(Killed):
        world.again()
    world.schedd.reachable = False
    with pytest.raises(HepsubError):
        world.again()
    assert len(world.schedd.clusters) == 2


def test_a_schedd_that_does_not_answer_stops_it(world: World) -> None:
    """Nobody knows then what goes on."""
    world.schedd.reachable = False
    with pytest.raises(PoolUnreachable):
        world.again()


def test_procs_that_are_still_to_be_made_go_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.schedd.unmade = [make_unmade(13, first=1, number=5)]
    world.ended(end("13.0"))
    with pytest.raises(NotDone, match=r"13\.5"):
        world.again("13.5")
    world.again()
    assert words_of(world.plan()) == [("0", "100", "13")]


def test_an_end_that_nobody_knows(tmp_path: Path) -> None:
    """It is passed over, and named; and not run again but by a word of its own."""
    world = World(tmp_path)
    world.ended(end("13.0"), end("13.1"))
    assert any("13.2-5 nobody knows" in note for note in world.again().notes)
    with pytest.raises(NotDone, match=r"13\.2-5 nobody knows"):
        world.again()
    with pytest.raises(NotDone, match=r"13\.3 left the queue, and nobody knows") as caught:
        world.again("13", only=(3,))
    assert "-unknown" in caught.value.remedy
    world.again("13", only=(3,), unknown=True)
    assert words_of(world.plan()) == [("3", "103", "13")]
    world.again("13", failed=True, unknown=True)
    assert [each[0] for each in words_of(world.plan())] == ["2", "4", "5"]


@pytest.mark.parametrize("code", [0, 1])
def test_a_history_that_is_a_moment_late_is_waited_for(tmp_path: Path, code: int) -> None:
    """A job that has just ended well is run again by nobody, however it was named."""
    world = World(tmp_path)
    world.later = [lambda: None, lambda: world.ended(end("13.3", code))]
    if code:
        world.again("13.3")
    else:
        with pytest.raises(NotDone, match=r"13\.3 ended with exit code 0"):
            world.again("13.3", unknown=True)
    assert (world.slept, len(world.schedd.clusters)) == (1.5, 1 + code)


def test_what_a_history_does_not_tell_is_not_read_for_ever(tmp_path: Path) -> None:
    """Only back to the submission, and once for each command when a minute later it knew no more."""
    world = World(tmp_path)
    world.ended(end("13.0", ended=NOON - 10_000))  # of an earlier cluster, maybe
    for later in (0, 61):
        with pytest.raises(NotDone, match="nobody knows"):
            resubmit(world.session(now=NOON + later), named("13.0"), Changes(), sleep=world.sleep)
    read = world.schedd.calls.count("history")
    assert 0 < read <= 10
    with pytest.raises(NotDone, match="nobody knows"):
        resubmit(world.session(now=NOON + 122), named("13.0"), Changes(), sleep=world.sleep)
    assert world.schedd.calls.count("history") == read + 1


def named(job: str) -> Wanted:
    return Wanted(job=parse_job_id(job))


HELD = {"state": State.HELD, "hold_code": 3, "hold_subcode": 34, "memory_mb": 2900.0}


def test_held_jobs_are_removed_first_and_get_what_they_need(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.schedd.jobs = [make_job("13.0", **HELD), make_job("13.1", **HELD)]  # type: ignore[arg-type]
    world.ended(end("13.2"))
    result = world.again()
    assert world.plan().memory_mb == 3700
    calls = world.schedd.calls
    assert calls.index("act remove") < len(calls) - 1 - calls[::-1].index("submit")
    assert [job.state for job in world.schedd.jobs[:2]] == [State.REMOVED] * 2
    assert any("asks for 3700 MB now: 2 of them had outgrown" in note for note in result.notes)
    assert any("13.0, 13.1, on hold until now, are removed" in note for note in result.notes)


class Releasing(FakeSchedd):
    """Somebody else releases a job just before it would be removed; it may even have ended then."""

    ends = False

    def act(self, act: Act, selection: Selection) -> ActCount:
        self.jobs = [] if self.ends else [replace(job, state=State.RUNNING) for job in self.jobs]
        return super().act(act, selection)


@pytest.mark.parametrize("ends", [False, True])
def test_one_that_cannot_be_removed_stops_it(tmp_path: Path, *, ends: bool) -> None:
    """It may have been released meanwhile."""
    schedd = Releasing()
    schedd.ends = ends
    world = World(tmp_path, schedd=schedd)
    world.schedd.jobs = [make_job("13.0", **HELD)]  # type: ignore[arg-type]
    with pytest.raises(NotDone, match=r"13\.0 could not be removed from hold"):
        world.again()
    assert [job.state for job in world.schedd.jobs] == ([] if ends else [State.RUNNING])
    assert len(world.schedd.clusters) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.INTERRUPTED_BEFORE, Interrupted),
        (Fault.LOST_BEFORE, PoolUnreachable),
        (Fault.REFUSED, HepsubError),
    ],
)
def test_what_was_removed_and_not_submitted_is_told(
    tmp_path: Path, fault: Fault, error: type[HepsubError]
) -> None:
    """And what to type: the jobs that were on hold count as failed then, whatever the history knows."""
    world = World(tmp_path)
    world.schedd.jobs = [make_job("13.0", **HELD), make_job("13.1", **HELD)]  # type: ignore[arg-type]
    world.ended(end("13.2", 0))
    world.schedd.fault = fault
    with pytest.raises(error) as caught:
        world.again(failed=True)
    assert "jobs on hold were removed before that, so that they can run again: 13.0-1" in str(
        caught.value
    )
    assert "hep_sub -resubmit 13 -failed -mem 3700 runs them again" in caught.value.remedy
    world.schedd.jobs = []
    world.again(failed=True, changes=Changes(memory_mb=3700))
    assert [each[0] for each in words_of(world.plan())] == ["0", "1"]


def test_ctrl_c_during_the_removal_waits_for_its_end(tmp_path: Path) -> None:
    """So that it is known what was removed."""

    class Interrupting(FakeSchedd):
        def act(self, act: Act, selection: Selection) -> ActCount:
            signal.raise_signal(signal.SIGINT)
            return super().act(act, selection)

    world = World(tmp_path, schedd=Interrupting())
    world.schedd.jobs = [make_job("13.0", **HELD)]  # type: ignore[arg-type]
    with pytest.raises(Interrupted, match=r"were removed before that, .*: 13\.0") as caught:
        world.again("13.0")
    assert "hep_sub -resubmit 13.0 -mem 3700 runs them again" in caught.value.remedy
    assert len(world.schedd.clusters) == 1
    world.later = [lambda: None, world.schedd.jobs.clear]  # it leaves the queue a moment later
    world.again("13.0")
    assert len(world.schedd.clusters) == 2


def test_outputs_that_are_at_home_are_no_failure(tmp_path: Path) -> None:
    """Where its schedd keeps them until they are fetched, nobody has looked at them yet."""
    world = World(tmp_path)
    world.spool = True
    world.schedd.jobs = [
        make_job("13.0", State.COMPLETED, exit_code=85, ended=NOON),
        make_job("13.1", State.COMPLETED, exit_code=1, ended=NOON),
    ]
    with pytest.raises(
        NotDone, match=r"13\.0 has ended, and its outputs are still with its schedd"
    ):
        world.again("13.0")
    world.again()
    assert [each[0] for each in words_of(world.plan())] == ["1"]


class OtherHost(FakeSchedd):
    """While this one is at it, another host notes that it runs the same jobs again, too."""

    other: Callable[[], None] | None = None

    def act(self, act: Act, selection: Selection) -> ActCount:
        if self.other is not None:
            self.other()
        return super().act(act, selection)


@pytest.mark.parametrize("cluster", [0, 99])
def test_of_two_hosts_without_a_common_lock_one_submits_at_most(
    tmp_path: Path, cluster: int
) -> None:
    """Each notes its intent, then looks for the other's."""
    schedd = OtherHost()
    world = World(tmp_path, schedd=schedd)
    world.schedd.jobs = [make_job("13.0", **HELD), make_job("13.1", **HELD)]  # type: ignore[arg-type]
    first = world.session().journal.entries()[0]
    rival = Entry(
        ref=replace(first.ref, uuid="other", cluster=cluster, number=1),
        when=NOON + 1,
        again=Again(uuid=first.ref.uuid, cluster=13, procs=(1,)),
    )
    journal = replace(world.session().journal, host="login02")
    schedd.other = lambda: journal.append(rival)
    with pytest.raises(NotDone, match=r"another hep_sub.* runs some of these jobs again"):
        world.again()
    assert len(world.schedd.clusters) == 1


@pytest.mark.parametrize(("ago", "submits"), [(10, False), (500, True)])
def test_another_hosts_intent_is_left_alone_for_a_while(
    world: World, ago: float, *, submits: bool
) -> None:
    """Its schedd may be about to have the jobs."""
    first = world.session().journal.entries()[0]
    rival = Entry(
        ref=replace(first.ref, uuid="other", cluster=0, number=1),
        when=NOON - ago,
        again=Again(uuid=first.ref.uuid, cluster=13, procs=(1,)),
    )
    replace(world.session().journal, host="login02").append(rival)
    if submits:
        world.again("13.1")
    else:
        with pytest.raises(SubmissionUncertain, match=r"a hep_sub on login02 began .* 10 s ago"):
            world.again("13.1")
    assert len(world.schedd.clusters) == 1 + submits


def test_another_hosts_intent_is_as_old_as_its_line(world: World) -> None:
    """It may have packed libraries, or removed jobs elsewhere, long after it began; so may this one."""
    first = world.session().journal.entries()[0]
    rival = Entry(
        ref=replace(first.ref, uuid="other", cluster=0, number=1),
        when=NOON - 1000,
        intended=NOON - 30,
        again=Again(uuid=first.ref.uuid, cluster=13, procs=(1,)),
    )
    replace(world.session().journal, host="login02").append(rival)
    with pytest.raises(SubmissionUncertain, match=r"began .* 30 s ago"):
        world.again("13.1")
    assert len(world.schedd.clusters) == 1
    late = replace(world.session(now=NOON - 1000), clock=lambda: NOON + 100)
    wanted = Wanted(job=parse_job_id("13.1"))
    resubmit(late, wanted, Changes(), sleep=world.sleep)
    [noted] = [each for each in late.journal.entries() if each.ref.cluster == 14]
    assert (noted.when, noted.intended) == (NOON - 1000, NOON + 100)


@pytest.mark.parametrize(
    ("values", "memory"),
    [
        ({"exit_signal": 9, "exit_code": None, "memory_mb": 1900.0}, 2500),
        ({"exit_code": 137, "memory_mb": 1990.0}, 2500),
        ({"exit_signal": 9, "exit_code": None, "memory_mb": 100.0}, 2000),
        ({"exit_code": 1, "memory_mb": 2500.0}, 2000),
        ({"state": State.REMOVED, "exit_code": None, "memory_mb": 2500.0}, 3200),
        ({"state": State.REMOVED, "exit_code": None, "memory_mb": 10.0}, 2000),
        ({"requested_mb": 5000, "memory_mb": 10.0}, 5000),
    ],
)
def test_default_memory(tmp_path: Path, values: dict[str, object], memory: int) -> None:
    """What they had, or were given by hep_edit; for those that were ended for it, their peak and a margin."""
    world = World(tmp_path)
    world.ended(end("13.0", **values))  # type: ignore[arg-type]
    world.again()
    assert world.plan().memory_mb == memory


def test_what_can_be_different(world: World) -> None:
    changes = Changes(memory_mb=6000, walltime="short", cpus=2, priority=-1, remote=Remote.NEVER)
    world.again(changes=changes)
    plan = world.plan()
    assert (plan.memory_mb, plan.walltime.name, plan.cpus, plan.priority) == (6000, "short", 2, -1)
    world.ended(*(end(f"14.{proc}", requested_mb=6000) for proc in range(3)))
    world.again()
    plan = world.plan()
    assert (plan.memory_mb, plan.walltime.name, plan.cpus, plan.priority) == (6000, "short", 2, -1)


def test_a_walltime_that_was_too_short_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.schedd.jobs = [make_job("13.0", State.HELD, hold_code=3, hold_subcode=72)]
    assert any("1 of them outran their walltime" in note for note in world.again().notes)


def test_a_dry_run_removes_and_submits_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.schedd.jobs = [make_job("13.0", **HELD)]  # type: ignore[arg-type]
    wanted = Wanted(job=parse_job_id("13"))
    result = preview_again(world.session(), wanted, Changes())
    assert result.value.plan.memory_mb == 3700
    assert any("run again" in note for note in result.notes)
    document = result.value.document()
    assert (document.runs_again, document.removes) == (("13.0",), ("13.0",))
    assert world.schedd.jobs[0].state is State.HELD
    assert len(world.schedd.clusters) == 1


def test_items_are_those_of_the_first_time(tmp_path: Path) -> None:
    """Also several for each job, and of several submissions at once."""
    (tmp_path / "runs.txt").write_text("a\nb\nc\nd\ne\n")
    world = World(tmp_path, "job.sh -list runs.txt -per 2 -argu %{ProcId} %{items}")
    (tmp_path / "runs.txt").unlink()
    world.ended(end("13.0"), end("13.1"), end("13.2"))
    world.again("13.1-2")
    assert words_of(world.plan()) == [("1", "c", "d"), ("2", "e")]
    world.ended(end("14.0", 0), end("14.1"))
    world.again()
    assert words_of(world.plan()) == [("0", "a", "b"), ("2", "e")]


def test_secrets_are_not_kept_and_taken_anew(tmp_path: Path) -> None:
    """The value stands nowhere but in the bundle; today's is taken, or asked for."""
    words = "job.sh -env API_TOKEN=s3cr3t-of-yesterday -env LEVEL=3"
    variables = {"PATH": "/bin"}
    world = World(tmp_path, words, variables)
    kept = b"".join(
        path.read_bytes() for path in (tmp_path / "orders").rglob("*") if path.is_file()
    )
    assert kept
    order = world.session().orders.find(
        world.schedd.clusters[0].submitted.uuid, world.session().situation.now
    )
    assert order is not None
    assert order.spec.environment.named == (("API_TOKEN", None), ("LEVEL", "3"))
    assert "s3cr3t" not in repr(order)
    world.ended(end("13.0"))
    with pytest.raises(UsageError, match="-env API_TOKEN: the variable is not set here"):
        world.again()
    world.again(changes=Changes(variables=(("API_TOKEN", "s3cr3t-of-today"),)))
    assert world.plan().secrets == {"API_TOKEN": "s3cr3t-of-today"}
    assert world.plan().environment["LEVEL"] == "3"


def test_without_what_it_was_made_from(world: World, tmp_path: Path) -> None:
    for path in (tmp_path / "orders").rglob("*.z"):
        path.unlink()
    with pytest.raises(NotDone, match="what cluster 13 was made from is not known"):
        world.again()


def test_a_directory_that_is_gone(world: World) -> None:
    moved = world.directory.rename(world.directory.with_name("moved"))
    world.directory = moved
    with pytest.raises(NotDone, match="is not there any more, where the jobs run"):
        world.again()


def test_the_journal_says_what_was_run_again(world: World) -> None:
    world.again()
    first, second = world.session().journal.entries()
    assert second.again == Again(uuid=first.ref.uuid, cluster=13, procs=(1, 3, 4))
    assert first.again is None


def test_the_script_is_taken_as_it_is_now(world: World) -> None:
    """What was changed since is told."""
    result = world.again()  # the world's noon is long ago
    assert any(
        "changed since that submission" in note and "job.sh" in note for note in result.notes
    )
