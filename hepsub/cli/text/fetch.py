"""The text of hep_fetch: what was done in a line, or with -ls what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hepsub.actions.fetch.result import Fetched, FetchedCluster, LocalFile, LocalState
from hepsub.plan.location import ObjectPlace
from hepsub.terminal import joined
from hepsub.units import size_text

_ROW = "%-12s %-10s %-8s %-10s %s"
_WORDS = {
    LocalState.ABSENT: "-",
    LocalState.EQUAL: "here",
    LocalState.DIFFERENT: "differs",
    LocalState.FAILED: "no",
    LocalState.IN_PLACE: "here",
    LocalState.FETCHED: "here",
}


def fetched(value: Fetched) -> str:
    """The text of what was fetched, or found."""
    if value.listing:
        return joined(_rows(value))
    fetched, equal = value.count(LocalState.FETCHED), value.count(LocalState.EQUAL)
    text = f"{fetched} file(s) fetched, {size_text(value.moved)}; {equal} were here"
    if stayed := value.count(LocalState.IN_PLACE):
        text += f"; {stayed} are where -out says"
    return text


def _rows(value: Fetched) -> Iterator[str]:
    yield _ROW % ("JOBID", "SIZE", "HERE", "FROM", "NAME")
    for cluster in value.clusters:
        yield from _cluster_rows(cluster)


def _cluster_rows(cluster: FetchedCluster) -> Iterator[str]:
    files: defaultdict[int, list[LocalFile]] = defaultdict(list)
    for each in cluster.files:
        files[each.output.proc].append(each)
    for job in cluster.jobs:
        name = f"{cluster.cluster}.{job.proc}"
        for each in files[job.proc]:
            source = each.output.source
            origin = source.storage if isinstance(source, ObjectPlace) else "home"
            origin = "path" if each.output.stays else origin
            where = f"{each.output.name} <- {source}"
            yield _ROW % (name, size_text(each.output.size), _WORDS[each.state], origin, where)
        for gap in job.missing:
            optional = " (optional)" if gap.optional else ""
            yield _ROW % (name, "-", "missing", "-", f"{gap.name}{optional}: {gap.why}")
