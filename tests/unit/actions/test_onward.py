"""A job that hepsub itself runs again, or sends to another site, is not said to have failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hepsub.actions.queue.later import WaitedJobs, wait_for
from hepsub.actions.queue.wait import wait
from hepsub.actions.queue.word import Word, job_state
from hepsub.actions.submit.result import Submission
from hepsub.auth.renewal import RenewalState, state_path
from hepsub.batch import State
from hepsub.jobid import Again, parse_job_id
from hepsub.journal import Entry
from hepsub.result import Result
from tests.fakes.batch import Fault
from tests.unit.actions.test_later import Time
from tests.unit.actions.test_resend import HOUR, WENT, WORDS, World, world

__all__ = ["world"]

DAY = 24 * HOUR
JOB = "schedd01.far:13.0"


def word(world: World, job: str = JOB) -> Word:
    value = job_state(world.session(), parse_job_id(job), None, lambda _: None).value
    return value.state


def hep_wait(
    world: World, *steps: Callable[[], None], limit_s: float | None = None
) -> Result[WaitedJobs]:
    time = Time(*steps)
    return wait_for(world.session(), [parse_job_id(JOB)], None, time.clock(), limit_s)


def state_of(result: Result[WaitedJobs]) -> tuple[str, str]:
    [job] = result.value.jobs
    return job.state, job.run


def write_state(root: Path, state: RenewalState) -> None:
    """What the last run left."""
    path = state_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(state))


def renewed(world: World) -> None:
    """`hep_auth renew` runs by itself here, every ten minutes."""
    write_state(world.session().bundles, RenewalState(unattended=world.now - 60, every=600))


def runs_out(world: World) -> None:
    """All that runs ends with 0, wherever it is."""
    for schedd in (world.home, world.far):
        ends = [
            replace(job, state=State.COMPLETED, exit_code=0, ended=world.now) for job in schedd.jobs
        ]
        schedd.jobs, schedd.past = [], [*ends, *schedd.past]


def removed_alone(world: World) -> None:
    """A round removes the jobs, and cannot submit them anew."""
    world.home.fault = Fault.LOST_BEFORE
    [said] = world.round()
    assert "are not submitted anew yet" in said
    assert world.moves() == {world.sent.uuid: [0, 1, 2, 4]}


def test_hep_sub_wait_follows_what_was_moved(world: World) -> None:
    """It began before they were; its cluster is that of the first time."""
    submission = Submission(submitted=world.sent, plan=None)
    time = Time(lambda: None, lambda: assert_went(world), lambda: None, lambda: runs_out(world))
    renewed(world)
    result = wait(world.session(), submission, time.clock())
    assert (result.exit_code, result.problems) == (0, ())
    assert sorted((job.schedd, job.job) for job in result.value.jobs) == [
        ("schedd01.far", "13.3"),
        *(("schedd01.home", f"13.{proc}") for proc in range(4)),
    ]
    assert wait(world.session(), submission, Time().clock()).exit_code == 0


def assert_went(world: World) -> None:
    assert world.round() == [WENT]


def test_between_the_removal_and_the_new_cluster_a_job_waits(world: World) -> None:
    """For as long as it is tried."""
    removed_alone(world)
    assert word(world) is Word.WAITING
    result = hep_wait(world, limit_s=60)
    assert (result.exit_code, state_of(result)) == (61, ("alive", "13.0"))

    def later() -> None:
        assert world.round() == [WENT]
        runs_out(world)

    result = hep_wait(world, lambda: None, later)
    assert (result.exit_code, state_of(result)) == (0, ("succeeded", "13.0"))
    assert word(world) is Word.SUCCESS


def test_what_is_given_up_has_failed(world: World) -> None:
    removed_alone(world)
    world.now += 4 * DAY
    assert word(world) is Word.FAILED
    assert state_of(hep_wait(world)) == ("failed", "13.0")


def test_what_ended_at_its_site_by_itself_has_failed(world: World) -> None:
    """Before it was removed; the note of it stays until the next round."""
    removed_alone(world)
    world.far.past = [
        replace(job, state=State.COMPLETED, exit_code=1, ended=world.now) if job.proc == 0 else job
        for job in world.far.past
    ]
    assert word(world) is Word.FAILED
    assert state_of(hep_wait(world)) == ("failed", "13.0")


@pytest.mark.parametrize(("ago", "is_said"), [(10, Word.WAITING), (1000, Word.FAILED)])
def test_what_another_process_submits_at_this_moment_waits(
    world: World, ago: float, is_said: Word
) -> None:
    """It has noted its intent."""
    first, *world.far.jobs = world.far.jobs
    world.far.past = [replace(first, state=State.COMPLETED, exit_code=1, ended=world.now)]
    world.session().journal.append(
        Entry(
            ref=replace(world.sent, uuid="other", cluster=0, number=1),
            when=world.now - 2000,
            intended=world.now - ago,
            again=Again(uuid=world.sent.uuid, cluster=13, procs=(0,)),
        )
    )
    assert word(world) is is_said
    state = state_of(hep_wait(world, limit_s=5))
    assert state == ("alive" if is_said is Word.WAITING else "failed", "13.0")


def nobody(world: World) -> None:
    """Nothing renews by itself."""
    write_state(world.session().bundles, RenewalState(when=world.now - 60, every=600))


def own_fault(world: World) -> None:
    """The job outgrew its memory."""
    world.hold(0, 1, 2, code=34)


def few(world: World) -> None:
    """Too few for the site to be left out."""
    world.far.jobs[1:3] = [replace(job, state=State.RUNNING) for job in world.far.jobs[1:3]]
    world.look()


def long_ago(world: World) -> None:
    """Rounds have passed, and nothing came of it."""
    world.now += 1.5 * HOUR
    renewed(world)


def one_by_itself(world: World) -> None:
    """The job outgrew its memory, while its site is left out for others."""
    world.far.jobs[4] = replace(world.far.jobs[4], state=State.HELD, hold_code=19)
    world.hold(1, 2, 4)
    fault = {"hold_code": 34, "hold_reason": "memory"}
    world.far.jobs[0] = replace(world.far.jobs[0], **fault)
    first, *others = world.leaving.on_hold
    world.leaving.on_hold = [replace(first, code=34, reason="memory"), *others]


@pytest.mark.parametrize("spoil", [None, one_by_itself, nobody, own_fault, few, long_ago])
def test_on_hold_by_the_sites_fault(world: World, spoil: Callable[[World], None] | None) -> None:
    """It goes on where it will be sent to another site by itself."""
    renewed(world)
    if spoil is not None:
        spoil(world)
        assert word(world) is Word.FAILED
        assert state_of(hep_wait(world)) == ("held", "13.0")
        return
    assert word(world) is Word.WAITING
    result = hep_wait(world, limit_s=60)
    assert (result.exit_code, state_of(result)) == (61, ("alive", "13.0"))
    result = hep_wait(world, lambda: assert_went(world), lambda: runs_out(world))
    assert (result.exit_code, state_of(result)[0]) == (0, "succeeded")


def test_on_hold_in_a_pool_that_has_another_name_by_now(world: World) -> None:
    """The journal has an alias."""
    renewed(world)
    [written] = world.session().paths.journal.glob("*.jsonl")
    name = world.sent.pool
    written.write_text(written.read_text().replace(f'"{name}"', '"formerly"'))
    world.policy = world.policy.replace(f"[pool.{name}]", f"[pool.{name}]\naliases = ['formerly']")
    assert word(world) is Word.WAITING


def test_on_hold_where_its_user_wants_it(tmp_path: Path) -> None:
    """-site named the site."""
    world = World(tmp_path, *WORDS, "-site", "a")
    world.hold(0, 1, 2)
    renewed(world)
    assert word(world) is Word.FAILED
    assert state_of(hep_wait(world)) == ("held", "13.0")
