"""hep_hold: put jobs on hold."""

from __future__ import annotations

from hepsub.cli.options import ALL, COMMON, POOLS, QUEUED_IDS, Command, acting

COMMAND = Command(
    name="hep_hold",
    summary="Put jobs on hold",
    description=(
        "hep_hold puts jobs on hold: they keep their place in the queue and do not start."
        " A running job is ended and begins anew when it is released; a computing element may remove it then.",
        "The exit code is 0 only if all that was asked was done.",
    ),
    options=(ALL, *POOLS, *COMMON),
    words=QUEUED_IDS,
    examples=(
        ("hep_hold 13", "a cluster"),
        ("hep_hold -a", "all of your own jobs"),
    ),
    run=acting("HOLD", "hep_hold"),
    results=("hepsub.actions.queue.control:Control",),
)
