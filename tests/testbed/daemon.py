"""A program of the testbed that runs until it is stopped and dies with the thread that started it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed.process import TestbedError
from tests.testbed.sandbox import DIES_WITH_US

POLL = 0.02


@dataclass
class Daemon:
    """One program in the foreground of its own session, with its output in a log."""

    argv: Sequence[str | Path]
    environment: Mapping[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, is_ready: Callable[[], bool], timeout: float = 20) -> None:
        """Start it, unless it runs, and wait until it is ready."""
        if self.is_alive():
            return
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [*DIES_WITH_US, *(str(word) for word in self.argv)],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + timeout
        while not is_ready():
            if not self.is_alive() or time.monotonic() > end:
                self.stop()
                raise TestbedError(f"{self.argv[0]} did not start\n{self.log.read_text()}")
            time.sleep(POLL)

    def stop(self) -> None:
        """Kill it: connections are refused from now on."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def freeze(self) -> None:
        """Stop its clock: connections are accepted by the kernel, and nothing ever answers."""
        if self.child is not None:
            os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.child is not None:
            os.kill(self.child.pid, signal.SIGCONT)

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self.child is not None and self.child.poll() is None


def accepts(port: int) -> bool:
    """Tell whether something listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
