"""hep_fetch beside `rclone copy`: one large object and many small ones, whole processes, alternating, medians."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.store import environment
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.manifest import marker_place
from hepsub.bundle.notes import mark_ready
from hepsub.bundle.request import BundleRequest
from hepsub.files import make_private
from hepsub.plan.bundle_paths import PRIVATE
from hepsub.plan.files import FileRule
from hepsub.plan.staging import StagingPlan
from hepsub.policy.model import Storage
from tests.testbed import rclone
from tests.testbed.s3 import S3Server

ROUNDS = 5
LARGE = 2**30
SMALL = 4096
BUCKET = "out"
UUID = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True)
class Kind:
    """A cluster: how many jobs it had, how many outputs each of them made, and their size in bytes."""

    name: str
    jobs: int
    outputs: int
    size: int


CLUSTERS = {
    7: Kind("one object, 1 GiB", 1, 1, LARGE),
    8: Kind("5,000 objects, 4 kB, of 100 jobs", 100, 50, SMALL),
    9: Kind("5,000 objects, 4 kB, of 5,000 jobs", 5000, 1, SMALL),
}
"""hep_fetch brings the report of each job besides, and compares it; rclone does not."""


@dataclass(frozen=True)
class Bench:
    """A store with the outputs of two clusters, whose jobs have ended, and a user.

    Attributes:
        root: a directory of the benchmark's own.
        server: the store.
    """

    root: Path
    server: S3Server

    @property
    def environment(self) -> dict[str, str]:
        """Where hepsub and rclone find the store and its keys."""
        return environment(self.root, self.server)

    def make(self) -> None:
        """Write the policy, the bundles and the objects."""
        (self.root / "home").mkdir()
        (self.root / "policy.toml").write_text(
            f'[staging]\nbundle_dir = "{self.root}/bundles"\n'
            f'[storage.herd]\nendpoint = "{self.server.endpoint}"\nallow_http = true\ndefault = true\n'
        )
        for cluster, kind in CLUSTERS.items():
            self._cluster(cluster, kind)

    def _cluster(self, cluster: int, kind: Kind) -> None:
        request = self._request(cluster, kind)
        bundle = Bundle(directory=self.root / "bundles" / request.uuid, request=request)
        make_private(bundle.directory)
        make_private(bundle.directory / PRIVATE)
        bundle.private("request.json").write_bytes(request.to_json())
        mark_ready(bundle, cluster)
        store = self.server.directory / "data" / BUCKET
        for proc in range(kind.jobs):
            carried = request.staging.outputs_of(request.values(proc, cluster))
            marker = marker_place(carried, request.uuid, proc)
            assert marker is not None
            objects = {f"{cluster}/{proc}/{each.name}": _content(kind.size) for each in carried}
            report = json.dumps(self._report(objects)).encode()
            home = bundle.returned(proc)
            home.mkdir(parents=True)
            (home / "report.json").write_bytes(report)
            for key, body in {**objects, marker.key: report}.items():
                path = store / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)

    def _request(self, cluster: int, kind: Kind) -> BundleRequest:
        outputs = tuple(
            FileRule(
                name=f"{number}.dat", url=f"herd:{BUCKET}/%{{ClusterId}}/%{{ProcId}}/{number}.dat"
            )
            for number in range(kind.outputs)
        )
        staging = StagingPlan(
            inputs=(),
            outputs=outputs,
            storages={"herd": Storage(endpoint=self.server.endpoint, allow_http=True)},
            objects=(),
            shared=True,
            chirp=True,
            cwd=str(self.root),
            bundle_root=str(self.root / "bundles"),
            grace=60,
            home_limit=2**30,
            put_limit=5 * 2**30,
        )
        return BundleRequest(
            uuid=f"{UUID[:-1]}{cluster}",
            pool="local",
            schedd="schedd01.example.org",
            number=kind.jobs,
            user="alice",
            first=0,
            items=(),
            ends=(),
            executable=str(self.root / "job.sh"),
            walltime=3600,
            factory=False,
            staging=staging,
            stdout=str(self.root / "out"),
            stderr=str(self.root / "err"),
        )

    def _report(self, objects: Mapping[str, bytes]) -> dict[str, object]:
        outputs = [
            {
                "name": key.rpartition("/")[2],
                "state": "uploaded",
                "size": len(content),
                "md5": hashlib.md5(content).hexdigest(),
                "url": f"{self.server.endpoint}/{BUCKET}/{key}",
            }
            for key, content in objects.items()
        ]
        payload = {"exit_code": 0, "signal": None, "seconds": 1}
        return {"version": 1, "code": 0, "message": "", "payload": payload, "outputs": outputs}

    def seconds(self, argv: Sequence[str | Path], cluster: int) -> float:
        """How long a command takes as a process, which has to leave all outputs here."""
        goal = Path(tempfile.mkdtemp(prefix="goal-", dir=self.root))
        os.sync()
        started = time.perf_counter()
        done = subprocess.run(
            argv, cwd=goal, env=self.environment, check=False, capture_output=True, text=True
        )
        spent = time.perf_counter() - started
        assert done.returncode == 0, (done.stdout, done.stderr)
        found = [path for path in goal.rglob("*.dat") if path.stat().st_size]
        kind = CLUSTERS[cluster]
        assert len(found) == kind.jobs * kind.outputs, (argv, len(found))
        if (
            len(found) == 1
        ):  # ext4 looks for long before it takes the inodes of many files just deleted
            found[0].unlink()
        return spent

    def ours(self, cluster: int) -> float:
        """hep_fetch: objects and the reports of the jobs."""
        return self.seconds([sys.executable, "-m", "hepsub", "hep_fetch", str(cluster)], cluster)

    def theirs(self, cluster: int) -> float:
        """rclone copy, 16 at once as hep_fetch does."""
        source = f"herd:{BUCKET}/{cluster}"
        words = ["copy", source, ".", "--transfers", "16", "--exclude", ".hepsub/**"]
        return self.seconds([rclone.program(), *words], cluster)


def _content(size: int) -> bytes:
    return (os.urandom(4096) * (size // 4096 + 1))[:size]


def beside(name: str, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Measure two commands in turn and print the medians and their ratio."""
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:34} {mine:7.3f} s  {other:7.3f} s  ratio {mine / other:5.2f}", flush=True)


def main() -> int:
    """Measure everything."""
    root = Path(tempfile.mkdtemp(prefix="hepsub-bench-"))
    store = root / "store"
    store.mkdir()
    server = rclone.start(store)
    try:
        bench = Bench(root, server)
        bench.make()
        for cluster, kind in CLUSTERS.items():
            beside(kind.name, partial(bench.ours, cluster), partial(bench.theirs, cluster))
    finally:
        server.service.end()
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
