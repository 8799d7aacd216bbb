"""hep_tail on the real pool: where a job runs whose stdout is in its sandbox, and at its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pool.shell import Shell

pytestmark = pytest.mark.condor

TALKS = """\
echo "run $(cat {work}/runs 2>/dev/null)"; echo x >> {work}/runs; echo bad >&2
printf 'no line end'; sleep 4; echo; i=0
while [ $i -lt 3000 ]; do echo "line $i of many lines that are longer than one packet"; i=$((i+1)); done
while [ ! -e {work}/go ]; do sleep 0.2; done
echo end; exit 3"""


def test_a_job_in_its_sandbox_is_followed_through_a_hold(access_point: Shell) -> None:
    """The bytes of its last run are those of the log that comes home; of the first, none comes twice."""
    shell, work = access_point, access_point.work
    (work / "data").write_text("x")
    shell.script("talks.sh", TALKS.format(work=work))
    cluster = shell.submit("talks.sh", "-in", work / "data")
    job = f"{cluster}.0"
    with ThreadPoolExecutor() as threads:
        following = threads.submit(shell, "hep_tail", "-f", "-n", "9999", job, timeout=120)
        shell.wait_for_state(2, cluster)

        def seen(*words: str) -> str:
            return shell("hep_tail", *words, timeout=90).stdout

        shell.pool.wait_for(lambda: "line 2999" in seen(job), 60, "its lines")
        assert seen("-e", job, "-n", "1").endswith("bad\n")
        found = shell.result("hep_tail", job)
        assert (found["running"], found["state"], len(found["text"].splitlines())) == (
            True,
            "R",
            10,
        )
        shell.ok("hep_hold", job)
        shell.wait_for_state(5, cluster)
        held = shell("hep_tail", job)
        assert (held.returncode, held.stdout) == (53, "")
        assert "is on hold" in held.stderr
        shell.ok("hep_release", job)
        shell.wait_for_state(2, cluster)
        shell.pool.wait_for(lambda: "run x" in seen("-n", "9999", job), 60, "its second run")
        (work / "go").touch()
        done = following.result()
    home = (work / f"talks.sh.out.{cluster}.0").read_text()
    assert home.endswith("\nend\n")
    assert done.returncode == 60
    assert done.stdout.endswith(home)
    before = done.stdout.removesuffix(home)
    assert before.count("run") == 1
    assert home.replace("run x\n", "run \n").startswith(before)
    assert "again: its log begins anew" in done.stderr
    assert shell.ok("hep_tail", "-n", "1", job) == "end\n"


def test_without_condor_tail_it_is_said_where_it_is(user: Shell) -> None:
    """On a host with the bindings alone; a log on the shared file system needs none."""
    user.script("wait.sh", "echo begun; sleep 1000")
    shared, sent = user.submit("wait.sh"), user.submit("wait.sh", "-in", Path("/etc/hostname"))
    for cluster in (shared, sent):
        user.wait_for_state(2, cluster)
    user.pool.wait_for(lambda: user("hep_tail", str(shared)).stdout == "begun\n", 30, "the log")
    refused = user("hep_tail", str(sent))
    assert (refused.returncode, refused.stdout) == (53, "")
    assert "condor_tail is not on this host" in refused.stderr
    user.ok("hep_rm", str(shared), str(sent))
