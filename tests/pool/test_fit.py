"""What hep_sub says of jobs that no slot of the pool can hold."""

import socket
import time

import pytest

from hepsub.condor.collector import find_slots
from hepsub.errors import PoolUnreachable
from tests.pool.shell import IDLE, Shell, next_command
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

PATIENCE_S = 2


def test_more_than_any_slot_has(user: Shell, pool: Pool) -> None:
    """The largest slot when it is empty, whatever runs on it now; what is said to do is what -why says, too."""
    user.script("job.sh", "sleep 600")
    most = max(ad["TotalSlotMemory"] for ad in pool.slots())
    cores = max(ad["TotalSlotCpus"] for ad in pool.slots())
    user.wait_for_state(2, user.submit("job.sh", "-mem", str(most - 100)))
    done = user("hep_sub", "job.sh", "-mem", str(most))
    assert (done.returncode, done.stderr) == (0, ""), "it fits when the slot is empty"
    done = user("hep_sub", "job.sh", "-mem", str(most + 1), "-np", str(cores + 1))
    assert done.returncode == 0
    cluster = int(done.stdout.split()[-1])
    assert done.stderr == (
        f"hep_sub: no slot of the pool local offers {most + 1} MB of memory (-mem) and {cores + 1} core(s) (-np):"
        f" as it is now, {cluster} can never start; the most is {most} MB of memory and {cores} core(s);"
        f" hep_edit -m {most} -np {cores} {cluster} asks for that, hep_rm {cluster} gives up\n"
    )
    assert next_command(user.ok("hep_q", "-i", str(cluster), "-why")).startswith(
        f"hep_edit -m {most} -np {cores} {cluster}"
    )
    user.ok("hep_edit", "-m", str(most), "-np", str(cores), str(cluster))
    assert "can never start" not in user.ok("hep_q", "-i", str(cluster), "-why")


def test_what_is_said_nothing_of(user: Shell) -> None:
    """A worker node that is not there is no matter of sizes; and a job that fits is none at all."""
    user.script("job.sh", "true")
    for words in (("-mem", "900000", *IDLE), ("-mem", "2500"), ("-disk", "1GB")):
        done = user("hep_sub", "job.sh", *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    shown = user("hep_sub", "job.sh", "-dry-run", "-gpu", "40")
    assert "offers 40 GPU(s) (-gpu): as it is now, the jobs could never start" in shown.stderr


def test_a_collector_that_says_nothing_costs_its_patience_and_no_more() -> None:
    """It takes connections, as one does whose daemon is stopped."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        start = time.monotonic()
        with pytest.raises(PoolUnreachable):
            find_slots(f"127.0.0.1:{silent.getsockname()[1]}", ("Memory",), PATIENCE_S)
        assert time.monotonic() - start < PATIENCE_S + 3
