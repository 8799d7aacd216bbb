"""An array of 20,000 tasks on a real Slurm: no step starts a program for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.slurm.commands import does, submitted
from tests.testbed.login import LoginNode
from tests.testbed.slurm import NODE, Slurm

NUMBER = 20_000
COUNTING = """\
#!/bin/sh
echo "${0##*/} $1" >> "$HOME/calls"
exec "/usr/bin/${0##*/}" "$@"
"""
PROGRAMS = ("sbatch", "squeue", "scontrol", "scancel", "sacct")


class Counted:
    """A user whose calls of Slurm's programs are counted."""

    def __init__(self, alice: LoginNode) -> None:
        self.alice = alice
        self.calls = alice.account.home / "calls"
        for name in PROGRAMS:
            alice.account.write(f"counting/{name}", COUNTING, mode=0o755)
        self.path = f"{alice.account.work}/counting:/opt/hepsub/bin:/usr/bin:/bin"

    def does(self, *words: str, calls: int) -> str:
        """What a command prints that succeeds, with no more than so many calls."""
        self.calls.unlink(missing_ok=True)
        done = self.alice.run(words, env={"PATH": self.path}, timeout=120)
        assert done.returncode == 0, done.stderr
        made = self.calls.read_text().splitlines()
        assert 0 < len(made) <= calls, made
        return done.stdout


@pytest.fixture
def counted(alice: LoginNode, slurm: Slurm) -> Iterator[Counted]:
    """Give a user, and a Slurm where nothing starts."""
    slurm.run([*NODE, "state=drain", "reason=test"])
    yield Counted(alice)
    slurm.run([*NODE, "state=resume"])


def test_twenty_thousand_tasks(counted: Counted) -> None:
    said = counted.does("hep_sub", "-n", str(NUMBER), "show.sh", calls=2)
    cluster = said.split()[-1]
    assert f"{NUMBER} jobs; 0 completed, 0 removed, {NUMBER} idle" in counted.does("hep_q", calls=1)
    assert counted.does("hep_hold", f"{cluster}.15000-19999", calls=3).endswith(
        "5000 job(s) held\n"
    )
    (row,) = json.loads(counted.does("hep_sub", "status", "-json", calls=2))["result"]["clusters"]
    assert (row["idle"], row["held"]) == (15_000, 5_000)
    edited = counted.does("hep_edit", "-m", "300", cluster, calls=4)
    assert f"300 MB ({NUMBER} job(s))" in edited
    asked = counted.alice.sandbox.run(["squeue", "-h", "-r", "-o", "%m"]).stdout.split()
    assert asked == ["300M"] * NUMBER
    assert "5000 job(s) released" in counted.does("hep_release", cluster, calls=5)
    removed = counted.does("hep_rm", cluster, calls=3)
    assert removed == f"{cluster}: {NUMBER} job(s) removed\n"
    past = json.loads(counted.does("hep_history", "-n", "5", "-json", calls=2))["result"]["jobs"]
    assert [job["state"] for job in past] == ["X"] * 5


def test_every_second_task(counted: Counted) -> None:
    """Their names are a long word, which Slurm's programs read all the same."""
    cluster = submitted(counted.alice, "-n", str(NUMBER), "show.sh")
    every_second = ",".join(str(each) for each in range(0, NUMBER, 2))
    does(counted.alice, "scancel", f"{cluster}_[{every_second}]")
    removed = counted.does("hep_rm", str(cluster), calls=3)
    assert removed == f"{cluster}: {NUMBER // 2} job(s) removed\n"
    assert does(counted.alice, "squeue", "-h") == ""
