"""The same commands on a real Slurm, 22.05 and 24.11."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from tests.slurm.commands import does, ended, states, submitted, wait_for, write_policy
from tests.testbed.login import LoginNode
from tests.testbed.slurm import Slurm


def test_jobs_get_what_they_get_elsewhere(alice: LoginNode) -> None:
    """HepJob's line, its log names, arguments with blanks, the user's variables, the exit codes."""
    done = alice.run(
        ["hep_sub", "-n", "3", "show.sh", "-argu", "%{ProcId}", "$HOME 'x'"], env={"MARKED": "a b"}
    )
    assert done.returncode == 0, done.stderr
    cluster = int(done.stdout.split()[-1])
    assert done.stdout == f"3 job(s) submitted to cluster {cluster}\n"
    waited = alice.run(["hep_wait", str(cluster)])
    assert waited.returncode == 60, waited.stderr
    work = alice.account.work
    for proc in range(3):
        shown = (work / f"show.sh.out.{cluster}.{proc}").read_text()
        assert shown.startswith(f"{work}/show.sh {cluster}.{proc} "), shown
        assert shown.endswith(" a b\n")
        assert (work / f"show.sh.err.{cluster}.{proc}").read_text() == "to stderr\n"
    assert [job["exit_code"] for job in ended(alice, cluster)] == [0, 1, 2]


def test_lists_and_logs_that_slurm_cannot_name(alice: LoginNode) -> None:
    alice.account.write("runs.txt", "a b\n50%\n")
    words = (
        "-list",
        "runs.txt",
        "show.sh",
        "-argu",
        "0",
        "%{item}",
        "-o",
        "o.%{Index}",
        "-e",
        "o.%{Index}",
    )
    cluster = submitted(alice, *words)
    does(alice, "hep_wait", str(cluster))
    texts = [(alice.account.work / f"o.{n}").read_text() for n in range(2)]
    assert ["a b" in texts[0], "50%" in texts[1]] == [True, True]
    assert all(text.endswith("to stderr\n") for text in texts)


def test_hold_release_remove_and_edit(alice: LoginNode) -> None:
    cluster = submitted(alice, "-n", "4", "long.sh")
    wait_for(lambda: states(alice, cluster) == "RRRR", "they run")
    held = alice.run(["hep_hold", f"{cluster}.1"])
    assert (held.returncode, held.stdout) == (0, f"{cluster}.1: 1 job(s) held\n")
    assert "1 job(s) ran; their runs are lost, and begin anew when released" in held.stderr
    wait_for(lambda: states(alice, cluster) == "RHRR", "one is on hold")
    why = does(alice, "hep_q", "-i", f"hpc:{cluster}.1", "-why")
    assert "on hold" in why
    assert f"hep_release {cluster}.1" in why
    edited = alice.run(["hep_edit", "-m", "3000", f"{cluster}.1"])
    assert edited.returncode == 0, edited.stderr
    assert "3000" in alice.sandbox.run(["squeue", "-h", "-j", f"{cluster}_1", "-o", "%m"]).stdout
    later = alice.run(["hep_edit", "-prio", "-5", f"{cluster}.1"])
    assert later.returncode == 53, "Slurm 22.05 would release it"
    assert f"{cluster}.1" in does(alice, "hep_q", "-i", str(cluster), "-hold")
    does(alice, "hep_rm", f"{cluster}.0")
    wait_for(lambda: states(alice, cluster) == "HRR", "one is removed")
    does(alice, "hep_release", f"{cluster}.1")
    wait_for(lambda: "H" not in states(alice, cluster), "it is released")
    does(alice, "hep_edit", "-prio", "-5", f"{cluster}.1")
    does(alice, "hep_hold", f"{cluster}.2")
    does(alice, "hep_rm", "-a")
    wait_for(lambda: states(alice, cluster) == "", "all are removed")
    assert [job["state"] for job in ended(alice, cluster)] == ["X"] * 4, "also the one on hold"


def test_history_is_there_when_slurm_has_forgotten(alice: LoginNode, slurm: Slurm) -> None:
    slurm.configure(memory_s=2)
    slurm.run(["scontrol", "reconfigure"])
    cluster = submitted(alice, "-n", "2", "show.sh", "-argu", "%{ProcId}")
    assert alice.run(["hep_wait", str(cluster)]).returncode == 60
    wait_for(
        lambda: not slurm.run(["squeue", "-h", "-t", "all", "-a"]).stdout.strip(),
        "it has forgotten",
    )
    slurm.configure()
    slurm.run(["scontrol", "reconfigure"])
    assert [job["exit_code"] for job in ended(alice, cluster)] == [0, 1]


def test_stdout_of_a_running_job(alice: LoginNode) -> None:
    cluster = submitted(alice, "long.sh")
    wait_for(lambda: states(alice, cluster) == "R", "it runs")
    wait_for(lambda: does(alice, "hep_tail", f"{cluster}.0") == "begun\n", "its first line")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-n", "30000"), "MaxArraySize is 20001"),
        (("-l", "events.log"), "event log"),
    ],
)
def test_what_cannot_be_is_refused(alice: LoginNode, words: tuple[str, ...], said: str) -> None:
    done = alice.run(["hep_sub", *words, "show.sh"])
    assert done.returncode in (42, 49), done.stderr
    assert said in done.stderr
    assert alice.sandbox.run(["squeue", "-h"]).stdout == ""


def test_what_no_node_has_is_said(alice: LoginNode) -> None:
    """It is submitted all the same: there may be such a node tomorrow."""
    done = alice.run(["hep_sub", "-mem", "99999", "-np", "99", "show.sh"])
    assert done.returncode == 0, done.stderr
    assert "99999 MB of memory (-mem)" in done.stderr
    assert "the most is 16000 MB of memory and 8 core(s)" in done.stderr
    assert "scontrol" not in done.stderr
    cluster = int(done.stdout.split()[-1])
    assert states(alice, cluster) == "I"
    assert "(I): idle" in does(alice, "hep_q", "-i", str(cluster), "-why")
    assert "completed" not in alice.run(["hep_sub", "show.sh", "-argu", "0"]).stderr


def test_a_controller_that_is_away_is_said(alice: LoginNode, slurm: Slurm) -> None:
    cluster = submitted(alice, "long.sh")
    wait_for(lambda: states(alice, cluster) == "R", "it runs")
    time.sleep(
        10
    )  # slurmctld writes its state every few seconds; what it has not written, it loses
    slurm.kill_controller()
    try:
        done = alice.run(["hep_q", "-u"], timeout=120)
        assert done.returncode == 40, done.stderr
        assert "does not answer" in done.stderr
        again = alice.run(["hep_sub", "-once", "k", "show.sh"], timeout=240)
        assert again.returncode in (40, 43), again.stderr
    finally:
        slurm.start_controller()
    wait_for(lambda: states(alice, cluster) == "R", "the job went on")
    assert submitted(alice, "-once", "k", "show.sh", "-argu", "0") != cluster
    names = alice.sandbox.run(["squeue", "-h", "-a", "-t", "all", "-o", "%k"]).stdout
    assert names.count(":k") == 1


@pytest.mark.parametrize("moment_s", [0.15, 0.25, 0.35, 0.45, 0.6])
def test_killed_at_any_moment_it_is_one_or_none(alice: LoginNode, moment_s: float) -> None:
    """The next command with the key finds the cluster or makes it, and its jobs are released."""
    key = f"reco{moment_s:.2f}"  # Slurm knows the earlier ones
    words = ("hep_sub", "-once", key, "show.sh", "-argu", "0", "-n", "3")
    with subprocess.Popen(
        alice.command(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        time.sleep(moment_s)
        alice.sandbox.run(["pkill", "-KILL", "-u", "hepalice", "-f", "hep_sub"], check=False)
        child.send_signal(signal.SIGKILL)
    again = alice.run(words)
    assert again.returncode == 0, again.stderr
    cluster = int(again.stdout.split()[-1])
    assert alice.run(["hep_wait", str(cluster), "-timeout", "60"]).returncode == 0
    marks = alice.sandbox.run(["squeue", "-h", "-a", "-t", "all", "-o", "%F %k"]).stdout
    assert {line.split()[0] for line in marks.splitlines() if line.endswith(f":{key}")} == {
        str(cluster)
    }


def test_an_sbatch_that_outlives_hep_sub_leaves_no_job(alice: LoginNode) -> None:
    """The repeated command submits; what the first sbatch brings late is removed by the next one."""
    box, words = alice.sandbox, ("hep_sub", "-once", "late", "show.sh", "-argu", "0")
    slow = '#!/bin/sh\nsleep 5\nexec /usr/bin/sbatch "$@"\n'
    box.write("/opt/slow/sbatch", slow, mode=0o755)
    path = alice.run(["printenv", "PATH"]).stdout.strip()
    command = alice.command(words, env={"PATH": f"/opt/slow:{path}"})
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        began = ("pgrep", "-u", "hepalice", "-f", "^/bin/sh /opt/slow/sbatch")
        wait_for(lambda: box.run(began, check=False).returncode == 0, "sbatch runs")
        box.run(["pkill", "-KILL", "-u", "hepalice", "-f", " hep_sub -once late"])
    cluster = int(does(alice, *words).split()[-1])
    looks = ("squeue", "-h", "-a", "-t", "all", "-o", "%F %T %k")

    def marks() -> list[str]:
        return [x for x in box.run(looks).stdout.splitlines() if x.endswith(":late")]

    wait_for(lambda: len(marks()) == 2, "the first one is late")
    (late,) = (int(each.split()[0]) for each in marks() if not each.startswith(f"{cluster} "))
    wait_for(lambda: states(alice, late) == "H", "it is on hold")
    told = alice.run(["hep_sub", "show.sh", "-argu", "0"]).stderr
    assert f"cluster {late} at hpc" in told
    assert "was removed" in told
    assert states(alice, late) == ""


def test_a_job_of_sbatch_alone_has_the_name_that_is_shown(alice: LoginNode) -> None:
    """It is no array; one whose indexes have gaps has the ProcIds that Slurm gives."""
    alone = int(does(alice, "sbatch", "--parsable", "--hold", "long.sh"))
    gaps = int(does(alice, "sbatch", "--parsable", "--hold", "--array=0-6:3", "long.sh"))
    assert f"{alone}.0 " in does(alice, "hep_q", "-u")
    assert f"{alone}.0 (H)" in does(alice, "hep_q", "-i", f"hpc:{alone}.0", "-why")
    assert alice.run(["hep_rm", f"{gaps}.1"]).returncode == 51
    does(alice, "hep_rm", f"hpc:{alone}.0", f"{gaps}.3")
    assert (states(alice, alone), states(alice, gaps)) == ("", "HH")


def test_a_job_that_submits_gives_the_other_nothing_of_its_own(alice: LoginNode) -> None:
    """The srun of the other one would go by it, or refuse to start."""
    alice.account.write("srun.sh", "#!/bin/sh\nexec srun echo started\n", mode=0o755)
    own = {"SLURM_MEM_PER_CPU": "10", "SLURM_EXPORT_ENV": "NONE", "SLURM_DISTRIBUTION": "arbitrary"}
    cluster = submitted(alice, "srun.sh", env=own | {"SLURM_CONF": "/etc/slurm/slurm.conf"})
    waited = alice.run(["hep_wait", str(cluster)])
    assert waited.returncode == 0, waited.stderr
    assert (alice.account.work / f"srun.sh.out.{cluster}.0").read_text() == "started\n"


def test_another_user_removes_nothing(alice: LoginNode, slurm: Slurm) -> None:
    cluster = submitted(alice, "long.sh")
    bob = slurm.account("hepbob", "work")
    write_policy(bob)
    done = bob.run(["hep_rm", str(cluster)])
    assert done.returncode != 0
    assert states(alice, cluster) in ("R", "I")


UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"


@pytest.mark.parametrize(
    ("noted", "gate", "released"),
    [
        pytest.param(0, "", True, id="interrupted"),
        pytest.param(-1, "", False, id="told-that-there-is-none"),
        pytest.param(0, "cancelled", False, id="taken-back"),
    ],
)
def test_what_an_interrupted_submission_left(
    alice: LoginNode, noted: int, gate: str, *, released: bool
) -> None:
    """Jobs that their user knows nothing of, or took back, are removed and never released."""
    account, now = alice.account, int(time.time())
    state = account.home / ".local/state/hepsub"
    (state / "slurm/gates").mkdir(parents=True)
    (state / f"slurm/{UUID}/ends").mkdir(parents=True)
    (state / "journal").mkdir()
    known = {"uuid": UUID, "pool": "hpc", "number": 1}
    slip = known | {"submitted": now, "owner": "hepalice", "command": "long.sh"}
    (state / f"slurm/{UUID}/slip.json").write_text(json.dumps(slip))
    (state / f"slurm/gates/{UUID}").write_text(gate)
    line = known | {"v": 1, "hepsub": "0", "schedd": "hpc", "when": now, "cluster": noted}
    (state / "journal/elsewhere.jsonl").write_text(json.dumps(line) + "\n")
    alice.sandbox.run(["chown", "-R", "hepalice:", account.home / ".local"])
    alice.sandbox.run(["chmod", "-R", "go-rwx", account.home / ".local"])
    mark = ("--parsable", "--hold", "--array=0-0", f"--comment=hepsub:{UUID}")
    late = int(does(alice, "sbatch", *mark, "long.sh").strip())
    refused = alice.run(["hep_release", str(late)])
    assert (refused.returncode, "submission was interrupted" in refused.stderr) == (53, True)
    done = alice.run(["hep_sub", "show.sh", "-argu", "0"])
    assert done.returncode == 0, done.stderr
    assert f"cluster {late} at hpc" in done.stderr
    wait_for(lambda: states(alice, late) == ("R" if released else ""), done.stderr)
    assert not (state / f"slurm/gates/{UUID}").exists()


def test_where_slurm_is_not_installed_nothing_is_left(alice: LoginNode) -> None:
    done = alice.run(["hep_sub", "show.sh"], env={"PATH": "/opt/hepsub/bin:/nonexistent"})
    assert done.returncode == 40, done.stderr
    assert "sbatch is not installed here" in done.stderr
    gates = alice.account.home / ".local/state/hepsub/slurm/gates"
    assert list(gates.iterdir()) == []


def test_a_job_that_outruns_its_walltime_is_no_success(alice: LoginNode) -> None:
    """Slurm looks every half a minute or so; the program was ended, and says 143 here, or nothing."""
    cluster = submitted(alice, "-wt", "1min", "long.sh")
    done = alice.run(["hep_wait", str(cluster), "-timeout", "5min"], timeout=330)
    assert done.returncode == 60, done
    (job,) = ended(alice, cluster)
    assert job["exit_code"] != 0


def test_disk_is_asked_for_only_where_nodes_tell_of_it(alice: LoginNode) -> None:
    """A job that asks for what no node tells of would never start."""
    done = alice.run(["hep_sub", "-disk", "1GB", "show.sh", "-argu", "0"])
    assert done.returncode == 0
    assert "TmpDisk" in done.stderr
    assert alice.run(["hep_wait", done.stdout.split()[-1]]).returncode == 0
