"""`python -m hepsub COMMAND …`: what the launchers start."""

from __future__ import annotations

import signal
import sys


def start() -> int:
    """Run the command that the first word names; hep_sub when it names none."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it imports it has nothing to say
    from hepsub.cli.main import PROGRAMS, main

    signal.signal(signal.SIGINT, usual)
    words = sys.argv[1:]
    named = bool(words) and words[0] in PROGRAMS
    try:
        code = main(words[0], words[1:]) if named else main("hep_sub", words)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that could be interrupted
    except KeyboardInterrupt:  # between its last word and its end
        return 130
    return code


if __name__ == "__main__":
    sys.exit(start())
