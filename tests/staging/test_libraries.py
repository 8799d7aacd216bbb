"""-lib on real services: packed once, kept in S3 or sent along, found by the payload wherever it runs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pool.shell import IDLE, PYTHON, Shell
from tests.staging.desk import Desk, clear, codes, sit_down
from tests.testbed.faults import DENIED
from tests.testbed.proxy import FaultProxy
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

KEPT = "user/hepalice/hepsub-lib"
LIBRARIES = ("-lib", "setup/", "-lib", "libMyAna.so")
PAYLOAD = """
import ctypes, os, subprocess
import calib
compiled = ctypes.CDLL("libMyAna.so").zlibCompileFlags() > 0
said = subprocess.run(["reco", calib.VALUE], capture_output=True, text=True, check=True).stdout
inside = sorted(os.listdir(os.environ["HEPSUB_LIB"]))
open("r", "w").write(f"{said.strip()} {compiled} {inside}\\n")
"""
RESULT = "reconstructed with 4.7 True ['libMyAna.so', 'setup']\n"
E_UNREACHABLE, E_REFUSED, E_LIBRARY = 35, 34, 19


@dataclass(frozen=True)
class Bench:
    """A user with libraries, at a store that is seen through a proxy.

    Attributes:
        desk: the user at the store, under the proxy's address.
        proxy: the proxy, which counts.
    """

    desk: Desk
    proxy: FaultProxy

    @property
    def shell(self) -> Shell:
        """The user at a prompt."""
        return self.desk.shell

    def keep_in_s3(self) -> None:
        """Let the policy name a place in S3."""
        text = self.shell.policy.read_text()
        where = 'shared = true\nlibraries = "herd:user/%{User}/hepsub-lib"\n'
        self.shell.policy.write_text(text.replace("shared = true\n", where))

    def uploads(self) -> list[str]:
        """What was uploaded as a library, in order."""
        return [each.path for each in self.proxy.requests("PUT", "^/user/")]

    def kept(self) -> list[str]:
        """The libraries in S3."""
        return sorted(self.desk.server.objects("user"))


@pytest.fixture
def bench(user: Shell, s3_server: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> Bench:
    """Give hepalice a directory and a shared library of her own, at each of the stores."""
    s3_server.start()
    proxy = fault_proxy(s3_server)
    desk = sit_down(user, proxy.server)
    clear(s3_server, ("user",))
    furnish(user)
    proxy.clear()
    return Bench(desk, proxy)


def furnish(shell: Shell) -> None:
    """A module, a program, a link, what is left out, and a library that the linker has to find."""
    account = shell.account
    account.write("setup/python/calib.py", "VALUE = '4.7'\n")
    account.write("setup/bin/reco", '#!/bin/sh\necho "reconstructed with $1"\n', mode=0o755)
    account.write("setup/.git/config", "large and useless\n")
    (shell.work / "setup/current").symlink_to("python/calib.py")
    found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    original = next(line.split()[-1] for line in found.stdout.splitlines() if "libz.so.1" in line)
    own = shutil.copy(Path(original).resolve(), shell.work / "libMyAna.so")
    os.chown(own, account.uid, account.gid)
    shell.script("job.py", PAYLOAD, shell=PYTHON)


def queue_of(shell: Shell) -> dict[str, str]:
    """A directory for the embedded pool."""
    queue = shell.directory("queue")
    queue.chmod(0o700)
    return {"HEPSUB_HERE_DIR": str(queue)}


def told(submitted: dict[str, Any]) -> list[tuple[str, bool, bool]]:
    """What a submission says of its libraries: name, whether S3 had it, whether it was uploaded."""
    return [(each["name"], each["stored"], each["uploaded"]) for each in submitted["libraries"]]


@pytest.mark.parametrize("in_s3", [True, False], ids=["s3", "sent"])
def test_libraries_at_home_far_away_and_here(
    bench: Bench, remote_site: RemoteSite, in_s3: bool
) -> None:
    """One line, three places: module, program and shared library are found; two uploads at the most."""
    desk, shell = bench.desk, bench.shell
    if in_s3:
        bench.keep_in_s3()
    line = ("job.py", *LIBRARIES, "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}", "-n", "2")
    home = desk.submit(*line)
    assert told(home) == [("setup", False, in_s3), ("libMyAna.so", False, in_s3)]
    away = desk.submit(*line, "-site", "dongguan")
    here = desk.submit(*line, "-p", "here", "-wait", env=queue_of(shell))
    assert [job["exit_code"] for job in here["ended"]] == [0, 0]
    assert told(away) == [("setup", in_s3, False), ("libMyAna.so", in_s3, False)]
    ads = shell.all_ended({home["cluster"]: 2, away["cluster"]: 2})
    assert codes(ads[home["cluster"]]) == codes(ads[away["cluster"]]) == [0, 0]
    expected = {
        f"{each['cluster']}/r_{proc}": RESULT for each in (home, away, here) for proc in range(2)
    }
    assert {key: desk.text(key) for key in desk.stored()} == expected
    assert len(bench.uploads()) == (2 if in_s3 else 0)
    sha256 = [each["sha256"] for each in home["libraries"]]
    assert bench.kept() == (
        sorted(f"hepalice/hepsub-lib/{each}.tar.gz" for each in sha256) if in_s3 else []
    )
    assert home["libraries"][0]["where"] == (f"herd:{KEPT}/{sha256[0]}.tar.gz" if in_s3 else None)
    for submitted in (home, away):
        for proc in range(2):
            brought = [path.name for path in desk.home_of(submitted["uuid"], proc).rglob("*")]
            assert brought == ["report.json"]


@pytest.mark.parametrize("in_s3", [True, False], ids=["s3", "sent"])
@pytest.mark.parametrize("words", [(), ("-site", "dongguan")], ids=["home", "away"])
def test_without_in_and_out_the_job_runs_where_it_was_submitted(
    bench: Bench, remote_site: RemoteSite, words: tuple[str, ...], in_s3: bool
) -> None:
    """What it makes comes home, from away into the bundle, and no library and no archive with it."""
    shell = bench.shell
    if in_s3:
        bench.keep_in_s3()
    before = {path.name for path in shell.work.iterdir()}
    done = bench.desk.submit("job.py", *LIBRARIES, *words)
    assert codes(shell.ended(done["cluster"])) == [0]
    made = bench.desk.home_of(done["uuid"], 0) / "outputs/r" if words else shell.work / "r"
    assert made.read_text() == RESULT
    logs = {f"job.py.{kind}.{done['cluster']}.0" for kind in ("out", "err")}
    new = {path.name for path in made.parent.iterdir()} - before - logs - {"r"}
    assert not {name for name in new if name.startswith("hepsub_lib")}, new
    assert not words or new == set()
    assert shell.text(f"job.py.err.{done['cluster']}.0") == ""


def test_the_tenth_submission_uploads_nothing(bench: Bench) -> None:
    """Counted at the server: one upload, and of the following ones a question each; a change is a new object."""
    bench.keep_in_s3()
    line = ("job.py", "-lib", "setup", *IDLE)
    said = bench.shell("hep_sub", *line).stderr
    assert f"uploaded to herd:{KEPT}" in said
    assert len(bench.uploads()) == 1
    bench.proxy.clear()
    for _ in range(9):
        assert "uploaded" not in bench.shell("hep_sub", *line).stderr
    assert {each.method for each in bench.proxy.requests()} == {"HEAD"}
    assert len(bench.proxy.requests("HEAD", "^/user/")) == 9
    shell = bench.shell
    os.utime(shell.work / "setup/bin/reco")
    assert told(bench.desk.submit(*line)) == [("setup", True, False)]
    shell.account.write("setup/bin/reco", "#!/bin/sh\necho another\n", mode=0o755)
    assert told(bench.desk.submit(*line)) == [("setup", False, True)]
    assert len(bench.kept()) == 2


def test_ten_submissions_keep_one_copy_where_there_is_no_storage(bench: Bench) -> None:
    """A second name of the same file in each bundle; when the jobs are gone, so are the names."""
    uuids = [bench.desk.submit("job.py", "-lib", "setup", *IDLE)["uuid"] for _ in range(10)]
    [shelved] = (bench.desk.bundles / ".libraries").glob("*.tar.gz")
    assert shelved.stat().st_nlink == 11
    inodes = {
        each.stat().st_ino
        for uuid in uuids
        for each in (bench.desk.bundles / uuid / "shared/lib").iterdir()
    }
    assert inodes == {shelved.stat().st_ino}
    bench.shell.ok("hep_rm", "-a")
    bench.shell.ok("hep_auth", "renew")
    assert shelved.stat().st_nlink == 1


def test_a_dry_run_uploads_nothing_and_says_what_would_be(bench: Bench) -> None:
    """Nothing on the disk either; and what is there already is seen."""
    bench.keep_in_s3()
    text = bench.shell.ok("hep_sub", "job.py", *LIBRARIES, "-dry-run")
    assert f"would be uploaded to herd:{KEPT}/" in text
    assert bench.uploads() == []
    assert not (bench.desk.bundles / ".libraries").exists()
    bench.desk.submit("job.py", *LIBRARIES, *IDLE)
    preview = bench.shell.result("hep_sub", "job.py", *LIBRARIES, "-dry-run")
    assert told(preview) == [("setup", True, False), ("libMyAna.so", True, False)]


def test_an_upload_that_is_refused_submits_nothing(bench: Bench) -> None:
    """No cluster, no bundle; and the next time it works."""
    bench.keep_in_s3()
    bench.proxy.inject(DENIED, method="PUT", path="^/user/", last=1)
    said = bench.shell.refused(E_REFUSED, "job.py", *LIBRARIES)
    assert "the library setup cannot be uploaded" in said
    assert bench.shell.counts()["jobs"] == 0
    assert [path.name for path in bench.desk.bundles.iterdir()] == [".libraries"]
    assert told(bench.desk.submit("job.py", *LIBRARIES, *IDLE)) == [
        ("setup", False, True),
        ("libMyAna.so", False, True),
    ]


def test_where_the_store_does_not_answer_they_are_sent_along(bench: Bench) -> None:
    """Said on stderr; the job has them all the same."""
    bench.keep_in_s3()
    bench.desk.server.stop()
    try:
        done = bench.shell("hep_sub", "job.py", *LIBRARIES, timeout=120)
    finally:
        bench.desk.server.start()
    assert done.returncode == 0, done.stderr
    assert "the libraries travel with the jobs instead" in done.stderr
    cluster = int(done.stdout.split()[-1])
    assert codes(bench.shell.ended(cluster)) == [0]
    assert bench.shell.text("r") == RESULT


def test_an_object_that_is_gone_is_told(bench: Bench) -> None:
    """Removed while the job waited: the job says which object, and does not run the payload without it."""
    bench.keep_in_s3()
    bench.shell.script("touch.sh", "touch ran")
    # Idle until the object is gone: no start can be faster.
    done = bench.desk.submit("touch.sh", "-lib", "setup", *IDLE)
    cluster = done["cluster"]
    [key] = bench.kept()
    bench.desk.server.client().delete_object(Bucket="user", Key=key)
    bench.shell.pool.run(
        ["condor_qedit", "-name", bench.shell.pool.schedds[0], str(cluster), "Requirements", "true"]
    )
    assert codes(bench.shell.ended(cluster)) == [81]
    assert key in bench.shell.text(f"touch.sh.err.{cluster}.0")
    assert not (bench.shell.work / "ran").exists()


@pytest.mark.parametrize("in_s3", [True, False], ids=["s3", "sent"])
def test_jobs_that_are_handed_over_take_them_along(bench: Bench, in_s3: bool) -> None:
    """A schedd that sees none of this host's directories."""
    shell = bench.shell
    if in_s3:
        bench.keep_in_s3()
    shell.policy.write_text(shell.policy.read_text() + "\n[pool.local]\nspool = true\n")
    line = ("job.py", *LIBRARIES, "-out", "r=herd:out/%{ClusterId}/r", "-wait")
    done = bench.desk.submit(*line, timeout=120)
    assert [job["exit_code"] for job in done["ended"]] == [0]
    assert bench.desk.text(f"{done['cluster']}/r") == RESULT


def test_what_cannot_be_packed_is_told_at_once(bench: Bench) -> None:
    """All of it, before anything is submitted."""
    shell = bench.shell
    os.mkfifo(shell.work / "setup/pipe")
    (shell.work / "setup/gone").symlink_to("nowhere")
    secret = shell.account.write("setup/secret", "", mode=0o600)
    os.chown(secret, 0, 0)
    said = shell.refused(E_LIBRARY, "job.py", "-lib", "setup")
    for name in ("pipe", "gone", "secret"):
        assert f"setup/{name}" in said
    assert "no-such" in shell.refused(E_LIBRARY, "job.py", "-lib", "no-such")
    assert shell.counts()["jobs"] == 0
