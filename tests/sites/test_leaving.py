"""A site that swallows jobs is left out, and those that it has on hold run at another one, each once."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sites.away import Away
from tests.testbed.remote import RemoteSite
from tests.testbed.sandbox import Sandbox

pytestmark = [pytest.mark.condor]

JOBS = 6
HOOK = "/etc/condor/config.d/99-hook"
BROKEN = """
STARTER_DEFAULT_JOB_HOOK_KEYWORD = SITE
SITE_HOOK_PREPARE_JOB = /bin/false
"""
LINE = ("-out", "out.txt=herd:out/out_%{ProcId}.txt", "-argu", "%{ProcId}", "-n", str(JOBS))


@contextlib.contextmanager
def broken(machines: Sandbox) -> Iterator[None]:
    """Let what a site runs before each job fail: starters read the configuration when they begin."""
    machines.write(HOOK, BROKEN)
    try:
        yield
    finally:
        machines.path(HOOK).unlink()


def test_held_jobs_go_to_the_other_site(
    away: Away, remote_site: RemoteSite, far_glidein: RemoteSite
) -> None:
    """What one of two glidein sites holds ends at the other, once; the next submission goes there, and says why."""
    desk, shell = away.desk, away.desk.shell
    shell.script("job.sh", 'hostname; printf "out of %s" "$1" >out.txt')
    with broken(far_glidein.sandbox):
        first = away.submit("job.sh", "-site", "glidein", *LINE)
        away.until(lambda: len(held(away, first["cluster"])) == JOBS, "jobs on hold")
        sent = away.submit("job.sh", "-rmt", *LINE)
        cluster = sent["cluster"]
        told = away.desk.shell("hep_auth", "renew", env=away.environment)
        said = told.stdout + told.stderr
        assert "of your jobs were held or failed there since" in said, said
        assert "not be" not in said, said
        away.until(lambda: renewed(away, cluster), "all jobs to end")
    ads = shell.ended(cluster, JOBS)
    assert [ad["ExitCode"] for ad in ads] == [0] * JOBS
    assert {ad["MATCH_EXP_HepSub_Site"] for ad in ads} == {"dongguan"}
    assert Counter(ad["NumJobStarts"] for ad in ads) == {1: JOBS}, ads
    assert desk.stored() == {f"out_{proc}.txt" for proc in range(JOBS)}
    assert len(held(away, first["cluster"])) == JOBS
    why = away.submit("job.sh", "-rmt", "-dry-run")["route"]["refused"]["glidein"]
    assert "(what the site runs before each job failed); it is left out until" in why
    named = shell("hep_sub", "job.sh", "-site", "glidein", "-dry-run", env=away.environment)
    assert "but -site names glidein" in named.stdout + named.stderr


def test_elements_and_schedds_are_left_out_too(away: Away) -> None:
    """What they hold for reasons of their own is known at home by its code; the jobs stay where they are."""
    shell = away.desk.shell
    shell.script("job.sh", "true")
    with broken(away.site.sandbox):
        there = away.submit("job.sh", "-site", "schedd", "-n", "3")
        through = away.submit("job.sh", "-site", "element", "-n", "3")["cluster"]
        away.until(lambda: len(held(away, through)) == 3, "jobs on hold")
        away.until(lambda: len(away.site.jobs(far_held(there))) == 3, "jobs on hold")
    away.renew()
    refused = away.submit("job.sh", "-rmt", "-dry-run")["route"]["refused"]
    assert {"element", "schedd"} <= refused.keys()
    for site in ("element", "schedd"):
        assert refused[site].startswith("3 of your jobs were held or failed there since"), refused
    assert len(held(away, through)) == 3
    assert len(away.site.jobs(far_held(there))) == 3


def far_held(sent: dict[str, Any]) -> str:
    """What is true of the jobs of a submission that are on hold at the far schedd."""
    return f'HepSub_UUID == "{sent["uuid"]}" && JobStatus == 5 && HoldReasonCode == 19'


def held(away: Away, cluster: int) -> list[dict[str, object]]:
    """The jobs of a cluster that are on hold."""
    found: list[dict[str, object]] = away.desk.shell.pool.jobs(
        f"ClusterId == {cluster} && JobStatus == 5"
    )
    return found


def renewed(away: Away, cluster: int) -> bool:
    """One round of hep_auth renew; whether all jobs have left the queue then."""
    away.renew()
    return not away.desk.shell.pool.jobs(f"ClusterId == {cluster}")
