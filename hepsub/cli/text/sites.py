"""The text of hep_clus: the pools and the remote sites, a table each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hepsub.cli.table import Column, Row, Table, trimmed
from hepsub.jobid import short_name
from hepsub.terminal import Styled, joined
from hepsub.units import duration_text, moment_text, rough_text, size_text

if TYPE_CHECKING:
    from hepsub.actions.auth.status import Row as Credential
    from hepsub.actions.queue.sites import PoolRow, SiteRow, Sites
    from hepsub.condor.load import Cores
    from hepsub.result import Problem

_MB = 2**20
_POOLS = (
    Column("POOL"), Column("SCHEDDS", wrapped=True), Column("CORES", right=True), Column("BUSY", right=True),
    Column("IDLE JOBS", right=True), Column("RUNNING", right=True),
)  # fmt: skip
_SITES = (
    Column("SITE"), Column("KIND", wrapped=True), Column("VIA", wrapped=True), Column("ARCH"), Column("FILES"),
    Column("MOST FOR A JOB", wrapped=True), Column("GROUPS", wrapped=True), Column("CORES", right=True),
    Column("BUSY", right=True), Column("CREDENTIALS", wrapped=True), Column("KEPT APART BY"),
)  # fmt: skip


def sites(value: Sites) -> str:
    """The tables; below them why a pool does not answer, and what is wrong with credentials."""
    tables = [Table(columns=_POOLS, rows=tuple(_pool_row(each) for each in value.pools))]
    if value.sites:
        rows = tuple(_site_row(each, value.now) for each in value.sites)
        tables.append(Table(columns=_SITES, rows=rows))
    # Several sites want the same token: what is wrong with it is told once.
    parts = [*(trimmed(each) for each in tables), joined(dict.fromkeys(_below(value)))]
    return Styled("\n\n".join(each for each in parts if each))


def _below(value: Sites) -> Iterator[str]:
    for pool in value.pools:
        if pool.problem is not None:
            yield f"pool {pool.name}: {_told(pool.problem)}"
    for site in value.sites:
        yield from (_told(each.problem) for each in site.credentials if each.problem is not None)
    if unsafe := [each.name for each in value.sites if not each.isolation]:
        yield (
            f"no credentials, signed URLs or secret variables go to {', '.join(unsafe)}: nothing keeps the jobs of its"
            " users apart"
        )


def _told(problem: Problem) -> str:
    return f"{problem.message}; {problem.remedy}" if problem.remedy else problem.message


def _pool_row(pool: PoolRow) -> Row:
    name = f"{pool.name} (default)" if pool.default else pool.name
    if pool.problem is not None:
        return Row(cells=(name, f"({pool.problem.code})", "-", "-", "-", "-"), style="red")
    schedds = ", ".join(short_name(each) for each in pool.schedds)
    return Row(
        cells=(name, schedds, *_cores(pool.cores), _number(pool.idle), _number(pool.running))
    )


def _site_row(site: SiteRow, now: float) -> Row:
    wrong = any(each.problem is not None for each in site.credentials)
    return Row(
        cells=(
            site.name,
            site.kind if site.pledged else f"{site.kind}, by opportunity",
            site.via,
            site.arch or "any",
            "shared" if site.shared_filesystem else "sent",  # how a job gets at its user's files
            ", ".join(_limits(site)) or "-",
            "all" if site.any_group else ", ".join(site.groups) or "none of yours",
            *_cores(site.cores),
            ", ".join(_credential(each, now) for each in site.credentials) or "-",
            site.isolation or "nothing",
        ),
        style="red" if wrong else "",
    )


def _limits(site: SiteRow) -> Iterator[str]:
    if site.max_cpus:
        yield f"{site.max_cpus} core(s)"
    if site.max_memory_mb:
        yield size_text(site.max_memory_mb * _MB)
    if site.max_walltime_s:
        yield duration_text(site.max_walltime_s)


def _credential(each: Credential, now: float) -> str:
    if each.problem is not None:
        return f"{each.name} ({each.problem.code})"
    if each.expires is None:
        return each.name
    left = rough_text(max(0.0, each.expires - now))
    return f"{each.name} until {moment_text(each.expires, now)} (in {left})"


def _cores(cores: Cores | None) -> tuple[str, str]:
    return (str(cores.total), str(cores.busy)) if cores is not None else ("-", "-")


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
