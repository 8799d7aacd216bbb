"""The far site's pool, reached in each of the three ways by HTCondor's own tools: what hepsub relies on, without it."""

import textwrap
import time
from pathlib import Path

import pytest

from tests.pool.far import TIMEOUT, Sender
from tests.testbed import users
from tests.testbed.far import FarSite
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor]

CUT_S = 20
SPOOL = """
import htcondor2, sys, time
method, collector, name, text = sys.argv[1:]
htcondor2.param["SEC_CLIENT_AUTHENTICATION_METHODS"] = method
place = htcondor2.Collector(collector).locate(htcondor2.DaemonType.Schedd, name)
schedd = htcondor2.Schedd(place)
result = schedd.submit(htcondor2.Submit(text), spool=True)
schedd.spool(result)
mine = f"ClusterId == {result.cluster()}"
for _ in range(200):
    ad = schedd.query(mine, ["JobStatus", "Owner"])[0]
    if ad["JobStatus"] == 4:  # and for a moment 5: spooling
        break
    time.sleep(0.2)
schedd.retrieve(mine)
schedd.act(htcondor2.JobAction.Remove, mine)
print(ad["Owner"])
"""
SPOOLED = """\
executable = {work}/job.sh
transfer_input_files = input
transfer_output_files = made
should_transfer_files = YES
output = out
leave_in_queue = JobStatus == 4
"""
WHERE = (
    "id -un; hostname; ls /home; test -e {home} && echo home is here; cat input; echo made >made"
)


@pytest.fixture
def sender(pool: Pool, alice: Account, clean_far_site: FarSite, openid: OpenId) -> Sender:
    """Give alice with a good token for the far site."""
    made = Sender(pool, alice, clean_far_site, openid)
    made.renew()
    return made


def test_two_pools_of_two_versions_run_side_by_side(
    pool: Pool, far_site: FarSite, tmp_path: Path
) -> None:
    """Other HTCondor, other names, other accounts, another /tmp, another network; home's loopback is over the cable."""
    assert far_site.setup.suite == "sid"
    assert far_site.version.split(".")[0] != "23"
    for user in pool.accounts:
        assert far_site.run(["id", user], check=False).returncode != 0
    assert far_site.run(["ls", "/home"]).stdout.split() == sorted(far_site.accounts)
    for place in (pool.session.home, tmp_path):
        assert place.exists()
        assert not far_site.sandbox.path(place).exists()
    call = ["timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{pool.port}"]
    assert far_site.run(call, check=False).returncode == 0
    far_site.cut()
    assert far_site.run(call, check=False).returncode != 0
    far_site.mend()
    assert far_site.run(call, check=False).returncode == 0


@pytest.mark.parametrize("method", ["IDTOKENS", "SCITOKENS"])
def test_its_schedd_takes_a_spooled_job_and_gives_it_back(sender: Sender, method: str) -> None:
    """By an IDTOKEN of the site or the provider's token: as the site's own user, without any of home's files."""
    site, user = sender.site, sender.account
    user.write("job.sh", f"#!/bin/sh\n{WHERE.format(home=user.home)}\n", mode=0o755)
    user.write("input", "from home\n")
    if method == "IDTOKENS":
        site.give_token(user, "qdalice")
    words = ["python3", "-c", SPOOL, method, site.collector_address, site.schedds[0]]
    words.append(SPOOLED.format(work=user.work))
    done = user.run(words, env={"BEARER_TOKEN_FILE": str(sender.token)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "qdalice\n"
    assert sender.text("out") == "qdalice\nap.qingdao.hep\nqdalice\nqdbob\nfrom home\n"
    assert sender.text("made") == "made\n"


def test_its_schedd_takes_nobody_without_a_token(sender: Sender) -> None:
    users.give_secret(sender.account, sender.token, sender.openid.token("alice", forged=True))
    words = [
        "python3",
        "-c",
        SPOOL,
        "SCITOKENS",
        sender.site.collector_address,
        sender.site.schedds[0],
    ]
    done = sender.account.run([*words, ""], env={"BEARER_TOKEN_FILE": str(sender.token)})
    assert "Failed to authenticate" in done.stderr


def test_its_start_daemon_joins_home(sender: Sender, far_glidein: RemoteSite) -> None:
    """One of another version, across the cable: a job that asks for it comes home with what it has made."""
    pool, user = sender.pool, sender.account
    slot = far_glidein.slots()[0]
    assert slot["AuthenticatedIdentity"] == pool.setup.glidein
    assert f" {sender.site.version} " in slot["CondorVersion"]
    script = "#!/bin/sh\nid -un; hostname; echo made >made\n"
    description = f"""\
        executable = {user.write("job.sh", script, mode=0o755)}
        requirements = {far_glidein.constraint}
        should_transfer_files = YES
        initialdir = {user.work}
        output = out
        queue
    """
    file = user.write("job.sub", textwrap.dedent(description))
    said = pool.run(["condor_submit", "-terse", file], user=user.name).stdout
    sender.ended(int(said.partition(".")[0]))
    assert sender.text("out") == "nobody\nwn.qingdao.hep\n"
    assert sender.text("made") == "made\n"


def test_jobs_by_the_computing_element_come_home_or_say_why_not(sender: Sender) -> None:
    """The grid universe: outputs at their places, the site's requests in place of the job's, and its holds' reasons."""
    sender.account.write("input", "from home\n")
    files = ("transfer_input_files = input", "transfer_output_files = made")
    good = sender.send(
        "good",
        WHERE.format(home=sender.account.home),
        *files,
        'transfer_output_remaps = "made = made.$(ProcId)"',
        "request_memory = 100",
        "+maxMemory = 321",
        "+xcount = 2",
        "+maxWallTime = 30",
        jobs=2,
    )
    bare = sender.send("bare", "true", "request_memory = 100", "request_cpus = 3")
    limit = "JobStatus == 2 && time() - JobCurrentStartDate > 2"
    own = sender.send(
        "own",
        "sleep 600",
        f"+remote_PeriodicHold = {limit}",
        '+remote_PeriodicHoldReason = "the wall time is over"',
        "+remote_PeriodicHoldSubCode = 72",
    )
    missing = sender.send("missing", "true", "transfer_output_files = nothing")
    numbers = {cluster: sender.there(cluster) for cluster in (good, bare, missing)}
    held = sender.wait_for(own, "JobStatus == 5")
    assert held["HoldReason"] == "the wall time is over"
    assert (held["HoldReasonCode"], held["HoldReasonSubCode"]) == (3, 72)
    held = sender.wait_for(missing, "JobStatus == 5")
    assert "nothing: (errno 2) No such file" in held["HoldReason"]
    assert (held["HoldReasonCode"], held["HoldReasonSubCode"]) == (12, 2)
    sender.remove(own, missing)
    assert {ad["ExitCode"] for ad in sender.ended(good, 2)} == {0}
    for proc in range(2):
        text = sender.text(f"good.{proc}.out")
        assert text == "qdalice\nap.qingdao.hep\nqdalice\nqdbob\nfrom home\n"
        assert sender.text(f"made.{proc}") == "made\n"
    sender.ended(bare)
    asked = ("RequestMemory", "RequestCpus", "BatchRuntime")
    found = [[sender.routed(numbers[job])[0][name] for name in asked] for job in (good, bare)]
    assert found == [[321, 2, 1800], [2000, 1, 72 * 3600]]


def test_what_is_removed_at_home_or_begins_again_there_is_gone_there(sender: Sender) -> None:
    """condor_rm, a wall time that is over, a job that would begin a second time: home is told no reason of the two."""
    removed = sender.send("removed", "sleep 600")
    again = sender.send("again", "echo begun; sleep 600")
    long = sender.send("long", "sleep 600", "+maxWallTime = 0.05")
    numbers = {cluster: sender.there(cluster) for cluster in (removed, again, long)}
    for cluster in (removed, again):
        sender.wait_for(cluster, "JobStatus == 2")
    site, pool = sender.site, sender.pool
    sender.remove(removed)
    begun = sender.routed(numbers[again])[0]["ClusterId"]
    site.run(["condor_vacate_job", "-fast", str(begun)])
    for cluster in (again, long):
        ad = sender.wait_for(cluster, "JobStatus == 5 && GridJobId is undefined")
        assert ad["HoldReason"] == "Job disappeared from remote schedd"
        assert ad["HoldReasonCode"] == 0
    site.wait_for(lambda: not site.element.jobs() and not site.jobs(), TIMEOUT, "an empty site")
    sender.remove(again, long)
    for cluster in (again, long):
        left = site.element.history(f"ClusterId == {int(numbers[cluster].split('.')[0])}")[0]
        assert left["RemoveReason"].endswith("it would begin a second time")
        assert [ad["NumJobStarts"] for ad in sender.routed(numbers[cluster])] == [1]
    assert pool.history(f"ClusterId == {removed}")[0]["JobStatus"] == 3


def test_a_cut_cable_loses_no_job_and_doubles_none(sender: Sender) -> None:
    """One ends there during the cut, one afterwards, one is sent meanwhile: each runs once, and all come home."""
    script = "echo begun; sleep {seconds}; echo ended"
    short = sender.send("short", script.format(seconds=CUT_S // 2))
    long = sender.send("long", script.format(seconds=CUT_S + 10))
    for cluster in (short, long):
        sender.wait_for(cluster, "JobStatus == 2")
    sender.site.cut()
    begin = time.monotonic()
    late = sender.send("late", script.format(seconds=0))
    numbers = [sender.there(cluster) for cluster in (short, long)]
    for cluster in (short, long):
        sender.wait_for(cluster, "GridResourceUnavailableTime isnt undefined && JobStatus == 2")
    time.sleep(max(0, begin + CUT_S - time.monotonic()))
    sender.site.mend()
    numbers.append(sender.there(late))
    for name, cluster in (("short", short), ("long", long), ("late", late)):
        assert sender.ended(cluster)[0]["ExitCode"] == 0
        assert sender.text(f"{name}.0.out") == "begun\nended\n"
    for number in numbers:
        assert [ad["NumJobStarts"] for ad in sender.routed(number)] == [1]


def test_an_expired_token_delays_a_job_until_it_is_renewed(sender: Sender) -> None:
    """The job stays idle and is not held; the grid manager takes the new token out of the file by itself."""
    sender.renew(life_s=-5)
    cluster = sender.send("job", "echo ran")
    ad = sender.wait_for(cluster, "GridResourceUnavailableTime isnt undefined")
    assert (ad["JobStatus"], "GridJobId" in ad) == (1, False)
    sender.renew()
    sender.ended(cluster)
    assert sender.text("job.0.out") == "ran\n"
