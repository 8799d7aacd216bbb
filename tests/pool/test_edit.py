"""hep_edit on the pool: what jobs ask for instead, of clusters and of factories; and what cannot be changed."""

import pytest

from tests.pool.shell import IDLE, Shell
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

QUIET = ("-o", "/dev/null", "-e", "/dev/null")
MANY = 300
"""More than the test's policy lets be made at once."""


def asked(user: Shell, cluster: int) -> list[object]:
    """What a job asks for."""
    ad = user.ad(cluster)
    return [ad[name] for name in ("RequestMemory", "HepSub_WalltimeLimit", "AcctGroup", "JobPrio")]


def test_each_thing_that_jobs_ask_for(user: Shell) -> None:
    """Old -> new, and the ad has what condor_submit would have written: the class of the accounting group, too."""
    user.script("job.sh", "true")
    cluster = user.submit("job.sh", "-n", "2", "-disk", "1GB", *IDLE)
    said = user.ok(
        "hep_edit", "-np", "2", "-disk", "20GB", "-wt", "test", "-prio", "-3", str(cluster)
    )
    before = user.submit("job.sh", "-np", "2", "-disk", "20GB", "-wt", "test", "-prio", "-3", *IDLE)
    assert said.splitlines() == [
        f"{cluster}: cores 1 -> 2 (2 job(s))",
        f"{cluster}: disk (not known) -> 20480 MB (2 job(s))",
        f"{cluster}: priority 0 -> -3 (2 job(s))",
        f"{cluster}: walltime 10 h -> 5 min (2 job(s))",
    ]
    names = ("RequestCpus", "RequestDisk", "JobPrio", "HepSub_WalltimeLimit", "HepJob_Walltime", "AcctGroup",
        "AccountingGroup", "RequestMemory")  # fmt: skip
    edited, new = user.ad(cluster, 1), user.ad(before)
    assert {name: edited[name] for name in names} == {name: new[name] for name in names}


def test_a_longer_walltime_counts(user: Shell) -> None:
    """A job that was held for its walltime has another one after hep_edit and hep_release, and ends."""
    user.script("job.sh", "[ -e again ] || sleep 600; sleep 12")
    cluster = user.submit("job.sh", "-wt", "10s")
    user.wait_for_state(5, cluster, timeout=90)
    assert user.ad(cluster)["HoldReasonSubCode"] == 72
    (user.work / "again").write_text("")
    assert "walltime 10 s -> 2 h" in user.ok("hep_edit", "-wt", "2h", str(cluster))
    user.ok("hep_release", str(cluster))
    assert user.ended(cluster, timeout=90)[0]["ExitCode"] == 0


def test_what_cannot_be_changed_is_not(user: Shell) -> None:
    """A walltime that the group does not have, one that travels with files, what a running job has."""
    user.script("job.sh", "sleep 600")
    plain, staged = user.submit("job.sh", *IDLE), user.submit("job.sh", "-in", "job.sh", *IDLE)
    before = asked(user, plain), asked(user, staged)
    done = user("hep_edit", "-wt", "90d", "-m", "3000", str(plain))
    assert done.returncode == 29
    done = user("hep_edit", "-wt", "2h", "-m", "3000", str(staged))
    assert done.returncode == 53
    assert (
        "the memory and walltime was not changed: 1 job(s) have files or credentials" in done.stderr
    )
    assert (asked(user, plain), asked(user, staged)) == before
    user.ok("hep_rm", str(staged))
    again = user.submit("-resubmit", str(staged), "-wt", "2h")
    assert user.ad(again)["HepSub_WalltimeLimit"] == 7200
    running = user.submit("job.sh")
    user.wait_for_state(2, running)
    done = user("hep_edit", "-np", "2", str(running))
    assert done.returncode == 53
    assert f"{running}: the cores of a job in state R cannot be changed" in done.stderr
    assert user.ad(running)["RequestCpus"] == 1


def test_a_factory_makes_its_jobs_with_what_was_changed(access_point: Shell, pool: Pool) -> None:
    """Those that exist and those to come: cores, walltime with its class, priority, disk."""
    user = access_point
    user.script("job.sh", "true")
    cluster = user.submit("job.sh", "-n", str(MANY), "-argu", "%{ProcId}", *QUIET, *IDLE)
    said = user.ok(
        "hep_edit", "-np", "2", "-wt", "test", "-prio", "5", "-disk", "2GB", str(cluster)
    )
    assert said.splitlines() == [
        f"{cluster}: cores 1 -> 2 ({MANY} job(s))",
        f"{cluster}: disk (not known) -> 2048 MB ({MANY} job(s))",
        f"{cluster}: priority 0 -> 5 ({MANY} job(s))",
        f"{cluster}: walltime 10 h -> 5 min ({MANY} job(s))",
    ]
    made = {ad["ProcId"] for ad in pool.jobs(attributes=["ProcId"])}
    user.ok("hep_rm", f"{cluster}.0-9")
    later = pool.wait_for(
        lambda: [ad for ad in pool.jobs() if ad["ProcId"] not in made], 60, "jobs made later"
    )
    for ad in (later[0], next(ad for ad in pool.jobs() if ad["ProcId"] in made)):
        assert (ad["RequestCpus"], ad["JobPrio"], ad["RequestDisk"]) == (2, 5, 2 * 2**20)
        assert (ad["HepSub_WalltimeLimit"], ad["HepJob_Walltime"]) == (300, "test")
        assert ad["AccountingGroup"].split(".")[2:] == ["test", ad["AcctGroupUser"]]
