"""Jobs that wait for jobs, as hep_sub(1) says: a DAG of hep_sub -wait, which HTCondor itself keeps going."""

import shutil

import pytest

from tests.pool.shell import Shell
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

_CHAIN = """\
JOB reco noop.sub NOOP
SCRIPT PRE reco {hep_sub} -once {key}-reco -wait reco.sh -n 2
JOB merge noop.sub NOOP
SCRIPT PRE merge {hep_sub} -once {key}-merge -wait merge.sh
PARENT reco CHILD merge
"""


def start(user: Shell, key: str, reco: str) -> None:
    """Write the chain of the man page, and hand it to HTCondor; nobody waits for it."""
    user.script("reco.sh", reco)
    user.script("merge.sh", "ls part.* > all")
    hep_sub = user("sh", "-c", "command -v hep_sub").stdout.strip() or shutil.which("hep_sub")
    user.account.write("chain.dag", _CHAIN.format(hep_sub=hep_sub, key=key))
    user.account.write("noop.sub", "executable = /bin/true\nqueue\n")
    done = user("condor_submit_dag", "-import_env", "chain.dag")
    assert done.returncode == 0, (done.stdout, done.stderr)


def finished(user: Shell, pool: Pool) -> str:
    """DAGMan's own log, when it has ended."""
    log = user.work / "chain.dag.dagman.out"
    pool.wait_for(lambda: log.exists() and "EXITING WITH STATUS" in log.read_text(), 240, "DAGMan")
    return log.read_text()


def test_the_second_starts_when_all_of_the_first_ended_well(
    access_point: Shell, pool: Pool
) -> None:
    start(access_point, "good", 'sleep 3; touch "part.$_CONDOR_IHEP_JOB_ID"')
    assert "EXITING WITH STATUS 0" in finished(access_point, pool)
    assert len(access_point.text("all").splitlines()) == 2


def test_the_second_is_not_submitted_when_one_of_the_first_failed(
    access_point: Shell, pool: Pool
) -> None:
    start(access_point, "bad", "exit 3")
    assert "EXITING WITH STATUS 1" in finished(access_point, pool)
    assert not (access_point.work / "all").exists()
    assert not pool.history('HepSub_Once == "bad-merge"')


def test_a_restart_of_the_schedd_meanwhile_submits_nothing_twice(
    access_point: Shell, pool: Pool
) -> None:
    """DAGMan begins again, and hep_sub finds by its key what it submitted before."""
    name = pool.schedds[0]
    start(access_point, "again", 'sleep 20; touch "part.$_CONDOR_IHEP_JOB_ID"')
    ours = 'HepSub_Once == "again-reco"'
    pool.wait_for(lambda: len(pool.jobs(f"{ours} && JobStatus == 2")) == 2, 60, "the first jobs")
    pool.stop_schedd("schedd01")
    pool.start_schedd("schedd01")
    assert "EXITING WITH STATUS 0" in finished(access_point, pool)
    assert len(access_point.text("all").splitlines()) == 2
    past = [*pool.history(ours, schedd=name), *pool.jobs(ours)]
    assert sorted(ad["ProcId"] for ad in past) == [0, 1]
