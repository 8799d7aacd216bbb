"""`python -m hepsub COMMAND …`, and what the launchers start."""

from __future__ import annotations

import gc
import os
import signal
import sys

_OBJECTS = 50_000
"""So many are made before cycles among them are looked for. Python does that each 700 to 2,000, a tenth of a start:
a command makes few cycles, and most of what it imports stays to its end."""


def run() -> None:
    """Run the command that the first word names, hep_sub when it names none, and exit with its code."""
    gc.set_threshold(_OBJECTS)
    # Some daemons start what they start with SIGCHLD ignored: the system forgets how children end then, and Python
    # takes a program that failed for one that did not.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _keep_streams_apart()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it imports it has nothing to say
    from hepsub.cli.main import PROGRAMS, main

    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    words = sys.argv[1:]
    named = bool(words) and words[0] in PROGRAMS
    try:
        code = main(words[0], words[1:]) if named else main("hep_sub", words)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that could be interrupted
    except KeyboardInterrupt:  # between its last word and its end
        code = 130
    gc.freeze()  # the process ends: nobody has to look for cycles among all that it imported
    sys.exit(code)


def _keep_streams_apart() -> None:
    """Let no file that is opened get the number of a stream that the caller closed (`2>&-`)."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # a library that complains on descriptor 2 would write into the journal
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    run()
