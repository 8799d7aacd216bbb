"""hep_auth renew -install on a host with a real cron: it runs while nobody is logged in, and goes away again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.testbed.machine import Machine, Visitor
from tests.testbed.users import Account

OTHERS = "# mine\n0 3 1 1 * /bin/true 100\\% # hepsub renewal, or not\n"
STATE = ".local/share/hepsub/bundles/.renew/state.json"


@pytest.fixture
def there(cron: Machine, host_alice: Account, host_program: None) -> Visitor:
    """Alice on the host with cron, whose policy renews every minute."""
    policy = host_alice.home / ".config" / "hepsub" / "config.toml"
    host_alice.run(["mkdir", "-p", str(policy.parent)])
    host_alice.run(["tee", str(policy)], input="[renew]\nevery = '1 min'\n")
    return cron.account(host_alice)


def hep_auth(there: Visitor, *words: str) -> tuple[int, str, str]:
    done = there.run([there.bin / "hep_auth", *words])
    return done.returncode, done.stdout, done.stderr


def wait_for(path: Path, after: float) -> dict[str, object]:
    """The state that a run leaves which ended after that moment."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if path.exists():
            state: dict[str, object] = json.loads(path.read_text())
            if float(str(state["when"])) > after:
                return state
        time.sleep(0.5)
    pytest.fail(f"no run of hep_auth renew left {path}")


def test_cron_runs_the_renewal_and_forgets_it(there: Visitor, cron: Machine) -> None:
    there.run(["crontab", "-"], input=OTHERS)
    code, out, err = hep_auth(there, "renew", "-install")
    assert (code, err) == (0, "")
    assert out.startswith(f"installed on {cron.hostname}: cron starts hep_auth renew every 1 min\n")
    assert "cron (process " in out
    table = there.run(["crontab", "-l"]).stdout
    assert table.startswith(OTHERS)
    assert f"exec {there.bin}/hep_auth renew -quiet" in table

    # Nobody is logged in: cron alone runs it, round after round.
    state = wait_for(there.home / STATE, 0)
    assert state["host"] == cron.hostname
    wait_for(there.home / STATE, float(str(state["when"])))

    code, out, err = hep_auth(there, "renew", "-status")
    assert (code, err) == (0, "")
    assert "it seems to run by itself" in out
    assert hep_auth(there, "renew", "-install")[0] == 0
    assert there.run(["crontab", "-l"]).stdout == table

    assert hep_auth(there, "renew", "-uninstall")[:2] == (0, "removed: the line in your crontab\n")
    assert there.run(["crontab", "-l"]).stdout == OTHERS


def test_a_cron_inside_of_a_container_is_none_of_this_machine(
    cron: Machine, host_alice: Account, host_program: None
) -> None:
    """It is seen from here among the processes, but would never read this machine's crontabs."""
    try:
        done = host_alice.run([host_alice.bin / "hep_auth", "renew", "-install"])
        if done.returncode == 0:
            pytest.skip(f"this machine has what it takes itself: {done.stdout}")
        assert done.returncode == 59
        assert "no cron daemon runs" in done.stderr
        assert "hep_auth renew -loop" in done.stderr
    finally:
        host_alice.run([host_alice.bin / "hep_auth", "renew", "-uninstall"])
