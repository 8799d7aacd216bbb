"""What a job brings home: it lies beside the user's files, and is data whatever it is called and whatever it says.

A job chooses names and contents. A site whose own starter is hostile can make symlinks where they lie: HTCondor's
shadow makes them for whoever asks. The tests put these there themselves.
"""

import json
import os
from pathlib import Path

import pytest

from tests.attacks.attack import (
    AWAY,
    KEY,
    OWNER,
    PRIVATE_KEY,
    bundle_of,
    corner_of,
    ends,
    give,
    hostile,
    site_policy,
    snapshot,
    text_of,
)
from tests.pool.shell import END, Shell
from tests.staging.desk import HASTE, Desk

pytestmark = [pytest.mark.condor]

PLANTS = "for name in .bashrc analysis.C .ssh; do echo of the job >$name; done"


@pytest.mark.sid
@pytest.mark.parametrize("goes_along", ["nothing", "a token"])
def test_what_a_job_leaves_behind_is_put_over_nothing(victim: Shell, goes_along: str) -> None:
    """A job without outputs of its own leaves .bashrc and analysis.C where it ran, and the user has such files."""
    account = victim.account
    token = account.home / ".token"
    give(account, token, "eyJ-a-token")
    site_policy(victim, OWNER, f'[credential.iam]\nkind = "token"\ncommand = ["cat", "{token}"]\n')
    give(account, victim.work / "analysis.C", "// ten years of work")
    give(account, victim.work / ".bashrc", "# the user's")
    victim.script("job.sh", PLANTS)
    before = snapshot(account)
    words = ("-cred", "iam") if goes_along == "a token" else ()
    cluster = victim.result("hep_sub", "job.sh", *AWAY, *words)["cluster"]
    assert ends(victim, cluster) == [0]
    victim("hep_auth", "renew")
    changed = before.changed_in(snapshot(account))
    assert [name for name in changed if "job.sh." not in name] == []


def away(victim: Shell, *words: str, script: str = "echo result > r") -> tuple[int, Path]:
    """Submit a job to the site whose output is for a path, and wait for its end: cluster and bundle."""
    victim.script("job.sh", script)
    done = victim.result("hep_sub", "job.sh", *AWAY, "-out", "r=results/r", *words)
    assert ends(victim, done["cluster"]) == [0]
    return done["cluster"], bundle_of(victim, done["uuid"])


def plant(path: Path, target: Path) -> None:
    """Put a symlink in the place of a file or a directory."""
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name("gone"))
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)
    owner = path.parent.stat()
    os.lchown(path, owner.st_uid, owner.st_gid)


def test_renew_removes_nothing_below_a_symlink_that_came_home(victim: Shell) -> None:
    """home.0/outputs leads to a directory of the user's, whose files no report knows."""
    _, bundle = away(victim)
    plant(corner_of(bundle) / "outputs", victim.account.home / "precious")
    before = snapshot(victim.account)
    victim("hep_auth", "renew")
    victim("hep_auth", "renew")
    assert before.changed_in(snapshot(victim.account)) == []


def test_a_returned_directory_that_is_a_symlink_is_not_entered(victim: Shell) -> None:
    """home.0 itself leads to the home: nothing there is placed, removed or closed, and it is said."""
    cluster, bundle = away(victim)
    corner = corner_of(bundle)
    home = victim.account.home
    give(victim.account, home / "pending.tsv", "the user's own")
    give(victim.account, home / "report.json", "the user's own")
    plant(corner, home)
    before = snapshot(victim.account)
    done = [victim("hep_auth", "renew"), victim("hep_fetch", str(cluster))]
    assert before.changed_in(snapshot(victim.account, victim.work / str(cluster))) == []
    assert "home.0" in text_of(*done)


def test_a_symlink_in_the_place_of_an_output_is_not_followed(victim: Shell) -> None:
    """outputs/r leads to ~/.ssh/id_rsa: the key is neither put where -out says nor fetched."""
    cluster, bundle = away(victim)
    plant(corner_of(bundle) / "outputs/r", victim.account.home / ".ssh/id_rsa")
    before = snapshot(victim.account)
    said = text_of(victim("hep_auth", "renew"), victim("hep_fetch", str(cluster)))
    changed = before.changed_in(snapshot(victim.account))
    found = [name for name in changed if PRIVATE_KEY in (victim.account.home / name).read_text()]
    assert found == []
    assert "home.0" in said


def believe(corner: Path, name: str, size: int) -> None:
    """Let report and list say that an output has this size, and that nobody knows its checksum."""
    report = json.loads((corner / "report.json").read_text())
    [entry] = [each for each in report["outputs"] if each["name"] == name]
    (corner / "report.json").write_text(
        json.dumps(report).replace(
            json.dumps(entry), json.dumps(entry | {"size": size, "md5": None})
        )
    )
    lines = [line.split("\t") for line in (corner / "pending.tsv").read_text().splitlines()]
    changed = [
        [path, str(size), "-", goal] if path == f"outputs/{name}" else [path, *facts, goal]
        for path, *facts, goal in lines
    ]
    assert changed != lines
    (corner / "pending.tsv").write_text("".join("\t".join(line) + "\n" for line in changed))


@pytest.mark.s3
def test_a_symlink_in_the_place_of_an_output_is_not_uploaded(desk: Desk) -> None:
    """The store was away, so the output came home; renew would upload what a symlink leads to."""
    victim = desk.shell
    victim.script("job.sh", "echo result > r; echo other > s; sleep 2")
    outputs = ("-out", "r=herd:out/r", "-out", "s=herd:out/s")
    done = desk.submit("job.sh", *AWAY, *outputs, env={"HEPSUB_PATIENCE_S": "1"})
    victim.wait_for_state(2, done["cluster"])
    desk.server.stop()
    victim.ended(done["cluster"], timeout=END)
    desk.server.start()
    corner = corner_of(bundle_of(victim, done["uuid"]))
    plant(corner / "outputs/r", victim.account.home / ".ssh/id_rsa")
    believe(corner, "r", len(PRIVATE_KEY))
    said = text_of(victim("hep_auth", "renew"))
    stored = {key: desk.text(key) for key in desk.stored()}
    assert stored == {"s": "other\n"}
    assert "outputs/r" in said


def test_a_symlink_in_the_bundle_is_not_written_through(victim: Shell) -> None:
    """Each file that hepsub itself writes there leads to ~/thesis.tex; the bundle seems to be unfinished."""
    _, bundle = away(victim)
    for directory in (bundle, bundle / "private"):
        if directory.is_dir():
            (directory / "ready").unlink(missing_ok=True)
            for name in ("lock", "signed.json", "finished", ".ready.part", "ready.part"):
                plant(directory / name, victim.account.home / "thesis.tex")
            (directory / "finished").unlink()
    results = victim.work / "results"
    before = snapshot(victim.account, results)
    for words in (("hep_auth", "renew"), ("hep_q",), ("hep_auth", "renew")):
        assert victim(*words).returncode != 1
    assert before.changed_in(snapshot(victim.account, results)) == []


@pytest.mark.s3
def test_an_output_goes_only_where_the_request_says(desk: Desk) -> None:
    """The job ends its wrapper, and writes report and list itself: they name the user's files, and other objects."""
    victim = desk.shell
    desk.put("calibration", "of the collaboration")
    base = desk.server.endpoint
    hostile(
        victim,
        "attack.py",
        f"""
home = "home." + attribute("ProcId")
os.makedirs(home + "/outputs", exist_ok=True)
open(home + "/outputs/r", "w").write({KEY!r})
open("r", "w").write("result")
goals = [{str(victim.account.home / ".ssh/authorized_keys")!r}, "{base}/raw/calibration", "{base}/out/r"]
entry = {{"name": "r", "state": "home", "size": {len(KEY)}, "md5": None, "etag": None}}
outputs = [{{**entry, "url": goal}} for goal in goals]
report = {{"version": 1, "job": "x", "run": 1, "host": "x", "started": "2026-01-01T00:00:00Z",
          "ended": "2026-01-01T00:00:01Z", "payload": {{"exit_code": 0, "signal": None, "seconds": 1}}, "code": 85,
          "message": "", "inputs": [], "outputs": outputs, "credentials": [], "chirp": False}}
json.dump(report, open(home + "/report.json", "w"))
with open(home + "/pending.tsv", "w") as pending:
    for goal in goals[:2]:
        pending.write(f"outputs/r\\t{len(KEY)}\\t-\\t{{goal}}\\n")
        pending.write(f"../../../../../.ssh/id_rsa\\t{len(PRIVATE_KEY)}\\t-\\t{base}/out/r\\n")
end_the_wrapper()
""",
    )
    done = desk.submit("attack.py", *AWAY, "-out", "r=herd:out/r")
    victim.ended(done["cluster"])
    before = snapshot(victim.account)
    victim("hep_auth", "renew")
    assert before.changed_in(snapshot(victim.account)) == []
    assert desk.text("calibration", "raw") == "of the collaboration"
    assert [key for key in desk.stored() if PRIVATE_KEY in desk.text(key)] == []


DOCUMENTS = (
    '{"outputs": [], "payload": {"exit_code": 0}, "code": 1e999}',
    '{"outputs": [{"name": "r", "state": "home", "size": 1e999}], "payload": {"exit_code": 0}, "code": 0}',
    '{"outputs": ["r"], "payload": {"exit_code": 0}, "code": 0}',
    '{"outputs": [{"name": ["r"], "state": {}, "size": "x"}], "payload": [], "code": "0"}',
    '{"outputs": {"r": 1}, "payload": 7, "code": 0}',
    '{"outputs": [], "payload": {"exit_code": 0}, "code": 0, "started": "9999-99-99"}',
    '{"outputs": [], "payload": {"exit_code": 0}, "code": 0, "started": "0001-01-01T00:00:00+23:59"}',
    "[" * 200_000,
    '{"outputs":' * 50_000,
    "9" * 5_000,
    '"' + "\\ud800" * 10 + '"',
    "\0\0\0",
    "null",
    "",
)
"""Reports of jobs, as Python writes them into a script."""
LISTS = (
    "outputs/r\t" + "9" * 5_000 + "\t-\therd:out/r\n",
    "outputs/" + "n" * 300 + "\t1\t-\tx\n",
    "outputs/r\t-1\t-\tx\n",
    "outputs/r\t1e3\t" + "z" * 32 + "\thttp://[::1/x\n",
    "\t\t\t\n" * 100,
    "outputs/%00\t1\t-\tx\n",
    "\udcff\t1\t-\tx\n",
)
"""Lists of outputs that came home."""


@pytest.mark.s3
def test_a_bad_document_stops_nothing_but_itself(desk: Desk) -> None:
    """Each job ends its wrapper and leaves another report and list; another submission waits for its upload."""
    victim = desk.shell
    hostile(
        victim,
        "attack.py",
        f"""
documents, lists = {DOCUMENTS!r}, {LISTS!r}
proc = int(attribute("ProcId"))
home = f"home.{{proc}}"
os.makedirs(home + "/outputs", exist_ok=True)
open(home + "/outputs/r", "w").write("x")
whole = '{{"outputs": [{{"name": "r", "state": "home", "size": 1, "md5": null, "url": "x", "etag": null}}],'
whole += ' "payload": {{"exit_code": 0}}, "code": 85, "started": ""}}'
report = documents[proc] if proc < len(documents) else whole
pending = lists[proc % len(lists)]
with open(home + "/report.json", "w") as file:
    file.write(report)
with open(home + "/pending.tsv", "wb") as file:
    file.write(pending.encode(errors="surrogateescape"))
end_the_wrapper()
""",
    )
    number = len(DOCUMENTS) + len(LISTS)
    victim.script("good.sh", "echo result > r; sleep 3")
    good = desk.submit("good.sh", "-out", "r=herd:out/good", env={"HEPSUB_PATIENCE_S": "1"})
    victim.wait_for_state(2, good["cluster"])
    desk.server.stop()
    victim.ended(good["cluster"])
    desk.server.start()
    line = ("attack.py", *AWAY, "-out", "r=herd:out/r_%{ProcId}", "-n", str(number))
    bad = desk.submit(*line, "-mem", "100")
    victim.ended(bad["cluster"], number, 2 * END)
    renewed = victim("hep_auth", "renew", timeout=120)
    assert desk.stored() >= {"good"}, text_of(renewed)
    assert "Traceback" not in text_of(renewed)
    assert renewed.returncode != 1
    assert str(bad["cluster"]) in text_of(renewed) or bad["uuid"] in text_of(renewed)
    fetched = victim("hep_fetch", str(good["cluster"]), str(bad["cluster"]), timeout=120)
    assert "Traceback" not in text_of(fetched)
    assert fetched.returncode != 1
    assert victim.text(f"{good['cluster']}/0/r") == "result\n"
    assert desk.submit("good.sh", "-out", "r=herd:out/again", env=HASTE)["cluster"]
    assert victim("hep_q").returncode == 0
