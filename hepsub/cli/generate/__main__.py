"""`python -m hepsub.cli.generate [--check]`: write the man pages and completions, or name the stale ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import hepsub
from hepsub.cli.generate.outputs import stale, write

CHECKOUT = Path(hepsub.__file__).parent.parent
_RENEW = "python -m hepsub.cli.generate"


def main(words: Sequence[str]) -> int:
    """Write what is stale, or only name it; returns the exit code."""
    if not (CHECKOUT / "pyproject.toml").is_file():
        print(f"{CHECKOUT} is no checkout of hepsub: run this in one", file=sys.stderr)
        return 1
    if list(words) == ["--check"]:
        return _check()
    if words:
        print(f"usage: {_RENEW} [--check]", file=sys.stderr)
        return 2
    for name in write(CHECKOUT):
        print(name)
    return 0


def _check() -> int:
    names = stale(CHECKOUT)
    for name in names:
        print(f"stale: {name}", file=sys.stderr)
    if names:
        print(f"renew with: {_RENEW}", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
