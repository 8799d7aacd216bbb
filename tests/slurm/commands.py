"""What the tests of Slurm say to hepsub, and read of its answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.schemas import check_output
from tests.testbed.login import LoginNode
from tests.testbed.slurm import SCRATCH

POLICY = f"""\
kind = "slurm"
partitions = {{ short = "short" }}
scratch = "{SCRATCH}"
[defaults]
pool = "hpc"
"""
SHOW = (
    '#!/bin/sh\necho "$0" "$_CONDOR_IHEP_JOB_ID" "$#" "$@" "$MARKED"\necho to stderr >&2\nexit $1\n'
)
LONG = "#!/bin/sh\necho begun\nsleep 900\n"
WAIT_S = 60


def write_policy(node: LoginNode, more: str = "", *, pool: str = "") -> None:
    """The policy of the user's own: Slurm is the only pool that is asked, and these lines say more of it."""
    directory = node.account.home / ".config/hepsub"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.toml").write_text(f"[pool.hpc]\n{pool}{POLICY}{more}")
    node.sandbox.run(["chown", "-R", f"{node.account.name}:", node.account.home / ".config"])


def does(node: LoginNode, *words: str | Path, **options: Any) -> str:
    """What a command prints that succeeds; JSON is compared with its schema."""
    done = node.run(words, **options)
    assert done.returncode == 0, done.stderr
    check_output(words, done.stdout)
    return done.stdout


def submitted(node: LoginNode, *words: str | Path, **options: Any) -> int:
    """The cluster of a submission."""
    return int(does(node, "hep_sub", *words, **options).split()[-1])


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.3)


def states(node: LoginNode, cluster: int) -> str:
    """The letters of a cluster's jobs in hep_q, in order."""
    result = json.loads(does(node, "hep_q", "-i", str(cluster), "-json"))["result"]
    return "".join(job["state"] for job in result["jobs"])


def ended(node: LoginNode, cluster: int) -> list[dict[str, Any]]:
    """The jobs of a cluster in hep_history, by ProcId."""
    jobs = json.loads(does(node, "hep_history", str(cluster), "-json"))["result"]["jobs"]
    return sorted(jobs, key=lambda job: job["proc"])
