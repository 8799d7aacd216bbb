"""hep_sub dies in the middle of a submission: nothing runs with half a bundle, and hep_q says what it is."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.staging.desk import HASTE, Desk, codes

pytestmark = [pytest.mark.condor, pytest.mark.s3]

PROGRAM = '''
"""hep_sub on a schedd that takes its time: after the commit, or before the gate is opened."""
import sys, time
from dataclasses import dataclass, replace
from pathlib import Path
from hepsub.actions.session import open_session
from hepsub.actions.submit import submit
from hepsub.cli.hep_sub import COMMAND, job_spec
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
        if moment == "committed": wait_for_ever(f"{submitted.cluster} {uuid}")
        self.done = submitted
        return submitted
    def open_gate(self, cluster):
        if moment == "written": wait_for_ever(f"{cluster} {self.done.uuid}")
        self.schedd.open_gate(cluster)

session = open_session()
slow = replace(session, connect=lambda pool: tuple(Slow(each) for each in session.connect(pool)))
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
