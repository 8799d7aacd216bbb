"""The text of hep_clus -slurm: a table of partitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hepsub.cli.table import Column, Row, Table, trimmed
from hepsub.terminal import Styled, joined, printable
from hepsub.units import duration_text, size_text

if TYPE_CHECKING:
    from hepsub.actions.queue.partitions import Partitions
    from hepsub.slurm.partitions import Partition

_MB = 2**20
_COLUMNS = (
    Column("PARTITION"), Column("LONGEST"), Column("MOST FOR A JOB", wrapped=True), Column("NODES", right=True),
    Column("FREE", right=True), Column("BUSY", right=True), Column("OTHER", right=True), Column("CORES", right=True),
    Column("FREE", right=True), Column("BUSY", right=True), Column("GPUS", right=True), Column("FREE", right=True),
    Column("IDLE JOBS", right=True), Column("RUNNING", right=True), Column("FOR YOU"),
)  # fmt: skip
_FOR_YOU = {True: "yes", False: "no", None: "not known"}


def partitions(value: Partitions) -> str:
    """The table; below it for whom partitions are that are not for everybody, and which take no jobs now."""
    table = Table(columns=_COLUMNS, rows=tuple(_row(each) for each in value.partitions))
    parts = (trimmed(table), joined(_below(value)))
    return Styled("\n\n".join(each for each in parts if each))


def _row(each: Partition) -> Row:
    limit, nodes, cores = each.max_walltime_s, each.nodes, each.cores
    return Row(
        cells=(
            f"{each.name} (default)" if each.default else each.name,
            duration_text(limit) if limit else "any",
            ", ".join(_largest(each)) or "-",
            *map(str, (nodes.total, nodes.free, nodes.busy, nodes.other)),
            *map(str, (cores.total, cores.free, cores.busy)),
            *map(str, (each.gpus.total, each.gpus.free, each.idle_jobs, each.running_jobs)),
            _FOR_YOU[each.usable],
        ),
        style="red"
        if each.usable is False or each.state != "UP"
        else "",  # not known is no trouble
    )


def _largest(each: Partition) -> Iterator[str]:
    if each.node_cores:
        yield f"{each.node_cores} core(s)"
    if each.node_memory_mb:
        yield size_text(each.node_memory_mb * _MB)
    if each.node_gpus:
        types = f" ({', '.join(each.gpu_types)})" if each.gpu_types else ""
        yield f"{each.node_gpus} GPU(s){types}"


def _below(value: Partitions) -> Iterator[str]:
    for each in value.partitions:
        if each.only_for:
            yield f"partition {each.name}: only for {printable(each.only_for)}"
        if each.state != "UP":
            yield f"partition {each.name}: Slurm starts no job there now ({printable(each.state)})"
