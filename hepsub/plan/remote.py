"""The route to remote sites: which of them, reached how, and what the jobs need to be taken there. Pure.

A plain job has nothing of this, and its submission does not load it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from hepsub.errors import HepsubError
from hepsub.job import Placement, Remote
from hepsub.plan.leaving import unless_left_out, where
from hepsub.plan.model import LEFT_OUT, WHERE, Element, Reason, Route, delivery_for
from hepsub.plan.needs import Need
from hepsub.plan.refusals import USUAL_ARCH, machines_for
from hepsub.plan.remap import path_map
from hepsub.plan.route import no_expression
from hepsub.plan.rules import NamedRule
from hepsub.plan.sites import Choice, choose_sites
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
        rule: the rule of the policy that fits the submission; None for none.

    Raises:
        PolicyError: HTCondor cannot read what describes the sites.
        UnknownSite, NoSuitableSite: no site that the user may mean takes it.
        HepsubError: its files cannot be had where it would go.
    """
    try:
        _check_expressions(placement.site, policy, unreadable)
        choice = choose_sites(placement.site, _readable(policy, unreadable), need, home.pool, rule)
    except HepsubError as error:
        # Who asked for a site has to know that there is none; who did not asked for the job to run.
        if placement.site is not None or placement.remote is Remote.WANTED:
            raise
        stays = Reason(rule="local", matched="no -rmt", because=error.message)
        return replace(home, reasons=(home.reasons[0], stays))
    reasons = (home.reasons[0], _remote_reason(placement, choice, rule))
    rank = rule.rule.rank if rule is not None and rule.rule.rank not in unreadable else ""
    return _away(policy, home, choice, reasons, nodes, rank, need)


def _away(
    policy: Policy,
    home: Route,
    choice: Choice,
    reasons: tuple[Reason, ...],
    nodes: tuple[str, ...],
    rank: str,
    need: Need,
) -> Route:
    """The route to the sites that were chosen, with a rule's rank of their slots, if it has one."""
    sites = [policy.site[name] for name in choice.names]
    first = sites[0]
    pool = first.pool if choice.kind == SCHEDD else home.pool
    attributes = _attributes(sites)
    if choice.kind == GLIDEIN:
        slots = {
            name: is_site(each, _arch(each, sites, need))
            for name, each in zip(choice.names, sites, strict=True)
        }
        own = (*nodes, _at_one_of(slots))
        # Only who has a choice can leave a site out, or not know where the job runs.
        if len(slots) > 1:
            attributes |= {LEFT_OUT: '""', WHERE: where(slots)}
    else:
        own = tuple(each for each in (first.requirements, _arch(first, sites, need)) if each)
    return Route(
        pool=pool,
        schedd=home.schedd if pool == home.pool else "",
        sites=choice.names,
        elsewhere=choice.elsewhere,
        delivery=delivery_for(policy.pool[pool], sites),
        requirements=own,
        reasons=reasons,
        rank=rank or _rank(sites),
        attributes=attributes,
        element=Element(resource=first.grid_resource, token=first.token, queue=first.queue)
        if choice.kind == CE
        else None,
        containers=first.containers,
        paths=path_map(first),
        refused=choice.refused,
        kind=choice.kind,
        rule=home.rule,
    )


def _at_one_of(slots: Mapping[str, str]) -> str:
    """What is true of the slots of sites; jobs that have a choice stay away from those that are left out."""
    if len(slots) == 1:
        return _any_of(slots.values())
    return _any_of(unless_left_out(name, each) for name, each in slots.items())


def _rank(sites: Sequence[Site]) -> str:
    """What makes one slot better than another, by each site's own word about its slots."""
    if len(sites) == 1:
        return sites[0].rank
    # What other sites are known by is undefined in a slot's ad, and one undefined term would undo the whole sum.
    own = [f"(({each.requirements}) is true ? ({each.rank}) : 0)" for each in sites if each.rank]
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
    kept = {n: s for n, s in policy.site.items() if unreadable.isdisjoint(s.expressions.values())}
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
        for key, each in policy.site[str(name)].expressions.items()
        if each in unreadable
    ]
    if bad and {name for name, _ in bad} == set(names):
        raise no_expression(policy, f"site.{bad[0][0]}.{bad[0][1]}")


def _remote_reason(placement: Placement, choice: Choice, rule: NamedRule | None) -> Reason:
    if placement.site is not None:
        return Reason(rule="remote", matched=f"-site {placement.site}", because=choice.because)
    if placement.remote is Remote.WANTED:
        return Reason(rule="remote", matched="-rmt", because=choice.because)
    assert rule is not None  # noqa: S101 (nothing else sends jobs away)
    return Reason(rule=rule.name, matched=rule.matched, because=choice.because)


def is_site(site: Site, arch: str = "") -> str:
    """What is true of a glidein's slots alone, and of its architecture; `arch` is empty for any."""
    # A slot says itself where it is, and may lie; who its start daemon is the collector says.
    identity = f'TARGET.AuthenticatedIdentity == "{site.identity}"' if site.identity else ""
    more = [each for each in (identity, arch) if each]
    return " && ".join((f"({site.requirements})", *more)) if more else site.requirements


def _arch(site: Site, sites: Sequence[Site], need: Need) -> str:
    """The architecture, where the requirements have to name it: HTCondor asks for its own where they do not."""
    if all(each.arch == USUAL_ARCH for each in sites):
        return ""
    said = [f'TARGET.Arch == "{each}"' for each in sorted(machines_for(site, need))]
    if len(said) > 1:
        return _any_of(said)
    return said[0] if said else "TARGET.Arch isnt undefined"


def _any_of(expressions: Iterable[str]) -> str:
    return "(" + " || ".join(f"({expression})" for expression in expressions) + ")"
