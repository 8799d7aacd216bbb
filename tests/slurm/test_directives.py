"""Scripts with `#SBATCH` lines on a real Slurm, 22.05 and 24.11: what hep_sub asks for is what sbatch asks for."""

from __future__ import annotations

import json
import re

import pytest

from hepsub.slurm.directives import read_directives
from tests.slurm.commands import does, ended, wait_for, write_policy
from tests.testbed.login import LoginNode
from tests.testbed.slurm import Slurm

POLICY = '[pool.here]\nkind = "here"\n[pool.hpc]\nkind = "slurm"\n[defaults]\npool = "here"\nsbatch_lines = "hpc"\n'
BY_INDEX = """\
echo "$SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_MIN-$SLURM_ARRAY_TASK_MAX"
srun hostname
exit $((SLURM_ARRAY_TASK_ID == 7))"""
ASKED = (
    "Partition", "TimeLimit", "NumTasks", "CPUs/Task", "MinMemoryNode", "MinMemoryCPU",
    "MinTmpDiskNode", "Features", "ReqNodeList", "ExcNodeList", "Licenses", "Nice", "WorkDir", "TresPerNode",
    "TresPerJob", "Account", "QOS", "OverSubscribe", "JobName", "Deadline", "CpusPerTres", "MemPerTres",
)  # fmt: skip
"""What scontrol shows of what a job asks for."""


@pytest.fixture
def alice(slurm: Slurm) -> LoginNode:
    """Give hepalice on its login node, with an empty queue and a policy that sends scripts with lines to Slurm."""
    slurm.purge()
    user = slurm.account("hepalice", "work")
    write_policy(user)
    (user.account.home / ".config/hepsub/config.toml").write_text(POLICY)
    return user


def script(alice: LoginNode, *lines: str, body: str = "true") -> None:
    """Write job.sh with these lines."""
    text = "\n".join(["#!/bin/sh", *(f"#SBATCH {each}" for each in lines), body, ""])
    alice.account.write("job.sh", text, mode=0o755)


def submitted(alice: LoginNode, *words: str) -> tuple[int, str]:
    """The cluster of a submission, and what was said of it."""
    done = alice.run(["hep_sub", *words])
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]), done.stderr


def asked(alice: LoginNode, job: int | str) -> dict[str, str]:
    """What scontrol says that a job asks for."""
    shown = does(alice, "scontrol", "-o", "show", "job", str(job)).splitlines()[0]
    found = dict(re.findall(r"(\S+?)=(.*?)(?= \S+?=|$)", shown))
    return {name: found.get(name, "").strip() for name in ASKED}


@pytest.mark.parametrize(
    "lines",
    [
        ("-p short",),
        ("--partition=short --time=20 --mem=300",),
        ("-J 'a job' -c 2", "--mem-per-cpu=200M # each", "--time 0-1:30"),
        ("--gres=gpu:tesla:1", "-t 1:00:00"),
        ("-G 2 --ntasks=1 --nodes=1",),
        ("--gpus=tesla:1 --cpus-per-gpu=2 --mem-per-gpu=100",),
        ("--gpus-per-node=1", "--constraint=fast", "--nice"),
        ("-C fast -w hpc01 --nice=7 --deadline=2040-01-02",),
        ("--exclusive --mem=0 -A juno",),
        ("--part short", "--ntasks", "1", "--chdir=/tmp"),
    ],
    ids=" ".join,
)
def test_a_script_asks_for_what_it_asks_sbatch_for(
    alice: LoginNode, lines: tuple[str, ...]
) -> None:
    script(alice, *lines)
    meant = asked(alice, does(alice, "sbatch", "--parsable", "--hold", "job.sh").strip())
    cluster, said = submitted(alice, "job.sh")
    assert "#SBATCH lines of job.sh send the jobs to hpc" in said
    assert asked(alice, cluster) == meant


ODD = (
    "-pshort -c 2", "-J 'a b' # -c 3", '-J "a \\" b"c', "-J 'a\\ b'", "-J q#r -c 3", "-c2 -J 'a\\b'", "\t-t\t5",
    "--mem\n#SBATCH 300", "--part=short --nice --nice=3", "--exclusive -HO", "--comment=''x\"y z\"",
    "-J x\n\n#SBATCH -c 2", "-J x\n# SBATCH -c 2\n  # and\n#SBATCH -t 3", "-J x\n:\n#SBATCH -c 2",
    "-J x\n##SBATCH -c 2\n #SBATCH -t 3", "--nice -c 3", "--open-mode a -D /tmp",
)  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_lines_are_read_as_sbatch_reads_them(alice: LoginNode, text: str) -> None:
    """As it says what it was told (-vv)."""
    body = f"#!/bin/sh\n#SBATCH {text}\ntrue\n"
    alice.account.write("job.sh", body, mode=0o755)
    told = alice.run(["sbatch", "-vv", "--test-only", "job.sh"]).stderr
    assert "defined options" in told, told
    shown = dict(re.findall(r"(?m)^sbatch: ([a-z-]+) +: (.*)$", told))
    read = {each.option: each.value for each in read_directives(body, "job.sh")}
    assert set(read) == set(shown) - {"verbose", "test-only"}
    for name in read.keys() & {"job-name", "comment", "partition"}:
        assert read[name] == shown[name]


def test_an_option_counts_more_than_a_line_and_p_more_than_all(alice: LoginNode) -> None:
    script(alice, "-p short --mem=300 -c 4 -J lines")
    cluster, said = submitted(alice, "-mem", "500", "-np", "2", "-name", "mine", "job.sh")
    found = asked(alice, cluster)
    assert (found["Partition"], found["CPUs/Task"], found["JobName"]) == ("short", "2", "mine")
    assert found["MinMemoryNode"] == "500M"
    assert "-mem instead of --mem=300 (line 2)" in said
    done = alice.run(["hep_sub", "-p", "here", "job.sh"])
    assert done.returncode == 0, done.stderr
    assert "SBATCH" not in done.stderr
    assert cluster == submitted_last(alice)
    _, said = submitted(alice, "-slurm", "job.sh")
    queued = does(alice, "hep_q", "-slurm", "-u")  # asked first: it may end meanwhile
    assert f"\n{cluster}.0 " in queued + does(alice, "hep_history", "-slurm")
    assert "the #SBATCH lines of job.sh ask for --partition=short" in said


def submitted_last(alice: LoginNode) -> int:
    """The latest job of Slurm's."""
    return max(int(each) for each in does(alice, "squeue", "-h", "-t", "all", "-o", "%F").split())


def test_an_array_keeps_its_indices(alice: LoginNode) -> None:
    """Also in another run: what ran as 7 runs as 7 again, though Slurm counts hepsub's jobs from 0."""
    script(alice, "--array=6-8%2", "--output=log.%x_%A_%a", "-J reco", body=BY_INDEX)
    cluster, _ = submitted(alice, "job.sh")
    assert alice.run(["hep_wait", str(cluster)]).returncode == 60
    work = alice.account.work
    texts = [(work / f"log.reco_{cluster}_{index}").read_text() for index in (6, 7, 8)]
    assert texts == [f"{index} 6-8\nhpc01\n" for index in (6, 7, 8)]
    assert does(alice, "hep_tail", f"hpc:{cluster}.1").startswith("7 ")
    again = int(does(alice, "hep_sub", "-resubmit", f"hpc:{cluster}", "-failed").split()[-1])
    alice.run(["hep_wait", str(again)])
    wait_for((work / f"log.reco_{again}_7").exists, "the log of the second run")
    assert (work / f"log.reco_{again}_7").read_text().startswith("7 ")
    assert [job["exit_code"] for job in ended(alice, again)] == [1]


def test_gpus_are_as_slurm_gives_them(alice: LoginNode) -> None:
    """Whatever the user's own shell has in this variable."""
    alice.account.write("gpu.sh", '#!/bin/sh\necho "gpus:$CUDA_VISIBLE_DEVICES"\n', mode=0o755)
    mine = {"CUDA_VISIBLE_DEVICES": "5"}
    for words, gpus in ((("-gpu", "2"), "0,1"), (("-gpu", "1"), "0")):
        done = alice.run(["hep_sub", "-slurm", "-o", "out", *words, "gpu.sh"], env=mine)
        assert done.returncode == 0, done.stderr
        assert alice.run(["hep_wait", done.stdout.split()[-1]]).returncode == 0
        assert (alice.account.work / "out").read_text() == f"gpus:{gpus}\n"
    _, said = submitted(alice, "-slurm", "-gpu", "3", "gpu.sh")
    assert "the most is 2 GPU(s)" in said


def test_a_worker_node_by_its_short_or_full_name(alice: LoginNode) -> None:
    script(alice)
    for node in ("hpc01", "hpc01.ihep.ac.cn"):
        cluster, _ = submitted(alice, "-slurm", "-wn", node, "job.sh")
        assert asked(alice, cluster)["ReqNodeList"] == "hpc01"
    for words, said in (
        (("-wn", "hpc02"), "did you mean 'hpc01'?"),
        (("-wn", "hpc01,hpc02"), "only one can be named"),
        (("-gwn", "CMS"), "no groups of worker nodes"),
    ):
        done = alice.run(["hep_sub", "-slurm", *words, "job.sh"])
        assert done.returncode != 0
        assert said in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--ntasks=4", "job.sh line 2: --ntasks=4: hepsub starts one program on one node"),
        ("--dependency=afterok:1", "hep_wait 13 && hep_sub"),
        ("--partition=nope", "invalid partition specified: nope"),
    ],
)
def test_what_cannot_be_honoured_is_refused(alice: LoginNode, line: str, said: str) -> None:
    script(alice, line)
    done = alice.run(["hep_sub", "job.sh"])
    assert done.returncode in (42, 49), done.stderr
    assert said in done.stderr
    assert does(alice, "squeue", "-h") == ""


def test_environment_and_logs_as_the_lines_say(alice: LoginNode) -> None:
    body = 'echo "$MINE $OTHER $GIVEN"; echo error >&2'
    script(alice, "--export=MINE,GIVEN=x -o both.%j", body=body)
    done = alice.run(["hep_sub", "job.sh"], env={"MINE": "1", "OTHER": "2"})
    assert done.returncode == 0, done.stderr
    cluster = done.stdout.split()[-1]
    assert alice.run(["hep_wait", cluster]).returncode == 0
    assert (alice.account.work / f"both.{cluster}").read_text() == "1  x\nerror\n"


def test_jobs_begin_where_the_lines_say(alice: LoginNode) -> None:
    script(alice, "-D inner -o out", body="pwd")
    refused = alice.run(["hep_sub", "job.sh"])
    assert refused.returncode == 2
    assert "inner is no directory" in refused.stderr
    alice.run(["mkdir", "inner"])
    cluster, _ = submitted(alice, "job.sh")
    assert alice.run(["hep_wait", str(cluster)]).returncode == 0
    inner = alice.account.work / "inner"
    assert (inner / "out").read_text() == f"{inner}\n"


def test_partitions(alice: LoginNode) -> None:
    script(alice, "-c 3 --gpus=1", body="sleep 600")
    submitted(alice, "-n", "3", "job.sh")
    wait_for(lambda: does(alice, "squeue", "-h", "-t", "R", "-o", "x").count("x") == 2, "two run")
    shown = does(alice, "hep_clus", "-slurm")
    assert "normal (default)" in shown
    result = json.loads(does(alice, "hep_clus", "-slurm", "-json"))["result"]
    normal, short, closed = sorted(
        result["partitions"], key=lambda each: ("normal", "short", "closed").index(each["name"])
    )
    assert normal["cores"] == {"total": 8, "busy": 6, "free": 2, "other": 0}
    assert normal["gpus"] == {"total": 2, "busy": 2, "free": 0, "other": 0}
    assert normal["nodes"]["total"] == 1
    assert (normal["idle_jobs"], normal["running_jobs"]) == (1, 2)
    assert (short["max_walltime_s"], short["usable"], closed["usable"]) == (1800, True, False)
    pools = json.loads(does(alice, "hep_clus", "-json"))["result"]["pools"]
    hpc = next(each for each in pools if each["name"] == "hpc")
    assert (hpc["cores"], hpc["idle"], hpc["running"]) == ({"total": 8, "busy": 6}, 1, 2)


def test_what_is_offered_is_that_of_the_lines_partition(alice: LoginNode, slurm: Slurm) -> None:
    """A partition of the policy that has no GPUs says nothing of one that has."""
    slurm.configure(extra="PartitionName=empty State=UP\n")
    slurm.run(["scontrol", "reconfigure"])
    policy = alice.account.home / ".config/hepsub/config.toml"
    policy.write_text(POLICY.replace('"slurm"\n', '"slurm"\npartition = "empty"\n'))
    try:
        script(alice, "-p normal --gpus=2")
        _, said = submitted(alice, "job.sh")
        assert "can never start" not in said
        script(alice, "-p normal --gpus=3")
        _, said = submitted(alice, "job.sh")
        assert "the most is 2 GPU(s)" in said
    finally:
        slurm.purge()
        slurm.configure()
        slurm.run(["scontrol", "reconfigure"])
