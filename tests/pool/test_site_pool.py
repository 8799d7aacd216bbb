"""The far site's pool, reached in each of the three ways by HTCondor's own tools: what hepsub relies on, without it."""

import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
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
LAY = """
import sys, time
from pathlib import Path
from tests.testbed.link import Link
link = Link(Path(sys.argv[1]))
link.start()
print(link.cable, flush=True)
time.sleep(600)
"""
WHERE = (
    "id -un; hostname; ls /home; test -e {home} && echo home is here; cat input; echo made >made"
)

GOOD = (
    "transfer_input_files = input",
    "transfer_output_files = made",
    'transfer_output_remaps = "made = made.$(ProcId)"',
    "request_memory = 100",
    "+maxMemory = 321",
    "+xcount = 2",
    "+maxWallTime = 30",
)
JOBS = {
    "bare": ("true", "request_memory = 100", "request_cpus = 3"),
    "own": (
        "sleep 600",
        "+remote_PeriodicHold = JobStatus == 2 && time() - JobCurrentStartDate > 2",
        '+remote_PeriodicHoldReason = "the wall time is over"',
        "+remote_PeriodicHoldSubCode = 72",
    ),
    "missing": ("true", "transfer_output_files = nothing"),
    "again": ("sleep 600",),
    "long": ("sleep 600", "+maxWallTime = 0.05"),
    "removed": ("sleep 600",),
}


@pytest.fixture
def sender(pool: Pool, alice: Account, clean_far_site: FarSite, openid: OpenId) -> Sender:
    """Give alice with a good token for the far site."""
    made = Sender(pool, alice, clean_far_site, openid)
    made.renew()
    return made


@dataclass(frozen=True)
class Sent:
    """Jobs that were sent to the computing element together, and their numbers there."""

    sender: Sender
    jobs: dict[str, int]
    numbers: dict[str, str]


@pytest.fixture(scope="module")
def sent(pool: Pool, far_site: FarSite, openid_provider: OpenId) -> Sent:
    """Send jobs of all kinds, which take half a minute all together, and lose the node of one of them."""
    pool.purge()
    far_site.reset()
    openid_provider.join(far_site.sandbox)
    sender = Sender(pool, pool.account("hepalice", "element"), far_site, openid_provider)
    sender.renew()
    sender.account.write("input", "from home\n")
    where = WHERE.format(home=sender.account.home)
    jobs = {"good": sender.send("good", where, *GOOD, jobs=2)}
    for name, (script, *lines) in JOBS.items():
        jobs[name] = sender.send(name, script, *lines)
    numbers = {name: sender.there(cluster) for name, cluster in jobs.items()}
    for name in ("removed", "again"):
        sender.wait_for(jobs[name], "JobStatus == 2")
    begun = sender.routed(numbers["again"])[0]["ClusterId"]
    far_site.run(["condor_vacate_job", "-fast", str(begun)])
    return Sent(sender, jobs, numbers)


def test_two_pools_of_two_versions_run_side_by_side(
    pool: Pool, far_site: FarSite, tmp_path: Path
) -> None:
    """Other HTCondor, other names, other accounts, another /tmp, another network; home's loopback is over the cable."""
    if (
        far_site.setup.suite != pool.setup.suite
    ):  # unless the newest cannot be built, or is at home, too
        assert far_site.version != pool.version
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


def test_nothing_is_left_of_a_cable(far_site: FarSite, tmp_path: Path) -> None:
    """Whatever kills who has laid it."""
    words = [sys.executable, "-c", LAY, str(tmp_path / "link")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        cable = Path("/sys/class/net") / child.stdout.readline().strip()
        assert cable.exists()
        child.kill()
    far_site.wait_for(lambda: not cable.exists(), TIMEOUT, "the end of the cable")


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


def test_outputs_come_home_to_their_places(sent: Sent) -> None:
    """The grid universe: as the site's own user, without any of home's files."""
    assert {ad["ExitCode"] for ad in sent.sender.ended(sent.jobs["good"], 2)} == {0}
    for proc in range(2):
        text = sent.sender.text(f"good.{proc}.out")
        assert text == "qdalice\nap.qingdao.hep\nqdalice\nqdbob\nfrom home\n"
        assert sent.sender.text(f"made.{proc}") == "made\n"


@pytest.mark.parametrize(
    ("name", "asked"), [("good", [321, 2, 1800]), ("bare", [2000, 1, 72 * 3600])]
)
def test_the_element_overwrites_what_a_job_asks_for(
    sent: Sent, name: str, asked: list[int]
) -> None:
    """Its own words are heard, HTCondor's are not: without them its defaults hold."""
    ad = sent.sender.routed(sent.numbers[name])[0]
    assert [ad[each] for each in ("RequestMemory", "RequestCpus", "BatchRuntime")] == asked


@pytest.mark.parametrize(
    ("name", "codes", "reason"),
    [
        ("own", (3, 72), "the wall time is over"),
        ("missing", (12, 2), "nothing: (errno 2) No such file"),
        ("long", (46, 0), "exceeded allowed job duration"),
    ],
)
def test_home_sees_why_a_job_is_held_there(
    sent: Sent, name: str, codes: tuple[int, int], reason: str
) -> None:
    held = sent.sender.wait_for(sent.jobs[name], "JobStatus == 5")
    assert reason in held["HoldReason"]
    assert (held["HoldReasonCode"], held["HoldReasonSubCode"]) == codes


def test_a_job_that_would_begin_again_is_removed_there(sent: Sent) -> None:
    """It has lost its node: home is told no reason, and forgets where it was."""
    sender, number = sent.sender, sent.numbers["again"]
    ad = sender.wait_for(sent.jobs["again"], "JobStatus == 5 && GridJobId is undefined")
    assert ad["HoldReason"] == "Job disappeared from remote schedd"
    assert ad["HoldReasonCode"] == 0
    left = sender.site.element.history(f"ClusterId == {int(number.split('.')[0])}")[0]
    assert left["RemoveReason"].endswith("it would begin a second time")
    assert [ad["NumJobStarts"] for ad in sender.routed(number)] == [1]


def test_what_is_removed_at_home_goes_there(sent: Sent) -> None:
    """Held or running: nothing is left at the element and in the pool behind it."""
    sender, site = sent.sender, sent.sender.site
    sender.ended(sent.jobs["bare"])
    sender.remove(*sent.jobs.values())
    site.wait_for(lambda: not site.element.jobs() and not site.jobs(), TIMEOUT, "an empty site")
    ads = sender.ended(sent.jobs["removed"])
    assert [ad["JobStatus"] for ad in ads] == [3]


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
    """The grid manager of 23.9 waits for a new token in the file; that of 25 tries five times and holds the job."""
    sender.renew(life_s=-5)
    cluster = sender.send("job", "echo ran")
    if sender.pool.suite == "sid":
        ad = sender.wait_for(cluster, "JobStatus == 5")
        assert ad["HoldReason"].startswith("Error connecting to schedd")
        assert (ad["HoldReasonCode"], ad["HoldReasonSubCode"]) == (0, 0)
        sender.renew()
        sender.pool.run(["condor_release", str(cluster)], user=sender.account.name)
    else:
        ad = sender.wait_for(cluster, "GridResourceUnavailableTime isnt undefined")
        assert (ad["JobStatus"], "GridJobId" in ad) == (1, False)
        sender.renew()
    sender.ended(cluster)
    assert sender.text("job.0.out") == "ran\n"
