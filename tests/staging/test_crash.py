"""hep_sub dies in the middle of a submission: nothing runs with half a bundle, and hep_q says what it is."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pool.shell import SUBMITTED
from tests.staging.desk import HASTE, Desk, codes

pytestmark = [pytest.mark.condor, pytest.mark.s3]

PROGRAM = '''
"""hep_sub on a schedd that takes its time: after the commit, or before the gate is opened."""
import sys, time
from dataclasses import dataclass
from msgspec.structs import replace
from pathlib import Path
from hepsub.session import open_session
from hepsub.actions.submit.submit import submit
from hepsub.cli.commands.hep_sub import COMMAND
from hepsub.cli.job_spec import job_spec
from hepsub.cli.parse import parse

moment, *words = sys.argv[1:]

def wait_for_ever(what):
    Path("moment").write_text(what)
    time.sleep(600)

class Slow:
    def __init__(self, schedd): self.schedd = schedd
    def __getattr__(self, name): return getattr(self.schedd, name)
    def submit(self, plan, uuid):
        submitted = self.schedd.submit(plan, uuid)
        if moment == "committed": wait_for_ever(f"{submitted.ref.cluster} {uuid}")
        self.done = submitted
        return submitted
    def open_gate(self, cluster, *, factory, held=False):
        if moment == "written": wait_for_ever(f"{cluster} {self.done.ref.uuid}")
        self.schedd.open_gate(cluster, factory=factory)

session = open_session()
slow = replace(session, connect=lambda *pool: tuple(Slow(each) for each in session.connect(*pool)))
submit(slow, job_spec(parse(words, COMMAND)))
'''


@contextlib.contextmanager
def interrupted(desk: Desk, moment: str, *words: str) -> Iterator[tuple[int, str]]:
    """Start a submission, wait for the moment, and kill it; the cluster and the uuid."""
    user = desk.shell
    program = user.account.write("slow.py", PROGRAM)
    python = user.account.bin / "python3"
    env = {"HEPSUB_CONFIG": str(user.policy), **HASTE}
    process = user.account.popen(
        [python, "-I", program, moment, *words], env=env, stderr=subprocess.PIPE
    )
    place = user.work / "moment"
    try:
        end = time.monotonic() + 30
        while not (place.exists() and place.read_text()):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        cluster, uuid = place.read_text().split()
        yield int(cluster), uuid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
        place.unlink(missing_ok=True)


@pytest.mark.parametrize("moment", ["committed", "written"])
def test_killed_behind_the_gate(desk: Desk, moment: str) -> None:
    """kill -9 after the commit: nothing starts, hep_q -why says why, and the next hep_sub lets the jobs run."""
    user = desk.shell
    user.script("job.sh", f"touch {user.work}/ran; echo > r")
    line = ("job.sh", "-n", "2", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
    with interrupted(desk, moment, *line) as (cluster, uuid):
        time.sleep(4.5)  # two cycles of the negotiator
        assert user.states("-i", str(cluster)) == {f"{cluster}.0": "I", f"{cluster}.1": "I"}
        ad = user.ad(cluster)
        assert (ad["HepSub_Ready"], ad["HepSub_UUID"]) == (False, uuid)
        assert ad.get("NumJobStarts", 0) == 0
        assert not (user.work / "ran").exists()
        manifests = sorted(path.parent.name for path in bundle_files(desk, uuid))
        assert manifests == ([] if moment == "committed" else ["0", "1"])
        why = user.ok("hep_q", "-i", str(cluster), "-why")
        assert "prepared" in why, why
    user.script("next.sh", "true")
    done = user("hep_sub", "next.sh")
    assert done.returncode == 0
    assert f"cluster {cluster}, whose submission had been interrupted" in done.stderr
    assert codes(user.ended(cluster, 2)) == [0, 0]
    assert desk.stored() == {f"{cluster}/r_0", f"{cluster}/r_1"}
    assert sorted(desk.markers(uuid)) == [0, 1]


def test_what_is_behind_the_gate_can_be_removed(desk: Desk) -> None:
    """hep_rm of an interrupted submission: the next hep_sub brings nothing back."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    line = ("job.sh", "-out", "r=herd:out/%{ClusterId}/r")
    with interrupted(desk, "committed", *line) as (cluster, _):
        user.ok("hep_rm", str(cluster))
    user.script("next.sh", "true")
    user.ended(user.submit("next.sh"))
    assert user.counts("-u")["jobs"] == 0
    assert desk.stored() == set()


MANY = 400
LINE = ("job.sh", "-n", str(MANY), "-in", "s3://raw/x", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}",
        "-wn", "nosuch")  # fmt: skip
"""So many jobs that their manifests take a while; their input is there, and they stay idle."""


def pressed(desk: Desk, written: int, *words: str) -> tuple[int, str, str]:
    """Run hep_sub, and press Ctrl-C when so many manifests are written (-1: when the bundle is begun)."""
    user = desk.shell
    user.policy.write_text(user.policy.read_text().replace("factory_above = 100", ""))
    hep_sub = user.account.bin / "hep_sub"
    process = user.account.popen(
        [hep_sub, *words],
        env={"HEPSUB_CONFIG": str(user.policy), **HASTE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 60
    while process.poll() is None and not reached(desk, written):
        assert time.monotonic() < end
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def left(desk: Desk) -> list[Path]:
    """The bundles there are."""
    names = (".renew", ".libraries")
    return [each for each in desk.bundles.glob("*") if each.name not in names]


def reached(desk: Desk, written: int) -> bool:
    """Whether so many manifests are there."""
    there = left(desk)
    try:
        return bool(there) and sum(1 for b in there for _ in b.rglob("hepsub.manifest")) > written
    except FileNotFoundError:  # one got its name, or was removed
        return False


@pytest.mark.parametrize("written", [-1, 0, MANY // 10, MANY // 2, MANY - 1])
def test_ctrl_c_means_no(desk: Desk, written: int) -> None:
    """At any moment: neither cluster nor bundle, and it is said; or the cluster is named, and complete."""
    user = desk.shell
    user.script("job.sh", f"touch {user.work}/ran; echo > r")
    desk.put("x", "1")
    code, stdout, stderr = pressed(desk, written, *LINE)
    found = SUBMITTED.fullmatch(stdout)
    user.script("next.sh", "true")
    again = user("hep_sub", "next.sh", "-quiet")
    assert (again.returncode, again.stderr) == (0, "")
    if found is None:
        assert (code, stdout) == (130, ""), stderr
        assert "nothing was submitted" in stderr or "was removed again" in stderr, stderr
        assert left(desk) == []
        others = f"JobStatus != 3 && ClusterId != {cluster(again)}"
        user.pool.wait_for(lambda: not user.pool.jobs(others), 30, "the removal")
    else:
        assert code in (0, 130), stderr
        assert f"hep_rm {found[2]} removes it" in stderr or code == 0
        assert user.ad(int(found[2]))["HepSub_Ready"] is True
        assert reached(desk, MANY - 1)
        user.ok("hep_rm", found[2])
    assert not (user.work / "ran").exists()


def cluster(done: subprocess.CompletedProcess[str]) -> int:
    """The cluster that hep_sub printed."""
    found = SUBMITTED.fullmatch(done.stdout)
    assert found, done
    return int(found[2])


def test_a_key_submits_anew_after_ctrl_c(desk: Desk) -> None:
    """-once: the history has the removed cluster with that key; also without the journal it does not count."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    desk.put("x", "1")
    code, stdout, stderr = pressed(desk, 3, *LINE, "-once", "analysis-8")
    assert (code, stdout) == (130, ""), stderr
    assert "was removed again" in stderr, stderr
    for journal in (user.account.home / ".local/state/hepsub/journal").glob("*.jsonl"):
        journal.unlink()
    again = desk.submit(*LINE, "-once", "analysis-8")
    assert again["new"], again
    once_more = desk.submit(*LINE, "-once", "analysis-8")
    assert (once_more["new"], once_more["cluster"]) == (False, again["cluster"])
    user.ok("hep_rm", str(again["cluster"]))


def bundle_files(desk: Desk, uuid: str) -> list[Path]:
    """The manifests of a submission."""
    return list((desk.bundles / uuid).glob("job/*/hepsub.manifest"))


def test_once_after_a_crash_behind_the_gate_ends_with_jobs_that_run(desk: Desk) -> None:
    """-once KEY repeated after a kill -9: one cluster only, and its jobs run to their end."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    line = ("job.sh", "-out", "r=herd:out/%{ClusterId}/r", "-once", "analysis-7")
    with interrupted(desk, "committed", *line) as (cluster, _):
        again = desk.submit(*line)
        assert again["cluster"] == cluster
        assert codes(user.ended(cluster, timeout=20)) == [0]
    assert desk.stored() == {f"{cluster}/r"}


def test_without_the_clusters_id_there_is_no_gate(desk: Desk) -> None:
    """A bundle that can be written before the commit is: nothing to open, nothing to be left behind."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    done = desk.submit("job.sh", "-out", "r=herd:out/r")
    ads = user.ended(done["cluster"])
    assert codes(ads) == [0]
    assert "HepSub_Ready" not in ads[0]
