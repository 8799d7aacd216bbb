"""hep_clus: the pools and remote sites, how busy they are, and what a user needs to go there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.auth.status import Row, look_at
from hepsub.actions.queue.walltimes import check_group
from hepsub.apart import Lost, side_by_side
from hepsub.batch import Selection, State
from hepsub.condor.bindings import limit_queries
from hepsub.condor.load import Cores, Load, load_of
from hepsub.errors import HepsubError, PoolUnreachable
from hepsub.plan.accounting import own_groups
from hepsub.plan.model import delivery_for
from hepsub.plan.remote import is_site
from hepsub.policy.model import Policy
from hepsub.policy.site import CE, GLIDEIN, SCHEDD, Site
from hepsub.result import Problem, Result
from hepsub.session import Session

LoadOf = Callable[[str, Collection[str], Mapping[str, str]], Load]
"""Asks a collector (empty: HTCondor's own) about its slots, and the jobs of schedds; slots of sites by their name."""


class PoolRow(Struct, frozen=True, kw_only=True):
    """A pool.

    Attributes:
        schedds: its schedds, the one for submissions first.
        default: whether jobs go there where nobody names another one.
        cores: the cores of its slots; null where they are not known.
        idle: jobs of all users that wait, in the embedded pool the user's own; null where that is not known.
        running: those that run.
        problem: why it does not answer; null when it does.
    """

    name: str
    schedds: tuple[str, ...] = ()
    default: bool = False
    cores: Cores | None = None
    idle: int | None = None
    running: int | None = None
    problem: Problem | None = None


Asked: TypeAlias = "tuple[PoolRow, Mapping[str, Cores]]"
"""The row of a pool, and the slots of sites in it."""
Together: TypeAlias = (
    "Callable[[Mapping[str, Callable[[], Asked]], float], Mapping[str, Asked | Lost]]"
)
"""Calls functions, each of which may take so many seconds; what they returned, by name."""
_LIMIT_S, _ALL_S = 10, 20
"""Nobody waits longer for one answer of a collector, in seconds, and for all that is asked of a pool."""


class SiteRow(Struct, frozen=True, kw_only=True):
    """A remote site.

    Attributes:
        via: how jobs get there: the pool, or the host of the computing element.
        arch: the architecture of its machines; empty for any.
        max_memory_mb: MB for a job; 0 for no limit, as for all of them.
        max_walltime_s: seconds.
        max_jobs: jobs of one submission.
        any_group: whether every group may go there.
        groups: those of the groups that were asked for, else of the caller's, that may.
        cores: of its slots that joined a pool now, or of its pool; null where that is not known.
        credentials: those that go there, or are shown there, and until when they are good.
        isolation: what keeps the jobs of its users apart; empty for nothing: then no secret goes there.
    """

    name: str
    kind: str
    via: str
    shared_filesystem: bool
    arch: str
    pledged: bool
    max_cpus: int
    max_memory_mb: int
    max_walltime_s: int
    max_jobs: int
    any_group: bool
    groups: tuple[str, ...]
    cores: Cores | None
    credentials: tuple[Row, ...]
    isolation: str


class Sites(Struct, frozen=True, kw_only=True):
    """All of them; its fields are its JSON, and `now` is in seconds since the epoch."""

    pools: tuple[PoolRow, ...]
    sites: tuple[SiteRow, ...]
    now: float


def sites(
    session: Session,
    group: str | None = None,
    ask: LoadOf = load_of,
    together: Together = side_by_side,
) -> Result[Sites]:
    """Show the pools, and the sites of a group or of all of the caller's; one that does not answer says so in its row.

    Raises:
        UnknownGroup: the policy has no such group.
    """
    policy = session.policy
    check_group(policy, group)
    home = session.pool_name(None)
    mine = (group,) if group is not None else own_groups(policy, session.situation)
    shown = {n: s for n, s in policy.site.items() if group is None or _takes(s, group)}
    limit_queries(_LIMIT_S)  # HTCondor itself would wait a minute for each
    pools, cores = _pools(session, home, shown, ask, together)
    needed = {name: _needed(site, policy, home) for name, site in shown.items()}
    held = look_at(session, {each for names in needed.values() for each in names})
    rows = tuple(
        _site_row(
            name,
            site,
            home,
            groups=tuple(each for each in mine if _takes(site, each)),
            cores=cores.get(name),
            credentials=tuple(held[each] for each in needed[name]),
        )
        for name, site in shown.items()
    )
    return Result(value=Sites(now=session.situation.now, pools=pools, sites=rows))


def _pools(
    session: Session, home: str, shown: Mapping[str, Site], ask: LoadOf, together: Together
) -> tuple[tuple[PoolRow, ...], Mapping[str, Cores]]:
    """The pools, without an embedded one that nothing runs in; and the cores of the sites, by name."""
    rows, cores = [], dict[str, Cores]()
    calls = {
        name: functools.partial(
            _asked,
            session,
            name,
            home,
            {n: is_site(s) for n, s in shown.items() if _joined(s, home) == name},
            ask,
        )
        for name in session.policy.pool
    }
    # Together: a user with five pools, two of which are silent, waits for the slowest and not for the sum.
    answers = together(calls, _ALL_S)
    for name in session.policy.pool:
        answer = answers.get(name)
        row, found = answer if isinstance(answer, tuple) else (_silent(name, home, answer), {})
        if row.default or row.idle or row.running or not _is_embedded(session.policy, name):
            rows.append(row)
        cores |= found
        if row.cores is not None:
            # A site that is a pool of its own has no slots in another one: its pool's are what it has.
            there = (n for n, s in shown.items() if s.kind == SCHEDD and s.pool == name)
            cores |= dict.fromkeys(there, row.cores)
    return tuple(rows), cores


def _silent(name: str, home: str, lost: Lost | None) -> PoolRow:
    said = f"could not be asked: {lost.why}" if lost else f"does not answer within {_ALL_S} s"
    why = PoolUnreachable(f"it {said}", remedy="try again in a minute")
    return PoolRow(name=name, default=name == home, problem=Problem.of(why))


def _is_embedded(policy: Policy, pool: str) -> bool:
    return delivery_for(policy.pool[pool]).on_this_machine


def _takes(site: Site, group: str) -> bool:
    return not site.groups or group in site.groups


def _joined(site: Site, home: str) -> str:
    """The pool that the slots of a site joined; empty for a site whose slots are not in a pool of the policy."""
    return (site.pool or home) if site.kind == GLIDEIN else ""


def _asked(session: Session, name: str, home: str, parts: Mapping[str, str], ask: LoadOf) -> Asked:
    """The row of a pool, and the slots of sites in it."""
    rules = session.policy.pool[name]
    row = PoolRow(name=name, default=name == home)
    try:
        schedds = session.schedds(name)
        row = replace(row, schedds=tuple(each.name for each in schedds))
        if _is_embedded(session.policy, name):  # which has no slots, and nobody else's jobs
            counts = schedds[0].count(Selection(owner=session.situation.user))
            waiting = counts.states.get(State.IDLE, 0) + sum(each.number for each in counts.unmade)
            running = counts.states.get(State.RUNNING, 0)
            return replace(row, idle=waiting, running=running), {}
        if rules.is_slurm:
            return _with_slurm(row, session), {}
        load = ask(rules.collector, row.schedds, parts)
    except HepsubError as error:
        return replace(row, problem=Problem.of(error)), {}
    return replace(row, cores=load.cores, idle=load.idle, running=load.running), load.parts


def _with_slurm(row: PoolRow, session: Session) -> PoolRow:
    """The row of a pool of Slurm's."""
    from hepsub.slurm.load import load_of as slurm_load

    load = slurm_load(session.situation.user, session.situation.groups)
    cores = Cores(total=load.cores.total, busy=load.cores.busy)
    return replace(row, cores=cores, idle=load.idle, running=load.running)


def _needed(site: Site, policy: Policy, home: str) -> tuple[str, ...]:
    """The credentials that go to a site, or are shown there."""
    pool = policy.pool[site.pool if site.kind == SCHEDD else home]
    shown = {CE: site.token, SCHEDD: pool.token}.get(site.kind, "")
    names = (shown, *site.credentials, *pool.credentials)
    return tuple(dict.fromkeys(each for each in names if each))


def _site_row(
    name: str,
    site: Site,
    home: str,
    *,
    groups: tuple[str, ...],
    cores: Cores | None,
    credentials: tuple[Row, ...],
) -> SiteRow:
    return SiteRow(
        name=name,
        kind=site.kind,
        via=site.grid_resource.split()[-1] if site.kind == CE else f"pool {site.pool or home}",
        shared_filesystem=site.shared_filesystem,
        arch=site.arch,
        pledged=site.pledged,
        max_cpus=site.max_cpus,
        max_memory_mb=site.max_memory,
        max_walltime_s=site.max_walltime,
        max_jobs=site.max_jobs,
        any_group=not site.groups,
        groups=groups,
        cores=cores,
        credentials=credentials,
        isolation=site.isolation,
    )
