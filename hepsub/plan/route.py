"""Where a job goes: which pool, which remote sites, and why not the others."""

from __future__ import annotations

import re

from msgspec import Struct

from hepsub.errors import NoSuitableSite, PolicyError, UnknownSite, UnknownSystem, UsageError
from hepsub.job import JobSpec, Placement, Remote
from hepsub.plan.accounting import Walltime
from hepsub.plan.model import Delivery, Reason, Route, delivery_for
from hepsub.policy.model import Policy
from hepsub.policy.site import Site
from hepsub.suggest import did_you_mean
from hepsub.units import duration_text

_HOST = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Need(Struct, frozen=True, kw_only=True):
    """What a job asks of a site.

    Attributes:
        group: the accounting group as the user knows it.
        walltime: class and limit.
        memory_mb: memory in MB.
        os: operating system; empty for any.
        secrets: what goes along that no other user there may see; empty for nothing.
        takes_credentials: whether those that pool and site want go along, too.
    """

    group: str
    walltime: Walltime
    memory_mb: int
    os: str
    secrets: tuple[str, ...] = ()
    takes_credentials: bool = True


def choose_route(
    spec: JobSpec, policy: Policy, need: Need, unreadable: frozenset[str] = frozenset()
) -> Route:
    """Decide where the jobs may run.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        need: what the job asks of a site.
        unreadable: the expressions of the policy that HTCondor cannot read; no job gets one of them.

    Raises:
        PolicyError: what was asked for is described by one of these.
        UnknownPool, UnknownSite, NoSuitableSite, UsageError: what was asked for is not there.
    """
    placement = spec.placement
    _check_words(placement)
    pool, pool_reason = _choose_pool(placement.pool, policy)
    nodes = _node_requirements(placement, policy, pool, unreadable)
    delivery = delivery_for(policy.pool[pool])
    if nodes and delivery.on_this_machine:
        raise UsageError(
            "-wn and -gwn: the embedded pool has no worker nodes", remedy="leave them out"
        )
    if placement.site is None and placement.remote is not Remote.WANTED:
        return Route(
            pool=pool,
            schedd=placement.schedd or "",
            delivery=delivery,
            filesystem_domain=policy.pool[pool].filesystem_domain,
            requirements=(*nodes, *_not_remote(policy, unreadable)),
            reasons=(pool_reason, _local_reason(placement, delivery)),
        )
    sites, reason = _choose_sites(placement.site, policy, need, pool, unreadable)
    return Route(
        pool=pool,
        schedd=placement.schedd or "",
        sites=sites,
        delivery=delivery_for(policy.pool[pool], [policy.site[name] for name in sites]),
        requirements=(*nodes, _any_of(tuple(_is_site(policy.site[name]) for name in sites))),
        reasons=(pool_reason, reason),
    )


def image_for(os: str, policy: Policy, sites: tuple[str, ...]) -> str:
    """The container image that holds an operating system where the job runs.

    Raises:
        UnknownSystem: the policy knows no such system.
    """
    by_folded = {name.casefold(): name for name in policy.os}
    name = by_folded.get(os.casefold())
    if name is None:
        raise UnknownSystem(
            f"argument -os/--OperatingSystem: unknown operating system '{os}'",
            remedy=did_you_mean(os, policy.os),
        )
    own = {policy.site[site].os.get(name, policy.os[name].image) for site in sites}
    return own.pop() if len(own) == 1 else policy.os[name].image


def _check_words(placement: Placement) -> None:
    if placement.site is not None and placement.remote is Remote.NEVER:
        raise UsageError("-site and -normt contradict each other", remedy="drop one of them")
    for option, word in (
        ("-wn", placement.worker_node),
        ("-gwn", placement.worker_group),
        ("-schedd", placement.schedd),
    ):
        if word is not None and not re.fullmatch(_HOST, word.replace("@", ".")):
            raise UsageError(
                f"argument {option}: '{word}' is no name of a host or group",
                remedy="check the name",
            )


def _choose_pool(asked: str | None, policy: Policy) -> tuple[str, Reason]:
    name = policy.pool_for(asked)
    return name, _pool_reason(name, asked, policy)


def nobody_decided(policy: Policy, pool: str) -> bool:
    """Whether a pool is the embedded one because no other was ever configured."""
    here = delivery_for(policy.pool[pool]).on_this_machine
    return here and policy.defaults.pool == pool and policy.is_shipped("defaults.pool")


def _pool_reason(name: str, asked: str | None, policy: Policy) -> Reason:
    if asked:
        return Reason(rule="pool", matched=f"-p {asked}", because=f"it names the pool {name}")
    if nobody_decided(policy, name):
        return Reason(
            rule="pool", matched="no -p", because="no HTCondor is configured on this machine"
        )
    if policy.defaults.pool:
        where = policy.origin("defaults.pool")
        return Reason(rule="pool", matched="no -p", because=f"{name} is the default pool ({where})")
    return Reason(rule="pool", matched="no -p", because=f"{name} is the first pool of the policy")


def _node_requirements(
    placement: Placement, policy: Policy, pool: str, unreadable: frozenset[str]
) -> tuple[str, ...]:
    found = []
    if placement.worker_node:
        found.append(_on_node(placement.worker_node))
    if placement.worker_group:
        if policy.pool[pool].worker_group in unreadable:
            raise _no_expression(policy, f"pool.{pool}.worker_group")
        found.append(policy.pool[pool].worker_group.replace("{group}", placement.worker_group))
    return tuple(found)


def _on_node(node: str) -> str:
    """A full name means itself; a short one any machine whose name begins with it and a dot."""
    if "." in node:
        return f'TARGET.Machine == "{node}"'
    return f'(TARGET.Machine == "{node}" || regexp("^{node}[.]", TARGET.Machine, "i"))'


def unreadable_notes(policy: Policy, unreadable: frozenset[str]) -> tuple[str, ...]:
    """What to say of remote sites to which no job can be sent, nor be kept from."""
    return tuple(
        f"no job goes to the site {name}: {_no_expression(policy, f'site.{name}.requirements').message}"
        for name, site in policy.site.items()
        if site.requirements in unreadable
    )


def _no_expression(policy: Policy, key: str) -> PolicyError:
    return PolicyError(
        f"{policy.origin(key)}: {key}: HTCondor cannot read the expression",
        remedy="write a ClassAd expression on one line, such as 'GLIDEIN_Site == \"NAME\"'",
    )


def _not_remote(policy: Policy, unreadable: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        f"(({site.requirements}) =!= true)"
        for site in policy.site.values()
        if not site.shared_filesystem and site.requirements not in unreadable
    )


def _local_reason(placement: Placement, delivery: Delivery) -> Reason:
    if delivery.handed_over:
        because = "the pool sees none of this host's directories: its files travel with it"
        return Reason(rule="local", matched="spool = true", because=because)
    if placement.remote is Remote.NEVER:
        return Reason(rule="local", matched="-normt", because="the user wants the local cluster")
    return Reason(
        rule="local", matched="no -rmt", because="a plain job runs where this host's file system is"
    )


def _choose_sites(
    asked: str | None, policy: Policy, need: Need, pool: str, unreadable: frozenset[str]
) -> tuple[tuple[str, ...], Reason]:
    if not policy.site:
        raise UnknownSite(
            "no remote site is defined in the policy",
            remedy="leave out -rmt and -site, or describe the site in the policy: [site.NAME]",
        )
    if asked is not None and asked not in policy.site:
        raise UnknownSite(
            f"argument -site: no remote site '{asked}'", remedy=did_you_mean(asked, policy.site)
        )
    names = [asked] if asked is not None else list(policy.site)
    bad = [name for name in names if policy.site[name].requirements in unreadable]
    if bad == names:
        raise _no_expression(policy, f"site.{bad[0]}.requirements")
    names = [name for name in names if name not in bad]
    wanted = policy.pool[pool].credentials
    refusals = {
        name: _refusal(policy.site[name], need, pool)
        or _not_kept_apart(policy.site[name], need, wanted)
        for name in names
    }
    taken = tuple(name for name in names if not refusals[name])
    refused = "; ".join(f"{name}: {why}" for name, why in refusals.items() if why)
    if not taken:
        raise NoSuitableSite(
            f"no remote site takes this job: {refused}", remedy="ask for less, or leave out -rmt"
        )
    taken, image_note = _same_image(taken, policy, need.os)
    because = (
        f"it may run at {', '.join(taken)}"
        + (f"; not at {refused}" if refused else "")
        + image_note
    )
    return taken, Reason(
        rule="remote", matched=f"-site {asked}" if asked else "-rmt", because=because
    )


def _refusal(site: Site, need: Need, pool: str) -> str:
    """Why the site does not take the job; empty when it does."""
    if site.kind != "glidein":
        return f"sites of the kind '{site.kind}' are not supported by this version"
    if site.pool and site.pool != pool:
        return f"its machines belong to the pool {site.pool}"
    if site.groups and need.group not in site.groups:
        return f"group {need.group} may not go there"
    if site.max_walltime and need.walltime.limit > site.max_walltime:
        return f"it ends jobs after {duration_text(site.max_walltime)}"
    if site.max_memory and need.memory_mb > site.max_memory:
        return f"it has {site.max_memory} MB for a job"
    return ""


def _not_kept_apart(site: Site, need: Need, wanted: tuple[str, ...]) -> str:
    """Why what travels may not go to the site, `wanted` being what its pool wants; empty when it may."""
    secrets = need.secrets
    if need.takes_credentials and (wanted or site.credentials) and "credentials" not in secrets:
        secrets = (*secrets, "credentials")
    if not secrets or site.isolation:
        return ""
    return (
        f"no {' or '.join(secrets)} may go there, because nothing keeps the jobs of its users apart (isolation in its"
        " part of the policy)"
    )


def _same_image(sites: tuple[str, ...], policy: Policy, os: str) -> tuple[tuple[str, ...], str]:
    """One cluster has one image: keep the sites that share the first one's."""
    if not os:
        return sites, ""
    first = image_for(os, policy, sites[:1])
    kept = tuple(name for name in sites if image_for(os, policy, (name,)) == first)
    left = ", ".join(name for name in sites if name not in kept)
    return kept, f"; not at {left}: its image of {os} is another one" if left else ""


def _is_site(site: Site) -> str:
    """A slot says itself where it is; who its start daemon is, is the collector's word."""
    if not site.identity:
        return site.requirements
    return f'({site.requirements}) && TARGET.AuthenticatedIdentity == "{site.identity}"'


def _any_of(expressions: tuple[str, ...]) -> str:
    return "(" + " || ".join(f"({expression})" for expression in expressions) + ")"
