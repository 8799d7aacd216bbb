"""How jobs end on a real Slurm, and what is told of it when Slurm has forgotten them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.slurm.commands import does, ended, states, submitted, wait_for
from tests.testbed.login import LoginNode
from tests.testbed.slurm import NODE, Slurm

RUNS = """\
#!/bin/sh
echo "run $SLURM_RESTART_COUNT" >> "$HOME/runs"
[ "$SLURM_RESTART_COUNT" ] || sleep 900
"""
WAITING = """\
#!/bin/sh
[ "$1" = release ] && touch "$HOME/asked" && while [ ! -e "$HOME/go" ]; do sleep 0.1; done
exec /usr/bin/scontrol "$@"
"""


@pytest.fixture
def forgetful(slurm: Slurm) -> Iterator[Slurm]:
    """Give a Slurm that forgets jobs two seconds after their end."""
    slurm.configure(memory_s=2)
    slurm.run(["scontrol", "reconfigure"])
    yield slurm
    slurm.configure()
    slurm.run(["scontrol", "reconfigure"])


def forgotten(slurm: Slurm) -> bool:
    """Whether Slurm remembers nothing."""
    return not slurm.run(["squeue", "-h", "-t", "all", "-a"]).stdout.strip()


def test_what_was_removed_is_told_when_slurm_has_forgotten_it(
    alice: LoginNode, forgetful: Slurm
) -> None:
    """Also what never ran; and what its user has cancelled without hepsub, as far as it ran."""
    cluster = submitted(alice, "-n", "12", "long.sh")
    wait_for(lambda: states(alice, cluster).count("R") == 8, "eight run")
    assert does(alice, "hep_rm", str(cluster)) == f"{cluster}: 12 job(s) removed\n"
    by_hand = submitted(alice, "long.sh")
    wait_for(lambda: states(alice, by_hand) == "R", "it runs")
    wait_for(lambda: does(alice, "hep_tail", f"{by_hand}.0") == "begun\n", "its program has begun")
    does(alice, "scancel", str(by_hand))
    wait_for(lambda: forgotten(forgetful), "it has forgotten")
    jobs = ended(alice, cluster)
    assert [(job["state"], job["remove_reason"]) for job in jobs] == [("X", "by hep_rm")] * 12
    (job,) = ended(alice, by_hand)
    assert (job["state"], job["remove_reason"]) == ("X", "cancelled")


def test_an_array_that_was_cancelled_without_hepsub_is_told_job_by_job(
    alice: LoginNode, slurm: Slurm
) -> None:
    """Those that ran, and the rest, which Slurm shows as one job that is none of them."""
    cluster = submitted(alice, "-n", "12", "long.sh")
    wait_for(lambda: states(alice, cluster).count("R") == 8, "eight run")
    does(alice, "scancel", str(cluster))
    wait_for(lambda: states(alice, cluster) == "", "they have left")
    jobs = ended(alice, cluster)
    assert [(job["proc"], job["state"]) for job in jobs] == [(proc, "X") for proc in range(12)]
    removed = submitted(alice, "-n", "12", "long.sh")
    does(alice, "hep_rm", str(removed))
    wait_for(lambda: states(alice, removed) == "", "they have left")
    assert [(job["proc"], job["state"]) for job in ended(alice, removed)] == [
        (proc, "X") for proc in range(12)
    ]


@pytest.mark.parametrize("name", ["closed/x.%{Index}", "closed/x"])
def test_a_log_that_cannot_be_written_is_told(alice: LoginNode, slurm: Slurm, name: str) -> None:
    """Whether hepsub's script opens it, or Slurm."""
    closed = alice.account.work / "closed"
    does(alice, "mkdir", "closed")
    slurm.run([*NODE, "state=drain", "reason=test"])
    try:
        cluster = submitted(alice, "-o", name, "-e", name, "show.sh", "-argu", "0")
        closed.chmod(0o555)
        alice.sandbox.run(["chown", "root:", closed])
    finally:
        slurm.run([*NODE, "state=resume"])
    waited = alice.run(["hep_wait", str(cluster), "-timeout", "60"])
    assert waited.returncode == 60, waited.stderr
    assert f"its node cannot write its logs in {closed}" in waited.stderr + waited.stdout
    (job,) = ended(alice, cluster)
    assert job["exit_code"] == (73 if "Index" in name else None)
    assert f"cannot write its logs in {closed}" in str(job["remove_reason"])


def test_a_job_whose_node_fails_runs_again_and_ends_once(alice: LoginNode, slurm: Slurm) -> None:
    alice.account.write("runs.sh", RUNS, mode=0o755)
    runs = alice.account.home / "runs"
    cluster = submitted(alice, "runs.sh")
    wait_for(runs.exists, "it runs")
    slurm.fail_node()
    try:
        wait_for(lambda: states(alice, cluster) == "I", "it waits again")
        why = ("hep_q", "-i", str(cluster), "-why")
        wait_for(lambda: "idle: it was requeued" in does(alice, *why), "Slurm's reason in words")
        assert '"jobs": []' in does(alice, "hep_history", str(cluster), "-json")
    finally:
        slurm.start_node()
    slurm.run(["scontrol", "update", f"jobid={cluster}_0", "starttime=now"])
    assert alice.run(["hep_wait", str(cluster), "-timeout", "2min"]).returncode == 0
    assert runs.read_text() == "run \nrun 1\n"
    (job,) = ended(alice, cluster)
    assert (job["state"], job["exit_code"]) == ("C", 0)


@pytest.mark.parametrize("state_lost", [False, True])
def test_a_controller_that_is_killed_before_the_release(
    alice: LoginNode, slurm: Slurm, *, state_lost: bool
) -> None:
    """The jobs are released by the next hep_sub; where Slurm has lost them, they are never submitted again by a key."""
    counting = alice.account.write("waiting/scontrol", WAITING, mode=0o755).parent
    home = alice.account.home
    key = f"lost-{state_lost}"  # Slurm knows the jobs of the other test yet
    words = ("hep_sub", "-once", key, "show.sh", "-argu", "0")
    environment = {"PATH": f"{counting}:/opt/hepsub/bin:/usr/bin:/bin"}
    with subprocess.Popen(
        alice.command(words, env=environment), stderr=subprocess.PIPE, text=True
    ) as submission:
        wait_for((home / "asked").exists, "it is submitted")
        # What slurmctld has not written yet, it loses.
        time.sleep(0 if state_lost else 10)
        slurm.kill_controller()
        (home / "go").touch()
        _, first = submission.communicate(timeout=120)
    slurm.start_controller(fresh=state_lost)
    again = alice.run(words)
    assert again.returncode == 0, (first, again)
    assert "submitted before" in again.stderr, again
    (cluster,) = {int(line.split()[-1]) for line in again.stdout.splitlines()}
    if state_lost:
        assert does(alice, "squeue", "-h", "-a", "-t", "all") == ""
    else:
        assert alice.run(["hep_wait", str(cluster), "-timeout", "60"]).returncode == 0
        marks = does(alice, "squeue", "-h", "-a", "-t", "all", "-o", "%k").splitlines()
        assert sum(mark.endswith(f":{key}") for mark in marks) == 1
