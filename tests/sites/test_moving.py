"""Jobs that one computing element holds for reasons of its own run behind another one, each once."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.pool.shell import Shell
from tests.sites.away import TIMEOUT, Away
from tests.testbed.login import LoginNode

pytestmark = [pytest.mark.condor]

JOBS = 3
# The pool's schedd takes grid jobs, too: what comes from it directly was not routed, and starts.
TWO_ELEMENTS = """
[site.direct]
kind = "ce"
grid_resource = "condor {schedd} {collector}"
token = "way"
isolation = "user"
mounts = ["/cvmfs"]

[rule.grid]
kinds = ["ce"]
because = "the test"
"""
HOOK = "/usr/local/bin/hook"
HOOKED = "/etc/condor/config.d/99-hook"
NOT_ROUTED = "#!/bin/sh\n! grep -q ^RoutedJob\n"
CONFIGURATION = f"""
STARTER_DEFAULT_JOB_HOOK_KEYWORD = SITE
SITE_HOOK_PREPARE_JOB = {HOOK}
"""
JOB = 'cat in.txt; printf "out of %s" "$1" >out.txt'
LINE = (
    *("-in", "herd:raw/in=in.txt", "-out", "out.txt=herd:out/out_%{ProcId}.txt"),
    *("-argu", "%{ProcId}", "-n", str(JOBS)),
)


@pytest.fixture
def two(away: Away) -> Away:
    """Give hepalice two elements, of which the first holds what it has routed."""
    policy, site = away.desk.shell.policy, away.site
    more = TWO_ELEMENTS.format(schedd=site.schedds[0], collector=site.collector)
    policy.write_text(policy.read_text() + more)
    site.sandbox.write(HOOK, NOT_ROUTED, mode=0o755)
    site.sandbox.write(HOOKED, CONFIGURATION)
    return away


@pytest.fixture
def hooks_go(two: Away) -> Any:
    """Give nothing, and remove the hook in the end."""
    yield
    two.site.sandbox.path(HOOKED).unlink()


@pytest.mark.usefixtures("hooks_go")
def test_held_jobs_go_through_the_other_element(two: Away, login_node: LoginNode) -> None:
    """They keep their numbers and places; an element that does not answer keeps them, and that is said."""
    desk, shell = two.desk, two.desk.shell
    desk.put("in", "input\n")
    shell.script("job.sh", JOB)
    submitted = two.submit("job.sh", "-rmt", *LINE)
    cluster = submitted["cluster"]
    two.until(lambda: len(at_home(two, cluster, "JobStatus == 5")) == JOBS, "jobs on hold")
    there = {ad["GridJobId"] for ad in at_home(two, cluster)}
    inside = replace(shell, start=login_node.run)
    two.site.cut()
    assert "stay with element, where they may still be" in renewed(two, inside)
    two.site.mend()
    assert {ad["GridJobId"] for ad in at_home(two, cluster)} == there
    said = renewed(two, inside)
    assert f"{JOBS} job(s) of {cluster} were removed at element, and go to direct" in said, said
    ads = shell.ended(cluster, JOBS, timeout=TIMEOUT)
    assert [ad["ExitCode"] for ad in ads] == [0] * JOBS
    assert {ad["HepSub_Sites"] for ad in ads} == {"direct"}
    assert {ad["HepSub_LeftSites"] for ad in ads} == {"element"}
    assert desk.stored() == {f"out_{proc}.txt" for proc in range(JOBS)}
    for proc in range(JOBS):
        assert desk.text(f"out_{proc}.txt") == f"out of {proc}"
        assert shell.text(f"job.sh.out.{cluster}.{proc}") == "input\n"
    assert two.site.element.jobs() == []
    mine = f'HepSub_UUID == "{submitted["uuid"]}"'
    starts = Counter[str]()
    for ad in two.site.jobs_ever(mine):
        starts[ad["Arguments"]] += ad.get("NumJobStarts", 0)
    assert sorted(starts.values()) == [1] * JOBS, starts


def renewed(two: Away, inside: Shell) -> str:
    """One round of hep_auth renew on the access point; what it says."""
    done = inside("hep_auth", "renew", env=two.environment)
    return done.stdout + done.stderr


def at_home(two: Away, cluster: int, what: str = "true") -> list[dict[str, Any]]:
    """The jobs of a cluster that are in the queue at home, as far as that is true of them."""
    found: list[dict[str, Any]] = two.desk.shell.pool.jobs(f"ClusterId == {cluster} && {what}")
    return found


@pytest.mark.usefixtures("hooks_go")
def test_what_waits_at_an_element_that_is_left_out_goes_too(
    two: Away, login_node: LoginNode
) -> None:
    """It is removed there, on hold at home as soon as that is noticed, and then behind the other one, each once."""
    desk, shell = two.desk, two.desk.shell
    desk.put("in", "input\n")
    shell.script("job.sh", JOB)
    held = two.submit("job.sh", "-rmt", *LINE)["cluster"]
    sent = two.submit("job.sh", "-rmt", "-argu", "x", "-n", "2", "-mem", "50000")
    cluster, mine = sent["cluster"], f'HepSub_UUID == "{sent["uuid"]}"'
    two.until(lambda: len(at_home(two, held, "JobStatus == 5")) == JOBS, "jobs on hold")
    two.until(lambda: len(at_home(two, cluster, "GridJobId isnt undefined")) == 2, "jobs there")
    two.until(lambda: len(two.site.jobs(f"{mine} && RoutedFromJobId isnt undefined")) == 2, "route")
    inside = replace(shell, start=login_node.run)
    said = renewed(two, inside)
    assert f"2 job(s) of {cluster} that waited at element were removed there" in said, said
    assert two.site.jobs(mine) == []
    why = shell.ok("hep_q", "-i", str(cluster), "-why", env=two.environment)
    assert "that site, which was left out, was asked to remove it where it waited" in why
    two.until(lambda: len(at_home(two, cluster, "JobStatus == 5")) == 2, "jobs on hold")
    said = renewed(two, inside)
    assert f"2 job(s) of {cluster} were removed at element, and go to direct" in said, said
    two.until(lambda: len(two.site.jobs(f"{mine} && JobStatus == 1")) == 2, "jobs there")
    ads = at_home(two, cluster)
    assert {ad["HepSub_LeftSites"] for ad in ads} == {"element"}
    assert [ad["JobStatus"] for ad in ads] == [1, 1]
    shell.ok("hep_rm", "-a", env=two.environment)
    two.until(lambda: not two.site.jobs(mine), "an empty queue")
