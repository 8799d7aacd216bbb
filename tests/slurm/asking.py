"""What tests ask of Slurm by hepsub's commands."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.testbed.login import LoginNode

POLICY = '[pool.hpc]\nkind = "slurm"\npartitions = { short = "short" }\n[defaults]\npool = "hpc"\n'
WAIT_S = 60


def does(alice: LoginNode, *words: str | Path) -> str:
    """What a command prints that succeeds."""
    done = alice.run(words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def submitted(alice: LoginNode, *words: str) -> int:
    """The cluster of a submission."""
    return int(does(alice, "hep_sub", *words).split()[-1])


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.3)


def states(alice: LoginNode, cluster: int) -> str:
    """The letters of a cluster's jobs in hep_q, in order."""
    result = json.loads(does(alice, "hep_q", "-i", str(cluster), "-json"))["result"]
    return "".join(job["state"] for job in result["jobs"])


def ended(alice: LoginNode, cluster: int) -> list[dict[str, object]]:
    """The jobs of a cluster in hep_history, by ProcId."""
    jobs = json.loads(does(alice, "hep_history", str(cluster), "-json"))["result"]["jobs"]
    return sorted(jobs, key=lambda job: job["proc"])
