"""README's commands, typed as they stand, on a real pool with a real store."""

import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from hepsub.cli.generate.tour import typed as typed_lines
from tests.pool.shell import IDLE
from tests.staging.desk import Desk, clear, write_policy
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

ROOT = Path(__file__).parents[2]
GROUPS = """
[group.juno]
members = ["{user}"]
[group.cms]
members = ["{user}"]
"""
BUCKETS = ("raw", "out", "hists")


ELSEWHERE = ("hep_mount", "hep_tail", "hep_wait", "hep_sub -resubmit")
"""What is typed elsewhere: these wait for jobs, or are about jobs that have failed."""


def lines_of(section: str) -> list[str]:
    """The command lines of a section's first block, without comments."""
    text = (ROOT / "README.md").read_text().split(f"## {section}\n", 1)[1]
    block = re.search(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = (re.sub(r"\s+#.*", "", line).strip() for line in block[1].splitlines())
    return [line for line in lines if line and not line.startswith(ELSEWHERE)]


@pytest.fixture
def laid(desk: Desk, rclone_s3: S3Server) -> Desk:
    """The user's files, and objects, that the examples name."""
    user = desk.shell
    clear(rclone_s3, BUCKETS)
    write_policy(user, rclone_s3.endpoint, GROUPS.format(user=user.account.name))
    for name in ("job.sh", "reco.sh", "ntuplize.sh", *(f"run-{n}.sh" for n in range(293))):
        user.script(name, "true")
    user.script("dimuon.py", "cat run_*.root > mass.csv")
    user.script("boss.exe", "true")
    for number in range(100):
        options = f'KKMC.A = 1;\nRootCnvSvc.digiRootOutputFile = "r_{number}.rtraw";\n'
        user.account.write(f"simjob_{number}.txt", options)
    user.account.write("setup/bin/tool", "#!/bin/sh\n", mode=0o755)
    user.account.write("libMyAna.so", "")
    user.account.write("runs.txt", "".join(f"s3://raw/good_{n}.root\n" for n in range(3)))
    rows = "".join(f"{n},s3://raw/good_{n}.root\n" for n in range(3))
    user.account.write("runs.csv", f"run,file\n{rows}")
    for number in range(3):
        desk.put(f"run_{number}.root", f"events {number}")
        desk.put(f"good_{number}.root", "x")
        desk.put(f"2026/run_{number}.root", "x")
    return desk


def typed(desk: Desk, line: str) -> CompletedProcess[str]:
    """Type a line in a shell that has set up BOSS."""
    done = desk.shell("/bin/bash", "-c", f'PATH="{desk.shell.work}:$PATH"; {line}')
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done


def typed_all(desk: Desk, section: str, stands_for_13: int) -> None:
    """Type a section's commands in their order; before one that waits, what is in its way goes."""
    for line in lines_of(section):
        if line.startswith("hep_sub") and "-wait" in line:
            others = {job.split(".")[0] for job in desk.shell.states("-u")} - {str(stands_for_13)}
            desk.shell("hep_rm", *sorted(others))  # some have ended meanwhile
        typed(desk, re.sub(r"(?<![\w.])13\b", str(stands_for_13), line))


def test_commands_by_example(laid: Desk) -> None:
    """13 is a cluster that waits."""
    typed_all(laid, "Commands by example", laid.shell.submit("-n", "10", *IDLE, "job.sh"))
    typed(laid, "hep_rm -a")


def test_commands_about_jobs_that_have_ended(laid: Desk) -> None:
    """Of ten jobs the last one has failed."""
    laid.shell.script("job.sh", "echo $1; test $1 != 9")
    ended = laid.shell.submit("-n", "10", "job.sh", "-argu", "%{ProcId}")
    laid.shell.ended(ended, 10)
    readme = (ROOT / "README.md").read_text()
    for line in ("hep_tail -f 13.2", "hep_wait 13", "hep_sub -resubmit 13 -failed"):
        assert f"\n{line} " in readme
    assert typed(laid, f"hep_tail -f {ended}.2").stdout == "2\n"
    assert laid.shell("hep_wait", str(ended)).returncode == 60
    assert "1 job(s) submitted" in typed(laid, f"hep_sub -resubmit {ended} -failed").stdout


def test_data(laid: Desk) -> None:
    """13 is a cluster of ten jobs with an output each; all that is said to go somewhere arrives there."""
    laid.shell.script("make.sh", "echo histogram $1 > hist.root")
    place = "hist.root=herd:hists/13/%{ProcId}.root"
    ten = laid.submit("make.sh", "-n", "10", "-argu", "%{ProcId}", "-out", place)["cluster"]
    laid.shell.ended(ten, 10)
    typed_all(laid, "Data", ten)
    for directory in (str(ten), f"results/{ten}"):
        brought = [laid.shell.text(f"{directory}/{proc}/hist.root") for proc in range(10)]
        assert brought == [f"histogram {proc}\n" for proc in range(10)]
    laid.shell.pool.wait_for(lambda: len(sums(laid)) == 3, 60, "the outputs of dimuon.py")
    assert sums(laid) == {f"events {number}" for number in range(3)}


def test_the_tour_of_data(laid: Desk) -> None:
    """The section DATA of hepsub(7); 13 is a cluster whose three outputs are there."""
    laid.shell.script("reco.sh", "cat *.root > hist.root.new; mv hist.root.new hist.root")
    ended = 0
    for line in (each for each in typed_lines("DATA") if each.startswith(("hep_sub", "hep_fetch"))):
        done = typed(laid, re.sub(r"(?<![\w.])13\b", str(ended), line))
        if submitted := re.search(r"(\d+) job\(s\) submitted to cluster (\d+)", done.stdout):
            laid.shell.ended(int(submitted[2]), int(submitted[1]))
            ended = int(submitted[2])
    brought = laid.shell.text(f"{ended}/0/hist.root")
    assert brought == "xxx"  # three objects of a byte each, in one job of 2 GB


def sums(desk: Desk) -> set[str]:
    """The contents of what dimuon.py left."""
    return {desk.text(key) for key in desk.stored("out") if "/mass_" in key}
