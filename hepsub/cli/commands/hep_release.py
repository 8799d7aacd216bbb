"""hep_release: release jobs from hold."""

from __future__ import annotations

from hepsub.cli.options import ALL, COMMON, POOLS, QUEUED_IDS, Command, acting

COMMAND = Command(
    name="hep_release",
    summary="Release jobs from hold",
    options=(ALL, *POOLS, *COMMON),
    words=QUEUED_IDS,
    examples=(
        ("hep_release 13", "the jobs of a cluster that are on hold"),
        (
            "hep_edit -m 3000 -a && hep_release -a",
            "more memory for all that are on hold, then go on",
        ),
    ),
    run=acting("RELEASE", "hep_release"),
    results=("hepsub.actions.queue.control:Control",),
)
