"""HTCondor's own words on the pool: -retry, -attr, -require, -rank, -append, -disk, -maxrun, -notify."""

import pytest

from tests.pool.shell import IDLE, Shell

pytestmark = [pytest.mark.condor]

FAILS = 'echo x >>"runs.$1"; case $(wc -l <"runs.$1") in 1) exit 3 ;; 2) kill -KILL $$ ;; esac'


@pytest.mark.sid
def test_a_job_that_failed_is_started_again(user: Shell) -> None:
    """After an exit code and after a signal, and no more often than was said; a success is not."""
    user.script("job.sh", FAILS)
    cluster = user.submit("job.sh", "-argu", "%{ProcId}", "-retry", "2")
    few = user.submit("job.sh", "-argu", "few", "-retry", "1")
    some = user.submit("job.sh", "-argu", "some", "-retry", "2:4,5")
    assert user.ended(cluster)[0]["ExitCode"] == 0
    assert user.text("runs.0") == "x\n" * 3
    assert user.ended(few)[0]["ExitBySignal"] is True
    assert user.text("runs.few") == "x\n" * 2
    assert user.ended(some)[0]["ExitCode"] == 3
    assert user.text("runs.some") == "x\n"


@pytest.mark.sid
def test_what_is_said_to_htcondor_stands_in_the_ad(user: Shell) -> None:
    """As condor_submit would have written it."""
    user.script("job.sh", "true")
    words = (
        *("-attr", "+WantFlocking = true", "-attr", 'Kind="a b"', "-require", "TARGET.Memory > 1"),
        *(
            "-rank",
            "Memory",
            "-append",
            "Concurrency_Limits = lic:2",
            "-disk",
            "2GB",
            "-notify",
            "error",
        ),
    )
    ad = user.ad(user.submit("job.sh", *words, *IDLE))
    assert (ad["WantFlocking"], ad["Kind"]) == (True, "a b")
    assert "(TARGET.Memory > 1)" in str(ad["Requirements"])
    assert ("Memory" in str(ad["Rank"]), ad["ConcurrencyLimits"]) == (True, "lic:2")
    assert (ad["RequestDisk"], ad["JobNotification"]) == (2 * 2**20, 3)


def test_htcondor_reads_the_expressions_before_anything_is_submitted(user: Shell) -> None:
    """Exit code 2, and the queue is empty."""
    user.script("job.sh", "true")
    for words in (
        ("-require", "a ("),
        ("-rank", "1 +"),
        ("-attr", "A=]"),
        ("-append", "periodic_remove = ("),
    ):
        assert "HTCondor cannot read" in user.refused(2, "job.sh", *words)
    assert user.counts("-u")["jobs"] == 0


def test_so_many_jobs_are_there_at_a_time(user: Shell) -> None:
    """The schedd makes the others when these have ended; hep_q counts all of them."""
    user.script("job.sh", "true")
    cluster = user.submit("job.sh", "-n", "5", "-maxrun", "2", *IDLE)
    user.pool.wait_for(lambda: len(user.pool.jobs(attributes=["ProcId"])) == 2, 30, "two jobs")
    assert user.counts("-i", str(cluster))["jobs"] == 5
    ready = user.submit("job.sh", "-n", "5", "-maxrun", "2")
    assert [ad["ExitCode"] for ad in user.ended(ready, 5)] == [0] * 5
