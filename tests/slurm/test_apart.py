"""Jobs of a Slurm whose nodes see none of this host's directories: the bundle is away before one of them starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.slurm.commands import does, ended, states, submitted, wait_for, write_policy
from tests.slurm.desk import (
    IN_AND_OUT,
    LOOK,
    left_on_the_node,
    markers,
    put,
    renewing,
    sit_down,
    stored,
    told_everybody,
)
from tests.staging.desk import HASTE, STORAGE, clear
from tests.testbed.kdc import Kdc
from tests.testbed.login import LoginNode
from tests.testbed.s3 import S3Server
from tests.testbed.slurm import SCRATCH, Slurm

POOL = "shared_filesystem = false\n"
WORK = """#!/bin/sh
set -e
case $PWD in /scratch/hepsub-job.*) ;; *) exit 9 ;; esac
[ ! -e "$HOME/bundles" ] || exit 8
printf '%s of %s %s' "$(cat run_*)" "$1" "${API_TOKEN-}" >out.rec
pwd
"""
WAITS = """#!/bin/sh
echo begun
while [ ! -e "$1" ]; do sleep 0.2; done
echo made >out.rec
"""
Hidden = Callable[..., int]
"""Submits, and returns the cluster: its jobs start when the bundles are where no job looks."""


@pytest.fixture
def desk(alice: LoginNode, rclone_s3: S3Server) -> LoginNode:
    """Give hepalice keys for rclone's store, a mailbox there, and a Slurm whose nodes are said to be apart."""
    rclone_s3.start()
    clear(rclone_s3)
    write_policy(alice, policy(alice, rclone_s3, "bundles"), pool=POOL)
    later = alice.account.home / "later.toml"
    later.write_text(policy(alice, rclone_s3, "hidden"))
    alice.sandbox.run(["chown", "hepalice:", later])
    return sit_down(alice, rclone_s3, ("work.sh", WORK), ("waits.sh", WAITS))


def policy(node: LoginNode, store: S3Server, bundles: str) -> str:
    """The policy's text, with the bundles in this directory of the user's home."""
    places = f'bundle_dir = "{node.account.home}/{bundles}"\nmailbox = "herd:raw/of-%{{User}}"\n'
    storage = STORAGE.format(endpoint=store.endpoint)
    return f'{storage}[staging]\n{places}[renew]\nevery = "3 s"\n'


def later(node: LoginNode) -> dict[str, str]:
    """The environment of commands that look for the bundles where they are hidden."""
    return {"HEPSUB_CONFIG": str(node.account.home / "later.toml")}


@pytest.fixture
def hidden(desk: LoginNode, slurm: Slurm) -> Hidden:
    """Give a way to submit so that no job ever sees the bundle."""

    def submit(*words: str, env: dict[str, str] | None = None) -> int:
        slurm.run(["scontrol", "update", "nodename=ALL", "state=drain", "reason=bundles"])
        try:
            cluster = submitted(desk, *words, env=env or {})
            home = desk.account.home
            desk.sandbox.run(["mv", home / "bundles", home / "hidden"])
        finally:
            slurm.run(["scontrol", "update", "nodename=ALL", "state=resume"])
        return cluster

    return submit


def test_all_that_jobs_start_with_is_in_the_script(
    desk: LoginNode, hidden: Hidden, rclone_s3: S3Server
) -> None:
    secret = {**HASTE, "API_TOKEN": "s3cret-word"}
    words = (*IN_AND_OUT, "work.sh", "-argu", "%{ProcId}", "-env", "API_TOKEN")
    cluster = hidden("-n", "3", *words, env=secret)
    waited = desk.run(["hep_wait", str(cluster)], env=later(desk))
    work = desk.account.work
    assert waited.returncode == 0, (work / f"work.sh.err.{cluster}.0").read_text()
    assert stored(rclone_s3) == {f"rec_{n}": f"raw {n} of {n} s3cret-word" for n in range(3)}
    assert {each["code"] for each in markers(rclone_s3)} == {0}
    assert left_on_the_node(desk) == []
    assert (work / f"work.sh.out.{cluster}.1").read_text().startswith("/scratch/hepsub-job.")
    does(desk, "hep_fetch", f"hpc:{cluster}.1", "-d", "here", env=later(desk))
    fetched = [path.read_text() for path in (work / "here").rglob("out.rec")]
    assert fetched == ["raw 1 of 1 s3cret-word"]
    assert [job["exit_code"] for job in ended(desk, cluster)] == [0, 0, 0]


def test_programs_libraries_and_items(desk: LoginNode, hidden: Hidden, rclone_s3: S3Server) -> None:
    """Each job has its own program and list of items, no other job's, and the libraries of all."""
    desk.account.write("lib/bin/says", "#!/bin/sh\necho it says\n", mode=0o755)
    for name in ("one", ".two"):
        text = f'#!/bin/sh\nls -A | grep -c two >out.rec\necho "{name}" "$@" $(says) >>out.rec\n'
        desk.account.write(f"{name}.sh", text, mode=0o755)
    desk.account.write("runs.txt", "one.sh\n.two.sh\n")
    words = ("-list", "runs.txt", "%{item}", "-argu", "%{item}", "a b")
    cluster = hidden(*words, "-lib", "lib", "-out", "out.rec=herd:out/rec_%{ProcId}", env=HASTE)
    assert desk.run(["hep_wait", str(cluster)], env=later(desk)).returncode == 0
    assert stored(rclone_s3) == {
        "rec_0": "0\none one.sh a b it says\n",
        "rec_1": "1\n.two .two.sh a b it says\n",
    }


def test_a_ticket_of_20_seconds_lasts_for_a_job_of_a_minute(
    desk: LoginNode, hidden: Hidden, kdc: Kdc, rclone_s3: S3Server
) -> None:
    """It comes by the mailbox, where nobody but the job can open it."""
    kdc.join(desk.sandbox)
    account = desk.account
    kdc.kinit(account, life_s=20, renewable_s=86400)
    cache = f"FILE:{kdc.cache(account).path}"
    environment = {**HASTE, "KRB5CCNAME": cache, "HEPSUB_KINIT": "-"}
    account.write("look.sh", f"{LOOK}echo kept >out.rec\n", mode=0o755)
    words = ("-cred", "krb", "-out", "out.rec=herd:out/rec", "look.sh")
    cluster = hidden(*words, env=environment)
    with renewing(desk, {**environment, **later(desk)}):
        wait_for(lambda: letters(rclone_s3) != [], "a letter with a newer ticket")
        waited = desk.run(["hep_wait", str(cluster)], timeout=150, env=later(desk))
    text = (account.work / f"look.sh.out.{cluster}.0").read_text()
    told = (account.work / "renew.log").read_text()
    assert (waited.returncode, text) == (0, "good\n"), waited.stderr + told
    assert stored(rclone_s3) == {"rec": "kept\n"}


def letters(store: S3Server) -> list[str]:
    """What is in hepalice's mailbox."""
    return [key for key in store.objects("raw") if key.startswith("of-hepalice/")]


def test_another_user_finds_no_secret(desk: LoginNode, hidden: Hidden, slurm: Slurm) -> None:
    words = ("-in", "herd:raw/run_0", "-out", "out.rec=herd:out/rec", "waits.sh", "-argu")
    cluster = hidden(*words, "go", "-env", "API_TOKEN", env={"API_TOKEN": "s3cret-word"})
    wait_for(lambda: states(desk, cluster) == "R", "it runs")
    wait_for(lambda: "begun" in does(desk, "hep_tail", str(cluster), env=later(desk)), "a line")
    archive = f"scontrol write batch_script {cluster}_0 - | sed '1,/^#hepsub-files$/d'"
    opened = does(desk, "sh", "-c", f"{archive} | base64 -d | gzip -dc")
    bob = slurm.account("hepbob", "work")
    script = f"scontrol write batch_script {cluster}_0 -"
    look = (
        f"scontrol show job {cluster} -dd; {script}; squeue -o %all; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ;"
        " grep -r . /var/spool/slurmd* /var/spool/slurmctld; cat /var/spool/slurmd*/*/slurm_script;"
        f" grep -rs . /scratch/hepsub-job.* {desk.account.home}/.local {desk.account.home}/hidden"
    )
    seen = bob.run(["sh", "-c", f"({look}) 2>/dev/null"]).stdout
    everywhere = told_everybody(slurm, cluster)
    refused = bob.run(["sh", "-c", script])
    does(desk, "hep_rm", str(cluster))
    for word in ("s3cret-word", "X-Amz-Signature"):
        assert word in opened
        assert word not in seen
        assert word not in everywhere
    assert "hepsub-files" not in seen
    assert (refused.stdout, "Invalid user id" in refused.stderr) == ("", True)
    assert "PRIVATE KEY" in opened


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-in", "raw.dat", "-out", "o=herd:out/o"), "-in STORAGE:BUCKET/KEY=raw.dat"),
        (("-out", "o=herd:out/o", "-out", "histogram=h"), "-out histogram=STORAGE:BUCKET/KEY"),
        (("-out", "o=herd:out/%{ClusterId}"), "%{Uuid}"),
        ((), "-out NAME=STORAGE:BUCKET/KEY"),
        (("-out", "o=herd:out/o_%{ProcId}", "-n", "1000"), "submit at most"),
    ],
)
def test_what_cannot_travel_is_refused(desk: LoginNode, words: tuple[str, ...], said: str) -> None:
    desk.account.write("raw.dat", "")
    write_large(desk)
    done = desk.run(["hep_sub", *words, "large.sh", "-argu", "0"], timeout=120)
    assert done.returncode == 49, done.stderr
    assert said in done.stderr
    assert alice_has_nothing(desk)


def write_large(node: LoginNode) -> None:
    """A program that fills almost all of a script."""
    text = f"#!/bin/sh\necho made >o\nexit\n{os.urandom(2_450_000).hex()}\n"
    node.account.write("large.sh", text, mode=0o755)


def test_a_script_of_almost_4_mb_is_taken(
    desk: LoginNode, hidden: Hidden, rclone_s3: S3Server
) -> None:
    write_large(desk)
    cluster = hidden("-out", "o=herd:out/o_%{ProcId}", "-n", "3", "large.sh", env=HASTE)
    size = f"scontrol write batch_script {cluster}_0 - | wc -c"
    assert 3_600_000 < int(does(desk, "sh", "-c", size)) < 4_000_000
    assert desk.run(["hep_wait", str(cluster)], env=later(desk)).returncode == 0
    assert set(stored(rclone_s3)) == {"o_0", "o_1", "o_2"}


def alice_has_nothing(node: LoginNode) -> bool:
    """Whether neither Slurm nor the bundles have anything of a submission."""
    bundles = node.account.home / "bundles"
    left = [path for path in bundles.glob("*") if not path.name.startswith(".")]
    return node.sandbox.run(["squeue", "-h"]).stdout == "" and left == []


def test_failed_jobs_run_again_under_their_names(desk: LoginNode, rclone_s3: S3Server) -> None:
    rclone_s3.client().delete_object(Bucket="raw", Key="run_0")
    words = ("-nocheck", *IN_AND_OUT, "again.sh", "-argu", "%{ProcId}")
    desk.account.write("again.sh", WORK.replace("exit 8", "true"), mode=0o755)
    first = submitted(desk, "-n", "2", *words, env=HASTE)
    assert desk.run(["hep_wait", str(first)]).returncode == 60
    assert [job["exit_code"] for job in ended(desk, first)] == [81, 0]
    put(rclone_s3, "run_0", "late")
    again = submitted(desk, "-resubmit", str(first), "-failed")
    assert desk.run(["hep_wait", str(again)]).returncode == 0
    assert stored(rclone_s3)["rec_0"] == "late of 0 "
    assert json.loads(does(desk, "hep_sub", "status", "-json", str(first)))


def test_what_cannot_be_stored_is_kept_on_the_node(
    desk: LoginNode, hidden: Hidden, rclone_s3: S3Server
) -> None:
    """Nothing comes home from there: the job tries until its walltime ends, and says where its outputs are."""
    go = desk.account.work / "go"
    cluster = hidden(
        "-wt", "30s", "-out", "out.rec=herd:out/rec", "waits.sh", "-argu", str(go), env=HASTE
    )
    wait_for(lambda: states(desk, cluster) == "R", "it runs")
    rclone_s3.stop()
    try:
        go.write_text("")
        waited = desk.run(["hep_wait", str(cluster)], env=later(desk), timeout=150)
    finally:
        rclone_s3.start()
    err = (desk.account.work / f"waits.sh.err.{cluster}.0").read_text()
    kept = list(desk.sandbox.path(SCRATCH).glob("hepsub-kept.*"))
    try:
        assert waited.returncode == 60, waited
        assert [(path / "out.rec").read_text() for path in kept] == ["made\n"], err
        assert f"{SCRATCH}/{kept[0].name} on " in err
    finally:
        for path in kept:
            desk.sandbox.run(["rm", "-rf", f"{SCRATCH}/{path.name}"])
    assert left_on_the_node(desk) == []


def test_what_slurm_has_forgotten_the_store_knows(
    desk: LoginNode, slurm: Slurm, rclone_s3: S3Server
) -> None:
    """Nobody asked while Slurm knew: what succeeded has a marker, and what failed has none."""
    rclone_s3.client().delete_object(Bucket="raw", Key="run_0")
    desk.account.write("again.sh", WORK.replace("exit 8", "true"), mode=0o755)
    slurm.configure(memory_s=2)
    slurm.run(["scontrol", "reconfigure"])
    try:
        words = ("-nocheck", *IN_AND_OUT, "again.sh", "-argu", "%{ProcId}")
        cluster = submitted(desk, "-n", "2", *words, env=HASTE)
        wait_for(lambda: slurm.run(["squeue", "-h", "-t", "all"]).stdout == "", "it has forgotten")
    finally:
        slurm.configure()
        slurm.run(["scontrol", "reconfigure"])
    waited = desk.run(["hep_wait", str(cluster)])
    assert (waited.returncode, "the end of 1 is not known" in waited.stderr) == (60, True)
    put(rclone_s3, "run_0", "late")
    again = desk.run(["hep_sub", "-resubmit", str(cluster), "-failed", "-unknown"])
    assert again.stdout.startswith("1 job(s) submitted"), again.stderr
    assert desk.run(["hep_wait", again.stdout.split()[-1]]).returncode == 0
    assert stored(rclone_s3)["rec_0"] == "late of 0 "


@pytest.mark.parametrize("moment_s", [0.5, 0.7, 0.9])
def test_killed_at_any_moment_it_is_one_or_none(
    desk: LoginNode, rclone_s3: S3Server, moment_s: float
) -> None:
    """What its jobs start with is in the script when there is one, and the next command releases them."""
    key = f"apart{moment_s:.1f}"  # Slurm knows the earlier ones
    desk.account.write("again.sh", WORK.replace("exit 8", "true"), mode=0o755)
    words = ("hep_sub", "-once", key, *IN_AND_OUT, "again.sh", "-argu", "%{ProcId}", "-n", "3")
    with subprocess.Popen(
        desk.command(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        time.sleep(moment_s)
        desk.sandbox.run(["pkill", "-KILL", "-u", "hepalice", "-f", "hep_sub"], check=False)
        child.send_signal(signal.SIGKILL)
    again = desk.run(words)
    assert again.returncode == 0, again.stderr
    cluster = again.stdout.split()[-1]
    waited = desk.run(["hep_wait", cluster, "-timeout", "60"], timeout=90)
    assert waited.returncode == 0, waited.stderr
    assert stored(rclone_s3) == {f"rec_{n}": f"raw {n} of {n} " for n in range(3)}
    marks = desk.sandbox.run(["squeue", "-h", "-a", "-t", "all", "-o", "%F %k"]).stdout
    assert {line.split()[0] for line in marks.splitlines() if line.endswith(f":{key}")} == {cluster}
