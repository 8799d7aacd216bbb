"""hep_sub -resubmit and hep_wait on the real pool: the ads, the jobs' own view, kill -9 in the middle."""

import json
import re
import signal
from typing import Any

import pytest

from tests.pool.shell import IDLE, SUBMITTED, Shell
from tests.pool.test_once import clusters, spoilt
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

_HELD = 5
_FAILS = (
    'echo "$1 $2 $3 $_CONDOR_IHEP_JOB_ID $FLAVOUR" > "ran.$1.$4"; [ -e good ] || exit $(($1 % 2))'
)


def test_failed_jobs_run_again_under_their_own_names(user: Shell, pool: Pool) -> None:
    """ProcId, Index, item and the variable; a client that is killed in the middle leaves exactly one successor."""
    user.script("job.sh", _FAILS)
    user.account.write("runs.txt", "a$b\nc 'd'\ne\nf\n")
    words = (
        "job.sh",
        "-list",
        "runs.txt",
        "-first",
        "7",
        "-o",
        "log/",
        "-e",
        "log/",
        "-mem",
        "200",
    )
    arguments = ("-argu", "%{ProcId}", "%{Index}", "%{ClusterId}", "1")
    cluster = user.submit(*words, *arguments, env={"FLAVOUR": "two words"})
    waited = user("hep_wait", str(cluster))
    assert waited.returncode == 60, waited.stderr
    assert (
        f"{cluster}.1 ended with exit code 1 (stderr: {user.work}/log/job.sh.err.{cluster}.1)"
        in (waited.stderr)
    )
    assert waited.stdout == "2 of 4 job(s) ended with exit code 0\n"
    assert [ad["ExitCode"] for ad in user.ended(cluster, 4)] == [0, 1, 0, 1]
    user.account.write("good", "")
    done = spoilt(user, "killed", "-resubmit", str(cluster), "-failed", "-mem", "300")
    assert done.returncode == -signal.SIGKILL, done.stderr
    refused = user.refused(53, "-resubmit", str(cluster), "-failed")
    assert "nothing was submitted" in refused
    assert user.ok("hep_wait", str(cluster)).startswith("4 of 4 job(s) ended with exit code 0")
    again = max(ad["ClusterId"] for ad in pool.history("true", ["ClusterId"]))
    assert again > cluster
    ads = user.ended(again, 2)
    assert [ad["HepSub_Again"] for ad in ads] == [f"{cluster}.1", f"{cluster}.3"]
    assert {ad["RequestMemory"] for ad in ads} == {300}
    assert user.text("ran.1.1") == f"1 8 {cluster} {cluster}.1 two words\n"
    assert user.text("ran.3.1") == f"3 10 {cluster} {cluster}.3 two words\n"
    assert (user.work / f"log/job.sh.err.{again}.3").exists()
    assert "4 ended with exit code 0" in user.refused(53, "-resubmit", str(cluster))
    followed(user, cluster, again)


def clusters_of(user: Shell, *ids: str) -> list[dict[str, Any]]:
    """What hep_sub status tells."""
    found: list[dict[str, Any]] = json.loads(user.ok("hep_sub", "status", "-json", *ids))["result"][
        "clusters"
    ]
    return found


def followed(user: Shell, cluster: int, again: int) -> None:
    """Whoever asks for the first number is told of the latest run."""
    for job in (f"{cluster}.1", f"{cluster}.0", str(cluster), f"{again}.1"):
        assert user.ok("hep_sub", "status", "-state", job) == "success\n"
    [full] = clusters_of(user, str(cluster))
    assert (full["jobs"], full["done"], full["failed"]) == (4, 4, 0)
    rows = {each["cluster"]: each for each in clusters_of(user)}
    assert (rows[cluster]["done"], rows[cluster]["resubmitted"], rows[cluster]["next"]) == (
        2,
        2,
        None,
    )
    assert rows[again]["done"] == 2
    why = user.ok("hep_q", "-i", f"{cluster}.3", "-why")
    assert why.startswith(f"{again}.1 (C): it ended with exit code 0")
    told = user("hep_tail", f"{cluster}.3")
    assert f"{cluster}.3 was run again: this is of {again}.1" in told.stderr
    past = user.document("hep_history", str(cluster))["result"]
    assert sorted(each["id"] for each in past["jobs"]) == [
        *(f"{cluster}.{proc}" for proc in range(4)),
        f"{again}.0",
        f"{again}.1",
    ]
    assert [(each["id"], each["jobs"], each["done"]) for each in past["summary"]] == [
        (str(cluster), 4, 4)
    ]
    assert user("hep_history", "99999").returncode == 51


@pytest.mark.parametrize("how", ["killed-before", "interrupted-before"])
def test_what_was_removed_from_hold_runs_again_all_the_same(
    user: Shell, pool: Pool, how: str
) -> None:
    """The client ends between the removal and the submission: nothing is lost, and what was done is told."""
    user.script("job.sh", "true")
    cluster = user.submit("job.sh", "-n", "2", *IDLE)
    user.ok("hep_hold", str(cluster))
    user.wait_for_state(_HELD, cluster, 2)
    done = spoilt(user, how, "-resubmit", str(cluster), "-only", "0,1")
    if how == "killed-before":
        assert done.returncode == -signal.SIGKILL, done.stderr
    else:
        assert done.returncode == 130
        assert (
            f"jobs on hold were removed before that, so that they can run again: {cluster}.0-1"
            in (done.stderr)
        )
        assert f"hep_sub -resubmit {cluster} -only 0-1 runs them again" in done.stderr
    found = SUBMITTED.fullmatch(user.ok("hep_sub", "-resubmit", str(cluster), "-only", "0,1"))
    assert found
    assert clusters(pool) == [int(found[2])] * 2
    user.ok("hep_rm", "-a")


def test_a_job_on_hold_is_removed_and_one_that_waits_is_not(user: Shell, pool: Pool) -> None:
    user.script("job.sh", "true")
    cluster = user.submit("job.sh", "-n", "2", *IDLE)
    user.ok("hep_hold", f"{cluster}.1")
    user.wait_for_state(_HELD, cluster)
    assert f"{cluster}.0 is idle" in user.refused(53, "-resubmit", f"{cluster}.0-1")
    shown = user.ok("hep_sub", "-resubmit", str(cluster), "-dry-run")
    assert "HEPAGAIN" in shown
    assert clusters(pool) == [cluster] * 2
    done = user("hep_sub", "-resubmit", str(cluster), "-prio", "3")
    found = SUBMITTED.fullmatch(done.stdout)
    assert found, done.stderr
    assert re.search(rf"{cluster}\.1, on hold until now, are removed", done.stderr)
    assert clusters(pool) == [cluster, int(found[2])]
    ad = user.ad(int(found[2]))
    assert (ad["JobPrio"], ad["HepSub_Again"]) == (3, f"{cluster}.1")
    timed = user("hep_wait", "-timeout", "1", str(cluster))
    assert timed.returncode == 61
    assert "2 of 2 job(s)" in timed.stderr
    user.ok("hep_rm", "-a")
