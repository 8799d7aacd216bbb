"""Where built things are kept: one directory, one lock for each thing, complete or absent."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.testbed.process import TestbedUnavailableError

DEFAULT = "/var/cache/hepsub-testbed"


def root() -> Path:
    """Return the cache directory, which every user of the machine can traverse."""
    path = Path(os.environ.get("HEPSUB_TESTBED_CACHE") or DEFAULT).absolute()
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    for place in (path, *path.parents):
        if not place.stat().st_mode & 0o001:
            raise TestbedUnavailableError(
                f"{place} is closed to other users: set HEPSUB_TESTBED_CACHE to an open directory"
            )
    return path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` alone; wait for whoever has it."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build(name: str, version: str, make: Callable[[Path], None]) -> Path:
    """Return the directory `name`-`version` of the cache, made by `make` if it is not there."""
    place = root()
    wanted = place / f"{name}-{version}"
    with locked(place / f".{name}.lock"):
        if not wanted.is_dir():
            unfinished = place / f".{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o755)
            make(unfinished)
            unfinished.rename(wanted)
    return wanted
