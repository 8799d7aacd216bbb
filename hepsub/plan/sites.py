"""Which remote sites take a submission, and why not the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from hepsub.errors import HepsubError, NoSuitableSite, UnknownSite
from hepsub.plan.needs import Need
from hepsub.plan.refusals import mapped, refusal, too_large
from hepsub.plan.remap import path_map
from hepsub.plan.route import image_at
from hepsub.plan.rules import NamedRule
from hepsub.policy.model import Policy
from hepsub.policy.site import CE, GLIDEIN, SITE_KINDS, Site
from hepsub.suggest import did_you_mean


class Choice(Struct, frozen=True, kw_only=True):
    """The sites that may run a submission, all of one kind, and why.

    Attributes:
        refused: why not the other ones, by name.
        elsewhere: others that are like a computing element among the names, and take jobs that it holds.
    """

    names: tuple[str, ...]
    kind: str
    because: str
    refused: Mapping[str, str] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()


def choose_sites(
    asked: str | None, policy: Policy, need: Need, pool: str, rule: NamedRule | None
) -> Choice:
    """The sites of one kind that take a submission; glideins before a CE before another schedd, by default.

    Args:
        asked: the site that the user named; None for any.
        policy: what the site decided.
        need: what the submission asks for.
        pool: the pool at home.
        rule: the rule of the policy that fits the submission; None for none.

    Raises:
        UnknownSite: there is none, or none of this name.
        NoSuitableSite: none takes it; the reasons are named.
        HepsubError: all of them would, but the files cannot be had there.
    """
    names = _known(asked, policy)
    refused = {
        name: why
        for name in names
        if (why := refusal(name, policy, need, pool, rule, asked=asked is not None))
    }
    taken = [name for name in names if name not in refused]
    if not taken:
        raise _nowhere(asked, refused, policy, need)
    kind = _kind(taken, policy, rule)
    same = [name for name in taken if policy.site[name].kind == kind]
    refused |= {name: f"{kind} goes first" for name in taken if name not in same}
    names_taken = _near(same, policy, need)
    elsewhere: tuple[str, ...] = ()
    # One cluster is in one queue; only the slots of glideins compete for jobs of one.
    if kind != GLIDEIN:
        elsewhere = _elsewhere(names_taken, policy, need) if kind == CE else ()
        refused |= dict.fromkeys(names_taken[1:], f"{names_taken[0]} goes first")
        names_taken = names_taken[:1]
    names_taken, differing = _alike(names_taken, policy, need)
    refused |= differing
    told = "; ".join(f"{name}: {why}" for name, why in refused.items())
    by = f", by {rule.because}" if rule is not None else ""
    then = f", or at {', '.join(elsewhere)} where it is held there" if elsewhere else ""
    because = f"it may run at {', '.join(names_taken)}{then}{by}"
    return Choice(
        names=names_taken,
        kind=kind,
        because=because + (f"; not at {told}" if told else ""),
        refused=refused,
        elsewhere=elsewhere,
    )


def _elsewhere(names: tuple[str, ...], policy: Policy, need: Need) -> tuple[str, ...]:
    """The computing elements for which the same ads and files are right as for the first one."""
    same, _ = _alike(names, policy, need)
    first = _on_the_way(policy.site[names[0]])
    return tuple(name for name in same[1:] if _on_the_way(policy.site[name]) == first)


def _on_the_way(site: Site) -> tuple[object, ...]:
    """What of a site stands in ads and bundles, and cannot be changed when jobs go from one element to another."""
    return (
        site.token,
        site.requirements,
        site.attributes,
        sorted(site.credentials),
        site.arch,
        sorted(site.mounts),
        site.shared_filesystem,
        site.containers,
    )


def _nowhere(
    asked: str | None, refused: Mapping[str, str], policy: Policy, need: Need
) -> HepsubError:
    """What to say where no site takes a submission: where it is its files alone, what is wrong with them."""
    lacking = [need.missing.get(path_map(policy.site[name])) for name in refused]
    told = [each for each in lacking if each is not None]
    # Its own error says which file, and what to do; "no site takes it" would not.
    if [each.message for each in told] == list(refused.values()):
        return told[0]
    reasons = "; ".join(f"{name}: {why}" for name, why in refused.items())
    less = (
        "ask for less, or " if any(too_large(policy.site[name], need) for name in refused) else ""
    )
    return NoSuitableSite(
        f"no remote site takes this job: {reasons}",
        remedy=f"{less}leave out {'-rmt' if asked is None else '-site'}",
    )


def _known(asked: str | None, policy: Policy) -> list[str]:
    if not policy.site:
        raise UnknownSite(
            "no remote site is defined in the policy",
            remedy="leave out -rmt and -site, or describe the site in the policy: [site.NAME]",
        )
    if asked is not None and asked not in policy.site:
        raise UnknownSite(
            f"argument -site: no remote site '{asked}'", remedy=did_you_mean(asked, policy.site)
        )
    return [asked] if asked is not None else list(policy.site)


def _kind(taken: Iterable[str], policy: Policy, rule: NamedRule | None) -> str:
    """The best kind of site that there is one of."""
    order = rule.rule.kinds if rule is not None and rule.rule.kinds else SITE_KINDS
    return min((policy.site[name].kind for name in taken), key=order.index)


def _near(names: list[str], policy: Policy, need: Need) -> tuple[str, ...]:
    """Those near the inputs first, by storage or shared file system; then pledged ones; else in the policy's order."""

    def far(name: str) -> tuple[bool, bool]:
        site = policy.site[name]
        near = bool(site.storage) and site.storage in need.storages | _stored(site, need)
        here = site.shared_filesystem and any(need.files)
        return (not (near or here), not site.pledged)

    return tuple(sorted(names, key=far))


def _alike(
    names: tuple[str, ...], policy: Policy, need: Need
) -> tuple[tuple[str, ...], dict[str, str]]:
    """One cluster has one image, and takes its files from the same places: the sites that agree with the first one."""
    # The first is the best one; who differs would need a cluster of its own.
    first = policy.site[names[0]]
    differing: dict[str, str] = {}
    for name in names[1:]:
        site = policy.site[name]
        if need.os and image_at(need.os, policy, site) != image_at(need.os, policy, first):
            differing[name] = f"its image of {need.os} is another one"
        elif mapped(site, need) != mapped(first, need):
            differing[name] = "its paths stand for other objects"
        elif need.in_image and site.containers != first.containers:
            differing[name] = "it starts images in another way"
    return tuple(name for name in names if name not in differing), differing


def _stored(site: Site, need: Need) -> frozenset[str]:
    """The storages in which a submission's paths are objects, as far as they are named."""
    return frozenset(url.partition(":")[0] for _, url in mapped(site, need))
