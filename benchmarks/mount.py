"""hep_mount beside `rclone mount --vfs-cache-mode full`: a tree, random reads, a whole file; alternating, medians."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.store import environment
from tests.testbed import rclone
from tests.testbed.s3 import S3Server

ROUNDS = 5
LARGE = 400_000_000
READS = 200
READ = 50_000
SMALL = 2000
BUCKET = "raw"


@dataclass(frozen=True)
class Cost:
    """What something took: seconds, and MB over the network."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Bench:
    """A store with files, and a user who mounts it.

    Attributes:
        root: a directory of the benchmark's own.
        server: the store.
    """

    root: Path
    server: S3Server

    @property
    def environment(self) -> dict[str, str]:
        """Where hepsub and rclone find the store and its keys."""
        return environment(self.root, self.server) | {
            "HEPSUB_HERE_DIR": str(self.root / "cache"),
            "RCLONE_CACHE_DIR": str(self.root / "rclone-cache"),
        }

    @property
    def files(self) -> Path:
        """The directory that is mounted."""
        return self.root / "files"

    def make(self) -> None:
        """Write the policy and the objects."""
        (self.root / "home").mkdir()
        self.files.mkdir()
        (self.root / "policy.toml").write_text(
            f'[storage.herd]\nendpoint = "{self.server.endpoint}"\nallow_http = true\n'
        )
        store = self.server.directory / "data" / BUCKET
        (store / "many").mkdir(parents=True)
        (store / "large.root").write_bytes(os.urandom(LARGE))
        for number in range(SMALL):
            (store / "many" / f"{number}.dat").write_bytes(b"x" * 100)

    def _run(self, *words: str | Path) -> None:
        subprocess.run(words, env=self.environment, check=True, capture_output=True, cwd=self.root)

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Mount with hep_mount, and take it away."""
        command = (sys.executable, "-m", "hepsub", "hep_mount")
        self._run(*command, f"herd:{BUCKET}", "files")
        try:
            yield
        finally:
            self._run(*command, "-u", "files")

    @contextmanager
    def theirs(self) -> Iterator[None]:
        """Mount with rclone, and take it away."""
        words: list[str | Path] = ["mount", f"herd:{BUCKET}", self.files, "--read-only", "--daemon"]
        self._run(rclone.program(), *words, "--vfs-cache-mode", "full")
        try:
            yield
        finally:
            self._run("fusermount3", "-u", self.files)
            shutil.rmtree(self.root / "rclone-cache", ignore_errors=True)

    def ready(self) -> None:
        """Mount, look, and take away."""
        assert len(list(self.files.iterdir())) == 2

    def tree(self) -> None:
        """Look at every file's size and time, as find and ls -l do."""
        assert sum(path.stat().st_size for path in (self.files / "many").iterdir()) == SMALL * 100

    def some(self) -> None:
        """Read here and there in a large file."""
        places = random.Random(2)
        descriptor = os.open(self.files / "large.root", os.O_RDONLY)
        for _ in range(READS):
            assert len(os.pread(descriptor, READ, places.randrange(LARGE - READ))) == READ
        os.close(descriptor)

    def whole(self) -> None:
        """Read all of it."""
        with (self.files / "large.root").open("rb") as file:
            while file.read(2**20):
                pass


def on_the_wire() -> int:
    """Bytes that came over loopback, where the store is; the machine has to be idle."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[0])
    return 0


def cost(
    mounted: Callable[[], AbstractContextManager[None]], act: Callable[[], None], *, inside: bool
) -> Cost:
    """What an act costs, with or without mounting and taking away."""
    outer, bytes_outer = time.perf_counter(), on_the_wire()
    with mounted():
        begin, before = time.perf_counter(), on_the_wire()
        act()
        end, after = time.perf_counter(), on_the_wire()
    if not inside:
        begin, before, end, after = outer, bytes_outer, time.perf_counter(), on_the_wire()
    return Cost(end - begin, (after - before) / 1e6)


def beside(bench: Bench, name: str, act: Callable[[], None], *, inside: bool = True) -> None:
    """Measure both in turn and print the medians."""
    pairs = [
        (cost(bench.ours, act, inside=inside), cost(bench.theirs, act, inside=inside))
        for _ in range(ROUNDS)
    ]
    columns = list(zip(*pairs, strict=True))
    seconds = [statistics.median(each.seconds for each in column) for column in columns]
    amounts = [statistics.median(each.megabytes for each in column) for column in columns]
    print(
        f"{name:44} {seconds[0]:7.2f} s {seconds[1]:7.2f} s  ratio {seconds[0] / seconds[1]:5.2f}"
        f"  {amounts[0]:7.1f} MB {amounts[1]:7.1f} MB",
        flush=True,
    )


def main() -> int:
    """Measure everything."""
    root = Path(tempfile.mkdtemp(prefix="hepsub-bench-"))
    store = root / "store"
    store.mkdir()
    server = rclone.start(store)
    try:
        bench = Bench(root, server)
        bench.make()
        beside(bench, "mount, look, take away", bench.ready, inside=False)
        beside(bench, f"size and time of {SMALL:,} files", bench.tree)
        beside(bench, f"{READS} reads of {READ // 1000} kB in {LARGE // 10**6} MB", bench.some)
        beside(bench, f"{LARGE // 10**6} MB from begin to end", bench.whole)
    finally:
        server.service.end()
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
