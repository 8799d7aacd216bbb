"""The texts of what moves and shows files: hep_fetch, hep_mount, hep_tail and hep_sub demo."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hepsub.plan.location import ObjectPlace
from hepsub.units import clock_text, size_text

if TYPE_CHECKING:
    from hepsub.actions.demo.demo import DemoResult
    from hepsub.actions.fetch.result import Fetched, FetchedCluster, LocalFile
    from hepsub.actions.mount.list import Mounts
    from hepsub.actions.mount.record import Record

_OUTPUT_ROW = "%-12s %-10s %-8s %-10s %s"
_WORDS = {
    "absent": "-",
    "equal": "here",
    "different": "differs",
    "failed": "no",
    "in place": "here",
    "fetched": "here",
}
_MADE = "{what} is mounted on {where}, {mode}"
_TAKEN = "{what} is no longer mounted on {where}"
_MOUNT_ROW = "%-9s %-4s %-11s %7s  %s"


def fetched(value: Fetched) -> Iterator[str]:
    """What was fetched, or found."""
    from hepsub.actions.fetch.result import LocalState

    if value.listing:
        yield _OUTPUT_ROW % ("JOBID", "SIZE", "HERE", "FROM", "NAME")
        for cluster in value.clusters:
            yield from _cluster_rows(cluster)
        return
    fetched, equal = value.count(LocalState.FETCHED), value.count(LocalState.EQUAL)
    text = f"{fetched} file(s) fetched, {size_text(value.moved)}; {equal} were here"
    if stayed := value.count(LocalState.IN_PLACE):
        text += f"; {stayed} are where -out says"
    yield text


def _cluster_rows(cluster: FetchedCluster) -> Iterator[str]:
    files: defaultdict[int, list[LocalFile]] = defaultdict(list)
    for each in cluster.files:
        files[each.output.proc].append(each)
    for job in cluster.jobs:
        name = f"{cluster.cluster}.{job.proc}"
        for each in files[job.proc]:
            output = each.output
            origin = output.source.storage if isinstance(output.source, ObjectPlace) else "home"
            origin = "path" if output.stays else origin
            here, where = _WORDS[each.state.value], f"{output.name} <- {output.source}"
            yield _OUTPUT_ROW % (name, size_text(output.size), here, origin, where)
        for gap in job.missing:
            optional = " (optional)" if gap.optional else ""
            yield _OUTPUT_ROW % (name, "-", "missing", "-", f"{gap.name}{optional}: {gap.why}")


def mounts(value: Mounts) -> Iterable[str]:
    """Mounts: a table of them, or what was done."""
    from hepsub.actions.mount.list import State

    if value.listing:
        return _mount_rows(value)
    words = _TAKEN if value.ending else _MADE
    wanted = State.UNMOUNTED if value.ending else State.OK
    # What stayed, or did not come up, is told as an error.
    return (_line(each.record, words) for each in value.mounts if each.state is wanted)


def _line(record: Record, words: str) -> str:
    mode = "writable" if record.writable else "read-only"
    return words.format(what=record.remote, where=record.directory, mode=mode)


def _mount_rows(value: Mounts) -> Iterator[str]:
    yield _MOUNT_ROW % ("STATE", "MODE", "SINCE", "PENDING", "WHAT -> WHERE")
    for each in value.mounts:
        record = each.record
        mode = "rw" if record.writable else "ro"
        where = f"{record.remote} -> {record.directory}"
        yield _MOUNT_ROW % (each.state.value, mode, clock_text(record.since), each.pending, where)


def demo(value: DemoResult) -> Iterator[str]:
    """The histogram drawn, the times of the steps, the commands, and what works right now."""
    from hepsub.actions.demo.events import Histogram

    yield f"Invariant mass of {value.events} generated muon pairs, from {value.jobs} jobs:"
    yield from Histogram(value.edges, value.counts).lines()
    yield ""
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in value.seconds.items())
    yield f"It took: {times}."
    yield "With a storage in your policy you would have typed:"
    yield from (f"  {command}" for command in value.commands)
    left = f"{Path(value.script).name} is here, and this" if value.script else "This"
    yield f"{left} works right now:"
    yield f"  {value.next}"
