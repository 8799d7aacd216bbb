"""A user at a prompt on a machine without a pool, with a home and an embedded pool of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.here.world import until
from tests.schemas import check_output

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class User:
    """A user, whose home is the working directory, too.

    Attributes:
        directory: the home.
    """

    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the user's programs."""
        return {
            "PYTHONPATH": str(ROOT),
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "CONDOR_CONFIG": "ONLY_ENV",
            "HEPSUB_CONFIG": str(self.directory / "policy.toml"),
            "HEPSUB_HERE_DIR": str(self.directory / "queue"),
            "HEPSUB_APPTAINER": "-",  # whatever this machine has
        }

    def start(self, program: str, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "hepsub", program, *words],
            cwd=cwd or self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, program: str, *words: str, cwd: Path | None = None) -> tuple[int, str, str]:
        """Run a command to its end: exit code, stdout and stderr; JSON is compared with its schema."""
        process = self.start(program, *words, cwd=cwd)
        stdout, stderr = process.communicate(timeout=60)
        check_output([program, *words], stdout)
        return process.returncode, stdout, stderr

    def ok(self, program: str, *words: str) -> str:
        """Run a command that has to succeed; its stdout."""
        code, stdout, stderr = self.run(program, *words)
        assert code == 0, (words, stdout, stderr)
        return stdout

    def script(self, text: str, name: str = "job.sh") -> None:
        """Write a program into the working directory."""
        path = self.directory / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def close(self) -> None:
        """Leave no job and no runner behind."""
        self.run("hep_rm", "-a", "-p", "here")
        until(self.is_idle, "for the queue to be empty")

    def is_idle(self) -> bool:
        """Whether nothing is in the queue."""
        return "\n0 jobs; " in self.ok("hep_q", "-p", "here")
