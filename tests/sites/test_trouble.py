"""The way to a remote site fails while jobs are on it: nothing is lost, nothing runs twice."""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import pytest

from tests.sites.away import TIMEOUT, Away
from tests.testbed.process import TestbedError

pytestmark = [pytest.mark.condor]

CUT_S = 15
JOBS = 4
JOB = 'cat in.txt; sleep 12; printf "out of %s" "$1" >out.txt'
LINE = (
    *("-in", "herd:raw/in=in.txt", "-out", "out.txt=herd:out/out_%{ProcId}.txt"),
    *("-argu", "%{ProcId}", "-n", str(JOBS)),
    *("-env", "HEPSUB_PATIENCE_S=60"),  # the store is behind the same cable
)


@dataclass(frozen=True)
class Sent:
    """Jobs that were sent to the far site."""

    cluster: int
    uuid: str


def send(away: Away, site: str) -> Sent:
    """Submit jobs of twelve seconds that read and leave something behind."""
    away.desk.put("in", "input\n")
    away.desk.shell.script("job.sh", JOB)
    submitted = away.submit("job.sh", "-site", site, *LINE)
    return Sent(submitted["cluster"], submitted["uuid"])


def check_outputs(away: Away, sent: Sent, logs: Collection[int] = range(JOBS)) -> None:
    """Each job ended well, and has left its output; and these their logs."""
    shell, cluster = away.desk.shell, sent.cluster
    away.until(
        lambda: all((shell.work / f"job.sh.out.{cluster}.{p}").exists() for p in logs), "the logs"
    )
    assert away.desk.stored() == {f"out_{proc}.txt" for proc in range(JOBS)}
    for proc in range(JOBS):
        assert away.desk.text(f"out_{proc}.txt") == f"out of {proc}"
    for proc in logs:
        assert shell.text(f"job.sh.out.{cluster}.{proc}") == "input\n"


def check_ended_once(away: Away, sent: Sent) -> None:
    """As `check_outputs`; and each was started once over there."""
    check_outputs(away, sent)
    starts = Counter[str]()
    mine = f'HepSub_UUID == "{sent.uuid}"'
    for ad in away.site.jobs_ever(mine):
        starts[ad["Arguments"]] += ad.get("NumJobStarts", 0)
    assert sorted(starts.values()) == [1] * JOBS, starts


def fetched(away: Away) -> bool:
    """One round of hep_auth renew; whether the far schedd answers, and has no jobs any more."""
    away.renew()
    try:
        return not away.site.jobs()
    except TestbedError:
        return False


def test_the_cable_is_cut_while_jobs_run_behind_the_element(away: Away) -> None:
    """Home waits, the site goes on; then outputs and logs come home, once."""
    sent = send(away, "element")
    away.wait_for(sent.cluster, "JobStatus == 2")
    away.site.cut()
    time.sleep(CUT_S)
    away.site.mend()
    ads = away.desk.shell.ended(sent.cluster, JOBS, timeout=TIMEOUT)
    assert [ad["ExitCode"] for ad in ads] == [0] * JOBS
    check_ended_once(away, sent)


def test_the_cable_is_cut_while_another_schedd_has_the_jobs(away: Away) -> None:
    """The jobs go on; what they left is fetched when the site answers again, and said until then."""
    sent = send(away, "schedd")
    away.until(lambda: away.site.jobs("JobStatus == 2"), "running jobs")
    away.site.cut()
    time.sleep(CUT_S)
    said = away.desk.shell("hep_auth", "renew", env=away.environment)
    away.site.mend()
    assert "qingdao" in said.stdout + said.stderr
    away.until(lambda: len(away.site.jobs("JobStatus == 4")) == JOBS, "the jobs' end")
    away.until(lambda: fetched(away), "the jobs to be fetched")
    check_ended_once(away, sent)


@pytest.mark.parametrize("when", ["JobStatus == 1", "GridJobId isnt undefined", "JobStatus == 2"])
def test_the_grid_manager_dies(away: Away, when: str) -> None:
    """Whatever it was about to do, the next one finds each job, and starts none a second time."""
    sent = send(away, "element")
    away.wait_for(sent.cluster, when)
    sandbox = away.desk.shell.pool.sandbox
    sandbox.run(["pkill", "-KILL", "condor_gridmana"], check=False)
    ads = away.desk.shell.ended(sent.cluster, JOBS, timeout=TIMEOUT)
    assert [ad["ExitCode"] for ad in ads] == [0] * JOBS
    check_ended_once(away, sent)


def test_the_schedd_over_there_dies(away: Away) -> None:
    """It is started again, with its queue, and runs those once more that it lost sight of.

    Of a job that ends at that moment it may have lost the files, too (seen: 25.14.1). Here it has lost
    those of one in any case: it keeps nobody else's, and is named.
    """
    sent = send(away, "schedd")
    site, number = away.site, f"ClusterId == {sent.cluster}"
    away.until(lambda: len(site.jobs("JobStatus == 2")) == JOBS, "running jobs")
    site.kill_schedd("schedd01")
    site.start_schedd("schedd01")
    away.until(lambda: len(site.jobs(f"{number} && JobStatus == 4")) == JOBS, "the jobs' end")
    returned = {ad["ProcId"]: f"{ad['Iwd']}/home.{ad['ProcId']}" for ad in site.jobs(number)}
    site.run(["rm", "-rf", returned[1]])
    lost = [proc for proc, files in returned.items() if not site.sandbox.path(files).exists()]
    said = away.desk.shell("hep_auth", "renew", env=away.environment)
    notes = said.stdout + said.stderr
    away.until(lambda: len(site.jobs(number)) == len(lost), "those that were fetched to leave")
    assert sorted(ad["ProcId"] for ad in site.jobs(number)) == sorted(lost)
    assert all(f"{sent.cluster}.{proc}: the schedd " in notes for proc in lost)
    check_outputs(away, sent, returned.keys() - lost)
    away.desk.shell.ok("hep_rm", f"{site.schedds[0]}:{sent.cluster}", env=away.environment)
    away.until(lambda: not site.jobs(number), "the rest to be removed")


def test_a_token_that_ends_before_the_site_has_taken_the_jobs_is_renewed(away: Away) -> None:
    """They wait, and go on by themselves when hep_auth renew has put the next token into the bundle."""
    away.renew_token(-60)
    away.desk.put("in", "input\n")
    away.desk.shell.script("job.sh", JOB)
    refused = away.desk.shell("hep_sub", "job.sh", "-site", "element", *LINE, env=away.environment)
    assert refused.returncode != 0
    away.renew_token(45)
    away.site.cut()
    sent = send(away, "element")
    time.sleep(45)
    away.site.mend()
    away.wait_for(sent.cluster, "GridResourceUnavailableTime isnt undefined && JobStatus == 1")
    away.renew_token()
    away.renew()
    away.desk.shell.ended(sent.cluster, JOBS, timeout=TIMEOUT)
    check_ended_once(away, sent)
