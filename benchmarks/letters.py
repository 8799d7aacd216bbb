"""hep_auth renew with a mailbox: whole rounds that sign the URLs of all jobs anew and post a letter to each of them.

Jobs of a remote site find the letters by what they took along; those that the schedd has the files of are told by their
ads, too, where the newest ones are.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.renewal import KEYS, give, renew, run, tell
from tests.testbed import ceph, rclone
from tests.testbed.login import LoginNode
from tests.testbed.pool import Pool, start
from tests.testbed.s3 import S3Server
from tests.testbed.users import make_directory

BUCKET = "mail"
SITE = '[site.far]\nrequirements = \'GLIDEIN_Site == "far"\'\nisolation = "owner"\n'
SPOOL = "[pool.local]\nspool = true\n"
WAYS = {"at a site": (SITE, ("-site", "far")), "spooled": (SPOOL, ())}
POLICY = """
[storage.herd]
endpoint = "{endpoint}"
allow_http = true
default = true

[staging]
mailbox = "herd:mail/%{{User}}"

"""
IDLE = ("-nocheck", "-wn", "none", "-o", "/dev/null", "-e", "/dev/null")
OUT = ("-out", "r=herd:out/r_%{ProcId}", "-out", "l=herd:out/l_%{ProcId}")


def main() -> int:
    """Measure on each store, in each way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=[*WAYS])
    parser.add_argument("--stores", nargs="+", default=["rclone", "ceph"])
    wanted = parser.parse_args()
    pool = start("trixie")
    try:
        node = pool.login_node(pool.account("hepalice", "benchmark"))
        node.ensure_program()
        for name in wanted.stores:
            with store(name) as server:
                for jobs in wanted.jobs:
                    for way in wanted.ways:
                        measure(pool, node, server, way, jobs, wanted.rounds)
    finally:
        pool.stop()
    return 0


@contextlib.contextmanager
def store(name: str) -> Iterator[S3Server]:
    """A store until the block ends."""
    with tempfile.TemporaryDirectory() as directory:
        server = rclone.start(Path(directory)) if name == "rclone" else ceph.start()
        try:
            for bucket in (BUCKET, "out"):
                server.make_bucket(bucket)
            yield server
        finally:
            server.service.end()


def measure(
    pool: Pool, node: LoginNode, server: S3Server, way: str, jobs: int, rounds: int
) -> None:
    """Rounds in which every job gets a letter, then one in which all have ended."""
    account = node.account
    more, words = WAYS[way]
    give(account.home / "policy.toml", POLICY.format(endpoint=server.endpoint) + more)
    make_directory(account, account.home / ".aws", 0o700)
    keys = KEYS.replace("AKBENCHMARK", server.access_key).replace("nothing", server.secret_key)
    give(account.home / ".aws/credentials", keys)
    what = f"{server.kind}, {jobs} jobs {way}"
    started = time.perf_counter()
    run(node, ["hep_sub", "-n", str(jobs), *words, *IDLE, *OUT, "/bin/true"], 1200)
    tell(f"{what}: submitted", time.perf_counter() - started)
    tell(f"{what}: nothing due", *(renew(node) for _ in range(rounds)))
    bundles = account.home / ".local/share/hepsub/bundles"
    took, used = [], []
    for _ in range(rounds):
        next(bundles.glob("*/private/signed.json")).unlink()  # as if nobody knew how old they are
        before = processor_s()
        took.append(renew(node))
        used.append(processor_s() - before)
    tell(f"{what}: signed anew, posted", *took)
    tell("… of a processor's time, without those of store and schedd", *used)
    if len(server.objects(BUCKET)) != jobs:
        raise SystemExit("not every job has a letter: the figures mean nothing")
    run(node, ["hep_rm", "-a"], 1200)
    pool.wait_for(lambda: not pool.jobs(attributes=["ClusterId"]), 1200, "removed jobs to leave")
    tell(f"{what}: ended, removed", renew(node))
    if server.objects(BUCKET):
        raise SystemExit("letters are left: the figures mean nothing")


def processor_s() -> float:
    """What the processes that have ended took of the processors, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
