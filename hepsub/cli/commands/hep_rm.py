"""hep_rm: remove jobs."""

from __future__ import annotations

from hepsub.cli.options import ALL, COMMON, POOLS, QUEUED_IDS, Command, acting

COMMAND = Command(
    name="hep_rm",
    summary="Remove jobs",
    description=(
        "hep_rm removes jobs from the queue. A running job is ended; HTCondor brings none of its outputs home."
        " -a means those at sites that are pools of their own, too, but not what has ended there: hep_fetch brings"
        " what it left.",
        "A job that hep_auth renew is taking from a failing site into another pool is not submitted there any more. One"
        " that runs again already, there or by hep_sub -resubmit, is left alone, and its id is said: hep_hold,"
        " hep_release and hep_edit say it, too.",
        "The exit code is 0 only if all that was asked was done.",
    ),
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
