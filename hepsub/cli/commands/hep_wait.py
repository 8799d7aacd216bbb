"""hep_wait: wait until jobs have ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, IDS, POOLS, Command, Kind, Values, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    option("-timeout --timeout", "TIME",
        "Wait no longer than this: seconds, or a text such as 90min or 3d.", kind=Kind.DURATION),
    *POOLS,
    flag("-quiet --quiet", "No progress and no notes; errors are told."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _console: Console) -> AnyResult:
    """Wait.

    Raises:
        UsageError: no job is named.
        HepsubError: a job is not known, or belongs to two schedds.
    """
    from hepsub.actions.queue.ends import Clock
    from hepsub.actions.queue.later import wait_for
    from hepsub.jobid import parse_job_id

    if not values["ids"]:
        raise UsageError(
            "which jobs?", remedy="hep_wait 13 waits for cluster 13; also 13.2, 13.0-9, and several"
        )
    ids = tuple(parse_job_id(text) for text in values["ids"])
    with session.progress.step() as step:
        clock = Clock(sleep=time.sleep, progress=step.say)
        return wait_for(session, ids, values["pool"], clock, values["timeout"])


COMMAND = Command(
    name="hep_wait",
    summary="Wait until jobs have ended",
    options=_OPTIONS,
    words=IDS,
    examples=(
        ("hep_wait 13", "until cluster 13 has ended"),
        ("hep_wait 13 && hep_fetch 13", "then fetch its outputs, if all went well"),
        ("hep_wait -timeout 90min 13.2 14", "not for ever: exit code 61 if they go on then"),
        ("hep_wait -json 13", "the same for programs, with exit codes and the paths of stderr"),
    ),
    results=("hepsub.actions.queue.later:WaitedJobs",),
    run=run,
)
