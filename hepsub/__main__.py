"""`python -m hepsub COMMAND …`: what the launchers start."""

from __future__ import annotations

import sys

from hepsub.cli.command import PROGRAMS, main


def start() -> int:
    """Run the command that the first word names; hep_sub when it names none."""
    words = sys.argv[1:]
    if words and words[0] in PROGRAMS:
        return main(words[0], words[1:])
    return main("hep_sub", words)


if __name__ == "__main__":
    sys.exit(start())
