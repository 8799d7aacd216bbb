"""hep_rm: remove jobs."""

from __future__ import annotations

from hepsub.cli.options import ALL, COMMON, POOLS, QUEUED_IDS, Command, acting

COMMAND = Command(
    name="hep_rm",
    summary="Remove jobs",
    options=(ALL, *POOLS, *COMMON),
    words=QUEUED_IDS,
    examples=(
        ("hep_rm 13.2", "one job"),
        ("hep_rm 13 14.0-9", "a cluster, and ten jobs of another"),
        ("hep_rm -a", "all of your own jobs"),
    ),
    run=acting("REMOVE", "hep_rm"),
    results=("hepsub.actions.queue.control:Control",),
)
