"""What HTCondor enforces when a job does more than it was submitted for."""

import re

import pytest

from tests.pool.shell import PYTHON, Shell, next_command

pytestmark = [pytest.mark.condor]


FAT = """
import os, time
block = bytearray(120 << 20)
second_time = os.path.exists("started")
open("started", "w").close()
time.sleep(0 if second_time else 600)
"""


def test_walltime_and_memory_are_enforced_and_explained(user: Shell) -> None:
    """Held 3/72 for walltime, 3/34 for memory, with a next command that works; a job within both goes on."""
    user.script("slow.sh", "sleep 600")
    user.script("fat.py", FAT, shell=PYTHON)
    slow = user.submit("slow.sh", "-wt", "3s", "-n", "2")
    fat = user.submit("fat.py", "-mem", "30")
    good = user.submit("slow.sh", "-wt", "test")
    user.wait_for_state(5, slow, 2)
    user.wait_for_state(5, fat)
    codes = {
        (ad["ClusterId"], ad["HoldReasonCode"], ad["HoldReasonSubCode"])
        for ad in user.pool.jobs("JobStatus == 5")
    }
    assert codes == {(slow, 3, 72), (fat, 3, 34)}
    assert user.states("-i", str(good)) == {f"{good}.0": "R"}
    held = user.ok("hep_q", "-hold")
    assert held.count("walltime limit reached (code 3/72)") == 2
    assert held.count("(code 3/34)") == 1
    why = user.ok("hep_q", "-hold", "-why")
    assert f"{slow}.0, {slow}.1 (H): it ran longer than its walltime" in why
    assert "of 3 s" in why, "the limit is said in a unit that fits"
    assert re.search(rf"{fat}\.0 \(H\): .* it used 1\d\d MB, but had asked for 30 MB", why)
    assert why.count("    next: ") == 2
    user.ok("sh", "-c", next_command(why[why.index(f"{fat}.0 (H)") :]))
    ended = user.ended(fat)[0]
    assert (ended["ExitCode"], ended["RequestMemory"] > 120) == (0, True)


def test_a_policy_may_leave_the_limits_to_the_pool(user: Shell) -> None:
    """enforce_walltime = false: hepsub puts no rule of its own into the ad."""
    user.policy.write_text("[limits]\nenforce_walltime = false\nenforce_memory = false\n")
    user.script("job.sh", "sleep 600")
    ad = user.ad(user.submit("job.sh", "-wt", "1s"))
    assert ad.get("PeriodicHold", False) is False
    assert ad["HepSub_WalltimeLimit"] == 1


def test_each_limit_may_be_enforced_alone(user: Shell) -> None:
    """With one of the two switched off, the other holds the job with its own reason and code."""
    user.policy.write_text("[limits]\nenforce_memory = false\n")
    user.script("job.sh", "sleep 600")
    cluster = user.submit("job.sh", "-wt", "1s", "-mem", "1")
    user.wait_for_state(5, cluster)
    ad = user.ad(cluster)
    assert (ad["HoldReasonCode"], ad["HoldReasonSubCode"]) == (3, 72)
    assert ad["HoldReason"] == "walltime limit reached"
