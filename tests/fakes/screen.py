"""A terminal that a test can look at: tmux, with a server of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cli.shells import need

_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal with a shell in it.

    Attributes:
        socket: of the tmux server.
    """

    socket: Path

    def text(self, *, styled: bool = False) -> str:
        """What is to be seen, without blanks at the ends; with its escape sequences, if styled."""
        return self._tmux("capture-pane", "-p", *(["-e"] if styled else [])).rstrip()

    def lines(self) -> list[str]:
        """The lines that are not empty, each as it was written, with those that have left the screen."""
        written = self._tmux("capture-pane", "-p", "-J", "-S", "-").splitlines()
        return [line.rstrip() for line in written if line.strip()]

    def type(self, text: str) -> None:
        """Type a line."""
        self._tmux("send-keys", "-l", text)
        self.press("Enter")

    def press(self, key: str) -> None:
        """Press a key, such as C-c."""
        self._tmux("send-keys", key)

    def resize(self, width: int, height: int = 24) -> None:
        """Make it wider or narrower."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def cursor(self) -> tuple[bool, int]:
        """Whether the cursor is to be seen, and in which column."""
        flag, column = self._tmux("display", "-p", "#{cursor_flag} #{cursor_x}").split()
        return flag == "1", int(column)

    def wait_for(self, wanted: Callable[[str], bool], seconds: float = 20) -> str:
        """The first screen that is wanted."""
        end = time.monotonic() + seconds
        while not wanted(seen := self.text()):
            assert time.monotonic() < end, f"never seen; at last:\n{seen}"
            time.sleep(_LOOK_S)
        return seen

    def _tmux(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", "-S", self.socket, *words], capture_output=True, text=True, check=True
        ).stdout


@contextmanager
def open_screen(
    directory: Path, environment: Mapping[str, str], cwd: Path, width: int = 80, height: int = 24
) -> Iterator[Screen]:
    """A terminal whose shell has these variables.

    Args:
        directory: for its socket.
        environment: variables, besides the usual ones.
        cwd: where the shell is.
        width: in columns.
        height: in lines.
    """
    need("tmux")
    variables = {"PATH": os.environ["PATH"], "PS1": "$ ", "LANG": "C.UTF-8", **environment}
    given = [f"{name}={value}" for name, value in variables.items()]
    shell = shlex.join(["env", "-u", "NO_COLOR", *given, "bash", "--norc", "--noprofile"])
    socket = directory / "tmux"
    size = ("-x", str(width), "-y", str(height))
    start = ["tmux", "-S", str(socket), "-f", "/dev/null", "-u", "new-session", "-d", *size, shell]
    subprocess.run(start, check=True, cwd=cwd)
    screen = Screen(socket)
    try:
        screen.wait_for(lambda seen: seen.startswith("$"))
        yield screen
    finally:
        subprocess.run(["tmux", "-S", socket, "kill-server"], check=False, capture_output=True)
