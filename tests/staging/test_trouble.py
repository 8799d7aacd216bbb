"""Transfers under trouble, on the real pool and real stores: no mixture of two runs passes as complete."""

import contextlib
import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pool.shell import END, Shell
from tests.staging.desk import E_HOME, Desk, codes, sit_down
from tests.testbed import ceph
from tests.testbed.faults import Late, Lose, Reset, unavailable
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

BUCKET = "out"
RUNS = """
run=$(($(cat "$HEPSUB_SUBMIT_DIR/runs" 2>/dev/null || echo 0) + 1))
echo $run >"$HEPSUB_SUBMIT_DIR/runs"
"""
"""How a payload counts its runs."""
TWO = ("-out", "a=herd:out/%{ClusterId}/a", "-out", "b=herd:out/%{ClusterId}/b")
PATIENT = {"HEPSUB_PATIENCE_S": "300"}


def fetched(desk: Desk, cluster: int) -> dict[str, Any]:
    """What hep_fetch -json says of a cluster, without fetching it."""
    return desk.shell.document("hep_fetch", str(cluster), "-ls")


def complete(desk: Desk, cluster: int) -> list[bool | None]:
    """Which jobs of a cluster hep_fetch calls complete."""
    [found] = fetched(desk, cluster)["result"]["clusters"]
    return [job["complete"] for job in found["jobs"]]


def is_of_one_run(desk: Desk, marker: dict[str, Any]) -> bool:
    """Whether the store holds exactly what a marker tells of."""
    assert marker["code"] == 0
    for each in marker["outputs"]:
        key = each["url"].partition(f"/{BUCKET}/")[2]
        content = desk.server.content(BUCKET, key)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if (each["state"], each["size"], each["md5"]) != ("uploaded", len(content), digest):
            return False
    return True


def kill_worker(desk: Desk, cluster: int) -> None:
    """kill -9 of the starter and of everything below it, as when a node dies under a job."""
    pids = desk.shell.pool.wait_for(lambda: worker_of(cluster), END, "the processes of the job")
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def worker_of(cluster: int) -> list[int]:
    """The starter of a job, and its processes."""
    mark = f"_CONDOR_IHEP_JOB_ID={cluster}.0".encode()
    own = [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if mark in read(process / "environ").split(b"\0")
    ]
    starters = {
        each
        for each in map(parent, own)
        if b"condor_starter" in read(Path(f"/proc/{each}/cmdline"))
    }
    return [*starters, *own] if starters else []


def read(path: Path) -> bytes:
    """A file of /proc; nothing if its process has gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def parent(pid: int) -> int:
    """The parent of a process; 0 if it has gone."""
    words = read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
    return int(words[1]) if words else 0


def wait_for_upload(desk: Desk, proxy: FaultProxy, path: str, number: int = 1) -> None:
    """Wait until an upload was begun so often."""
    desk.shell.pool.wait_for(
        lambda: len(proxy.requests("PUT", path)) >= number, END, f"{number} PUT of {path}"
    )


# ---- a store that dies ------------------------------------------------------------------------


def test_wherever_the_store_dies(behind: Desk, proxy: FaultProxy) -> None:
    """Before the first output, between two, before the marker: all comes home, and gets there, the marker last."""
    shell = behind.shell
    shell.script("job.sh", 'echo "$1 a" >a; echo "$1 b" >b')
    for path in ("/0/", "/1/b$", r"/1/\.hepsub", r"/2/\.hepsub"):
        proxy.inject(unavailable(), method="PUT", path=path)
    place = "herd:out/%{ClusterId}/%{ProcId}"
    done = behind.submit(
        *(
            "job.sh",
            "-n",
            "4",
            "-argu",
            "%{ProcId}",
            "-out",
            f"a={place}/a",
            "-out",
            f"b={place}/b",
        ),
        env={"HEPSUB_PATIENCE_S": "3"},
    )
    cluster, uuid = done["cluster"], done["uuid"]
    assert codes(shell.ended(cluster, 4, 2 * END)) == [E_HOME, E_HOME, E_HOME, 0]
    states = [[each["state"] for each in behind.report(uuid, proc)["outputs"]] for proc in range(4)]
    assert states == [["home"] * 2, ["uploaded", "home"], ["uploaded"] * 2, ["uploaded"] * 2]
    assert list(behind.markers(uuid)) == [3]
    assert complete(behind, cluster) == [False, False, False, True]
    proxy.clear()
    shell.ok("hep_auth", "renew")
    order = [each.path.removeprefix(f"/out/{cluster}/") for each in proxy.requests("PUT")]
    for proc, wanted in {0: ["a", "b"], 1: ["b"], 2: []}.items():
        own = [path for path in order if path.startswith(f"{proc}/")]
        assert own == [*(f"{proc}/{name}" for name in wanted), f"{proc}/.hepsub/{uuid}/{proc}.json"]
    markers = behind.markers(uuid)
    assert all(is_of_one_run(behind, markers[proc]) for proc in range(4))
    assert {marker["run"] for marker in markers.values()} == {1}
    assert proxy.requests("DELETE") == []
    assert complete(behind, cluster) == [True] * 4


def test_a_store_that_keeps_nothing(behind: Desk, proxy: FaultProxy) -> None:
    """It answers 200 to the job, which believes it; hep_fetch looks, and calls nothing complete."""
    proxy.inject(Lose(), method="PUT", path="/b$")
    behind.shell.script("job.sh", "echo a >a; echo b >b")
    done = behind.submit("job.sh", *TWO)
    assert codes(behind.shell.ended(done["cluster"])) == [0]
    document = fetched(behind, done["cluster"])
    [problem] = document["problems"]
    assert problem["code"] == "output-missing"
    assert "b: it was saved as" in problem["message"]
    assert complete(behind, done["cluster"]) == [False]


# ---- a store that refuses ---------------------------------------------------------------------


def quota(server: S3Server, word: str, *more: str) -> None:
    """Limit what may be in the bucket, or no more."""
    service = server.service
    assert isinstance(service, ceph.Cluster)
    service.admin("quota", word, "--quota-scope=bucket", f"--bucket={BUCKET}", *more)


def fill(server: S3Server) -> None:
    """Let Ceph take 100 kB, and no more."""
    quota(server, "set", "--max-size=100000")
    quota(server, "enable")


def deny(server: S3Server) -> None:
    """Forbid everybody to write, for good."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": ["s3:PutObject"]}
    statement["Resource"] = [f"arn:aws:s3:::{BUCKET}/*/b"]
    policy = ceph.compact({"Version": "2012-10-17", "Statement": [statement]})
    server.client().put_bucket_policy(Bucket=BUCKET, Policy=policy)


REFUSALS: dict[str, tuple[Callable[[S3Server], None], Callable[[S3Server], object]]] = {
    "QuotaExceeded": (fill, lambda server: quota(server, "disable")),
    "AccessDenied": (deny, lambda server: server.client().delete_bucket_policy(Bucket=BUCKET)),
}


@pytest.fixture(params=list(REFUSALS))
def refusal(request: pytest.FixtureRequest, ceph_rgw: S3Server) -> Iterator[str]:
    """Give each reason for which Ceph takes no more, which does not outlast the test."""
    name: str = request.param
    yield name
    REFUSALS[name][1](ceph_rgw)


@pytest.mark.ceph
def test_a_refusal_for_good(user: Shell, ceph_rgw: S3Server, refusal: str) -> None:
    """A full bucket, a right that was taken: no patience, all of it at home, and the reason said each time."""
    desk = sit_down(user, ceph_rgw)
    refuse, permit = REFUSALS[refusal]
    refuse(ceph_rgw)
    user.script("job.sh", "head -c 40000 /dev/zero >a; head -c 80000 /dev/urandom >b")
    done = desk.submit("job.sh", *TWO, env=PATIENT)
    cluster, uuid = done["cluster"], done["uuid"]
    assert codes(user.ended(cluster, timeout=2 * END)) == [E_HOME]
    report = desk.report(uuid, 0)
    assert [each["state"] for each in report["outputs"]] == ["uploaded", "home"]
    assert f"HTTP 403 {refusal}; it comes home" in user.text(f"job.sh.err.{cluster}.0")
    kept = (desk.home_of(uuid, 0) / "outputs/b").read_bytes()
    for _ in range(2):
        said = user("hep_auth", "renew")
        assert refusal in said.stdout + said.stderr, (said.stdout, said.stderr)
        named = f"outputs of cluster {cluster} stay at home: "
        assert (said.stdout + said.stderr).count(named) == 1, said.stderr
        assert f"hep_fetch {cluster} -d DIR" in said.stderr
        assert (desk.home_of(uuid, 0) / "outputs/b").read_bytes() == kept
        assert desk.markers(uuid) == {}
    assert complete(desk, cluster) == [False]
    user("hep_fetch", str(cluster), "-d", "elsewhere")  # what the renewal told as a way out
    assert (user.work / f"elsewhere/{cluster}/0/b").read_bytes() == kept
    permit(ceph_rgw)
    user.ok("hep_fetch", str(cluster), "-push")
    assert desk.server.content(BUCKET, f"{cluster}/b") == kept
    assert is_of_one_run(desk, desk.markers(uuid)[0])
    assert complete(desk, cluster) == [True]


# ---- a worker that dies -----------------------------------------------------------------------


def test_a_worker_killed_in_an_upload(behind: Desk, proxy: FaultProxy) -> None:
    """The second run's outputs are complete; an upload of the first that arrives after them does not go unseen."""
    late = Late()
    rule = proxy.inject(late, method="PUT", path="/b$", last=1)
    behind.shell.script("job.sh", RUNS + "echo run $run a >a; echo run $run b >b")
    done = behind.submit("job.sh", *TWO, env=PATIENT)
    cluster = done["cluster"]
    wait_for_upload(behind, proxy, "/b$")
    assert behind.text(f"{cluster}/a") == "run 1 a\n"
    assert behind.markers(done["uuid"]) == {}
    kill_worker(behind, cluster)
    assert codes(behind.shell.ended(cluster, timeout=3 * END)) == [0]
    marker = behind.markers(done["uuid"])[0]
    assert (marker["run"], is_of_one_run(behind, marker), rule.hits) == (2, True, 1)
    assert behind.text(f"{cluster}/a") == "run 2 a\n"
    assert complete(behind, cluster) == [True]
    late.now.set()
    assert late.stored.wait(END), "the late upload did not arrive"
    assert behind.text(f"{cluster}/b") == "run 1 b\n"
    document = fetched(behind, cluster)
    assert [each["code"] for each in document["problems"]] == ["mixed"]
    assert complete(behind, cluster) == [False]


def test_a_second_run_takes_the_marker_of_the_first_away(behind: Desk, proxy: FaultProxy) -> None:
    """The first run was complete, but nobody heard of it; the second one fails: nothing says that it is complete."""
    proxy.inject(Reset(after=True), method="PUT", path=r"\.hepsub", last=99)
    behind.shell.script("job.sh", RUNS + "echo run $run >a; [ $run = 1 ] || exit 7; echo 1 >b")
    done = behind.submit("job.sh", *TWO, env=PATIENT)
    cluster = done["cluster"]
    wait_for_upload(behind, proxy, r"\.hepsub", 2)
    assert is_of_one_run(behind, behind.markers(done["uuid"])[0])
    kill_worker(behind, cluster)
    assert codes(behind.shell.ended(cluster, timeout=3 * END)) == [7]
    assert behind.text(f"{cluster}/a") == "run 2\n"
    assert behind.markers(done["uuid"]) == {}
    assert complete(behind, cluster) == [False]


def test_a_job_that_is_evicted_in_an_upload(behind: Desk, proxy: FaultProxy) -> None:
    """It is told to go, and comes back: its second run is complete, and of one run."""
    rule = proxy.inject(unavailable(), method="PUT", path="/b$", last=10**6)
    behind.shell.script("job.sh", RUNS + "echo run $run a >a; echo run $run b >b")
    done = behind.submit("job.sh", *TWO, env=PATIENT)
    cluster = done["cluster"]
    wait_for_upload(behind, proxy, "/b$")
    pool = behind.shell.pool
    pool.run(["condor_vacate_job", "-name", pool.schedds[0], "-fast", f"{cluster}.0"])
    pool.wait_for(
        lambda: behind.shell.ad(cluster).get("NumJobStarts", 0) > 1, 2 * END, "the second run"
    )
    rule.last = 0
    assert codes(behind.shell.ended(cluster, timeout=3 * END)) == [0]
    marker = behind.markers(done["uuid"])[0]
    assert (marker["run"], is_of_one_run(behind, marker)) == (2, True)
    assert behind.text(f"{cluster}/b") == "run 2 b\n"
    assert complete(behind, cluster) == [True]


# ---- another submission -----------------------------------------------------------------------


def test_nothing_is_put_over_a_newer_submissions_outputs(behind: Desk, proxy: FaultProxy) -> None:
    """The first one's outputs came home; the second one had the same place, and keeps it."""
    shell = behind.shell
    shell.script("job.sh", 'echo "$1 a" >a; echo "$1 b" >b')
    place = ("-out", "a=herd:out/same/a", "-out", "b=herd:out/same/b")
    proxy.inject(unavailable(), method="PUT", path="/same/b$")
    old = behind.submit("job.sh", "-argu", "old", *place, env={"HEPSUB_PATIENCE_S": "2"})
    assert codes(shell.ended(old["cluster"])) == [E_HOME]
    proxy.clear()
    new = behind.submit("job.sh", "-argu", "new", *place)
    assert codes(shell.ended(new["cluster"])) == [0]
    for words in (("hep_auth", "renew"), ("hep_fetch", str(old["cluster"]), "-push", "-ls")):
        said = shell(*words)
        assert "was written by somebody else" in said.stdout + said.stderr, said
    assert (behind.home_of(old["uuid"], 0) / "outputs/b").read_text() == "old b\n"
    assert [behind.text(f"same/{name}") for name in "ab"] == ["new a\n", "new b\n"]
    assert is_of_one_run(behind, behind.markers(new["uuid"])[0])
    assert complete(behind, new["cluster"]) == [True]
    assert complete(behind, old["cluster"]) == [False]
    shell("hep_fetch", str(old["cluster"]), "-push", "-force", "-d", "old")
    assert behind.text("same/b") == "old b\n"
    assert behind.markers(old["uuid"]) == {}
    assert complete(behind, new["cluster"]) == [False]
