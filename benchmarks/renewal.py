"""hep_auth renew: whole processes with nothing to do, and with 10,000 live jobs whose URLs are due."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.login import LoginNode
from tests.testbed.pool import Pool, start
from tests.testbed.users import make_directory

JOBS = 10_000
ROUNDS = 5
POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
"""
KEYS = "[default]\naws_access_key_id = AKBENCHMARK\naws_secret_access_key = nothing\n"
IDLE = ("-wn", "none", "-o", "/dev/null", "-e", "/dev/null")
OUT = ("-out", "r=herd:out/%{ClusterId}/r_%{ProcId}", "-out", "l=herd:out/%{ClusterId}/l_%{ProcId}")


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
    account = node.account
    give(account.home / "policy.toml", POLICY)
    make_directory(account, account.home / ".aws", 0o700)
    give(account.home / ".aws/credentials", KEYS)
    bundles = account.home / ".local/share/hepsub/bundles"
    tell("nothing to do, no job", *(renew(node) for _ in range(ROUNDS)))
    started = time.perf_counter()
    run(node, ["hep_sub", "-nocheck", "-n", str(JOBS), *IDLE, *OUT, "/bin/true"], 600)
    tell(f"hep_sub -n {JOBS}, two outputs each", time.perf_counter() - started)
    tell(f"nothing due, {JOBS} live jobs", *(renew(node) for _ in range(ROUNDS)))
    for _ in range(3):
        next(
            bundles.glob("*/private/signed.json")
        ).unlink()  # as if nobody knew how old the URLs are
        tell(f"{JOBS} live jobs signed anew", renew(node))
    bundle = next(bundles.glob("*/private/ready")).parent.parent
    for proc in range(JOBS):
        home = bundle / f"job/{proc}/home.{proc}"
        make_directory(account, home, 0o700)
        (home / "report.json").write_text("{}")
    pool.purge()
    tell(f"{JOBS} jobs have ended: closed", renew(node))
    if not (bundle / "private/finished").exists():
        raise SystemExit("the bundle was not closed: the figures mean nothing")
    tell("nothing to do, their reports are kept", *(renew(node) for _ in range(ROUNDS)))


def renew(node: LoginNode) -> float:
    """How long one round takes as a process, in seconds."""
    started = time.perf_counter()
    run(node, ["hep_auth", "renew"], 1200)
    return time.perf_counter() - started


def run(node: LoginNode, words: Sequence[str], timeout: float) -> None:
    """Run a command of the user that has to succeed."""
    policy = {"HEPSUB_CONFIG": str(node.account.home / "policy.toml")}
    node.run(words, env=policy, timeout=timeout, check=True)


def give(path: Path, text: str) -> None:
    """Write a file that the user can read."""
    path.write_text(text)
    path.chmod(0o644)


def tell(what: str, *seconds: float) -> None:
    """Print the median and the worst."""
    print(f"{what:62} {statistics.median(seconds):7.2f} s  worst {max(seconds):7.2f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
