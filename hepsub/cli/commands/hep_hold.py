"""hep_hold: put jobs on hold."""

from __future__ import annotations

from hepsub.cli.options import ALL, COMMON, POOLS, QUEUED_IDS, Command, acting

COMMAND = Command(
    name="hep_hold",
    summary="Put jobs on hold",
    options=(ALL, *POOLS, *COMMON),
    words=QUEUED_IDS,
    examples=(
        ("hep_hold 13", "a cluster"),
        ("hep_hold -a", "all of your own jobs"),
    ),
    run=acting("HOLD", "hep_hold"),
    results=("hepsub.actions.queue.control:Control",),
)
