"""The texts of hep_sub status for some clusters: each in full, what has changed, one word for a program."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hepsub.batch import State
from hepsub.cli.text.clusters import SIGNS, bar, counts
from hepsub.jobid import short_name
from hepsub.units import duration_text, moment_text

if TYPE_CHECKING:
    from hepsub.actions.queue.cluster import ClusterReport, ClusterReports
    from hepsub.actions.queue.counted import ClusterStatus
    from hepsub.actions.queue.failures import Failure
    from hepsub.actions.queue.history import Summary
    from hepsub.actions.queue.status import Status
    from hepsub.actions.queue.usage import Amount, Usage
    from hepsub.actions.queue.watch import Watched
    from hepsub.actions.queue.word import JobState

_LONG = 40
"""How many letters the bar of one cluster has."""
_LEVELS, _PLAIN_LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#"  # the latter for a terminal that is no Unicode one
"""How many jobs are in a bin of a histogram, from none to the most."""
_IDS = 12
"""So many ids of a group are shown."""


def reports(value: ClusterReports) -> Iterator[str]:
    """Clusters in full."""
    for number, each in enumerate(value.clusters):
        if number:
            yield ""
        yield from _report(each, value)


def _report(each: ClusterReport, value: ClusterReports) -> Iterator[str]:
    named = f" ({each.name})" if each.name else ""
    when = f", submitted {moment_text(each.submitted, value.now)}" if each.submitted else ""
    yield f"{each.id}{named} at {short_name(each.schedd)}{when}: {each.number} job(s)"
    yield f"    [{bar(each, _LONG)}]"
    yield f"    {', '.join(counts(each, value.now))}"
    for failure in each.failures:
        yield from _failure(failure)
    if each.usage is not None:
        yield from _usage(each.usage)
    if each.again:
        yield f"jobs of it were run again, and count as they are in cluster {', '.join(each.again)}"
    for command in each.commands:
        yield f"next: {command}"


def summary_lines(each: Summary) -> Iterator[str]:
    """How jobs of a cluster ended, and what they used."""
    yield f"{each.id}: {each.number} job(s) ended, {each.done} of them with exit code 0"
    for failure in each.failures:
        yield from _failure(failure)
    if each.usage is not None:
        yield from _usage(each.usage)


_WHAT = {State.HELD: "on hold", State.REMOVED: "", State.COMPLETED: "failed"}


def _failure(failure: Failure) -> Iterator[str]:
    what = f"{_WHAT[failure.state]}, " if _WHAT.get(failure.state) else ""
    yield f"{what}{failure.reason} ({failure.number} job(s)): {_ids(failure.ids)}"
    if failure.message:
        yield f"    {failure.message}"
    if failure.stderr is not None:
        yield f"    {failure.stderr.path}{':' if failure.stderr.lines else ''}"
        yield from (f"    | {line}" for line in failure.stderr.lines)
    if failure.next_command:
        yield f"    next: {failure.next_command}"


def _ids(ids: tuple[str, ...]) -> str:
    """Ids in a row, each but the first without what it has in common with it."""
    first = ids[0].rpartition(".")[0]
    shown = [ids[0], *(each.removeprefix(f"{first}.") for each in ids[1:_IDS])]
    more = f", … ({len(ids) - _IDS} more ranges)" if len(ids) > _IDS else ""
    return ", ".join(shown) + more


def _usage(usage: Usage) -> Iterator[str]:
    yield f"used by {usage.number} job(s) that have ended:"
    if usage.memory_mb is not None:
        yield from _amount("memory", usage.memory_mb, _memory, "asked for")
    if usage.run_seconds is not None:
        yield from _amount("run time", usage.run_seconds, _time, "limit")
    if usage.cpu_efficiency is not None:
        cores = f"{usage.cores} cores" if usage.cores > 1 else "1 core"
        yield f"    CPU       {usage.cpu_efficiency * 100:.0f} % of {cores}"
    amounts = (usage.memory_mb, usage.run_seconds)
    advice = [each.advice for each in amounts if each is not None and each.advice]
    advice += [usage.cpu_advice] if usage.cpu_advice else []
    if advice:
        yield f"    ask for   {' '.join(advice)}, the next time"


def _amount(what: str, amount: Amount, text: Callable[[float], str], asked: str) -> Iterator[str]:
    most = f"most {text(amount.most)} ({amount.job})"
    asked_for = f", {asked} {text(amount.asked)}" if amount.asked else ""
    yield f"    {what:<9} median {text(amount.median)}, {most}{asked_for}"
    if sys.stdout.isatty() and len(amount.histogram) > 1:
        low, high = text(amount.histogram[0].least), text(amount.histogram[-1].below)
        if low != high:  # what differs by less than people count is all the same
            yield f"              {low} [{_drawn(amount)}] {high}"


def _drawn(amount: Amount) -> str:
    """A histogram on one line: a letter for each bin, blank for none."""
    signs = _LEVELS if _can_print(_LEVELS) else _PLAIN_LEVELS
    top = max(each.number for each in amount.histogram)
    # Rounded up: one job of ten thousand is an outlier that should be seen.
    levels = (-(-each.number * (len(signs) - 1) // top) for each in amount.histogram)
    return "".join(signs[level] * 2 for level in levels)


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _memory(mb: float) -> str:
    return f"{mb:.0f} MB" if mb >= 1 else "under 1 MB"


def _time(seconds: float) -> str:
    return duration_text(seconds) if seconds >= 1 else "under 1 s"


def changes(show: Callable[[Watched], None]) -> Callable[[Status], None]:
    """What shows counts where nothing can be shown in place: those that are not as they were."""
    from hepsub.actions.queue.watch import Watched

    before: list[tuple[str, ...]] = []

    def show_changed(seen: Status) -> None:
        rows = [tuple(_said(each)) for each in seen.clusters]
        new = [each for each, row in zip(seen.clusters, rows, strict=True) if row not in before]
        before[:] = rows
        if new:
            show(Watched(clusters=tuple(new), now=seen.now))

    return show_changed


def _said(each: ClusterStatus) -> Iterator[str]:
    yield each.id
    yield each.name
    for name, _ in SIGNS:
        number = getattr(each, name)
        if number or name in ("done", "failed", "running", "idle", "held"):
            yield f"{number} {name if name != 'unknown' else 'of unknown end'}"


def watched(value: Watched) -> Iterator[str]:
    """A line for each cluster whose counts have changed."""
    when = time.strftime("%H:%M:%S", time.localtime(value.now))
    for each in value.clusters:
        cluster, name, *counts = _said(each)
        yield f"{when} {cluster}{f' ({name})' if name else ''}: {', '.join(counts)}"


def state(value: JobState) -> str:
    """The word."""
    return value.state.value
