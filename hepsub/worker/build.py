"""Make wrapper.sh out of the modules in src: `python -m hepsub.worker.build [--check]`.

One file travels with a job, but nobody can read, lint or test one of 2,800 lines in four languages. A module says
`'@include NAME@'` where a program in another language stands, which is a file of its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

WORKER = Path(__file__).parent
SOURCES = WORKER / "src"
WRAPPER = WORKER / "wrapper.sh"
_INCLUDE = re.compile("'@include ([a-z_0-9.]+)@'")
_RENEW = "python -m hepsub.worker.build"


def modules() -> list[Path]:
    """The modules of the wrapper, in the order in which they stand in it."""
    return sorted(SOURCES.glob("[0-9][0-9]_*.sh"))


def wrapper_text() -> str:
    """The text of wrapper.sh as its sources say it."""
    return "".join(_INCLUDE.sub(_included, path.read_text(encoding="utf-8")) for path in modules())


def program_text(name: str) -> str:
    """The text of an embedded program as it travels.

    Raises:
        ValueError: it has a single quote, which would end the shell's word that it is.
    """
    text = stripped((SOURCES / name).read_text(encoding="utf-8"))
    if "'" in text:
        raise ValueError(f"{name}: a single quote outside comments")
    return text


def stripped(text: str) -> str:
    """A text without blank lines and lines that are comments."""
    lines = (
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    )
    return "".join(f"{line}\n" for line in lines)


def _included(found: re.Match[str]) -> str:
    return f"'\n{program_text(found[1])}'"


def main(words: Sequence[str]) -> int:
    """Write wrapper.sh, or only tell whether it is stale; returns the exit code.

    Args:
        words: none, or `--check`.
    """
    if list(words) not in ([], ["--check"]):
        print(f"usage: {_RENEW} [--check]", file=sys.stderr)
        return 2
    text = wrapper_text()
    if WRAPPER.read_text(encoding="utf-8") == text:
        return 0
    if words:
        print(f"stale: {WRAPPER}; renew with: {_RENEW}", file=sys.stderr)
        return 1
    WRAPPER.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
