"""Jobs that the schedd of another pool holds for reasons of its own run elsewhere, each once, whatever kills renew."""

import json
import signal
from collections import Counter
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.sites.away import Away
from tests.sites.test_leaving import broken
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor]

JOBS = 4
FIRST = """
[rule.far]
kinds = ["schedd", "glidein", "ce"]
because = "the test"
"""
"""Both are right for the jobs, and the far schedd goes first."""
LINE = (
    *("-in", "herd:raw/in=in.txt", "-out", "out.txt=herd:out/out_%{ProcId}.txt"),
    *("-argu", "%{ProcId}", "-n", str(JOBS)),
)
JOB = 'cat in.txt; printf "out of %s as %s" "$1" "$_CONDOR_IHEP_JOB_ID" >out.txt'
KILLED = """
import functools, os, signal, sys
from hepsub.actions.renew import departure
from hepsub.cli.main import main
from hepsub.condor import leaving, schedd

where = sys.argv[1]

def killed(really, *, before):
    @functools.wraps(really)
    def call(*given, **named):
        if not before:
            really(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    return call

if where in ("noted", "removed"):
    kind = leaving.CondorLeaving
    kind.remove = killed(kind.remove, before=where == "noted")
if where in ("intended", "submitted"):
    kind = schedd.CondorSchedd
    kind.submit = killed(kind.submit, before=where == "intended")
if where == "forgotten":
    departure.Departure._told = killed(departure.Departure._told, before=True)
sys.exit(main("hep_auth", ["renew"]))
"""
"""hep_auth renew that is killed at one of its steps."""


@pytest.fixture
def two(away: Away, remote_site: RemoteSite) -> Away:
    """Give hepalice a rule by which the far schedd goes first, and glideins after it."""
    policy = away.desk.shell.policy
    policy.write_text(policy.read_text() + FIRST)
    away.desk.put("in", "input\n")
    away.desk.shell.script("job.sh", JOB)
    return away


def killed(away: Away, where: str) -> CompletedProcess[str]:
    """One round of hep_auth renew that is killed."""
    account = away.desk.shell.account
    program = account.write("killed.py", KILLED)
    words = (account.bin / "python3", "-I", program, where)
    return away.desk.shell(*words, env=away.environment)


def renewed(away: Away) -> str:
    """One round of hep_auth renew; what it says."""
    done = away.desk.shell("hep_auth", "renew", env=away.environment)
    return done.stdout + done.stderr


def far(away: Away, sent: dict[str, Any], what: str = "true") -> list[dict[str, Any]]:
    """The jobs of a submission that are in the far queue, as far as that is true of them."""
    found: list[dict[str, Any]] = away.site.jobs(f'HepSub_UUID == "{sent["uuid"]}" && {what}')
    return found


def held_there(away: Away, *words: str) -> dict[str, Any]:
    """Submit jobs that the far schedd holds."""
    sent = away.submit("job.sh", "-rmt", *LINE, *words)
    assert sent["schedd"] in away.site.schedds, sent
    away.until(lambda: len(far(away, sent, "HoldReasonCode == 19")) == JOBS, "jobs on hold")
    return sent


def again(away: Away, cluster: int) -> dict[int, list[dict[str, Any]]]:
    """All jobs at home that run those of a cluster again, by their clusters."""
    pool = away.desk.shell.pool
    found: dict[int, list[dict[str, Any]]] = {}
    mine = f'regexp("^{cluster}[.]", HepSub_Again)'
    for ad in pool.jobs_ever(mine):
        found.setdefault(ad["ClusterId"], []).append(ad)
    return found


STEPS = ("", "noted", "removed", "intended", "submitted", "forgotten")


@pytest.mark.parametrize("where", STEPS)
def test_held_jobs_run_elsewhere_once(two: Away, where: str) -> None:
    """Under their own ids, at their own places; the round after a kill goes on where the killed one was."""
    desk, shell = two.desk, two.desk.shell
    with broken(two.site.sandbox):
        sent = held_there(two)
        if where:
            assert killed(two, where).returncode == -signal.SIGKILL
        said = renewed(two)
    cluster = sent["cluster"]
    expected = f"{JOBS} job(s) of {sent['schedd']}:{cluster} were removed at schedd, and go to"
    if where not in ("submitted", "forgotten"):
        assert expected in said, said
    assert far(two, sent) == []
    jobs = again(two, cluster)
    assert len(jobs) == 1, jobs
    [(new, _)] = jobs.items()
    ads = shell.ended(new, JOBS)
    assert [ad["ExitCode"] for ad in ads] == [0] * JOBS
    assert {ad["HepSub_LeftSites"] for ad in ads} == {"schedd"}
    assert [ad["HepSub_Again"] for ad in ads] == [f"{cluster}.{proc}" for proc in range(JOBS)]
    assert desk.stored() == {f"out_{proc}.txt" for proc in range(JOBS)}
    for proc in range(JOBS):
        assert desk.text(f"out_{proc}.txt") == f"out of {proc} as {cluster}.{proc}"
    two.renew()
    assert set(again(two, cluster)) == {new}
    gone = two.site.history(f'HepSub_UUID == "{sent["uuid"]}"')
    assert Counter(ad["JobStatus"] for ad in gone) == {3: JOBS}
    moves = desk.bundles / ".renew/moves.json"
    assert not moves.exists() or json.loads(moves.read_text()) == {"moves": {}}
    waited = shell("hep_wait", f"{sent['schedd']}:{cluster}", env=two.environment)
    assert waited.returncode == 0, waited


def test_what_waits_goes_too_and_by_hand_as_well(two: Away) -> None:
    """A silent site keeps its jobs; what runs there goes on; a job that its user named the site for goes by hand."""
    desk, shell = two.desk, two.desk.shell
    shell.script("long.sh", "sleep 600")
    running = two.submit("long.sh", "-rmt", "-site", "schedd")
    two.until(lambda: far(two, running, "JobStatus == 2"), "a job that runs")
    waiting = two.submit("job.sh", "-rmt", "-argu", "x", "-n", "2", "-mem", "50000")
    assert waiting["schedd"] in two.site.schedds, waiting
    with broken(two.site.sandbox):
        named = held_there(two, "-site", "schedd")
        two.site.cut()
        said = renewed(two)
        assert "removed" not in said, said
        two.site.mend()
        said = renewed(two)
    far_name = named["schedd"]
    assert f"2 job(s) of {far_name}:{waiting['cluster']} were removed at schedd, and go to" in said
    assert (far(two, waiting), len(far(two, named)), len(far(two, running))) == ([], JOBS, 1)
    [(moved, ads)] = again(two, waiting["cluster"]).items()
    assert {ad["JobStatus"] for ad in ads} == {1}
    here = f"{shell.pool.schedds[0]}:{moved}"
    why = shell.ok("hep_q", "-i", here, "-why", env=two.environment)
    assert "it was on hold at schedd, or waited there, and was sent elsewhere" in why
    told = shell("hep_q", "-i", f"{far_name}:{waiting['cluster']}", "-why", env=two.environment)
    assert f"cluster {moved} is {waiting['cluster']}.0-1 run again" in told.stderr
    shell.ok("hep_rm", here, env=two.environment)

    meant = f"{far_name}:{named['cluster']}"
    refused = shell("hep_sub", "-resubmit", meant, "-rmt", "-dry-run", env=two.environment)
    assert refused.returncode == 0, refused
    assert len(far(two, named)) == JOBS
    done = shell("hep_sub", "-resubmit", meant, "-rmt", env=two.environment)
    assert done.returncode == 0, done
    assert "on hold until now, are removed" in done.stderr
    assert far(two, named) == []
    [(by_hand, _)] = again(two, named["cluster"]).items()
    assert [ad["ExitCode"] for ad in shell.ended(by_hand, JOBS)] == [0] * JOBS
    assert desk.stored() == {f"out_{proc}.txt" for proc in range(JOBS)}
    two.until(lambda: shell("hep_fetch", meant, env=two.environment).returncode == 0, "a fetch")
    shell.ok("hep_rm", f"{far_name}:{running['cluster']}", env=two.environment)
