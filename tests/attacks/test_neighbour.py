"""The neighbour at the site: another user of the pool whose job runs there as the same account, beside the victim's.

The testbed's site runs everybody as `nobody`, so a job reads and writes its neighbours' directories. Nothing that is
worth anything may be there, unless the policy says that the site keeps users apart (`isolation`).
"""

import json

import pytest

from tests.attacks.attack import (
    AWAY,
    OWNER,
    SECRETS,
    give,
    hostile,
    loot,
    settle,
    site_policy,
    snapshot,
)
from tests.pool.shell import Shell
from tests.staging.desk import SECRET_WORDS, Desk

pytestmark = [pytest.mark.condor]

TOKEN = "eyJ-the-token-of-the-victim"

SPY = """
places = ["/var/lib/condor/execute/dir_*", "/var/lib/condor/execute/dir_*/*", "/var/lib/condor/execute/dir_*/.*",
          "/var/lib/condor/execute/dir_*/*/*", "/var/lib/condor/execute/dir_*/*/.*",
          "/var/lib/condor/execute/dir_*/*/.*/*", "/var/lib/condor/execute/dir_*/.*/*",
          "/var/lib/condor/execute/dir_*/*/.*/*/*", "/var/lib/condor/execute/dir_*/.*/*/*"]
mine = os.path.realpath(HERE).split("/dir_")[1].split("/")[0]

def others():
    for place in places:
        for path in glob.glob(place):
            if os.path.isfile(path) and f"/dir_{{mine}}/" not in path:
                yield path

def is_there():
    return [path for path in others() if path.endswith("/here")]

wait_for(is_there, 20)
time.sleep(1)
texts = {{}}
for path in others():
    try:
        texts[path] = open(path, errors="replace").read(20000)
    except OSError:
        pass
chirps = [path for path in texts if path.endswith(".chirp.config")]
ads = [path for path in texts if path.endswith(".job.ad")]
victims = [path for path in ads if attribute("Owner", path) == "hepalice"]
got, did = {{}}, []
for place in chirps:
    for path in {wanted!r}:
        for corner in [corner for ad in victims for corner in corners(ad)] or [{work!r}]:
            name = f"{{corner}}/spy.{{time.time()}}"
            linked = ask("link", path, name, place=place) == 0
            if text := get(path, place) or (linked and get(name, place)):
                got[path] = text[:100]
    for ad in victims:
        for name in private("request.json", ad):
            if text := get(name, place):
                got[name] = text[:100]
    did.append([verb for verb in ("chmod", "access") if ask(verb, {home!r}, 511, place=place) == 0])
    did.append(ask("set_job_attr_delayed", "ChirpHepSub_Lost", '"of the neighbour"', place=place))
    did.append(ask("set_job_attr", "Cmd", '"/bin/false"', place=place))
secret = [path for path, text in texts.items() if any(word in text for word in {words!r})]
tell(seen=sorted(texts), chirps=chirps, got=got, did=did, secret=secret, victims=len(victims))
"""


def spy_of(neighbour: Shell, victim: Shell) -> None:
    """Write the neighbour's script."""
    home = victim.account.home
    wanted = [str(home / name) for name in (*SECRETS, ".condor/tokens.d/pool", ".aws/credentials")]
    hostile(
        neighbour,
        "attack.py",
        SPY.format(
            wanted=wanted, words=(*SECRET_WORDS, TOKEN), work=str(victim.work), home=str(home)
        ),
    )


@pytest.mark.sid
@pytest.mark.parametrize("words", [(), ("-out", "r=results/r")], ids=["plain", "with an output"])
def test_a_neighbour_gets_nothing_from_a_job_that_may_go_there(
    victim: Shell, neighbour: Shell, words: tuple[str, ...]
) -> None:
    """Where nothing keeps users apart a job has no way to the submit side, and nothing secret beside it."""
    site_policy(victim, "")
    site_policy(neighbour, "")
    spy_of(neighbour, victim)
    give(victim.account, victim.work / "notes", "of the victim")
    victim.script("job.sh", "touch here; echo result > r; sleep 8")
    before = snapshot(victim.account, victim.work / "results")
    mode = victim.account.home.stat().st_mode
    spying = neighbour.submit("attack.py", *AWAY)
    cluster = victim.result("hep_sub", "job.sh", *AWAY, *words)["cluster"]
    settle(neighbour, spying, 60)
    settle(victim, cluster, 60)
    victim("hep_auth", "renew")
    found = loot(neighbour, spying)
    assert found["victims"], f"the neighbour saw no job beside its own: {found}"
    assert found["got"] == {}
    assert found["secret"] == []
    assert found["chirps"] == []
    assert victim.account.home.stat().st_mode == mode
    [ad] = victim.ended(cluster)
    assert (ad.get("ChirpHepSub_Lost"), ad["ExitCode"]) == (None, 0)
    changed = before.changed_in(snapshot(victim.account, victim.work / "results"))
    assert [name for name in changed if "job.sh." not in name] == []


@pytest.mark.s3
@pytest.mark.parametrize("what", ["input", "output", "token"])
def test_nothing_secret_goes_where_users_are_not_kept_apart(desk: Desk, what: str) -> None:
    """Signed URLs and credentials are refused for a site whose policy names no isolation; nothing is submitted."""
    victim = desk.shell
    desk.put("in.dat", "data")
    token = victim.account.home / ".token"
    give(victim.account, token, TOKEN)
    more = f'[credential.iam]\nkind = "token"\ncommand = ["cat", "{token}"]\n'
    site_policy(victim, "", more, endpoint=desk.server.endpoint)
    words = {
        "input": ("-in", "s3://raw/in.dat"),
        "output": ("-out", "r=herd:out/r"),
        "token": ("-cred", "iam"),
    }[what]
    victim.script("job.sh", "echo result > r")
    done = victim("hep_sub", "job.sh", *AWAY, *words)
    assert (done.returncode != 0, done.stdout) == (True, ""), done
    assert victim.pool.jobs(attributes=["ClusterId"]) == []
    assert "isolation" in done.stderr
    site_policy(victim, OWNER, more, endpoint=desk.server.endpoint)
    assert victim("hep_sub", "job.sh", *AWAY, *words).returncode == 0


def test_no_job_that_may_go_to_several_sites_carries_a_secret_to_one_without_isolation(
    desk: Desk,
) -> None:
    """-rmt takes the sites that keep users apart, and says which it left out."""
    victim = desk.shell
    more = "[site.elsewhere]\nrequirements = 'GLIDEIN_Site == \"elsewhere\"'\n" + OWNER
    site_policy(victim, "", more, endpoint=desk.server.endpoint)
    victim.script("job.sh", "echo result > r")
    done = victim.result("hep_sub", "job.sh", "-rmt", "-out", "r=herd:out/r")
    ad = victim.ad(done["cluster"])
    assert ad["HepSub_Sites"] == "elsewhere"
    assert "dongguan" not in str(ad["Requirements"])
    assert json.dumps(victim.pool.slots()).count("elsewhere") == 0


ADS = (
    (
        '+QDate = "abc"',
        '+JobPrio = real("INF")',
        "+RemoteWallClockTime = {1, 2}",
        "+ShadowBday = {1}",
        '+ChirpHepSub_Stage = "\\033[2J\\033]0;of the neighbour\\007"',
        "+HepSub_Cmd = 10.0E308 * 10",
        "+MemoryUsage = error",
    ),
    (
        "+QDate = -1.0E300",
        "+JobPrio = undefined",
        "+ChirpHepSub_Stage = {1, [a = 2]}",
        '+HepSub_Sites = strcat("\\033", "c")',
        '+HepSub_Reason = "\\r\\nhep_q: error: submit again"',
        "+HepSub_WalltimeLimit = undefined",
    ),
)
"""What anybody may write into the ads of two jobs, as condor_submit takes it."""


def test_the_ad_of_a_neighbours_job_stops_nobodys_hep_q(victim: Shell, neighbour: Shell) -> None:
    """Wrong types, infinities and escape sequences: they are shown as they can be, and no ESC reaches the terminal."""
    node = victim.pool.login_node(neighbour.account)
    for each in ADS:
        lines = ("executable = /bin/true", "hold = true", *each, "queue", "")
        done = node.run(["condor_submit", neighbour.account.write("job.sub", "\n".join(lines))])
        assert done.returncode == 0, done.stderr
    victim.script("job.sh", "true")
    own = victim.submit("job.sh", "-wn", "nosuch")
    everybody = ((), ("-why",), ("-json",), ("-hold",), ("-u", "hepbob"))
    for words in everybody:
        shown = victim("hep_q", *words)
        assert shown.returncode == 0, (words, shown.stderr)
        assert "\x1b" not in shown.stdout + shown.stderr, words
    assert str(own) in victim.ok("hep_q")
