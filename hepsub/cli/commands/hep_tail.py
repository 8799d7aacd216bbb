"""hep_tail: show what a job writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, POOLS, Command, Kind, Values, Words, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.actions.tail.tail import TailOrder
    from hepsub.cli.output import Console
    from hepsub.cli.raw import RawOutput
    from hepsub.result import AnyResult
    from hepsub.session import Session

_LINES = 10

_OPTIONS = (
    flag("-f --follow", "Go on with what it writes next, until it ends."),
    flag("-e --stderr", "Its stderr, instead of its stdout."),
    option("-n --lines", "N", f"So many of the last lines; default: {_LINES}.", kind=Kind.COUNT),
    *POOLS,
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, console: Console) -> AnyResult:
    """Show the last lines of a job's log, and follow it.

    Raises:
        UsageError: no job is named, or more than one, or -f with -json.
        HepsubError: there is nothing to show; the message says why.
    """
    from hepsub.actions.tail.tail import TailOrder, tail
    from hepsub.batch_logs import Stream
    from hepsub.jobid import parse_job_id

    if not values["ids"]:
        raise UsageError("which job?", remedy="hep_tail 13.2 shows what job 13.2 wrote last")
    if len(values["ids"]) > 1:
        first, *others = values["ids"]
        raise UsageError(
            f"{len(values['ids'])} jobs were named, and hep_tail shows one",
            remedy=f"hep_tail {first}; then hep_tail {others[0]}, or at once in another terminal",
        )
    order = TailOrder(
        job=parse_job_id(values["ids"][0]),
        stream=Stream.STDERR if values["stderr"] else Stream.STDOUT,
        lines=_LINES if values["lines"] is None else values["lines"],
        pool=values["pool"],
    )
    if values["json"]:
        if values["follow"]:
            raise UsageError(
                "-json is one document, and -f has no end", remedy="leave out one of them"
            )
        return tail(session, order, lambda _: None)
    from hepsub.cli.raw import RawOutput

    output = RawOutput()

    def write(content: bytes) -> None:
        console.alone()  # the line of what takes long would come in between the bytes
        output.write(content)

    try:
        if not values["follow"]:
            with session.progress.step("looking at what it has written"):
                return tail(session, order, write)
        console.alone()
        return _follow(session, order, output, console)
    finally:
        output.break_line()


def _follow(session: Session, order: TailOrder, output: RawOutput, console: Console) -> AnyResult:
    import time

    from hepsub.actions.queue.ends import Clock
    from hepsub.actions.tail.follow import follow

    def progress(line: str) -> None:
        output.break_line()  # the job may have written half a line
        console.progress(line)

    return follow(session, order, output.write, Clock(sleep=time.sleep, progress=progress))


COMMAND = Command(
    name="hep_tail",
    summary="Show what a job writes",
    options=_OPTIONS,
    words=Words(field="ids", metavar="ID", help="The job, 13.2; or schedd07:13.2, or a cluster, 13.", kind=Kind.JOB),
    examples=(
        ("hep_tail 13.2", "the last lines of its stdout"),
        ("hep_tail -f -e 13.2", "its stderr, until it ends"),
        ("hep_tail -json 13.2", "the same for programs"),
    ),
    run=run,
    results=("hepsub.actions.tail.tail:TailDocument",),
)  # fmt: skip
