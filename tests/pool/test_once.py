"""One cluster for one command: whatever happens to the connection, the client or the schedd."""

import shutil
import signal
from collections import Counter
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.pool.shell import IDLE, SUBMITTED, Shell
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

SPOILT = """
import os, signal, sys
from hepsub.cli.main import main
from hepsub.condor.schedd import CondorSchedd
from hepsub.errors import PoolUnreachable

how, words = sys.argv[1], sys.argv[2:]
really = CondorSchedd.submit

def submit(self, *arguments):
    if how == "uncertain":
        CondorSchedd.find = find
    if how == "killed-before":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "interrupted-before":
        raise KeyboardInterrupt
    if how == "before":
        raise PoolUnreachable("spoilt before the commit")
    submitted = really(self, *arguments)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "interrupted":
        raise KeyboardInterrupt
    raise PoolUnreachable("spoilt after the commit")

def find(self, selection):
    raise PoolUnreachable("spoilt when asked")

CondorSchedd.submit = submit
sys.exit(main("hep_sub", words))
"""
"""hep_sub with a submission that goes wrong: before or after the schedd has committed it."""

LOOP = """
n=0
while [ $n -lt 10 ]; do
    n=$((n + 1))
    said=$(hep_sub job.sh -schedd schedd01 -wn nosuch -name loop$n)
    echo "$n $? $said"
done > plain.log
"""
LOOP_ONCE = """
n=0
while [ $n -lt 10 ]; do
    n=$((n + 1))
    until said=$(hep_sub job.sh -schedd schedd01 -wn nosuch -once key$n); do sleep 0.2; done
    echo "$n 0 $said"
done > once.log
"""


ODD_KEY = "a \"key\" \\ with 'odd' words = $5 || true"


@pytest.fixture
def job(user: Shell) -> str:
    """A script."""
    user.script("job.sh", "true")
    return "job.sh"


def spoilt(user: Shell, how: str, *words: str) -> Any:
    """Run hep_sub with a submission that goes wrong."""
    program = user.account.write("spoilt.py", SPOILT)
    return user(user.account.bin / "python3", "-I", program, how, *words)


def clusters(pool: Pool) -> list[int]:
    """The clusters in all queues."""
    return sorted(ad["ClusterId"] for ad in pool.jobs(attributes=["ClusterId"]))


def test_a_connection_lost_after_the_commit_is_a_success(user: Shell, pool: Pool, job: str) -> None:
    """The schedd has the cluster, the client never heard: it is found, reported, and there is one."""
    done = spoilt(user, "after", job, *IDLE)
    assert done.returncode == 0, done.stderr
    found = SUBMITTED.fullmatch(done.stdout)
    assert found
    assert clusters(pool) == [int(found[2])]


def test_a_connection_lost_before_the_commit_is_a_failure(
    user: Shell, pool: Pool, job: str
) -> None:
    """The schedd was asked and does not have it: exit code 40, and there is none."""
    done = spoilt(user, "before", job, *IDLE)
    assert (done.returncode, done.stdout) == (40, ""), done.stderr
    assert clusters(pool) == []


def test_what_cannot_be_known_is_said_and_found_by_the_same_key(
    user: Shell, pool: Pool, job: str
) -> None:
    """Exit code 43 when the schedd cannot be asked; -once with the same key finds the cluster."""
    done = spoilt(user, "uncertain", job, "-once", "night 7", *IDLE)
    assert (done.returncode, done.stdout) == (43, ""), done.stderr
    there = clusters(pool)
    assert len(there) == 1
    assert pool.jobs()[0]["HepSub_UUID"] in done.stderr
    assert user.submit(job, "-once", "night 7", *IDLE) == there[0]
    assert clusters(pool) == there


def test_ctrl_c_after_the_commit_tells_the_cluster(user: Shell, pool: Pool, job: str) -> None:
    """Its jobs can start: it is told as submitted, with exit code 130 and the command that removes it."""
    done = spoilt(user, "interrupted", job, *IDLE)
    there = clusters(pool)
    assert (done.returncode, done.stdout) == (130, f"1 job(s) submitted to cluster {there[0]}\n")
    assert f"hep_rm {there[0]} removes it" in done.stderr


def test_a_client_killed_after_the_commit(user: Shell, pool: Pool, job: str) -> None:
    """kill -9 right after the commit: the same key finds that cluster, by the journal's intent."""
    done = spoilt(user, "killed", job, "-once", "killed", *IDLE)
    assert done.returncode == -signal.SIGKILL
    there = clusters(pool)
    again = user("hep_sub", job, "-once", "killed", *IDLE)
    assert again.stdout == f"1 job(s) submitted to cluster {there[0]}\n"
    assert "submitted before" in again.stderr
    assert clusters(pool) == there


def test_two_at_the_same_moment_make_one_cluster(user: Shell, pool: Pool, job: str) -> None:
    """Four hep_sub with the same key at once: all report the same cluster, and there is one."""
    words = ["hep_sub", job, "-once", "same", "-n", "3", *IDLE]
    env = {"HEPSUB_CONFIG": str(user.policy)}
    running = [user.account.popen(words, env=env, stdout=PIPE, stderr=PIPE) for _ in range(4)]
    said = {each.communicate(timeout=60)[0] for each in running}
    assert [each.returncode for each in running] == [0] * 4
    there = set(clusters(pool))
    assert len(there) == 1
    assert said == {f"3 job(s) submitted to cluster {there.pop()}\n"}


def test_the_key_holds_after_the_jobs_ended_and_without_a_journal(
    user: Shell, other: Shell, pool: Pool, job: str
) -> None:
    """Found in the journal, else in the ads of the queue and of the history; keys are one's own."""
    result = user.result("hep_sub", job, "-once", ODD_KEY)
    cluster = result["cluster"]
    journal = user.account.home / ".local/state/hepsub"
    for forget in (False, True):
        if forget:
            shutil.rmtree(journal)
            user.ended(cluster)
        again = user.result("hep_sub", job, "-once", ODD_KEY)
        assert (again["cluster"], again["new"]) == (cluster, False)
        assert again["uuid"] == result["uuid"]
    waited = user("hep_sub", job, "-once", ODD_KEY, "-wait")
    assert waited.returncode == 0, waited.stderr
    other.script(job, "true")
    bobs = other.result("hep_sub", job, "-once", ODD_KEY)
    assert bobs["new"]


def test_a_key_is_found_on_the_other_schedd(user: Shell, pool: Pool, job: str) -> None:
    """Without a journal the ads of all schedds are asked, not only those of the one for submissions."""
    cluster = user.submit(job, "-once", "elsewhere", "-schedd", "schedd02", "-n", "4", *IDLE)
    shutil.rmtree(user.account.home / ".local/state/hepsub")
    again = user("hep_sub", job, "-once", "elsewhere", "-n", "4", *IDLE)
    assert again.stdout == f"4 job(s) submitted to cluster {cluster}\n"
    assert len(pool.jobs()) == 4


def test_a_factory_is_found_by_its_key(user: Shell, pool: Pool, job: str) -> None:
    """A factory with nothing made yet has only a cluster ad: it is found with its whole number."""
    user.policy.write_text("[limits]\nfactory_above = 5\nfactory_idle = 2\n")
    done = spoilt(user, "after", job, "-once", "factory", "-n", "50", *IDLE)
    assert done.stdout.startswith("50 job(s) submitted to cluster "), done.stderr
    shutil.rmtree(user.account.home / ".local/state/hepsub")
    assert user.ok("hep_sub", job, "-once", "factory", "-n", "50", *IDLE) == done.stdout


def test_submissions_while_the_schedd_is_killed(user: Shell, pool: Pool, job: str) -> None:
    """What was reported exists once; what failed does not exist; with keys all exist exactly once."""
    for name, text in (("plain.sh", LOOP), ("once.sh", LOOP_ONCE)):
        user.script(name, text)
    env = {"HEPSUB_CONFIG": str(user.policy)}
    loops = [
        user.account.popen([f"./{name}.sh"], env=env, stderr=PIPE) for name in ("plain", "once")
    ]
    for progress in (2, 5, 8):
        pool.wait_for(lambda p=progress: _lines(user) >= p or _over(loops), 60, "the loops")  # type: ignore[misc]
        pool.kill_schedd("schedd01")
        pool.start_schedd("schedd01")
    errors = [each.communicate(timeout=120)[1] for each in loops]
    ads = pool.jobs(attributes=["ClusterId", "JobBatchName", "HepSub_Once"])
    keys = Counter(ad["HepSub_Once"] for ad in ads if "HepSub_Once" in ad)
    assert keys == {f"key{n}": 1 for n in range(1, 11)}, errors
    names = Counter(ad["JobBatchName"] for ad in ads if "HepSub_Once" not in ad)
    assert set(names.values()) <= {1}, errors
    for line in user.text("plain.log").splitlines():
        number, code, *said = line.split()
        found = [ad["ClusterId"] for ad in ads if ad.get("JobBatchName") == f"loop{number}"]
        # A schedd that dies while it looks at who asks has refused to believe it (41).
        assert code in ("0", "40", "41", "43"), errors
        if code == "0":
            assert [said[-1]] == [str(cluster) for cluster in found], line
        elif code in ("40", "41"):
            assert (said, found) == ([], []), (line, errors)


def _lines(user: Shell) -> int:
    path = user.work / "plain.log"
    return len(path.read_text().splitlines()) if path.exists() else 0


def _over(loops: list[Popen[str]]) -> bool:
    return any(each.poll() is not None for each in loops)
