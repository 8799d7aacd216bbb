"""Tests of the testbed itself: each proves one thing the other tests of the pool rely on."""

import json
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.testbed.login import LoginNode
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor]

START = 20

SUBMIT = """
import htcondor2, sys
name, text = sys.argv[1:]
place = htcondor2.Collector().locate(htcondor2.DaemonType.Schedd, name)
print(htcondor2.Schedd(place).submit(htcondor2.Submit(text)).cluster())
"""


def submit(
    run: Callable[..., object], schedd: str, script: str, extra: str = "", transfer: str = "NO"
) -> int:
    """Submit a shell script as a job and return its cluster."""
    description = textwrap.dedent(f"""\
        executable = /bin/sh
        arguments = "-c '{script}'"
        should_transfer_files = {transfer}
        output = $(ClusterId).out
        {extra}
    """)
    done = run(["python3", "-c", SUBMIT, schedd, description])
    stdout, stderr = str(getattr(done, "stdout", "")), str(getattr(done, "stderr", ""))
    assert stdout.strip().isdigit(), stderr
    return int(stdout)


def finished(pool: Pool, cluster: int, schedd: str) -> dict[str, object]:
    """Wait for the end of a job and return its ad."""
    return pool.wait_for(
        lambda: pool.history(f"ClusterId == {cluster}", schedd=schedd), START, f"job {cluster}"
    )[0]


def test_a_plain_job_runs_as_the_user_in_the_shared_home(pool: Pool, alice: Account) -> None:
    cluster = submit(alice.run, pool.schedds[0], "id -un; pwd; echo hello > made")
    finished(pool, cluster, pool.schedds[0])
    assert (alice.work / "made").read_text() == "hello\n"
    assert (alice.work / "made").stat().st_uid == alice.uid
    assert (alice.work / f"{cluster}.out").read_text() == f"hepalice\n{alice.work}\n"


def test_a_container_job_runs_with_its_image(pool: Pool, alice: Account) -> None:
    image = pool.shared / "images/AlmaLinux9.sif"
    extra = f"universe = container\ncontainer_image = {image}"
    cluster = submit(alice.run, pool.schedds[0], "echo $TESTBED_IMAGE", extra)
    finished(pool, cluster, pool.schedds[0])
    assert (alice.work / f"{cluster}.out").read_text() == f"{image}\n"


def test_a_glidein_job_runs_elsewhere_as_somebody_else(
    pool: Pool, alice: Account, remote_site: RemoteSite
) -> None:
    extra = f"requirements = {remote_site.constraint}"
    script = f"id -un; hostname; test -e {alice.home} || echo no home"
    cluster = submit(alice.run, pool.schedds[0], script, extra, transfer="YES")
    finished(pool, cluster, pool.schedds[0])
    assert (alice.work / f"{cluster}.out").read_text() == "nobody\nwn.dongguan.hep\nno home\n"


def test_both_schedds_have_a_job_of_the_same_number_for_two_users(
    pool: Pool, alice: Account, bob: Account
) -> None:
    users = (alice, bob)
    clusters: Sequence[int] = [
        submit(user.run, schedd, "sleep 600")
        for user, schedd in zip(users, pool.schedds, strict=True)
    ]
    for user, schedd, cluster in zip(users, pool.schedds, clusters, strict=True):
        ads = pool.jobs(attributes=["ClusterId", "Owner"], schedd=schedd)
        assert ads == [{"ClusterId": cluster, "Owner": user.name}]
    pool.purge()
    assert pool.jobs() == []


@pytest.mark.parametrize("end", [Pool.kill_schedd, Pool.stop_schedd])
def test_a_schedd_ends_and_comes_back_with_its_jobs(
    pool: Pool, alice: Account, end: Callable[[Pool, str], None]
) -> None:
    schedd = pool.schedds[1]
    cluster = submit(alice.run, schedd, "true", "hold = true")
    end(pool, schedd)
    assert pool.run(["condor_q", "-name", schedd], check=False).returncode != 0
    pool.start_schedd(schedd)
    assert [ad["ClusterId"] for ad in pool.jobs(schedd=schedd)] == [cluster]


def test_the_login_node_has_the_tools_and_no_tokens(
    pool: Pool, alice: Account, login_node: LoginNode
) -> None:
    alice.write("here.sub", 'executable = /bin/sh\narguments = "-c pwd"\noutput = out\nqueue\n')
    assert (alice.home / ".condor/tokens.d/pool").exists()
    done = login_node.run(["sh", "-c", "ls ~/.condor; pwd; condor_submit -terse here.sub"])
    assert done.stdout.startswith(f"{alice.work}\n"), done.stderr
    cluster = int(done.stdout.split()[-1].split(".")[0])
    finished(pool, cluster, pool.schedds[0])
    assert (alice.work / "out").exists()


def test_the_login_node_gives_a_token_that_new_bindings_can_use(
    pool: Pool, login_node: LoginNode
) -> None:
    fetched = login_node.run(["condor_token_fetch", "-token", "fetched"])
    assert fetched.returncode == 0, fetched.stderr
    submit(login_node.run, pool.schedds[0], "true")


def test_a_held_job_is_held_soon(pool: Pool, alice: Account) -> None:
    rule = "periodic_hold = JobStatus == 2 && time() - JobCurrentStartDate > 1"
    cluster = submit(alice.run, pool.schedds[0], "sleep 600", rule)
    held = f"ClusterId == {cluster} && JobStatus == 5"
    assert pool.wait_for(lambda: pool.jobs(held), START, "the hold")


def test_configuration_can_be_added_and_taken_back(pool: Pool) -> None:
    pool.add_config("TESTBED_WAS_HERE = yes")
    assert pool.run(["condor_config_val", "TESTBED_WAS_HERE"]).stdout == "yes\n"
    pool.reset_config()
    assert pool.run(["condor_config_val", "TESTBED_WAS_HERE"], check=False).returncode != 0


def test_a_user_has_a_clean_environment_and_an_own_directory(alice: Account) -> None:
    code = "import json, os; print(json.dumps([os.getcwd(), dict(os.environ), os.getgroups()]))"
    where, environment, groups = json.loads(alice.run(["python3", "-c", code]).stdout)
    assert Path(where) == alice.work
    assert set(environment) <= {*alice.environment(), "LC_CTYPE"}
    assert groups in ([], [alice.gid])
