"""One run of the testbed: its directory, which vanishes with it, and the list of runs."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tests.testbed import cache

HOLDER = "holder.pid"
STATE = "state.json"


@dataclass(frozen=True)
class Session:
    """A locked directory in which everything of one run lives."""

    directory: Path
    lock: TextIO | None = None

    @property
    def shared(self) -> Path:
        """Return the directory that the host and the pool see under the same path."""
        return self.directory / "shared"

    @property
    def home(self) -> Path:
        """Return the directory of the users' homes."""
        return self.shared / "home"

    def end(self) -> None:
        """Remove the directory."""
        remove(self.directory)
        if self.lock is not None:
            self.lock.close()


def runs() -> Path:
    """Return the directory of all runs."""
    path = cache.root() / "run"
    path.mkdir(mode=0o755, exist_ok=True)
    return path


def begin(name: str) -> Session:
    """Make the directory of a new run, after removing those of dead runs."""
    with cache.locked(cache.root() / ".run.lock"):
        remove_stale()
        directory = runs() / f"{name}-{os.getpid()}"
        for place in (directory, directory / "shared", directory / "shared/home"):
            place.mkdir(mode=0o755)
        lock = (directory / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return Session(directory, lock)


def is_live(directory: Path) -> bool:
    """Tell whether the process that owns a run still exists."""
    try:
        with (directory / "lock").open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def remove_stale() -> None:
    """Remove the directories of runs whose process is gone."""
    for directory in runs().iterdir():
        if not is_live(directory):
            remove(directory)


def remove(directory: Path) -> None:
    """End what still runs for a directory, and delete it."""
    for holder in directory.rglob(HOLDER):
        _kill_holder(holder)
    shutil.rmtree(directory, ignore_errors=True)


def _kill_holder(file: Path) -> None:
    """Kill the process named by a file, if it is one of ours; its namespaces end with it."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if str(file.parent).encode() in words:
            os.kill(pid, signal.SIGKILL)


def write_state(session: Session, state: dict[str, Any]) -> None:
    """Record how another process reaches this run."""
    unfinished = session.directory / f".{STATE}"
    unfinished.write_text(json.dumps(state, indent=2))
    unfinished.rename(session.directory / STATE)


def live_states() -> Iterator[dict[str, Any]]:
    """Yield what the live runs have recorded."""
    for directory in sorted(runs().iterdir()):
        file = directory / STATE
        if is_live(directory) and file.exists():
            yield json.loads(file.read_text())
