"""The route to remote sites: which of them, reached how, and what the jobs need to be taken there. Pure.

A plain job has nothing of this, and its submission does not load it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hepsub.errors import NoSuitableSite
from hepsub.job import Placement, Remote
from hepsub.plan.model import Element, Reason, Route, delivery_for
from hepsub.plan.remap import path_map
from hepsub.plan.route import no_expression
from hepsub.plan.rules import NamedRule
from hepsub.plan.sites import Choice, Need, choose_sites
from hepsub.policy.model import Policy
from hepsub.policy.site import CE, GLIDEIN, SCHEDD, Site


def route_to_sites(
    placement: Placement,
    policy: Policy,
    need: Need,
    home: Route,
    nodes: tuple[str, ...],
    unreadable: frozenset[str],
    rule: NamedRule | None,
) -> Route:
    """The route to the sites that take a submission; home, where only a rule wanted it away and none takes it.

    Args:
        placement: what the user said of it.
        policy: what the site decided.
        need: what the submission asks of a site.
        home: the route that it has at home.
        nodes: requirements about worker nodes that the user named.
        unreadable: the expressions of the policy that HTCondor cannot read.
        rule: the rule of the policy that fits the submission.

    Raises:
        PolicyError: HTCondor cannot read what describes the sites.
        UnknownSite, NoSuitableSite: no site that the user may mean takes it.
    """
    _check_expressions(placement.site, policy, unreadable)
    try:
        choice = choose_sites(placement.site, _readable(policy, unreadable), need, home.pool, rule)
    except NoSuitableSite as error:
        if placement.site is not None or placement.remote is Remote.WANTED:
            raise
        stays = Reason(rule="local", matched="no -rmt", because=error.message)
        return replace(home, reasons=(home.reasons[0], stays))
    reasons = (home.reasons[0], _remote_reason(placement, choice, rule))
    return _away(placement, policy, home.pool, choice, reasons, nodes, rule)


def _away(
    placement: Placement,
    policy: Policy,
    pool: str,
    choice: Choice,
    reasons: tuple[Reason, ...],
    nodes: tuple[str, ...],
    rule: NamedRule | None,
) -> Route:
    """The route to the sites that were chosen."""
    sites = [policy.site[name] for name in choice.names]
    first = sites[0]
    where = first.pool if choice.kind == SCHEDD else pool
    if choice.kind == GLIDEIN:
        own = (*nodes, _any_of(tuple(_is_site(each) for each in sites)))
    else:
        own = (first.requirements,) if first.requirements else ()
    return Route(
        pool=where,
        schedd=(placement.schedd or "") if where == pool else "",
        sites=choice.names,
        delivery=delivery_for(policy.pool[where], sites),
        requirements=own,
        reasons=reasons,
        rank=_rank(sites, rule),
        attributes=_attributes(sites),
        element=_element(first) if choice.kind == CE else None,
        containers=first.containers,
        paths=path_map(first),
        refused=choice.refused,
    )


def _element(site: Site) -> Element:
    return Element(resource=site.grid_resource, token=site.token, queue=site.queue)


def _rank(sites: Sequence[Site], rule: NamedRule | None) -> str:
    """What makes one slot better than another: the rule's word, else each site's own about its slots."""
    if rule is not None and rule.rule.rank:
        return rule.rule.rank
    if len(sites) == 1:
        return sites[0].rank
    own = [f"(({each.requirements}) ? ({each.rank}) : 0)" for each in sites if each.rank]
    return " + ".join(own)


def _attributes(sites: Sequence[Site]) -> dict[str, str]:
    """What all of the sites want in the jobs' ads; of two that differ the first one's counts."""
    found: dict[str, str] = {}
    for site in sites:
        for name, expression in site.attributes.items():
            found.setdefault(name, expression)
    return found


def _readable(policy: Policy, unreadable: frozenset[str]) -> Policy:
    """The policy without the sites whose expressions HTCondor cannot read."""
    if not unreadable:
        return policy
    kept = {n: s for n, s in policy.site.items() if not unreadable & {s.requirements, s.rank}}
    return replace(policy, site=kept)


def _check_expressions(asked: str | None, policy: Policy, unreadable: frozenset[str]) -> None:
    """Refuse to go to sites of which HTCondor can read none.

    Raises:
        PolicyError: there are no others.
    """
    names = [asked] if asked in policy.site else list(policy.site)
    bad = [
        (name, key)
        for name in names
        for key in ("requirements", "rank")
        if getattr(policy.site[str(name)], key) in unreadable
    ]
    if bad and {name for name, _ in bad} == set(names):
        raise no_expression(policy, f"site.{bad[0][0]}.{bad[0][1]}")


def _remote_reason(placement: Placement, choice: Choice, rule: NamedRule | None) -> Reason:
    if placement.site is not None:
        return Reason(rule="remote", matched=f"-site {placement.site}", because=choice.because)
    if placement.remote is Remote.WANTED:
        return Reason(rule="remote", matched="-rmt", because=choice.because)
    assert rule is not None  # noqa: S101 (nothing else sends jobs away)
    return Reason(rule=rule.name, matched="no -rmt", because=choice.because)


def _is_site(site: Site) -> str:
    """A slot says itself where it is; who its start daemon is, is the collector's word."""
    if not site.identity:
        return site.requirements
    return f'({site.requirements}) && TARGET.AuthenticatedIdentity == "{site.identity}"'


def _any_of(expressions: tuple[str, ...]) -> str:
    return "(" + " || ".join(f"({expression})" for expression in expressions) + ")"
