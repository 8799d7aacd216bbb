"""Programs on PATH that say what a test wants."""

from __future__ import annotations

from pathlib import Path

import pytest


def write_program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """A file that can be started."""
    path.write_text(text)
    path.chmod(0o755)
    return path


class Programs:
    """A directory that is all of PATH but for the system's own."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        directory.mkdir()
        monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")

    def add(self, name: str, body: str) -> None:
        """A program that notes its words and its environment, and goes on with `body`."""
        notes = 'printf "%s\\n" "$@" > "$0.words"; env > "$0.env"'
        write_program(self.directory / name, f"#!/bin/sh\n{notes}\n{body}\n")

    def words(self, name: str) -> list[str]:
        """The words that a program was called with."""
        return (self.directory / f"{name}.words").read_text().splitlines()

    def environment(self, name: str) -> dict[str, str]:
        """The environment that a program was called with."""
        lines = (self.directory / f"{name}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def was_called(self, name: str) -> bool:
        """Whether a program was called."""
        return (self.directory / f"{name}.words").exists()
