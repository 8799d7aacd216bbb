"""Functions of the wrapper's modules, called by table: one shell for all rows, nothing of the job around them."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hepsub.worker import build

SHELLS = {
    "dash": ["/usr/bin/dash"],
    "bash": ["/usr/bin/bash", "--posix"],
    "busybox": ["/usr/bin/busybox", "sh"],
}
Row = Sequence[str | bytes]


def called(shell: str, modules: str, words: str, rows: Sequence[Row], directory: Path) -> list[str]:
    """What some words of the shell's language write, once for each row of arguments.

    Each row has a subshell of its own, so that it may exit; its exit code is told after a blank where it is not 0.

    Args:
        shell: the name of a shell.
        modules: the names of the modules that are read before, with blanks between them.
        words: they find the arguments in $1, $2, …
        rows: the arguments.
        directory: where the shell runs.
    """
    paths = [build.SOURCES / f"{name}.sh" for name in f"00_rules {modules}".split()]
    text = "".join(build.module_text(path) for path in paths).encode()
    text += f"exec 9>&1\nmkdir -p $hs_private\ncall() {{ ( {words}\n); }}\n".encode()
    for row in rows:
        text += b"call " + b" ".join(_quoted(word) for word in row)
        text += b' || printf " %s" $?\nprintf "\\0"\n'
    (directory / "script").write_bytes(text)
    done = subprocess.run(
        [*SHELLS[shell], "script"],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _quoted(word: str | bytes) -> bytes:
    text = word if isinstance(word, str) else word.decode("utf-8", "surrogateescape")
    return shlex.quote(text).encode("utf-8", "surrogateescape")
