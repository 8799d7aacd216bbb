"""hep_sub status: show one's own jobs, cluster by cluster; a cluster in full; watch it; one word for programs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, POOLS, Command, Kind, Values, Words, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.actions.queue.status import Status
    from hepsub.actions.queue.watch import Until
    from hepsub.cli.output import Console
    from hepsub.jobid import JobId
    from hepsub.result import AnyResult
    from hepsub.session import Session

_UNTIL = ("done", "any-failed", "any-held")
_OPTIONS = (
    flag("-watch --watch",
        "Show the counts again and again: on a terminal in place, else a line for each change. It ends when all jobs"
        " have ended or are on hold; exit code 0 only if none failed or is on hold."),
    option("-until --until", "WHAT",
        "What ends -watch, if it comes first: done (the default), any-failed or any-held.",
        choices=_UNTIL),
    flag("-state --state",
        "One word for programs that manage workflows: waiting, running, success or failed. Of a cluster it is running"
        " while one of its jobs is, and success only if all ended with 0. A job on hold is failed."),
    *POOLS,
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, console: Console) -> AnyResult:
    """Show one's own clusters, or those that were named.

    Raises:
        HepsubError: the pool cannot be asked, an id is wrong or not known.
    """
    from hepsub.jobid import parse_job_id

    ids = [parse_job_id(each) for each in values["ids"]]
    if values["until"] is not None and not values["watch"]:
        raise UsageError("argument -until: there is nothing to end", remedy="it goes with -watch")
    if values["state"]:
        return _state(session, ids, values)
    if values["watch"]:
        return _watch(session, ids, values, console)
    if ids:
        from hepsub.actions.queue.cluster import reports

        return reports(session, ids, values["pool"])
    from hepsub.actions.queue.status import status

    return status(session, values["pool"])


def _state(session: Session, ids: list[JobId], values: Values) -> AnyResult:
    if values["watch"] or len(ids) != 1:
        raise UsageError(
            "argument -state: one word is told of one job or cluster",
            remedy="hep_sub status -state 13.2",
        )
    from hepsub.actions.queue.word import job_state

    return job_state(session, ids[0], values["pool"], time.sleep)


def _watch(session: Session, ids: list[JobId], values: Values, console: Console) -> AnyResult:
    from hepsub.actions.queue.watch import Watcher, watch

    until = _until(values["until"] or _UNTIL[0])
    with _shown(console, as_json=values["json"]) as show:
        watcher = Watcher(sleep=time.sleep, now=time.time, show=show, trouble=console.progress)
        return watch(session, ids, values["pool"], until, watcher)


def _until(word: str) -> Until:
    from hepsub.actions.queue.watch import Until

    try:
        return Until(word)
    except ValueError as error:
        raise UsageError(
            f"argument -until/--until: invalid choice: '{word}'",
            remedy=f"choose from {', '.join(_UNTIL)}",
        ) from error


@contextlib.contextmanager
def _shown(console: Console, *, as_json: bool) -> Iterator[Callable[[Status], None]]:
    """What shows the counts: in place on a terminal that can do so, else a line for each change."""
    from hepsub.cli.text.clusters import status
    from hepsub.cli.text.status import changes

    if as_json:
        yield lambda _: None
        return
    import rich.console
    import rich.text

    from hepsub.cli.in_place import InPlace

    terminal = rich.console.Console()
    # Escape sequences in a pipe or an editor's shell would be text.
    if not terminal.is_terminal or terminal.is_dumb_terminal:
        yield changes(console.result_now)
        return
    console.alone()
    place = InPlace(terminal)
    try:
        yield lambda seen: place.show(rich.text.Text.from_ansi(status(seen)))
    finally:
        place.clear()


COMMAND = Command(
    name="hep_sub status",
    summary="Show your own jobs, cluster by cluster; with ids, these in full",
    options=_OPTIONS,
    words=Words("ids", "[ID…]", "Clusters (13), jobs (13.2), ranges (13.0-9), schedd07:13.2: these in full.",
        kind=Kind.JOB),
    examples=(
        ("hep_sub status", "your clusters, with a bar and counts"),
        ("hep_sub status 13", "why jobs of cluster 13 failed, and what they used"),
        ("hep_sub status -watch 13 -until any-failed", "watch it until a job fails, or all have ended"),
        ("hep_sub status -state 13.2", "waiting, running, success or failed"),
    ),
    run=run,
    results=(
        "hepsub.actions.queue.status:Status",
        "hepsub.actions.queue.cluster:ClusterReports",
        "hepsub.actions.queue.word:JobState",
    ),
)  # fmt: skip
