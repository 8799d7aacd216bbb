"""Make wrapper.sh out of the modules in src: `python -m hepsub.worker.build [--check]`.

One file travels with a job, but nobody can read, lint or test one of 2,800 lines.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

WORKER = Path(__file__).parent
SOURCES = WORKER / "src"
WRAPPER = WORKER / "wrapper.sh"
_RENEW = "python -m hepsub.worker.build"


def modules() -> list[Path]:
    """The modules of the wrapper, in the order in which they stand in it."""
    return sorted(SOURCES.glob("[0-9][0-9]_*.sh"))


def wrapper_text() -> str:
    """The text of wrapper.sh as its sources say it."""
    return "".join(path.read_text(encoding="utf-8") for path in modules())


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
