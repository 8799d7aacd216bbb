"""A store that is away for an hour, in seconds: `date` and `sleep` of the job's machine keep a clock of their own."""

import pytest

from tests.worker.job import Job
from tests.worker.store import Store

BEGIN_MS = 1_800_000_000_000
DATE = """#!/bin/sh
read -r ms <{clock}
case "$*" in
    +%s) echo $((ms / 1000)) ;;
    *-d*) exec /usr/bin/date "$@" ;;
    *) exec /usr/bin/date -d @$((ms / 1000)) "$@" ;;
esac
"""
SLEEP = """#!/bin/sh
read -r ms <{clock}
echo "$1" >>{log}
whole=${{1%%.*}} fraction=000
case $1 in *.*) fraction=${{1#*.}}00 ;; esac
fraction=1$(printf %.3s "$fraction")
echo $((ms + whole * 1000 + fraction - 1000)) >{clock}.new && mv {clock}.new {clock}
"""


class Clock:
    """The clock of a job's machine, which passes as fast as the job sleeps."""

    def __init__(self, job: Job) -> None:
        self.file = job.directory.parent / "clock"
        self.log = job.directory.parent / "slept"
        self.file.write_text(f"{BEGIN_MS}\n")
        self.log.touch()
        programs = job.directory.parent / "programs"
        programs.mkdir()
        for program in job.path.iterdir():
            (programs / program.name).symlink_to(program)
        for name, text in (("date", DATE), ("sleep", SLEEP)):
            (programs / name).unlink()
            (programs / name).write_text(text.format(clock=self.file, log=self.log))
            (programs / name).chmod(0o755)
        job.path = programs

    def passed(self) -> float:
        """How long it has been, in seconds."""
        return (int(self.file.read_text()) - BEGIN_MS) / 1000

    def pauses(self) -> list[float]:
        """The pauses between two tries, in seconds."""
        return [float(each) for each in self.log.read_text().split() if len(each) > 3]


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """Give each shell but busybox's, whose programs are part of it."""
    name: str = request.param
    return name


@pytest.fixture
def hour_job(job: Job, store: Store) -> Job:
    """Give a job with two outputs and the wrapper's own times."""
    job.payload("printf 123456 >one; printf two >two")
    job.env["HEPSUB_PAUSE_MS"] = "1000"
    for name in ("one", "two"):
        job.add("output", name, "-", store.url(f"/b/{name}"))
    job.add("marker", store.url("/b/.done"))
    return job


@pytest.fixture
def clock(hour_job: Job) -> Clock:
    """Give the clock of the job's machine."""
    return Clock(hour_job)


def check_pauses(pauses: list[float]) -> None:
    """Each is twice as long as the one before, up to a minute, give or take a half."""
    for number, pause in enumerate(pauses):
        expected = min(2.0**number, 60)
        assert expected / 2 <= pause < expected * 1.5, (number, pauses)


def test_an_hour_is_longer_than_the_patience(hour_job: Job, store: Store, clock: Clock) -> None:
    """A quarter of an hour for the first output, two tries for the next: then the node is free, all is at home."""
    store.is_away = lambda: clock.passed() < 3600
    ended = hour_job.run()
    assert (ended.code, set(ended.outputs().values())) == (85, {"home"})
    assert [line[0] for line in ended.pending()] == ["outputs/one", "outputs/two", "report.json"]
    *first, last = clock.pauses()
    check_pauses(first)
    assert last < 1.5
    assert 900 <= sum(first) < 900 + 90
    assert [store.count("PUT", f"/b/{name}") for name in ("one", "two")] == [len(first) + 1, 2]


def test_ten_minutes_are_waited_for(hour_job: Job, store: Store, clock: Clock) -> None:
    """The store comes back in time: everything is in its place, with the marker last."""
    store.is_away = lambda: clock.passed() < 600
    ended = hour_job.run()
    assert (ended.code, set(ended.outputs().values())) == (0, {"uploaded"})
    assert store.order()[-2:] == ["/b/two", "/b/.done"]
    check_pauses(clock.pauses())
    assert 600 <= clock.passed() < 600 + 95


def test_what_may_not_come_home_waits_for_an_hour(
    hour_job: Job, store: Store, clock: Clock
) -> None:
    """There is no other place for it: it is tried until the store is back."""
    hour_job.add("homelimit", "5")
    store.is_away = lambda: clock.passed() < 3600
    ended = hour_job.run()
    assert (ended.code, ended.outputs()) == (0, {"one": "uploaded", "two": "uploaded"})
    check_pauses(clock.pauses())
    assert 3600 <= clock.passed() < 3600 + 95
