"""hep_tail on the embedded pool: the log is a file here, of a real job."""

from __future__ import annotations

from hepsub.actions.queue.ends import Clock
from hepsub.actions.tail.follow import follow
from hepsub.actions.tail.tail import Tail, TailOrder, tail
from hepsub.batch import Act, State
from hepsub.batch_logs import Stream
from hepsub.jobid import parse_job_id
from tests.here.world import Here, until


def order(job: str, lines: int = 10, stream: Stream = Stream.STDOUT) -> TailOrder:
    return TailOrder(job=parse_job_id(job), stream=stream, lines=lines, pool=None)


def seen(here: Here, asked: TailOrder) -> tuple[bytes, Tail]:
    shown: list[bytes] = []
    result = tail(here.session(), asked, shown.append)
    return b"".join(shown), result.value


def test_a_running_job_and_one_that_has_ended(here: Here) -> None:
    here.script(
        "echo one; echo two; echo bad >&2; : > began; while [ ! -e go ]; do sleep 0.05; done; echo three"
    )
    cluster = here.submit("job.sh")
    until((here.directory / "began").exists)
    text, value = seen(here, order(str(cluster), lines=1))
    assert (text, value.document().state) == (b"two\n", State.RUNNING)
    assert seen(here, order(f"{cluster}.0", stream=Stream.STDERR))[0] == b"bad\n"
    (here.directory / "go").touch()
    here.ended(cluster)
    text, value = seen(here, order(f"{cluster}.0"))
    assert (text, value.document().state) == (b"one\ntwo\nthree\n", State.COMPLETED)
    assert value.document().path == str(here.directory / f"job.sh.out.{cluster}.0")


def test_following_goes_through_hold_and_release_to_the_end(here: Here) -> None:
    """The moments are those at which the follower sleeps: nothing waits for a clock."""
    here.script(
        'echo "run $(cat runs 2>/dev/null)"; echo x >> runs; : > began;'
        " while [ ! -e go ]; do sleep 0.05; done; echo end; exit 3"
    )
    cluster = here.submit("job.sh")
    job = f"{cluster}.0"
    told: list[str] = []
    shown: list[bytes] = []

    until((here.directory / "began").exists)

    def hold() -> None:
        assert here.act(Act.HOLD, job) == 1
        here.reach(job, State.HELD)
        (here.directory / "began").unlink()

    def release() -> None:
        here.act(Act.RELEASE, job)
        until((here.directory / "began").exists)

    def finish() -> None:
        if b"".join(shown).count(b"run") == 2:
            (here.directory / "go").touch()
            here.ended(cluster)

    steps = [hold]

    def sleep(_: float) -> None:
        if steps:
            steps.pop(0)()
        elif told and "on hold" in told[-1]:
            release()
        else:
            finish()

    result = follow(
        here.session(), order(job), shown.append, Clock(sleep=sleep, progress=told.append)
    )
    assert told[0].startswith(f"here@laptop:{job} is on hold (")
    assert told[0].endswith("); waiting until it is released")
    assert b"".join(shown) == b"run \nrun x\nend\n"
    assert (result.exit_code, result.problems[0].message) == (
        60,
        f"here@laptop:{job} ended with exit code 3",
    )
