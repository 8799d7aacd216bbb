"""Jobs at sites of all kinds, followed by the same commands: each by one id, whichever schedd has it."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.pool.shell import Shell, write_policy
from tests.testbed import users
from tests.testbed.far import FarSite
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor]

POLICY = """
[pool.home]
collector = ""

[pool.qingdao]
collector = "{collector}"
token = "far"
spool = true

[defaults]
pool = "home"

[credential.far]
kind = "token"
command = ["cat", "{token}"]

[site.ce]
kind = "ce"
grid_resource = "{resource}"
token = "far"
isolation = "user"

[site.qd]
kind = "schedd"
pool = "qingdao"
isolation = "user"
"""
KINDS = {"home": (), "ce": ("-site", "ce"), "schedd": ("-site", "qd")}
TIMEOUT = 90
SOON_S = 10
"""A pool that does not answer may take so long, on a machine that is busy with others' tests."""
FAR, HOME = "schedd01@ap.qingdao.hep", "schedd01@ap.test.hep"
AWAY = "the collector ap.qingdao.hep:9618 does not answer (No route to host)"


@pytest.fixture
def far(access_point: Shell, clean_far_site: FarSite, openid: OpenId) -> Shell:
    """Give hepalice at the access point, with sites of two kinds and a token that both take."""
    give_token(access_point.account, clean_far_site, openid)
    add_sites(access_point.policy, access_point.account, clean_far_site)
    access_point.script("job.sh", "echo made >made.txt; sleep ${1:-0}")
    return access_point


def give_token(account: Account, site: FarSite, openid: OpenId) -> None:
    """Write the token that the policy's command prints."""
    token = openid.token("alice", audience=site.audience, life_s=3600)
    users.give_secret(account, account.home / "far.token", token)


def add_sites(policy: Path, account: Account, site: FarSite) -> None:
    """Add both sites to a policy, instead of the one that it has."""
    text = policy.read_text().partition("[site.")[0]
    token = account.home / "far.token"
    sites = POLICY.format(collector=site.collector, token=token, resource=site.element.resource)
    policy.write_text(text + sites)


def submit(shell: Shell, kind: str, *words: str, seconds: int = 600) -> str:
    """Submit a job of one kind; what means its cluster."""
    where = () if kind == "home" else KINDS[kind]
    schedd = ("-schedd", "schedd01") if kind != "schedd" else ()
    cluster = shell.submit("job.sh", "-argu", str(seconds), *where, *schedd, *words)
    return f"{FAR if kind == 'schedd' else HOME}:{cluster}"


def wait_for(shell: Shell, meant: str, states: str) -> None:
    """Wait until hep_q shows the first job in one of these states."""

    def there() -> bool:
        rows = [
            line for line in shell.ok("hep_q", "-i", f"{meant}.0").splitlines() if ".0 " in line
        ]
        return bool(rows) and rows[0].split()[5] in states

    shell.pool.wait_for(there, TIMEOUT, f"{meant} in {states}")


def shown(meant: str) -> str:
    """What hep_q calls the first job of a cluster."""
    return f"{meant}.0" if meant.startswith(FAR) else f"{meant.partition(':')[2]}.0"


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_is_followed_from_its_beginning_to_its_removal(far: Shell, kind: str) -> None:
    """By what hep_q calls it, with commands that tell what they did."""
    meant = submit(far, kind)
    job = shown(meant)
    wait_for(far, meant, "IR")  # a schedd has it on hold until it has its files
    assert far.ok("hep_hold", meant) == f"{meant}: 1 job(s) held\n"
    assert (
        far.ok("hep_edit", "-m", "900", meant) == f"{meant}: memory 2000 MB -> 900 MB (1 job(s))\n"
    )
    assert f"{job} (H): " in far.ok("hep_q", "-u", "-why")
    assert f"next: hep_release {job}" in far.ok("hep_q", "-i", meant, "-why")
    assert far.ok("hep_release", meant) == f"{meant}: 1 job(s) released\n"
    wait_for(far, meant, "R")
    [row] = [line for line in far.ok("hep_q", "-u").splitlines() if line.startswith(f"{job} ")]
    assert row.split()[1] == ("qdalice" if kind == "schedd" else "hepalice")
    [found] = far.result("hep_q", "-u")["jobs"]
    assert (found["id"], found["requested_mb"]) == (job, 900)
    assert found["pool"] == ("qingdao" if kind == "schedd" else "home")
    where = "at the site ce" if kind == "ce" else "on slot1"
    assert re.search(rf"^{job} \(R\): it runs {where}", far.ok("hep_q", "-why"), re.MULTILINE)
    [cluster] = json.loads(far.ok("hep_sub", "status", "-json"))["result"]["clusters"]
    assert (cluster["running"], cluster["pool"]) == (1, found["pool"])
    assert far.ok("hep_rm", meant) == f"{meant}: 1 job(s) removed\n"
    far.pool.wait_for(lambda: job in far.ok("hep_history", meant), TIMEOUT, "the end")
    assert far.ok("hep_history").splitlines()[1].startswith(f"{job} ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_is_waited_for_found_again_and_fetched(far: Shell, kind: str) -> None:
    """One command, one cluster; what it made comes here."""
    words = ("hep_sub", "job.sh", *KINDS[kind], "-once", f"key of {kind}")
    first = far(*words, "-wait", timeout=TIMEOUT)
    assert first.returncode == 0, first
    assert first.stdout.endswith("1 of 1 job(s) ended with exit code 0\n")
    again = far(*words)
    assert "submitted before, nothing was submitted now" in again.stderr
    assert again.stdout.splitlines()[0] == first.stdout.splitlines()[0]
    cluster = _cluster(first.stdout)
    meant = f"{FAR}:{cluster}" if kind == "schedd" else str(cluster)
    # A schedd that others fetch from lets go of a job a moment after that.
    far.pool.wait_for(lambda: far.result("hep_history", meant)["jobs"], TIMEOUT, "the history")
    [past] = far.result("hep_history", meant)["jobs"]
    assert (past["exit_code"], past["id"].rpartition(".")[0]) == (0, meant)
    if kind != "home":
        far.ok("hep_fetch", meant, "-d", "here")
        assert far.text(f"here/{cluster}/0/made.txt") == "made\n"


def _cluster(text: str) -> int:
    found = re.search(r"submitted to cluster (\d+)", text)
    assert found, text
    return int(found[1])


def test_a_key_is_found_without_the_journal(far: Shell) -> None:
    """By the account that the site has for the user."""
    words = ("hep_sub", "job.sh", "-argu", "600", *KINDS["schedd"], "-once", "lost")
    done = far(*words)
    first = done.stdout
    means = f"the jobs are in the queue of qingdao, where {FAR}:{_cluster(first)} means them"
    assert means in done.stderr
    for file in (far.account.home / ".local/state/hepsub/journal").glob("*.jsonl"):
        file.unlink()
    again = far(*words)
    assert (again.stdout, again.returncode) == (first, 0)
    assert "submitted before" in again.stderr


def test_all_are_acted_upon_and_counted(far: Shell) -> None:
    """At home and at the site; nobody else's are touched there."""
    submit(far, "home")
    two = submit(far, "schedd", "-n", "2")
    wait_for(far, two, "IR")
    for command, word in (("hep_hold", "held"), ("hep_release", "released"), ("hep_rm", "removed")):
        assert far.ok(command, "-a") == f"{HOME}: 1 job(s) {word}\n{FAR}: 2 job(s) {word}\n"
    assert far.counts()["running"] == 0


def test_a_number_that_both_pools_have_is_spelled_out(far: Shell) -> None:
    """And each of the two is understood, by everything that takes ids."""
    home, there = submit(far, "home", *("-wn", "nosuch")), submit(far, "schedd")
    while (mine := _number(home)) != (its := _number(there)):
        if mine < its:
            home = submit(far, "home", *("-wn", "nosuch"))
        else:
            there = submit(far, "schedd")
    said = f"say which one: {HOME}:{mine} or {FAR}:{mine}"
    for words in (
        ("hep_q", "-i"), ("hep_q", "-why", "-i"), ("hep_rm",), ("hep_hold",), ("hep_edit", "-m", "900"),
    ):  # fmt: skip
        done = far(*words, str(mine))
        assert (done.returncode, said in done.stderr) == (50, True), done
    assert far("hep_fetch", str(mine)).returncode == 50
    far.ok("hep_rm", there)
    assert far.states("-i", home) == {f"{mine}.0": "I"}
    rows = far.ok("hep_q", "-u").splitlines()
    assert any(row.startswith(f"{mine}.0 ") for row in rows)


def _number(meant: str) -> int:
    return int(meant.rpartition(":")[2])


def test_a_site_behind_a_cut_cable_is_told_of_and_hides_nothing(
    far: Shell, clean_far_site: FarSite
) -> None:
    """Soon, with the exit code of a pool that cannot be reached; afterwards everything is there again."""
    home, there = submit(far, "home"), submit(far, "schedd")
    for each in (home, there):
        wait_for(far, each, "R")
    clean_far_site.cut()
    for words in (
        ("hep_q", "-u"), ("hep_q", "-i", home, there), ("hep_q", "-why"), ("hep_sub", "status"), ("hep_hold", "-a"),
        ("hep_release", home, there), ("hep_history",),
    ):  # fmt: skip
        begin = time.monotonic()
        done = far(*words)
        assert time.monotonic() - begin < SOON_S
        assert done.returncode == 40, done
        assert done.stderr.count(f"{AWAY}; cluster {_number(there)} of yours is there") == 1
        assert f"{_number(home)}" in done.stdout or words in (("hep_hold", "-a"), ("hep_history",))
    clean_far_site.mend()
    far.pool.wait_for(lambda: shown(there) in far("hep_q").stdout, TIMEOUT, "the site")


def test_the_silence_of_a_site_is_told_of_its_jobs(far: Shell, clean_far_site: FarSite) -> None:
    """One that runs goes on there."""
    element = submit(far, "ce")
    wait_for(far, element, "R")
    clean_far_site.cut()
    silent = "GridResourceUnavailableTime isnt undefined"
    far.pool.wait_for(lambda: far.pool.jobs(silent), TIMEOUT, silent)
    begin = time.monotonic()
    text = far.ok("hep_q", "-why")
    assert time.monotonic() - begin < SOON_S / 2
    assert re.search(r"\(R\): the site ce has not answered for .*; the job goes on there\n", text)


def test_who_has_no_job_there_does_not_notice(
    far: Shell, other: Shell, clean_far_site: FarSite
) -> None:
    """Bob has the same sites in the policy, and never used one."""
    write_policy(other.account, far.pool)
    add_sites(other.policy, other.account, clean_far_site)
    clean_far_site.cut()
    for words in (("hep_q",), ("hep_q", "-u"), ("hep_hold", "-a"), ("hep_history",)):
        begin = time.monotonic()
        other.ok(*words)
        assert time.monotonic() - begin < SOON_S / 2


def test_a_job_that_the_element_removed_is_not_begun_again_by_itself(
    far: Shell, clean_far_site: FarSite
) -> None:
    """Home is told no reason; what can be done is."""
    meant = submit(far, "ce")
    wait_for(far, meant, "R")
    clean_far_site.element.run(["condor_rm", "-all"])
    wait_for(far, meant, "H")
    number = _number(meant)
    text = far.ok("hep_q", "-why")
    assert f"{number}.0 (H): the site ce removed it, and does not say why\n" in text
    assert f"next: hep_rm {number}.0, and submit it again (hep_release {number}.0 would" in text


def test_a_token_that_has_ended_is_named(
    far: Shell, clean_far_site: FarSite, openid: OpenId, pool: Pool
) -> None:
    """HTCondor tells of silence alone; the token that it shows lies in the bundle."""
    meant = submit(far, "ce", seconds=0)
    [token] = far.account.home.glob(".local/share/hepsub/bundles/*/private/creds/far.token")
    old = openid.token("alice", audience=clean_far_site.audience, life_s=-5)
    users.give_secret(far.account, token, old)
    waits = "GridResourceUnavailableTime isnt undefined || JobStatus == 5"
    pool.wait_for(lambda: pool.jobs(waits), TIMEOUT, waits)
    text = far.ok("hep_q", "-i", meant, "-why")
    assert "the token that it is shown has ended" in text
    held = pool.suite == "sid"
    assert f"next: hep_auth renew{f' && hep_release {shown(meant)}' if held else ''}\n" in text
    far("hep_auth", "renew")
    if held:
        far.ok("hep_release", meant)
    far.pool.wait_for(lambda: far("hep_history", meant).stdout.count("\n") > 1, TIMEOUT, "the end")
