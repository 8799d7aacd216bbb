"""hep_sub status on the pool: how jobs ended, from the schedd's history and from what is kept of it."""

import json

import pytest

from tests.pool.shell import END, Shell

pytestmark = [pytest.mark.condor]

_SCRIPT = """\
case $1 in
0) sleep 2;;
1) echo "no such histogram" >&2; exit 3;;
2) kill -9 $$;;
*) sleep 600;;
esac
"""


def test_the_history_without_ids_when_the_schedd_has_forgotten(user: Shell) -> None:
    """What was seen to end, and what nobody saw but what reported home; the latest first, no more than asked."""
    user.script("job.sh", "true")
    seen = user.submit("job.sh")
    user.ended(seen)
    user.ok("hep_sub", "status", str(seen))
    unseen = user.submit("job.sh", "-in", user.work / "job.sh")
    user.ended(unseen)
    user.pool.forget_history()
    for words, ids in (((), [unseen, seen]), (("-n", "1"), [unseen])):
        jobs = json.loads(user.ok("hep_history", *words, "-json"))["result"]["jobs"]
        assert [job["id"] for job in jobs] == [f"{each}.0" for each in ids]


def test_a_cluster_from_its_queue_to_the_morning_after(user: Shell) -> None:
    """Counts, reasons with the last line of stderr, one word; all of it also from what is kept alone."""
    user.script("job.sh", _SCRIPT)
    cluster = user.submit("job.sh", "-argu", "%{ProcId}", "-n", "4", "-mem", "64")
    which = f"ClusterId == {cluster}"
    user.pool.wait_for(lambda: len(user.pool.history(which)) == 3, END, "the end of three jobs")
    user.wait_for_state(2, cluster)
    (row,) = json.loads(user.ok("hep_sub", "status", "-json"))["result"]["clusters"]
    counts = {
        name: row[name] for name in ("jobs", "done", "failed", "running", "idle", "held", "unknown")
    }
    assert counts == {
        "jobs": 4,
        "done": 1,
        "failed": 2,
        "running": 1,
        "idle": 0,
        "held": 0,
        "unknown": 0,
    }
    assert row["next"] == f"hep_sub status {cluster}"
    states = {
        proc: user.ok("hep_sub", "status", f"{cluster}.{proc}", "-state").strip()
        for proc in range(4)
    }
    assert states == {0: "success", 1: "failed", 2: "failed", 3: "running"}
    user.ok("hep_rm", f"{cluster}.3")
    user.ended(cluster, 4)
    told = user.ok("hep_sub", "status", str(cluster))
    assert f"failed, exit code 3 (1 job(s)): {cluster}.1" in told
    assert f"job.sh.err.{cluster}.1:\n    | no such histogram" in told
    assert f"failed, signal 9, SIGKILL (1 job(s)): {cluster}.2" in told
    assert "asked for 64 MB" in told
    assert "removed" in told
    watched = user("hep_sub", "status", "-watch", str(cluster))
    assert watched.returncode == 60
    assert (
        f"{cluster} (job.sh): 1 done, 2 failed, 1 removed, 0 running, 0 held, 0 idle"
        in watched.stdout
    )
