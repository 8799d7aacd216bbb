"""hep_sub -resubmit: which jobs run again, with what, and never one twice, whatever happens in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.choose import Wanted
from hepsub.actions.submit.respell import Changes
from hepsub.actions.submit.resubmit import preview_again, resubmit
from hepsub.actions.submit.result import Preview, Submission
from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, ActCount, JobStatus, Selection, State
from hepsub.errors import HepsubError, NotDone, PoolUnreachable, UnknownJob, UsageError
from hepsub.job import Remote
from hepsub.jobid import Again, parse_job_id
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
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

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
            ),
        )

    def ended(self, *jobs: JobStatus) -> None:
        """These have left the queue."""
        self.schedd.past = [*jobs, *self.schedd.past]
        gone = {job.job for job in jobs}
        self.schedd.jobs = [job for job in self.schedd.jobs if job.job not in gone]

    def again(self, job: str = "13", changes: Changes = Changes(), **wanted: Any) -> Result:  # noqa: B008
        return resubmit(self.session(), Wanted(job=parse_job_id(job), **wanted), changes)

    def plan(self) -> Plan:
        return self.schedd.clusters[-1].plan


def end(job: str, exit_code: int | None = 1, **values: object) -> JobStatus:
    """A job that has left the queue."""
    return make_job(job, **{"state": State.COMPLETED, "exit_code": exit_code, **values})  # type: ignore[arg-type]


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
    assert isinstance(result.value, Submission)
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
    """It is passed over, and named; who names it takes it upon themselves."""
    world = World(tmp_path)
    world.ended(end("13.0"), end("13.1"))
    assert any("13.2-5 nobody knows" in note for note in world.again().notes)
    with pytest.raises(NotDone, match=r"13\.2-5 nobody knows"):
        world.again()
    world.again("13", only=(3,))
    assert words_of(world.plan()) == [("3", "103", "13")]


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
    """Somebody else releases a job just before it would be removed."""

    def act(self, act: Act, selection: Selection) -> ActCount:
        self.jobs = [replace(job, state=State.RUNNING) for job in self.jobs]
        return super().act(act, selection)


def test_one_that_cannot_be_removed_stops_it(tmp_path: Path) -> None:
    """It may have been released meanwhile."""
    world = World(tmp_path, schedd=Releasing())
    world.schedd.jobs = [make_job("13.0", **HELD)]  # type: ignore[arg-type]
    with pytest.raises(NotDone, match=r"13\.0 could not be removed from hold"):
        world.again()
    assert world.schedd.jobs[0].state is State.RUNNING
    assert len(world.schedd.clusters) == 1


@pytest.mark.parametrize(
    ("values", "memory"),
    [
        ({"exit_signal": 9, "exit_code": None, "memory_mb": 1900.0}, 3000),
        ({"exit_code": 137, "memory_mb": 1990.0}, 3000),
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
    assert isinstance(result.value, Preview)
    assert result.value.plan.memory_mb == 3700
    assert any("run again" in note for note in result.notes)
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
