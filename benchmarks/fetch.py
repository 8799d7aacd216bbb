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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import hepsub
from hepsub.auth.bundle import HOME, Bundle, marker_place
from hepsub.auth.request import BundleRequest
from hepsub.plan.staging import FileRule, StagingPlan
from hepsub.plan.template import parse_template
from hepsub.policy.model import Storage
from tests.testbed import rclone
from tests.testbed.s3 import S3Server

ROUNDS = 5
LARGE = 2**30
SMALL, SMALL_NUMBER = 4096, 2000
BUCKET = "out"
UUID = "11111111-1111-4111-8111-111111111111"
CLUSTERS = {7: 1, 8: SMALL_NUMBER}


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
        return {
            "PATH": os.defpath,
            "HOME": str(self.root / "home"),
            "PYTHONPATH": str(Path(hepsub.__file__).parent.parent),
            "HEPSUB_CONFIG": str(self.root / "policy.toml"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.server.write_credentials()),
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_HERD_TYPE": "s3",
            "RCLONE_CONFIG_HERD_PROVIDER": "Rclone",
            "RCLONE_CONFIG_HERD_ENDPOINT": self.server.endpoint,
            "RCLONE_CONFIG_HERD_ENV_AUTH": "true",
        }

    def make(self) -> None:
        """Write the policy, the bundles and the objects."""
        (self.root / "home").mkdir()
        (self.root / "policy.toml").write_text(
            f'[staging]\nbundle_dir = "{self.root}/bundles"\n'
            f'[storage.herd]\nendpoint = "{self.server.endpoint}"\nallow_http = true\ndefault = true\n'
        )
        for cluster, number in CLUSTERS.items():
            self._cluster(cluster, number, LARGE if number == 1 else SMALL)

    def _cluster(self, cluster: int, number: int, size: int) -> None:
        request = self._request(cluster, number)
        bundle = Bundle(directory=self.root / "bundles" / request.uuid, request=request)
        (bundle.directory / HOME).mkdir(parents=True)
        (bundle.directory / "request.json").write_text(request.to_json())
        bundle.mark_ready(cluster)
        store = self.server.directory / "data" / BUCKET
        for proc in range(number):
            content = (os.urandom(4096) * (size // 4096 + 1))[:size]
            carried = request.staging.outputs_of(request.values(proc, cluster))
            report = json.dumps(self._report(carried[0].name, content)).encode()
            home = bundle.directory / HOME / f"home.{proc}"
            home.mkdir()
            (home / "report.json").write_bytes(report)
            marker = marker_place(carried, request.uuid, proc)
            assert marker is not None
            for key, body in ((f"{cluster}/{proc}.dat", content), (marker.key, report)):
                path = store / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)

    def _request(self, cluster: int, number: int) -> BundleRequest:
        output = FileRule(
            name=parse_template("r.dat"),
            url=parse_template(f"herd:{BUCKET}/%{{ClusterId}}/%{{ProcId}}.dat"),
        )
        staging = StagingPlan(
            inputs=(),
            outputs=(output,),
            storages={"herd": Storage(endpoint=self.server.endpoint, allow_http=True)},
            objects={},
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
            user="alice",
            number=number,
            first=0,
            items=(),
            ends=(),
            executable=str(self.root / "job.sh"),
            walltime=3600,
            factory=False,
            staging=staging,
        )

    def _report(self, name: str, content: bytes) -> dict[str, object]:
        md5 = hashlib.md5(content).hexdigest()
        output = {"name": name, "state": "uploaded", "size": len(content), "md5": md5, "url": ""}
        payload = {"exit_code": 0, "signal": None, "seconds": 1}
        return {"version": 1, "code": 0, "message": "", "payload": payload, "outputs": [output]}

    def seconds(self, argv: Sequence[str | Path], cluster: int) -> float:
        """How long a command takes as a process, which has to leave all outputs here."""
        goal = self.root / "goal"
        shutil.rmtree(goal, ignore_errors=True)
        goal.mkdir()
        os.sync()
        started = time.perf_counter()
        done = subprocess.run(
            argv, cwd=goal, env=self.environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        spent = time.perf_counter() - started
        found = [path for path in goal.rglob("*.dat") if path.stat().st_size]
        assert len(found) == CLUSTERS[cluster], (argv, len(found))
        return spent

    def ours(self, cluster: int) -> float:
        """hep_fetch: objects and the reports of the jobs."""
        return self.seconds([sys.executable, "-m", "hepsub", "hep_fetch", str(cluster)], cluster)

    def theirs(self, cluster: int) -> float:
        """rclone copy, 16 at once as hep_fetch does."""
        source = f"herd:{BUCKET}/{cluster}"
        words = ["copy", source, ".", "--transfers", "16", "--exclude", ".hepsub/**"]
        return self.seconds([rclone.program(), *words], cluster)


def beside(name: str, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Measure two commands in turn and print the medians and their ratio."""
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:24} {mine:7.3f} s  {other:7.3f} s  ratio {mine / other:5.2f}", flush=True)


def main() -> int:
    """Measure everything."""
    root = Path(tempfile.mkdtemp(prefix="hepsub-bench-"))
    store = root / "store"
    store.mkdir()
    server = rclone.start(store)
    try:
        bench = Bench(root, server)
        bench.make()
        for cluster, name in ((7, "one object, 1 GiB"), (8, f"{SMALL_NUMBER} objects, 4 kB")):
            beside(name, lambda c=cluster: bench.ours(c), lambda c=cluster: bench.theirs(c))  # type: ignore[misc]
    finally:
        server.service.end()
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
