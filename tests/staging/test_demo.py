"""hep_sub demo: the first minute, as anybody, with nothing left behind."""

import json
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.schemas import check_document
from tests.testbed import rclone
from tests.testbed.pool import Pool
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor]

BAR = re.compile(r" +90 GeV #{20,50} +\d+")
LIMIT = 60


class Somebody:
    """Somebody with a home of his own, and what of his is on this machine."""

    def __init__(self, account: Account, uid: int, home: Path) -> None:
        self.account = account
        self.uid = uid
        self.home = home
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        os.chown(self.temporary, uid, uid)
        self.before = self.traces()

    def popen(self, *words: str) -> "subprocess.Popen[str]":
        """Start hep_sub with these words, in a session of its own."""
        own = {"HOME": str(self.home), "TMPDIR": str(self.temporary)}
        environment = self.account.environment() | own
        environment["PATH"] = f"{rclone.program().parent}:{environment['PATH']}"
        del environment["CONDOR_CONFIG"]
        who: dict[str, Any] = {"user": self.uid, "group": self.uid, "extra_groups": []}
        return subprocess.Popen(
            [str(self.account.bin / "hep_sub"), *words],
            cwd=self.home,
            env=environment | {"USER": pwd.getpwuid(self.uid).pw_name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **(who if self.uid else {}),
        )

    def processes(self) -> set[str]:
        """The processes whose environment or command line says that they are his demo's."""
        found = set()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                mine = f"HOME={self.home}\0".encode() in (place / "environ").read_bytes()
                line = (
                    (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if mine or str(self.home) in line:
                found.add(f"{place.name}: {line}")
        return found

    def traces(self) -> set[str]:
        """Files of his, those included that hepsub keeps of submissions."""
        found = {str(path) for path in self.home.rglob("*")}
        queue = Path(f"/var/tmp/hepsub-{self.uid}")  # where an embedded pool would be
        return found | {str(path) for path in queue.rglob("runs/*")}

    def left(self) -> set[str]:
        """What the demo left behind, a few seconds after its end."""
        end = time.monotonic() + 5
        while True:
            left = (self.traces() - self.before) | self.processes()
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.1)


@pytest.fixture(params=["hepalice", "root"])
def somebody(
    request: pytest.FixtureRequest, alice: Account, tmp_path: Path, pool: Pool
) -> Iterator[Somebody]:
    """Give an ordinary user, and root."""
    if request.param == "root":
        home = tmp_path / "root"
        home.mkdir()
        person = Somebody(alice, 0, home)
    else:
        person = Somebody(alice, alice.uid, alice.work)
    yield person
    for line in person.processes():
        os.kill(int(line.partition(":")[0]), signal.SIGKILL)


def test_the_first_minute(somebody: Somebody) -> None:
    """Exit code 0, a histogram with its peak at the Z on stdout, steps on stderr, nothing left behind."""
    begin = time.monotonic()
    process = somebody.popen("demo")
    stdout, stderr = process.communicate(timeout=LIMIT)
    print(f"uid {somebody.uid}: {time.monotonic() - begin:.1f} s")
    assert process.returncode == 0, stderr
    assert BAR.search(stdout), stdout
    assert "hep_sub dimuon.py -in s3://raw/run_%{ProcId}.csv" in stdout
    assert "submitting 3 jobs" in stderr
    assert "Traceback" not in stderr
    assert somebody.left() == set()


def test_its_last_line_works_right_now(somebody: Somebody) -> None:
    """With the script that it leaves, and the job's output is there; that script is all that is left."""
    stdout, stderr = somebody.popen("demo", "-script").communicate(timeout=LIMIT)
    script = somebody.home / "job.sh"
    assert somebody.left() == {str(script)}, stderr
    line = stdout.splitlines()[-1].strip()
    assert line.endswith("hep_sub job.sh")
    process = somebody.popen("-wait", *line.split()[1:])
    stdout, stderr = process.communicate(timeout=LIMIT)
    cluster = re.search(r"submitted to cluster (\d+)", stdout)
    assert (process.returncode, cluster is not None) == (0, True), stderr
    assert cluster is not None
    said = (somebody.home / f"job.sh.out.{cluster[1]}.0").read_text()
    assert f"job {cluster[1]}.0 with" in said


@pytest.mark.parametrize("moment", ["starting an S3 server", "submitting 3 jobs", "idle, "])
def test_interrupted_in_the_middle(somebody: Somebody, moment: str) -> None:
    """Ctrl-C at any step: exit code 130, no traceback, and nothing left behind."""
    process = somebody.popen("demo")
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if moment in line:
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, said + stderr
    assert "Traceback" not in stderr
    assert stdout == ""
    assert somebody.left() == set()


def test_the_demo_in_json(somebody: Somebody) -> None:
    """-json: one document with the counts, the times of the steps and the commands."""
    process = somebody.popen("demo", "-json")
    stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, stderr
    assert check_document(stdout) == {"DemoResult"}
    document = json.loads(stdout)
    result = document["result"]
    assert (document["ok"], result["jobs"]) == (True, 3)
    assert sum(result["counts"]) == result["events"] > 5000
    assert result["peak_gev"] == 90
    print(result["seconds"])
