"""hep_fetch on real jobs and real stores: what exists comes, whole; what does not is told, with the reason."""

import contextlib
import hashlib
import json
import signal
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.pool.shell import END
from tests.staging.desk import E_HOME, HASTE, Desk, codes
from tests.testbed.faults import Reset, Slow, Truncate
from tests.testbed.proxy import FaultProxy

pytestmark = [pytest.mark.condor, pytest.mark.s3]

NOT_DONE = 53


def run_jobs(desk: Desk, text: str, *words: str, number: int = 1) -> dict[str, Any]:
    """Run jobs to their end; what hep_sub said."""
    desk.shell.script("job.sh", text)
    done = desk.submit("job.sh", "-argu", "%{ProcId}", "-n", str(number), *words)
    desk.shell.ended(done["cluster"], number, 2 * END)
    return done


def fetch(desk: Desk, code: int, *words: object) -> dict[str, Any]:
    """Run hep_fetch -json, which has to end like this; the document."""
    document = desk.shell.document("hep_fetch", *map(str, words))
    assert document["ok"] == (code == 0), document["problems"]
    return document


def files(document: dict[str, Any]) -> dict[str, int]:
    """How many files stand how."""
    counts: dict[str, int] = document["result"]["files"]
    return {name: number for name, number in counts.items() if number}


def jobs(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The jobs of the one cluster of a document."""
    [cluster] = document["result"]["clusters"]
    found: list[dict[str, Any]] = cluster["jobs"]
    return found


def here(desk: Desk, cluster: int, directory: str = ".") -> dict[str, bytes]:
    """What is in the directory of a cluster, reports left out."""
    root = desk.shell.work / directory / str(cluster)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "report.json"
    }


MAKE = 'echo "$1 a" > a.txt; mkdir d; echo "$1 b" > d/b.txt; echo x > hist_1.root; echo y > hist_2.root'
OUTPUTS = (
    *("-out", "a.txt=herd:out/%{ClusterId}/a_%{ProcId}.txt"),
    *("-out", "d/b.txt=herd:out/%{ClusterId}/%{ProcId}/b.txt"),
    *("-out", "hist_1.root=herd:out/%{ClusterId}/%{ProcId}/"),
)
PATTERN = ("-out", "hist_[2-9].root=herd:out/%{ClusterId}/%{ProcId}/")
"""rclone takes no pre-signed POST: what matches comes home there, and the marker waits for it."""


def test_a_complete_cluster_arrives_once(each_desk: Desk) -> None:
    """On each store: every output under its name, whole, with its report; a second time nothing moves."""
    desk = each_desk
    done = run_jobs(desk, MAKE, *OUTPUTS, *PATTERN, number=3)
    cluster = done["cluster"]
    listed = fetch(desk, 0, "-ls", cluster)
    assert files(listed) == {"absent": 15}
    assert not (desk.shell.work / str(cluster)).exists()
    document = fetch(desk, 0, cluster)
    assert files(document) == {"fetched": 15}
    assert [job["complete"] for job in jobs(document)] == [desk.server.kind == "ceph"] * 3
    wanted: dict[str, bytes] = {}
    for proc in range(3):
        wanted |= {
            f"{proc}/a.txt": f"{proc} a\n".encode(),
            f"{proc}/d/b.txt": f"{proc} b\n".encode(),
        }
        wanted |= {f"{proc}/hist_1.root": b"x\n", f"{proc}/hist_2.root": b"y\n"}
    assert here(desk, cluster) == wanted
    assert files(fetch(desk, 0, cluster)) == {"equal": 15}
    some = fetch(desk, 0, f"{cluster}.1-2", "-d", "some/results", "-only", "*.root")
    assert files(some) == {"fetched": 4}
    assert set(here(desk, cluster, "some/results")) == {
        f"{proc}/hist_{number}.root" for proc in (1, 2) for number in (1, 2)
    }


def test_a_failed_job_leaves_what_it_made_and_the_reason(desk: Desk) -> None:
    """One of two jobs fails: its report, logs and other output are here, and what is missing is told."""
    text = 'echo "$1" > made; [ "$1" = 0 ] && echo good > r || { echo trouble >&2; exit 3; }'
    out = (
        "-out",
        "r=herd:out/%{ClusterId}/r_%{ProcId}",
        "-out",
        "made=herd:out/%{ClusterId}/m_%{ProcId}",
    )
    done = run_jobs(desk, text, *out, number=2)
    cluster = done["cluster"]
    document = fetch(desk, NOT_DONE, cluster)
    assert here(desk, cluster) == {
        "0/r": b"good\n",
        "0/made": b"0\n",
        "1/made": b"1\n",
        f"1/job.sh.out.{cluster}.1": b"",
        f"1/job.sh.err.{cluster}.1": b"trouble\n",
    }
    report = json.loads((desk.shell.work / f"{cluster}/1/report.json").read_text())
    assert report["payload"]["exit_code"] == 3
    problem, *others = document["problems"]
    assert others == []
    assert problem["code"] == "output-missing"
    assert problem["message"].startswith(f"{cluster}.1: no r: it was not made; ")
    assert "exit code 3" in problem["message"]
    assert f"job.sh.err.{cluster}.1" in problem["remedy"]
    assert [job["complete"] for job in jobs(document)] == [True, False]


def test_idle_and_removed_jobs_are_told(desk: Desk) -> None:
    """A job that waits and one that was removed: exit code 53 and the reason of each."""
    desk.shell.script("job.sh", "sleep 600")
    done = desk.submit(
        *("job.sh", "-n", "2", "-wn", "nowhere.test.hep"),
        *("-out", "r=herd:out/%{ClusterId}/r_%{ProcId}"),
    )
    cluster = done["cluster"]
    desk.shell.ok("hep_rm", f"{cluster}.1")
    desk.shell.pool.wait_for(lambda: desk.shell.pool.history(f"ClusterId == {cluster}"), END, "it")
    messages = sorted(each["message"] for each in fetch(desk, NOT_DONE, cluster)["problems"])
    assert messages[0] == f"{cluster}.0: no r: the job is idle"
    assert messages[1].startswith(f"{cluster}.1: no r: the job was removed")
    desk.shell.ok("hep_rm", str(cluster))


def test_what_came_home_is_fetched_and_pushed(desk: Desk) -> None:
    """The store is away: the outputs come from home; back again, -push puts them and the marker in place."""
    desk.shell.script("job.sh", f"{MAKE}; sleep 3")
    impatient = {"HEPSUB_PATIENCE_S": "2"}
    done = desk.submit("job.sh", "-argu", "%{ProcId}", *OUTPUTS, *PATTERN, env=impatient)
    cluster, uuid = done["cluster"], done["uuid"]
    desk.shell.wait_for_state(2, cluster)
    desk.server.stop()
    [ad] = desk.shell.ended(cluster, 1, 2 * END)
    assert codes([ad]) == [E_HOME]
    away = fetch(desk, NOT_DONE, cluster)
    assert [each["code"] for each in away["problems"]] == ["storage-unreachable"]
    assert here(desk, cluster)["0/d/b.txt"] == b"0 b\n"
    assert len(here(desk, cluster)) == 4
    desk.server.start()
    assert jobs(fetch(desk, 0, cluster))[0]["complete"] is False
    pushed = fetch(desk, 0, "-push", cluster)
    assert jobs(pushed)[0]["complete"] is True
    assert files(pushed) == {"equal": 5}
    assert desk.text(f"{cluster}/a_0.txt") == "0 a\n"
    assert list(desk.markers(uuid)) == [0]


def test_without_journal_and_home_reports_the_schedd_and_the_markers_know(desk: Desk) -> None:
    """As in a fresh container: the cluster is found through the schedd, its reports in the store."""
    done = run_jobs(desk, MAKE, *OUTPUTS, number=2)
    account = desk.shell.account
    for path in (account.home / ".local/state/hepsub/journal").glob("*"):
        path.unlink()
    (desk.bundles / done["uuid"] / "private/ready").unlink()
    for proc in range(2):
        (desk.home_of(done["uuid"], proc) / "report.json").unlink()
    document = fetch(desk, 0, done["cluster"])
    assert files(document) == {"fetched": 6}
    assert [job["complete"] for job in jobs(document)] == [True, True]


def test_differing_files_and_links_are_left_alone(desk: Desk) -> None:
    """A file of the user's own, and a link that leads out, stay; -force replaces the file, never the target."""
    done = run_jobs(desk, MAKE, *OUTPUTS)
    cluster, shell = done["cluster"], desk.shell
    own = shell.account.write(f"{cluster}/0/a.txt", "mine, and worth much\n")
    victim = shell.account.write("victim.txt", "precious\n")
    shell.ok("ln", "-s", str(victim), f"{cluster}/0/hist_1.root")
    document = fetch(desk, NOT_DONE, cluster)
    [problem] = document["problems"]
    assert problem["code"] == "not-done"
    assert str(own) in problem["message"]
    assert "hist_1.root" in problem["message"]
    assert own.read_text() == "mine, and worth much\n"
    assert files(document) == {"different": 2, "fetched": 2}
    fetch(desk, 0, "-force", cluster)
    assert own.read_text() == "0 a\n"
    assert victim.read_text() == "precious\n"
    shell.ok("rm", "-r", f"{cluster}/0")
    elsewhere = shell.directory("elsewhere")
    shell.ok("ln", "-s", str(elsewhere), f"{cluster}/0")
    assert fetch(desk, NOT_DONE, cluster)["problems"][0]["code"] == "not-fetched"
    assert [path.name for path in elsewhere.iterdir()] == [".keep"]


def test_hostile_names_do_not_leave_the_directory(each_desk: Desk) -> None:
    """Keys below a pattern's prefix that climb or hold control characters are no files here."""
    desk = each_desk
    done = run_jobs(desk, MAKE, "-out", "hist_*=herd:out/%{ClusterId}/%{ProcId}/")
    cluster, uuid = done["cluster"], done["uuid"]
    marker = f"{cluster}/0/.hepsub/{uuid}/0.json"
    desk.server.client().delete_object(Bucket="out", Key=marker)
    (desk.home_of(uuid, 0) / "report.json").unlink()
    desk.put(f"{cluster}/0/hist_\x1b[2J", "screen", bucket="out")
    with contextlib.suppress(ClientError):  # rclone refuses it itself
        desk.put(f"{cluster}/0/hist_/../../../escaped", "out", bucket="out")
    done_process = desk.shell("hep_fetch", str(cluster))
    assert done_process.returncode == NOT_DONE, done_process.stderr
    assert "\x1b" not in done_process.stdout + done_process.stderr
    assert "no file can have this name here" in done_process.stderr
    assert set(here(desk, cluster)) == {"0/hist_1.root", "0/hist_2.root"}
    assert not list(desk.shell.work.rglob("escaped"))


def test_two_runs_are_not_taken_for_one(desk: Desk) -> None:
    """An object that another run of the job left in place of the reported one is told."""
    done = run_jobs(desk, MAKE, *OUTPUTS)
    desk.put(f"{done['cluster']}/a_0.txt", "of another run\n", bucket="out")
    document = fetch(desk, NOT_DONE, done["cluster"])
    [problem] = document["problems"]
    assert problem["code"] == "mixed"
    assert jobs(document)[0]["complete"] is False


BIG = 6_000_000


def big_job(desk: Desk) -> tuple[int, bytes]:
    """One job with one large output; its cluster and the content."""
    text = f"head -c {BIG} /dev/urandom > big"
    done = run_jobs(desk, text, "-out", "big=herd:out/%{ClusterId}/big")
    return done["cluster"], desk.server.content("out", f"{done['cluster']}/big")


@pytest.mark.parametrize("fault", [Truncate(), Truncate(keep=70_000), Reset(), Reset(after=True)])
def test_a_cut_is_mended_where_it_was(
    behind: Desk, proxy: FaultProxy, fault: Truncate | Reset
) -> None:
    """The connection breaks twice: the file is whole, and nothing comes twice that came."""
    cluster, content = big_job(behind)
    proxy.inject(fault, method="GET", path="/big$", last=2)
    fetch(behind, 0, cluster)
    assert here(behind, cluster) == {"0/big": content}
    assert not list(behind.shell.work.rglob("*.part"))


def test_ctrl_c_leaves_a_part_and_the_same_command_goes_on(behind: Desk, proxy: FaultProxy) -> None:
    """130, NAME.part and no NAME; then the rest is asked for, and not the beginning."""
    cluster, content = big_job(behind)
    proxy.inject(Slow(1_000_000), method="GET", path="/big$", last=1)
    shell = behind.shell
    process = shell.account.popen(
        ["hep_fetch", str(cluster)],
        env={"HEPSUB_CONFIG": str(shell.policy), **HASTE},
        cwd=shell.work,
        stderr=PIPE,
    )
    part = shell.work / f"{cluster}/0/big.part"
    end = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 500_000):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    came = part.stat().st_size
    assert 500_000 < came < BIG
    assert not (shell.work / f"{cluster}/0/big").exists()
    fetch(behind, 0, cluster)
    assert hashlib.md5(here(behind, cluster)["0/big"]).digest() == hashlib.md5(content).digest()
    assert not part.exists()


def test_a_stale_part_of_another_object_is_not_kept(desk: Desk) -> None:
    """What lies in NAME.part is believed only if the checksum of the whole is right."""
    cluster, content = big_job(desk)
    part = Path(f"{cluster}/0/big.part")
    desk.shell.account.write(str(part), "x" * 100_000)
    fetch(desk, 0, cluster)
    assert here(desk, cluster) == {"0/big": content}


def test_wait_waits(desk: Desk) -> None:
    """-wait: nothing is missing, because the job ended first."""
    desk.shell.script("job.sh", "sleep 4; echo r > r")
    done = desk.submit("job.sh", "-out", "r=herd:out/%{ClusterId}/r")
    assert fetch(desk, NOT_DONE, done["cluster"])["problems"]
    fetch(desk, 0, "-wait", done["cluster"])
    assert here(desk, done["cluster"]) == {"0/r": b"r\n"}


def test_a_fresh_container_finds_the_jobs(desk: Desk) -> None:
    """Another home, with keys and nothing else; the bundles are in a directory of the policy."""
    shell = desk.shell
    bundles = shell.directory("bundles")
    bundles.chmod(0o700)
    policy = shell.policy.read_text()
    shell.policy.write_text(
        policy.replace("shared = true", f'shared = true\nbundle_dir = "{bundles}"')
    )
    done = run_jobs(desk, MAKE, *OUTPUTS, number=2)
    (bundles / done["uuid"] / "private/ready").unlink()
    fresh = shell.directory("fresh")
    for name in (".aws", ".condor"):
        shell.ok("cp", "-r", str(shell.account.home / name), str(fresh / name))
    environment = {
        "HOME": str(fresh),
        "XDG_STATE_HOME": str(fresh / "state"),
        "_CONDOR_SEC_TOKEN_DIRECTORY": str(fresh / ".condor/tokens.d"),
    }
    document = shell.document("hep_fetch", str(done["cluster"]), env=environment)
    assert files(document) == {"fetched": 8}, document["problems"]


def test_jobs_of_the_embedded_pool(desk: Desk) -> None:
    """What they saved and what came home, in one command; their queue is on this machine."""
    shell = desk.shell
    queue = shell.directory("queue")
    queue.chmod(0o700)
    shell.script("job.sh", MAKE)
    here_dir = {"HEPSUB_HERE_DIR": str(queue), **HASTE}
    words = ("job.sh", "-argu", "%{ProcId}", "-n", "2", "-p", "here", *OUTPUTS, *PATTERN)
    done = shell.document("hep_sub", *words, "-wait", env=here_dir, timeout=2 * END)
    cluster = done["result"]["cluster"]
    document = shell.document("hep_fetch", "-p", "here", str(cluster), env=here_dir)
    assert files(document) == {"fetched": 10}, document["problems"]
    assert here(desk, cluster)["1/hist_2.root"] == b"y\n"
    shell.script("bad.sh", "echo a > a.txt; exit 3")
    done = shell.document("hep_sub", "bad.sh", "-p", "here", *OUTPUTS, "-wait", env=here_dir)
    cluster = done["result"]["cluster"]
    document = shell.document("hep_fetch", "-p", "here", str(cluster), env=here_dir)
    assert files(document) == {"fetched": 2 + 2}, "with its logs"
    [problem] = document["problems"]
    assert "no d/b.txt, hist_1.root: it was not made; " in problem["message"]
    assert "exit code 3" in problem["message"]


def test_a_later_run_that_failed_is_not_taken_for_the_result(desk: Desk) -> None:
    """The report at home is of a run after the marker's, as where nobody may remove the marker."""
    done = run_jobs(desk, MAKE, *OUTPUTS)
    cluster, uuid = done["cluster"], done["uuid"]
    path = desk.home_of(uuid, 0) / "report.json"
    later = json.loads(path.read_text())
    later["run"], later["payload"]["exit_code"] = (later["run"] or 1) + 1, 1
    path.write_text(json.dumps(later))
    document = fetch(desk, NOT_DONE, cluster)
    [problem] = document["problems"]
    assert (problem["code"], jobs(document)[0]["complete"]) == ("mixed", False)
    assert "another run" in problem["message"]
    assert files(document) == {"fetched": 4 + 2}, "with its logs"
