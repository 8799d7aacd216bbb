"""hep_rm, hep_hold, hep_release, hep_edit on the pool: exactly what was asked, and the truth about it."""

import shutil

import pytest

from tests.pool.shell import IDLE, Shell

pytestmark = [pytest.mark.condor]

SLEEP = "sleep 600"

ADVANCE = """
import sys, htcondor2
name, target = sys.argv[1], int(sys.argv[2])
schedd = htcondor2.Schedd(htcondor2.Collector().locate(htcondor2.DaemonType.Schedd, name))
cluster = 0
while cluster < target:
    cluster = schedd.submit(htcondor2.Submit("executable = /bin/true\\nhold = true\\n")).cluster()
    schedd.act(htcondor2.JobAction.Remove, f"ClusterId == {cluster}", ("done", 0))
"""
"""Submits and removes until a schedd's next cluster is above a number."""


@pytest.fixture
def job(user: Shell) -> str:
    """A script that sleeps."""
    user.script("job.sh", SLEEP)
    return "job.sh"


def same_cluster_twice(user: Shell, job: str, other: Shell | None = None) -> int:
    """Submit until both schedds have a cluster of the same number; the second may be another's."""
    shells = (user, other or user)
    names = user.pool.schedds
    clusters = [_submit_to(shell, name, job) for shell, name in zip(shells, names, strict=True)]
    while clusters[0] != clusters[1]:
        behind = clusters.index(min(clusters))
        shells[behind].ok("hep_rm", f"{names[behind]}:{clusters[behind]}")
        advance = shells[behind].account.write("advance.py", ADVANCE)
        python = shells[behind].account.bin / "python3"
        shells[behind].ok(python, advance, names[behind], str(max(clusters) - 1))
        clusters[behind] = _submit_to(shells[behind], names[behind], job)
    return clusters[0]


def _submit_to(shell: Shell, schedd: str, job: str) -> int:
    return shell.submit(job, "-schedd", schedd, *IDLE)


@pytest.mark.sid
def test_a_cluster_a_job_a_range(user: Shell, job: str) -> None:
    """hep_hold, hep_release and hep_rm by cluster, by proc and by range, and what they say."""
    one, two = (user.submit(job, "-n", "4", *IDLE) for _ in range(2))
    said = user.ok("hep_hold", f"{one}.1", f"{one}.2-3", str(two))
    assert said == f"{one}.1: 1 job(s) held\n{one}.2-3: 2 job(s) held\n{two}: 4 job(s) held\n"
    assert user.counts("-u", "-i", str(one))["held"] == 3
    assert user.ok("hep_release", f"{one}.2-3") == f"{one}.2-3: 2 job(s) released\n"
    assert user.states("-i", str(one)) == {f"{one}.{n}": "IHII"[n] for n in range(4)}
    assert user.ok("hep_rm", f"{one}.0", str(two)) == (
        f"{one}.0: 1 job(s) removed\n{two}: 4 job(s) removed\n"
    )
    assert set(user.states("-u")) == {f"{one}.{n}" for n in (1, 2, 3)}
    result = user.result("hep_rm", str(one))
    assert (result["action"], result["jobs"]) == ("remove", 3)
    assert user.counts("-u")["jobs"] == 0


@pytest.mark.sid
def test_all_means_all_of_mine_on_all_schedds_and_nobody_elses(
    user: Shell, other: Shell, job: str
) -> None:
    """-a asks no question, reaches both schedds, and leaves other people's jobs alone."""
    other.script(job, SLEEP)
    for schedd in ("schedd01", "schedd02"):
        user.submit(job, "-n", "2", "-schedd", schedd, *IDLE)
        other.submit(job, "-schedd", schedd, *IDLE)
    said = user.ok("hep_hold", "-a").splitlines()
    assert said == [f"{name}: 2 job(s) held" for name in user.pool.schedds]
    assert user.counts("-u")["held"] == 4
    assert user.counts("-u", "hepbob")["held"] == 0
    user.ok("hep_release", "-a")
    user.ok("hep_rm", "-a")
    assert user.counts("-u")["jobs"] == 0
    assert user.counts("-u", "hepbob")["idle"] == 2
    assert user.ok("hep_rm", "-a").startswith(("0 job", f"{user.pool.schedds[0]}: 0 job"))


@pytest.mark.sid
@pytest.mark.parametrize(
    ("command", "held"),
    [("hep_rm", False), ("hep_hold", False), ("hep_release", True), ("hep_edit", False)],
)
def test_only_ones_own_jobs(user: Shell, other: Shell, job: str, command: str, held: bool) -> None:
    """Bob cannot act on Alice's job: a non-zero exit code, the owner named, nothing changed."""
    cluster = user.submit(job, *IDLE)
    if held:
        user.ok("hep_hold", str(cluster))
    before = user.ad(cluster)
    words = ("-m", "3000") if command == "hep_edit" else ()
    done = other(command, *words, f"schedd01:{cluster}")
    assert done.returncode == 53, done.stderr
    assert "hepalice" in done.stderr
    after = user.ad(cluster)
    assert [after[n] for n in ("JobStatus", "RequestMemory")] == [
        before[n] for n in ("JobStatus", "RequestMemory")
    ]


def test_edit_says_old_and_new(user: Shell, job: str) -> None:
    """hep_edit: old -> new, by cluster and by proc, units too; only the named jobs change."""
    cluster = user.submit(job, "-mem", "1500", "-n", "3", *IDLE)
    said = user.ok("hep_edit", "-m", "2GB", f"{cluster}.1")
    assert said == f"{cluster}.1: memory 1500 MB -> 2048 MB (1 job(s))\n"
    memory = {ad["ProcId"]: ad["RequestMemory"] for ad in user.pool.jobs()}
    assert memory == {0: 1500, 1: 2048, 2: 1500}
    result = user.result("hep_edit", str(cluster), "-m", "3000")
    changes = {(each["old_mb"], each["new_mb"], each["jobs"]) for each in result["changes"]}
    assert changes == {(1500, 3000, 2), (2048, 3000, 1)}


@pytest.mark.sid
def test_the_common_chain(user: Shell, job: str) -> None:
    """`hep_edit -m 3000 -a && hep_release -a`: held jobs get the memory and run; running ones stay."""
    held = user.submit(job, "-n", "2", *IDLE)
    user.ok("hep_hold", str(held))
    running = user.submit(job)
    user.wait_for_state(2, running)
    said = user.ok("sh", "-c", "hep_edit -m 3000 -a && hep_release -a")
    assert f"{held}: memory 2000 MB -> 3000 MB (2 job(s))" in said
    assert f"{user.pool.schedds[0]}: 2 job(s) released" in said
    assert [ad["RequestMemory"] for ad in user.pool.jobs(f"ClusterId == {held}")] == [3000, 3000]
    assert user.ad(running)["RequestMemory"] == 2000
    assert user.states("-i", str(held)) == {f"{held}.0": "I", f"{held}.1": "I"}
    user.ok("sh", "-c", "hep_rm -a && hep_edit -m 3000 -a && hep_release -a")


def test_status_0_only_if_all_was_done(user: Shell, job: str) -> None:
    """What can be done is done, what cannot is named, and the exit code tells."""
    good, running = user.submit(job, *IDLE), user.submit(job)
    user.wait_for_state(2, running)
    done = user("hep_hold", str(good), "4711", f"{good}.7")
    assert done.returncode == 51
    assert done.stdout == f"{good}: 1 job(s) held\n"
    assert "no schedd has a job 4711" in done.stderr
    assert f"{good}.7" in done.stderr
    assert user("hep_hold", str(good)).returncode == 53, "it is on hold already"
    assert user("hep_release", str(running)).returncode == 53, "it runs"
    assert user("hep_edit", "-m", "3000", str(running)).returncode == 53, "it runs"
    mixed = user.document("hep_release", str(good), str(running), "4711")
    assert mixed["result"]["jobs"] == 1
    assert {problem["code"] for problem in mixed["problems"]} == {"not-done", "unknown-job"}
    assert user("hep_release", str(running), "4711").returncode == 53, "two kinds of trouble"


@pytest.mark.sid
def test_a_range_beyond_the_end_is_not_all_done(user: Shell, job: str) -> None:
    """`hep_rm 13.0-9` of a cluster of three: three are removed, and the exit code is not 0."""
    cluster = user.submit(job, "-n", "3", *IDLE)
    done = user("hep_rm", f"{cluster}.0-9")
    assert done.stdout == f"{cluster}.0-9: 3 job(s) removed\n"
    assert done.returncode == 51
    assert "7 of 10 are not in the queue" in done.stderr


@pytest.mark.parametrize("command", ["hep_rm", "hep_hold", "hep_release"])
def test_without_a_word_nothing_is_done(user: Shell, job: str, command: str) -> None:
    """Neither an id nor -a: a usage error, not all jobs."""
    cluster = user.submit(job, *IDLE)
    for words in ((), ("abc",), ("-a", str(cluster))):
        assert user(command, *words).returncode == 2, words
    assert user.states("-u") == {f"{cluster}.0": "I"}


def test_an_id_that_two_schedds_know(user: Shell, other: Shell, job: str) -> None:
    """It is refused with both spelled out; each spelling is accepted by every command."""
    cluster = same_cluster_twice(user, job)
    both = f"schedd01:{cluster} or schedd02:{cluster}"
    for shell in (user, other):
        for words in (
            ("hep_rm",),
            ("hep_hold",),
            ("hep_release",),
            ("hep_edit", "-m", "9"),
            ("hep_q", "-i"),
        ):
            done = shell(*words, str(cluster))
            assert done.returncode == 50, (words, done.stdout, done.stderr)
            assert both in done.stderr, words
    assert f"schedd01:{cluster}.0 or schedd02:{cluster}.0" in user("hep_rm", f"{cluster}.0").stderr
    one = f"schedd02:{cluster}"
    user.ok("hep_hold", f"{one}.0")
    user.ok("hep_edit", "-m", "2500", one)
    ads = {s: user.pool.jobs(f"ClusterId == {cluster}", schedd=s)[0] for s in user.pool.schedds}
    seen = [(ad["JobStatus"], ad["RequestMemory"]) for ad in ads.values()]
    assert seen == [(1, 2000), (5, 2500)]
    user.ok("hep_release", one)
    assert user.states("-i", one) == {f"{cluster}.0": "I"}
    user.ok("hep_rm", f"{user.pool.schedds[1]}:{cluster}")
    user.ok("hep_rm", f"schedd01:{cluster}.0")


def test_my_id_goes_before_somebody_elses(user: Shell, other: Shell, job: str) -> None:
    """Bob knows no cluster of that number by his journal: the one that is his is meant."""
    other.script(job, SLEEP)
    cluster = same_cluster_twice(user, job, other)
    assert other.ok("hep_rm", str(cluster)) == f"{cluster}: 1 job(s) removed\n"
    assert user.states("-u") == {f"{cluster}.0": "I"}
    shutil.rmtree(user.account.home / ".local/state/hepsub")
    assert user.ok("hep_rm", str(cluster)) == f"{cluster}: 1 job(s) removed\n"


def test_an_unknown_schedd_is_named(user: Shell, job: str) -> None:
    """`schedd09:13`: the schedds that there are stand in the remedy."""
    done = user("hep_rm", "schedd09:13")
    assert done.returncode == 44
    assert "schedd0" in done.stderr


def test_the_other_door(user: Shell, job: str) -> None:
    """`hep_sub hold|release|edit|rm|status|history` do the same; a script of that name is ./status."""
    cluster = user.submit(job, "-n", "2", *IDLE)
    assert user.ok("hep_sub", "hold", f"{cluster}.0") == f"{cluster}.0: 1 job(s) held\n"
    assert "2000 MB -> 2500 MB" in user.ok("hep_sub", "edit", "-m", "2500", str(cluster))
    grouped = user.result("hep_q", "-u")["counts"]
    assert (grouped["held"], grouped["idle"]) == (1, 1)
    status = user.ok("hep_sub", "status").splitlines()
    assert status[1].split()[:2] == [str(cluster), "schedd01"]
    assert status[1].split(" waits ")[0].split()[-3:] == ["0", "1", "1"], status
    user.ok("hep_sub", "release", str(cluster))
    user.ok("hep_sub", "rm", str(cluster))
    user.script("status", "echo my own")
    mine = user.submit("./status", "-o", "out", "-e", "err")
    user.ended(mine)
    assert user.text("out") == "my own\n"
    assert f"{mine}.0 " in user.ok("hep_sub", "history", str(mine))
