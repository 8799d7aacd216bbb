"""Thousands of jobs: at once, and made by the schedd as they are needed (a factory)."""

import pytest

from tests.pool.shell import IDLE, Shell
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

MANY = 5000
QUIET = ("-o", "/dev/null", "-e", "/dev/null")


def submit_many(user: Shell, *, factory: bool) -> int:
    """Submit 5,000 jobs that stay idle."""
    limit = 100 if factory else 10_000
    user.policy.write_text(f"[limits]\nfactory_above = {limit}\nfactory_idle = 20\n")
    user.script("job.sh", "true")
    return user.submit("job.sh", "-n", str(MANY), "-argu", "%{ProcId}", *QUIET, *IDLE)


def in_all(user: Shell) -> dict[str, int]:
    """What hep_q counts, without zeros."""
    return {name: number for name, number in user.counts("-u").items() if number}


@pytest.mark.sid
@pytest.mark.parametrize("factory", [False, True], ids=["cluster", "factory"])
def test_five_thousand_jobs_are_counted_held_released_and_removed(
    user: Shell, pool: Pool, factory: bool
) -> None:
    """All 5,000 are in the first hep_q after the submission, and in what each command says."""
    cluster = submit_many(user, factory=factory)
    assert in_all(user) == {"jobs": MANY, "idle": MANY}
    assert (len(pool.jobs(attributes=["ProcId"])) < 100) is factory
    assert user.counts("-i", str(cluster))["jobs"] == MANY
    assert user.ok("hep_hold", str(cluster)) == f"{cluster}: {MANY} job(s) held\n"
    held = in_all(user)
    assert held["jobs"] == MANY
    assert held["held"] == (MANY if not factory else len(pool.jobs(attributes=["ProcId"])))
    assert user.ok("hep_release", str(cluster)) == f"{cluster}: {MANY} job(s) released\n"
    assert in_all(user) == {"jobs": MANY, "idle": MANY}
    assert user.ok("hep_rm", str(cluster)) == f"{cluster}: {MANY} job(s) removed\n"
    pool.wait_for(lambda: in_all(user) == {}, 30, "removed jobs to leave")
    assert user("hep_rm", str(cluster)).returncode == 51


def test_all_of_mine_counts_what_is_still_to_be_made(user: Shell) -> None:
    """hep_hold -a, hep_release -a and hep_rm -a of a factory say 5,000."""
    submit_many(user, factory=True)
    for command, word in (("hep_hold", "held"), ("hep_release", "released"), ("hep_rm", "removed")):
        said = user.ok(command, "-a").splitlines()[0]
        assert said == f"{user.pool.schedds[0]}: {MANY} job(s) {word}"


@pytest.mark.sid
def test_procs_that_are_not_made_yet(user: Shell) -> None:
    """They can be named only with the whole cluster: exit code 52, which says so; made ones can."""
    cluster = submit_many(user, factory=True)
    for command in ("hep_rm", "hep_hold"):
        done = user(command, f"{cluster}.{MANY - 1}")
        assert done.returncode == 52
        assert f"{command} {cluster} " in done.stderr
    assert user("hep_edit", "-m", "3000", f"{cluster}.{MANY - 1}").returncode == 52
    assert user("hep_rm", f"{cluster}.{MANY}").returncode == 51, "it will never be made"
    assert in_all(user) == {"jobs": MANY, "idle": MANY}
    assert user.ok("hep_rm", f"{cluster}.0-4") == f"{cluster}.0-4: 5 job(s) removed\n"
    assert in_all(user) == {"jobs": MANY - 5, "idle": MANY - 5}
    text = user.ok("hep_q", "-u", "-why")
    assert f"-{MANY - 1} (I): the schedd makes these jobs" in text


@pytest.mark.sid
def test_the_memory_of_a_factory_changes_for_jobs_to_come(access_point: Shell, pool: Pool) -> None:
    """hep_edit on the access point, which has condor_qedit: made jobs and later ones get the memory."""
    user = access_point
    cluster = submit_many(user, factory=True)
    said = user.ok("hep_edit", "-m", "3000", str(cluster))
    assert said == f"{cluster}: memory 2000 MB -> 3000 MB ({MANY} job(s))\n"
    made = {ad["ProcId"] for ad in pool.jobs(attributes=["ProcId"])}
    user.ok("hep_rm", f"{cluster}.0-9")

    def later() -> list[int]:
        ads = pool.jobs(attributes=["ProcId", "RequestMemory"])
        return [ad["RequestMemory"] for ad in ads if ad["ProcId"] not in made]

    pool.wait_for(lambda: len(later()) >= 10, 30, "more jobs of the factory")
    assert set(later()) == {3000}
    assert {ad["RequestMemory"] for ad in pool.jobs(attributes=["RequestMemory"])} == {3000}


def test_without_condor_qedit_the_memory_of_a_factory_stays_and_is_said_to(user: Shell) -> None:
    """On a host without HTCondor's tools: an error that says what to do, and nothing half done."""
    cluster = submit_many(user, factory=True)
    done = user("hep_edit", "-m", "3000", str(cluster))
    assert done.returncode == 70
    assert "condor_qedit" in done.stderr
    assert {ad["RequestMemory"] for ad in user.pool.jobs()} == {2000}


@pytest.mark.sid
def test_a_factory_runs_to_its_end_and_wait_sees_all(user: Shell) -> None:
    """-wait on a factory: the jobs that come later count as well, with their exit codes."""
    user.policy.write_text("[limits]\nfactory_above = 10\nfactory_idle = 8\n")
    user.script("job.sh", "test $1 != 27")
    user.account.write("items", "".join(f"item {n}\n" for n in range(30)))
    result = user.document(
        "hep_sub", "job.sh", "-list", "items", "-argu", "%{ProcId}", *QUIET, "-wait"
    )
    ended = result["result"]["ended"]
    assert [job["proc"] for job in ended] == list(range(30))
    assert [job["proc"] for job in ended if job["exit_code"] != 0] == [27]
