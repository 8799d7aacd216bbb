"""The testbed's other host is another host, and its cron runs a user's crontab."""

import time

import pytest

from tests.testbed.machine import Machine
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.users import Account

QUEUES = """
import htcondor2, socket
schedds = htcondor2.Collector().locateAll(htcondor2.DaemonType.Schedd)
print(socket.gethostname(), len(schedds), len(htcondor2.Schedd(schedds[0]).query()))
"""


@pytest.mark.condor
def test_an_account_of_the_other_host_asks_the_schedds_of_this_one(
    pool: Pool, other_host: Machine, alice: Account
) -> None:
    there = other_host.account(alice)
    done = there.run([alice.bin / "python3", "-c", QUEUES])
    assert done.stdout.split() == [other_host.hostname, "2", "0"], done.stderr
    other_host.hide(alice.work)
    assert there.run(["test", "-e", alice.work], cwd=alice.home.parent).returncode == 1
    other_host.show_all()
    assert there.run(["test", "-e", alice.work]).returncode == 0


@pytest.mark.condor
def test_an_agent_of_the_other_host_answers_there_only(
    other_host: Machine, alice: Account, openid: OpenId
) -> None:
    agent = openid.agent(other_host.account(alice))
    assert agent.token().returncode == 0
    elsewhere = alice.run(["oidc-token", agent.name], env=agent.environment)
    assert "did not receive any response" in elsewhere.stderr


def test_cron_runs_a_job_of_a_user(cron: Machine, host_alice: Account) -> None:
    there = cron.account(host_alice)
    seen = host_alice.home / "seen"
    line = '* * * * * echo "$HOME $(id -un) $(hostname)" > $HOME/seen\n'
    assert there.run(["crontab", "-"], input=line).returncode == 0
    assert there.run(["crontab", "-l"]).stdout == line
    assert host_alice.run(["crontab", "-l"]).returncode != 0, "the spool is the other host's"
    end = time.monotonic() + 120
    while time.monotonic() < end and not (seen.exists() and seen.read_text()):
        time.sleep(0.5)
    assert seen.read_text().split() == [str(host_alice.home), "hepalice", cron.hostname]
