"""Somebody with a home of his own and hepsub's commands, installed as a wheel does it; no HTCondor is configured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hepsub.cli.main import PROGRAMS

LAUNCHER = Path(__file__).resolve().parents[2] / "hepsub/launcher/hep_sub"
_LIMIT_S = 60


@dataclass(frozen=True)
class Home:
    """A home, and a shell in a directory beside it.

    Attributes:
        root: below it lie home, work (where the shell is), bin and queue.
    """

    root: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def directory(self) -> Path:
        return self.root / "home"

    def settle(self) -> None:
        for name in ("bin", "home", "work"):
            (self.root / name).mkdir()
        for name in PROGRAMS:
            shutil.copy(LAUNCHER, self.root / "bin" / name)
        self.program("python3", f'exec {sys.executable} "$@"')

    def program(self, name: str, body: str) -> None:
        """Put a program of his own in front of the machine's."""
        self.script(name, body, self.root / "bin")

    def script(self, name: str, body: str, directory: Path | None = None) -> None:
        path = (directory or self.work) / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def type(self, line: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Type a line; a traceback is none of hepsub's answers."""
        done = subprocess.run(
            ["/bin/bash", "-c", line],
            cwd=self.work,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_LIMIT_S,
            check=False,
        )
        assert "Traceback" not in done.stderr, (line, done.stderr)
        assert "hepsub itself failed" not in done.stderr, (line, done.stderr)
        return done

    @property
    def environment(self) -> dict[str, str]:
        variables = {name: os.environ[name] for name in ("TMPDIR",) if name in os.environ}
        return variables | {
            "HOME": str(self.directory),
            "PATH": f"{self.root / 'bin'}:/usr/bin:/bin",
            "HEPSUB_HERE_DIR": str(self.root / "queue"),
            "LC_ALL": "C.UTF-8",
        }
