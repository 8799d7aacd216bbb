"""The end of a payload that does not end by itself: walltime and signals; its outputs are saved."""

import signal
import subprocess
import time

import pytest

from tests.worker.job import Job, died_of, wait_for
from tests.worker.store import Store

FAMILY = """
printf partial >out
{ignore}
(sleep 1000 & sleep 1001; :) &
setsid sleep 0 &
: >ready
sleep 1002 &
wait
wait
"""


def prepare(job: Job, store: Store, ignore: str = "") -> None:
    """A payload with grandchildren and an output."""
    job.payload(FAMILY.format(ignore=ignore))
    job.add("output", "out", "-", store.url("/b/out"))
    job.add("marker", store.url("/b/.done"))


def test_the_walltime_ends_the_payload_and_its_family_and_saves_outputs(
    job: Job, store: Store
) -> None:
    prepare(job, store)
    job.add("walltime", "60", "59")
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (86, 86)
    assert ended.report["payload"]["signal"] == signal.SIGTERM
    assert store.objects == {"/b/out": b"partial"}, "and no marker"
    assert ended.seconds < 8
    assert "-wt" in ended.stderr


def test_a_payload_that_ends_well_at_the_walltime_is_86_all_the_same(job: Job) -> None:
    job.payload("trap 'exit 0' TERM; sleep 1000 & wait")
    job.add("walltime", "60", "59")
    ended = job.run()
    assert (ended.code, ended.report["payload"]["exit_code"]) == (86, 0)


def test_a_payload_that_ends_before_the_walltime_is_not_delayed(job: Job) -> None:
    job.payload("exit 5")
    job.add("walltime", "6000", "60")
    ended = job.run()
    assert ended.code == 5
    assert ended.seconds < 2


def test_sigterm_ends_the_payload_and_its_family_and_saves_outputs(job: Job, store: Store) -> None:
    prepare(job, store)
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert ended.code == died_of(signal.SIGTERM)
    assert ended.report["payload"]["signal"] == signal.SIGTERM
    assert store.objects == {"/b/out": b"partial"}


def test_a_payload_that_does_not_heed_sigterm_is_killed(job: Job, store: Store) -> None:
    prepare(job, store, ignore="trap '' TERM")
    job.env["HEPSUB_TERM_S"] = "0.5"
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert ended.code == died_of(signal.SIGKILL)
    assert store.objects == {"/b/out": b"partial"}


def test_a_payload_may_end_well_after_sigterm(job: Job, store: Store) -> None:
    job.payload("trap 'printf saved >out; exit 0' TERM; : >ready; while :; do sleep 0.05; done")
    job.add("output", "out", "-", store.url("/b/out"))
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    process.send_signal(signal.SIGTERM)
    assert job.end(process).code == 0
    assert store.objects == {"/b/out": b"saved"}


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "USR2"])
def test_other_signals_are_handed_on(job: Job, name: str) -> None:
    if "busybox" in job.shell[0] and name in {"INT", "QUIT"}:
        pytest.skip("without env --default-signal and python3 a payload ignores them")
    job.payload(f"trap 'echo {name}; exit 9' {name}; : >ready; while :; do sleep 0.05; done")
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    process.send_signal(signal.Signals[f"SIG{name}"])
    ended = job.end(process)
    assert (ended.code, ended.stdout) == (9, f"{name}\n")


def test_a_signal_that_the_payload_survives_changes_nothing(job: Job) -> None:
    job.payload("trap : USR1; : >ready; until test -e go; do sleep 0.05; done; exit 3")
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    for _ in range(5):
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.02)
    (job.directory / "go").touch()
    assert job.end(process).code == 3


def test_sigterm_while_outputs_are_saved_does_not_stop_that(web_job: Job, store: Store) -> None:
    web_job.payload("printf one >one; exit 0")
    web_job.add("output", "one", "-", store.url("/b/one"))
    store.fault("PUT", "/b/one", "slow")
    process = web_job.start()
    wait_for(store.arrived.is_set, "the upload")
    process.send_signal(signal.SIGTERM)
    ended = web_job.end(process)
    assert (ended.code, ended.outputs()) == (0, {"one": "uploaded"})


def test_a_test_in_vain_leaves_nothing_running(job: Job) -> None:
    job.payload("sleep 600 & sleep 600")
    job.timeout = 2
    with pytest.raises(subprocess.TimeoutExpired):
        job.run()
    assert job.processes() == []
