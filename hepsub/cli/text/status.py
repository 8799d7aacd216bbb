"""The texts of hep_sub status: the table of one's clusters, a cluster in full, one word for a program."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hepsub.batch import State
from hepsub.cli.table import Column, Row, Table, drawn, fits
from hepsub.jobid import short_name
from hepsub.terminal import Styled
from hepsub.units import clock_text, duration_text, moment_text, rough_text

if TYPE_CHECKING:
    from hepsub.actions.queue.cluster import ClusterReport, ClusterReports
    from hepsub.actions.queue.counted import ClusterStatus
    from hepsub.actions.queue.failures import Failure
    from hepsub.actions.queue.history import Summary
    from hepsub.actions.queue.status import Status
    from hepsub.actions.queue.usage import Amount, Usage
    from hepsub.actions.queue.watch import Watched
    from hepsub.actions.queue.word import JobState

_ENDED = 20
"""So many clusters are shown that have ended."""
_WIDE, _NARROW, _LONG = 20, 10, 40
"""How many letters a bar has: in the table, in one that has to be narrow, for one cluster."""
_SIGNS = (
    ("done", "#"), ("failed", "x"), ("removed", "~"), ("unknown", "?"), ("resubmitted", "+"), ("running", ">"),
    ("held", "!"), ("idle", "."),
)  # fmt: skip
"""The jobs of a bar, in this order; the letters tell them apart without colours."""
_LEVELS, _PLAIN_LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#"
"""How many jobs are in a bin of a histogram, from none to the most."""
_IDS = 12
"""So many ids of a group are shown."""
_NUMBERS = (
    Column("DONE", right=True), Column("FAILED", right=True), Column("RUNNING", right=True),
    Column("IDLE", right=True), Column("HELD", right=True),
)  # fmt: skip
_NAME = Column("NAME", cut=True)
_WIDE_COLUMNS = (
    Column("CLUSTER"), Column("SCHEDD"), Column("SUBMITTED"), _NAME, Column("PROGRESS"), *_NUMBERS, Column("SINCE"),
)  # fmt: skip
_NARROW_COLUMNS = (
    Column("CLUSTER"), _NAME, Column("PROGRESS"), Column("DONE", right=True), Column("FAILED", right=True),
    Column("RUN", right=True), Column("IDLE", right=True), Column("HELD", right=True), Column("WAITS/ENDED"),
)  # fmt: skip


def status(value: Status) -> str:
    """The table; plain text where stdout is no terminal."""
    if not value.clusters:
        return "You have no jobs in the queue, and none that ended in the last days."
    living = [each for each in value.clusters if not each.is_over]
    over = [each for each in value.clusters if each.is_over]
    shown = [*living, *over[:_ENDED]]
    wide = Table(columns=_WIDE_COLUMNS, rows=tuple(_row(each, value, wide=True) for each in shown))
    if not fits(wide):
        rows = tuple(_row(each, value, wide=False) for each in shown)
        wide = Table(columns=_NARROW_COLUMNS, rows=rows)
    more = over[_ENDED:]
    if not more:
        return drawn(wide)
    bad = sum(1 for each in more if each.failed or each.unknown)
    said = f"and {len(more)} more that have ended, {bad} of them with failed jobs: hep_sub status -json has all"
    return Styled(f"{drawn(wide)}\n{said}")


def _row(each: ClusterStatus, value: Status, *, wide: bool) -> Row:
    schedd = short_name(each.schedd) if each.pool == value.pool else each.schedd
    cluster = str(each.cluster) if wide else each.id or str(each.cluster)
    where = (schedd, clock_text(each.submitted) if each.submitted else "") if wide else ()
    numbers = (each.done, each.failed, each.running, each.idle, each.held)
    since = _since(each, value.now, wide=wide)
    return Row(
        cells=(
            cluster, *where, each.name, bar(each, _WIDE if wide else _NARROW), *map(str, numbers), since,
        ),
        styles=(
            "bold", *("" for _ in where), "", "", "", "red" if each.failed else "", "", "",
            "red" if each.held else "", "",
        ),
        style="dim" if each.is_over and not each.failed else "",
        below=tuple(_below(each)),
    )  # fmt: skip


def _below(each: ClusterStatus) -> Iterator[str]:
    """What stands under the row of a cluster."""
    indent = "    "
    others = [
        f"{n} {word}"
        for n, word in (
            (each.removed, "removed"),
            (each.unknown, "of unknown end"),
            (each.resubmitted, f"run again: {', '.join(each.again)}"),
        )
        if n
    ]
    if each.reason:
        yield f"{indent}on hold: {each.reason}"
    if others:
        yield f"{indent}{', '.join(others)}"
    if each.next_command:
        yield f"{indent}next: {each.next_command}"


def bar(each: ClusterStatus, width: int) -> str:
    """The jobs of a cluster as a bar: each kind that there is has a letter at least."""
    counts = [(sign, int(getattr(each, name))) for name, sign in _SIGNS]
    there = [(sign, number) for sign, number in counts if number]
    total = sum(number for _, number in there)
    if not total:
        return ""
    widths = [max(1, number * width // total) for _, number in there]
    largest = max(range(len(there)), key=lambda place: there[place][1])
    widths[largest] += width - sum(widths)
    return "".join(sign * each for (sign, _), each in zip(there, widths, strict=True))


def _since(each: ClusterStatus, now: float, *, wide: bool) -> str:
    """Since when the first idle job waits, or when the last one ended."""
    if each.is_over:
        when = clock_text(each.ended) if each.ended else ""
        return f"ended {when}".rstrip() if wide else when
    if each.waiting_since and each.waiting_since < now:
        return f"{'waits ' if wide else ''}{rough_text(now - each.waiting_since)}"
    return ""


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
    yield f"    {', '.join(_counts(each, value.now))}"
    for failure in each.failures:
        yield from _failure(failure)
    if each.usage is not None:
        yield from _usage(each.usage)
    if each.again:
        yield f"jobs of it were run again, and count as they are in cluster {', '.join(each.again)}"
    for command in each.commands:
        yield f"next: {command}"


def _counts(each: ClusterReport, now: float) -> Iterator[str]:
    for name, sign in _SIGNS:
        number = getattr(each, name)
        if number or name in ("done", "failed", "running", "idle", "held"):
            word = "of unknown end" if name == "unknown" else name
            waits = ""
            if name == "idle" and each.waiting_since and each.waiting_since < now:
                waits = f" (for {rough_text(now - each.waiting_since)})"
            yield f"{number} {word} {sign}{waits}" if number else f"0 {word}"


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
    for name, _ in _SIGNS:
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
