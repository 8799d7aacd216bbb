"""A user of Slurm's with keys for a store: what lies there, and on the node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.staging.desk import give_keys
from tests.testbed.login import LoginNode
from tests.testbed.s3 import S3Server
from tests.testbed.slurm import SCRATCH, Slurm

IN_AND_OUT = ("-in", "herd:raw/run_%{ProcId}", "-out", "out.rec=herd:out/rec_%{ProcId}")
LOOK = """#!/bin/sh
end=$(($(date +%s) + 60))
while [ "$(date +%s)" -lt $end ]; do
    klist -s || { echo ended; exit 3; }
    sleep 1
done
echo good
"""


def put(store: S3Server, key: str, text: str) -> None:
    """Store an object."""
    store.client().put_object(Bucket="raw", Key=key, Body=text.encode())


def stored(store: S3Server) -> dict[str, str]:
    """What is in the bucket of the outputs, markers left out."""
    keys = [key for key in store.objects("out") if ".hepsub/" not in key]
    return {key: store.content("out", key).decode() for key in keys}


def markers(store: S3Server) -> list[dict[str, Any]]:
    """The markers in the bucket of the outputs."""
    keys = [key for key in store.objects("out") if ".hepsub/" in key]
    return [json.loads(store.content("out", key)) for key in keys]


def told_everybody(slurm: Slurm, cluster: int | str) -> str:
    """What Slurm tells of a job, and the words of all processes, some of which end while they are looked at."""
    look = (
        f"scontrol show job {cluster} -dd && squeue -o %all && {{ cat /proc/[0-9]*/cmdline || :; }}"
    )
    return slurm.run(["sh", "-c", look]).stdout


def sit_down(node: LoginNode, store: S3Server, *scripts: tuple[str, str]) -> LoginNode:
    """Give a user the keys of a store with three inputs, and scripts."""
    give_keys(node.account, store)
    for proc in range(3):
        put(store, f"run_{proc}", f"raw {proc}")
    for name, text in scripts:
        node.account.write(name, text, mode=0o755)
    return node


def left_on_the_node(node: LoginNode) -> list[Path]:
    """What jobs left in the node's directory."""
    return list(node.sandbox.path(SCRATCH).glob("hepsub-job.??????????"))


@contextmanager
def renewing(node: LoginNode, environment: dict[str, str]) -> Iterator[None]:
    """Let hep_auth renew -loop run meanwhile."""
    with (
        (node.account.work / "renew.log").open("w") as log,
        subprocess.Popen(
            node.command(["hep_auth", "renew", "-loop"], env=environment), stdout=log, stderr=log
        ) as child,
    ):
        try:
            yield
            assert child.poll() is None
        finally:
            node.sandbox.run(["pkill", "-u", node.account.name, "-f", "hep_auth"], check=False)
            child.wait(60)
