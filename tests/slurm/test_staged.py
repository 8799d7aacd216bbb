"""Jobs of Slurm's whose files, secrets and credentials travel, or that run in an image."""

from __future__ import annotations

import json
import signal
import subprocess
import time

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
from tests.testbed.slurm import Slurm

WORK = """#!/bin/sh
set -e
case $PWD in /scratch/hepsub-job.*) ;; *) exit 9 ;; esac
printf '%s of %s' "$(cat run_*)" "$1" >out.rec
printf 'home %s' "$1" >histogram
pwd
"""
WAITS = """#!/bin/sh
echo begun
while [ ! -e "$1" ]; do sleep 0.2; done
echo made >out.rec
"""


@pytest.fixture
def desk(alice: LoginNode, rclone_s3: S3Server) -> LoginNode:
    """Give hepalice keys for rclone's store, and a policy that names it."""
    rclone_s3.start()
    clear(rclone_s3)
    write_policy(alice, STORAGE.format(endpoint=rclone_s3.endpoint))
    return sit_down(alice, rclone_s3, ("work.sh", WORK), ("waits.sh", WAITS))


def test_inputs_and_outputs_travel(desk: LoginNode, rclone_s3: S3Server) -> None:
    home = ("-out", "histogram=hist/%{ClusterId}.%{ProcId}")
    words = (*IN_AND_OUT, *home, "work.sh", "-argu", "%{ProcId}")
    desk.account.write("hist/.keep", "")
    cluster = submitted(desk, "-n", "3", *words, env=HASTE)
    waited = desk.run(["hep_wait", str(cluster)])
    work = desk.account.work
    assert waited.returncode == 0, (work / f"work.sh.err.{cluster}.0").read_text()
    assert stored(rclone_s3) == {f"rec_{n}": f"raw {n} of {n}" for n in range(3)}
    assert {each["code"] for each in markers(rclone_s3)} == {0}
    texts = {path.name: path.read_text() for path in (work / "hist").glob("[0-9]*")}
    assert texts == {f"{cluster}.{n}": f"home {n}" for n in range(3)}
    assert left_on_the_node(desk) == []
    fetched = does(desk, "hep_fetch", f"hpc:{cluster}.1", "-d", "here")
    assert [path.read_text() for path in (work / "here").rglob("out.rec")] == ["raw 1 of 1"], (
        fetched
    )
    assert [job["exit_code"] for job in ended(desk, cluster)] == [0, 0, 0]


def test_libraries_secrets_and_items(desk: LoginNode) -> None:
    account = desk.account
    account.write("lib/python/mine.py", "WORD = 'found'\n")
    account.write("runs.txt", "first\nsecond\n")
    script = '#!/bin/sh\npython3 -c "import mine; print(mine.WORD)"\necho "$API_TOKEN" "$1"\n'
    account.write("job.sh", script, mode=0o755)
    words = ("-lib", "lib", "-list", "runs.txt", "job.sh", "-argu", "%{item}")
    cluster = submitted(desk, *words, "-env", "API_TOKEN", env={"API_TOKEN": "s3cret-word"})
    assert desk.run(["hep_wait", str(cluster)]).returncode == 0
    for proc, item in enumerate(("first", "second")):
        text = (account.work / f"job.sh.out.{cluster}.{proc}").read_text()
        assert text == f"found\ns3cret-word {item}\n"


def test_nobody_finds_a_secret(desk: LoginNode, slurm: Slurm) -> None:
    """Not in what Slurm tells, nor in a process's words, nor on the node's disk."""
    words = ("-in", "herd:raw/run_0", "-out", "out.rec=herd:out/rec", "waits.sh", "-argu")
    secret = {"API_TOKEN": "s3cret-word"}
    cluster = submitted(desk, *words, "go", "-env", "API_TOKEN", env=secret)
    wait_for(lambda: states(desk, cluster) == "R", "it runs")
    wait_for(lambda: "begun" in does(desk, "hep_tail", str(cluster)), "its first line")
    bob = slurm.account("hepbob", "work")
    look = (
        f"scontrol show job {cluster} -dd; scontrol write batch_script {cluster}_0 -; squeue -o %all;"
        " cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; grep -r . /var/spool/slurmd* /var/spool/slurmctld;"
        f" grep -rs . /scratch/hepsub-job.* {desk.account.home}/.local"
    )
    seen = bob.run(["sh", "-c", f"({look}) 2>/dev/null"]).stdout
    for word in ("s3cret-word", "X-Amz-Signature"):
        assert word not in seen
    shown = told_everybody(slurm, cluster)
    for word in ("s3cret-word", "X-Amz-Signature"):
        assert word not in shown
    does(desk, "hep_rm", str(cluster))


def test_what_a_removed_job_had_is_gone(desk: LoginNode) -> None:
    words = ("-in", "herd:raw/run_0", "waits.sh", "-argu", "never")
    cluster = submitted(desk, *words)
    wait_for(lambda: bool(left_on_the_node(desk)), "it has a directory on the node")
    does(desk, "hep_rm", str(cluster))
    wait_for(lambda: left_on_the_node(desk) == [], "it is gone")


def test_what_a_killed_job_left_the_next_one_removes(desk: LoginNode) -> None:
    cluster = submitted(desk, "-in", "herd:raw/run_0", "waits.sh", "-argu", "never")
    wait_for(lambda: bool(left_on_the_node(desk)), "it has a directory on the node")
    (left,) = left_on_the_node(desk)
    desk.sandbox.run(["pkill", "-KILL", "-u", "hepalice"])
    wait_for(lambda: states(desk, cluster) == "", "it was killed")
    assert left_on_the_node(desk) == [left]
    words = ("-in", "herd:raw/run_1", "-out", "out.rec=herd:out/rec", "-out", "histogram=h")
    after = submitted(desk, *words, "work.sh", "-argu", "1")
    assert desk.run(["hep_wait", str(after)]).returncode == 0
    assert left_on_the_node(desk) == []


def test_a_job_put_back_runs_once_more_and_has_one_marker(
    desk: LoginNode, rclone_s3: S3Server
) -> None:
    go = desk.account.work / "go"
    words = ("-out", "out.rec=herd:out/rec", "waits.sh", "-argu", str(go))
    cluster = submitted(desk, *words, env=HASTE)
    wait_for(lambda: states(desk, cluster) == "R", "it runs")
    does(desk, "hep_hold", str(cluster))
    wait_for(lambda: states(desk, cluster) == "H", "it is on hold")
    go.write_text("")
    does(desk, "hep_release", str(cluster))
    assert desk.run(["hep_wait", str(cluster), "-timeout", "5min"], timeout=330).returncode == 0
    assert stored(rclone_s3) == {"rec": "made\n"}
    assert [each["code"] for each in markers(rclone_s3)] == [0]
    assert left_on_the_node(desk) == []


def test_a_job_whose_node_fails_leaves_one_marker(
    desk: LoginNode, rclone_s3: S3Server, slurm: Slurm
) -> None:
    """And nothing on the node: what the first run had there is removed by the second."""
    go = desk.account.work / "go"
    words = ("-out", "out.rec=herd:out/rec", "waits.sh", "-argu", str(go))
    cluster = submitted(desk, *words, env=HASTE)
    wait_for(lambda: "begun" in desk.run(["hep_tail", str(cluster)]).stdout, "its first line")
    slurm.fail_node()
    try:
        wait_for(lambda: states(desk, cluster) == "I", "it waits again")
        assert markers(rclone_s3) == []
        go.write_text("")
    finally:
        slurm.start_node()
    slurm.run(["scontrol", "update", f"jobid={cluster}_0", "starttime=now"])
    assert desk.run(["hep_wait", str(cluster), "-timeout", "2min"], timeout=150).returncode == 0
    assert stored(rclone_s3) == {"rec": "made\n"}
    assert [each["code"] for each in markers(rclone_s3)] == [0]
    assert left_on_the_node(desk) == []


def test_failed_jobs_run_again_under_their_names(desk: LoginNode, rclone_s3: S3Server) -> None:
    for proc in range(2):
        rclone_s3.client().delete_object(Bucket="raw", Key=f"run_{proc}")
    words = ("-nocheck", "-out", "histogram=h.%{ProcId}", "work.sh", "-argu", "%{ProcId}")
    first = submitted(desk, "-n", "3", *IN_AND_OUT, *words, env=HASTE)
    assert desk.run(["hep_wait", str(first)]).returncode == 60
    assert [job["exit_code"] for job in ended(desk, first)] == [81, 81, 0]
    told = does(desk, "hep_sub", "status", str(first))
    assert "could not be fetched" in told or "81" in told
    for proc in range(2):
        put(rclone_s3, f"run_{proc}", f"late {proc}")
    again = submitted(desk, "-resubmit", str(first), "-failed")
    assert desk.run(["hep_wait", str(again)]).returncode == 0
    assert stored(rclone_s3)["rec_1"] == "late 1 of 1"
    assert json.loads(does(desk, "hep_sub", "status", "-json", str(first)))


@pytest.mark.parametrize("moment_s", [0.3, 0.45, 0.6, 0.75, 0.9])
def test_killed_at_any_moment_it_is_one_or_none(
    desk: LoginNode, rclone_s3: S3Server, moment_s: float
) -> None:
    """A bundle that needs the cluster's id is completed by the next command, and the jobs are released."""
    outputs = ("-out", "out.rec=herd:out/%{ClusterId}_%{ProcId}", "-out", "histogram=h.%{ProcId}")
    inputs = ("-in", "herd:raw/run_%{ProcId}")
    key = f"staged{moment_s:.2f}"  # Slurm knows the earlier ones
    words = ("hep_sub", "-once", key, *inputs, *outputs, "work.sh", "-argu", "0", "-n", "3")
    with subprocess.Popen(
        desk.command(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        time.sleep(moment_s)
        desk.sandbox.run(["pkill", "-KILL", "-u", "hepalice", "-f", "hep_sub"], check=False)
        child.send_signal(signal.SIGKILL)
    again = desk.run(words)
    assert again.returncode == 0, again.stderr
    cluster = int(again.stdout.split()[-1])
    waited = desk.run(["hep_wait", str(cluster), "-timeout", "60"], timeout=90)
    assert waited.returncode == 0, waited.stderr
    assert set(stored(rclone_s3)) == {f"{cluster}_{proc}" for proc in range(3)}
    marks = desk.sandbox.run(["squeue", "-h", "-a", "-t", "all", "-o", "%F %k"]).stdout
    assert {line.split()[0] for line in marks.splitlines() if line.endswith(f":{key}")} == {
        str(cluster)
    }


def test_a_ticket_of_20_seconds_lasts_for_a_job_of_a_minute(desk: LoginNode, kdc: Kdc) -> None:
    kdc.join(desk.sandbox)
    account = desk.account
    write_policy(desk, '[renew]\nevery = "3 s"\n')
    kdc.kinit(account, life_s=20, renewable_s=86400)
    cache = f"FILE:{kdc.cache(account).path}"
    environment = {**HASTE, "KRB5CCNAME": cache, "HEPSUB_KINIT": "-"}
    account.write("look.sh", LOOK, mode=0o755)
    with renewing(desk, environment):
        cluster = submitted(desk, "-cred", "krb", "look.sh", env=environment)
        waited = desk.run(["hep_wait", str(cluster)], timeout=150)
    text = (account.work / f"look.sh.out.{cluster}.0").read_text()
    told = (account.work / "renew.log").read_text()
    assert (waited.returncode, text) == (0, "good\n"), waited.stderr + told


def test_an_image_is_started_by_apptainer(desk: LoginNode) -> None:
    """What stands for apptainer tells what it was told: the image where it lies, and the user's home in it."""
    account = desk.account
    stand_in = f'#!/bin/sh\nprintf "%s " "$@" >{account.home}/told\n'
    desk.sandbox.write("/usr/local/bin/apptainer", stand_in, mode=0o755)
    account.write("alma.sif", "")
    try:
        cluster = submitted(desk, "-image", "alma.sif", "show.sh", "-argu", "0")
        desk.run(["hep_wait", str(cluster)])
    finally:
        desk.sandbox.run(["rm", "/usr/local/bin/apptainer"])
    told = (account.home / "told").read_text()
    assert f" {account.work}/alma.sif " in told
    assert f"--bind {account.home} " in told
