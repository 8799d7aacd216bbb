"""hep_sub, hep_q and hep_rm beside HTCondor's own commands: whole processes, alternating, medians."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from tests.testbed.login import LoginNode
from tests.testbed.pool import Pool, start

ROUNDS = 9
SUBMIT = "executable=/bin/true\nshould_transfer_files=NO\nrequirements=false\nqueue {number}\n"


def seconds(node: LoginNode, argv: Sequence[str]) -> float:
    """How long a command takes as a process."""
    started = time.perf_counter()
    node.run(argv, check=True)
    return time.perf_counter() - started


def beside(name: str, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Measure two commands in turn and print the medians and their ratio."""
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:24} {mine:7.3f} s  {other:7.3f} s  ratio {mine / other:5.2f}")


def main() -> int:
    """Measure everything."""
    pool = start("trixie")
    try:
        measure(pool)
    finally:
        pool.stop()
    return 0


def measure(pool: Pool) -> None:
    """Measure on a pool."""
    node = pool.login_node(pool.account("hepalice", "benchmark"))
    for number in (1, 1000):
        submit = node.account.write(f"{number}.sub", SUBMIT.format(number=number))
        ours = ["hep_sub", "-n", str(number), "-wn", "none", "-o", "/dev/null", "/bin/true"]
        theirs = ["condor_submit", "-terse", "-name", pool.schedds[0], str(submit)]
        beside(f"submit {number}", partial(seconds, node, ours), partial(seconds, node, theirs))
        listing = ["condor_q", "-nobatch", "-global"]
        beside(
            "list them", partial(seconds, node, ["hep_q", "-u"]), partial(seconds, node, listing)
        )
        pool.purge()


if __name__ == "__main__":
    sys.exit(main())
