"""hep_auth renew -install on a host with a real systemd: its timer outlives the login, or it is not installed."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.auth.test_install_cron import STATE, wait_for
from tests.testbed.systemd import LoginHost
from tests.testbed.users import Account

UNITS = ".config/systemd/user"
TIMER = "hepsub-renew.timer"


@pytest.fixture
def alice(host_alice: Account, host_program: None) -> Account:
    """Alice, whose policy renews every 3 s."""
    policy = host_alice.home / ".config" / "hepsub" / "config.toml"
    host_alice.run(["mkdir", "-p", str(policy.parent)])
    host_alice.run(["tee", str(policy)], input="[renew]\nevery = '3 s'\n")
    return host_alice


def hep_auth(
    login_host: LoginHost, account: Account, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run hep_auth renew in a login of its own."""
    return login_host.login(account, [account.bin / "hep_auth", "renew", *words])


def wait_for_logout(login_host: LoginHost) -> None:
    """Wait until nobody is logged in any more."""
    end = time.monotonic() + 30
    while login_host.sessions():
        assert time.monotonic() < end, login_host.sessions()
        time.sleep(0.2)


def test_the_timer_outlives_the_login_that_installed_it(
    login_host: LoginHost, alice: Account
) -> None:
    """Lingering is switched on by hepsub itself; the timer fires again and again while nobody is logged in."""
    done = hep_auth(login_host, alice, "-install")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"installed on {login_host.hostname}: a timer of your systemd ")
    assert "lingering is on for hepalice" in done.stdout
    wait_for_logout(login_host)
    # The manager of a user who does not linger would end 1 s after the logout.
    state = wait_for(alice.home / STATE, time.time() + 2)
    assert state["host"] == login_host.hostname
    wait_for(alice.home / STATE, float(str(state["when"])))

    status = hep_auth(login_host, alice, "-status", "-json")
    assert status.returncode == 0, status.stdout
    result = json.loads(status.stdout)["result"]
    assert (result["installed"], result["active"]) == ("systemd", True)
    assert result["where"] == str(alice.home / UNITS / TIMER)
    removed = hep_auth(login_host, alice, "-uninstall")
    assert removed.stdout == f"removed: {TIMER} of your systemd\n"
    assert not list(Path(alice.home / UNITS).rglob("hepsub-renew*"))
    again = hep_auth(login_host, alice, "-status")
    assert again.returncode == 59, again.stdout
    asked = login_host.login(alice, ["systemctl", "--user", "is-active", TIMER])
    assert asked.stdout == "inactive\n"


def test_a_timer_that_would_end_at_the_logout_is_not_installed(
    login_host: LoginHost, alice: Account
) -> None:
    """Where lingering is refused and no cron runs: the truth, and no units are left."""
    login_host.permit_lingering(permitted=False)
    done = hep_auth(login_host, alice, "-install")
    assert done.returncode == 59, done.stdout
    assert "your systemd would end when you log out" in done.stderr
    assert "hep_auth renew -loop" in done.stderr
    assert not (alice.home / UNITS / TIMER).exists()
