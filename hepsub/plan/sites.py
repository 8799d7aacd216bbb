"""Which remote sites take a submission, and why not the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from hepsub.errors import NoSuitableSite, UnknownSite
from hepsub.plan.accounting import Walltime
from hepsub.plan.remap import Paths, covered, path_map
from hepsub.plan.rules import NamedRule
from hepsub.policy.model import Policy
from hepsub.policy.site import GLIDEIN, SCHEDD, SITE_KINDS, Site
from hepsub.suggest import did_you_mean
from hepsub.units import duration_text

_MB = 2**20


class Need(Struct, frozen=True, kw_only=True):
    """What a submission asks of a site.

    Attributes:
        group: the accounting group as the user knows it.
        walltime: class and limit.
        memory_mb: memory in MB.
        os: operating system; empty for any.
        secrets: what goes along that no other user there may see; empty for nothing.
        takes_credentials: whether those that pool and site want go along, too.
        cpus: cores.
        number: how many jobs.
        made_as_needed: whether the schedd makes the jobs as they are needed.
        in_image: whether the jobs run in a container image.
        on_node: whether a worker node or a group of them was named.
        machines: the architectures that programs and libraries were built for, in HTCondor's words.
        files: the inputs of each job that are files here, with their bytes.
        outputs: the places of outputs that are paths here.
        archives: bytes of libraries that travel with the jobs.
        disk_mb: the most MB of inputs and outputs of one job, as far as they are known.
        storages: the storages that inputs are in.
    """

    group: str
    walltime: Walltime
    memory_mb: int = 0
    os: str = ""
    secrets: tuple[str, ...] = ()
    takes_credentials: bool = True
    cpus: int = 1
    number: int = 1
    made_as_needed: bool = False
    in_image: bool = False
    on_node: bool = False
    machines: frozenset[str] = frozenset()
    files: Sequence[Sequence[tuple[str, int]]] = ()
    outputs: frozenset[str] = frozenset()
    archives: int = 0
    disk_mb: float = 0
    storages: frozenset[str] = frozenset()

    @property
    def paths(self) -> frozenset[str]:
        """The inputs and outputs that are paths here."""
        return self.outputs | {path for job in self.files for path, _ in job}


class Choice(Struct, frozen=True, kw_only=True):
    """The sites that may run a submission, and why.

    Attributes:
        names: the sites, all of one kind.
        kind: how they are reached.
        refused: why not the other ones, by name.
        because: the reason for these.
    """

    names: tuple[str, ...]
    kind: str
    because: str
    refused: Mapping[str, str] = field(default_factory=dict)


def choose_sites(
    asked: str | None, policy: Policy, need: Need, pool: str, rule: NamedRule | None
) -> Choice:
    """The sites of one kind that take a submission; glideins before a CE before another schedd, by default.

    Args:
        asked: the site that the user named; None for any.
        policy: what the site decided.
        need: what the submission asks for.
        pool: the pool at home.
        rule: the rule of the policy that fits it.

    Raises:
        UnknownSite: there is none, or none of this name.
        NoSuitableSite: none takes it; the reasons are named.
    """
    names = _known(asked, policy)
    refused = {
        name: why
        for name in names
        if (why := _refusal(name, policy, need, pool, rule, asked=asked is not None))
    }
    taken = [name for name in names if name not in refused]
    if not taken:
        told = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise NoSuitableSite(
            f"no remote site takes this job: {told}", remedy="ask for less, or leave out -rmt"
        )
    kind = _kind(taken, policy, rule)
    same = [name for name in taken if policy.site[name].kind == kind]
    refused |= {name: f"{kind} goes first" for name in taken if name not in same}
    names_taken = _near(same, policy, need)
    if kind != GLIDEIN:  # a submission goes to one queue
        refused |= dict.fromkeys(names_taken[1:], f"{names_taken[0]} goes first")
        names_taken = names_taken[:1]
    names_taken, differing = _alike(names_taken, policy, need)
    refused |= differing
    told = "; ".join(f"{name}: {why}" for name, why in refused.items())
    by = f", by {rule.because}" if rule is not None else ""
    because = f"it may run at {', '.join(names_taken)}{by}" + (f"; not at {told}" if told else "")
    return Choice(names=names_taken, kind=kind, because=because, refused=refused)


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
    """Those near the inputs first, pledged ones before the others, else in the policy's order."""

    def far(name: str) -> tuple[bool, bool]:
        site = policy.site[name]
        return (bool(need.storages) and site.storage not in need.storages, not site.pledged)

    return tuple(sorted(names, key=far))


def _alike(
    names: tuple[str, ...], policy: Policy, need: Need
) -> tuple[tuple[str, ...], dict[str, str]]:
    """One cluster has one image, and takes its files from the same places: the sites that agree with the first one."""
    first = policy.site[names[0]]
    differing: dict[str, str] = {}
    for name in names[1:]:
        site = policy.site[name]
        if need.os and image_at(need.os, policy, site) != image_at(need.os, policy, first):
            differing[name] = f"its image of {need.os} is another one"
        elif _mapped(site, need) != _mapped(first, need):
            differing[name] = "its paths stand for other objects"
        elif need.in_image and site.containers != first.containers:
            differing[name] = "it starts images in another way"
    return tuple(name for name in names if name not in differing), differing


def image_at(os: str, policy: Policy, site: Site) -> str:
    """The image of an operating system of the policy at a site."""
    return site.os.get(os, policy.os[os].image) if os in policy.os else ""


def _mapped(site: Site, need: Need) -> Paths:
    """What of a site's mapping of paths matters to the files of a submission."""
    paths = path_map(site)
    return tuple((old, new) for old, new in paths if any(p.startswith(old) for p in need.paths))


def _refusal(
    name: str, policy: Policy, need: Need, pool: str, rule: NamedRule | None, *, asked: bool
) -> str:
    """Why the site does not take the submission; empty when it does."""
    site = policy.site[name]
    reasons = (
        _by_rule(name, site, rule, asked=asked),
        _by_way(site, need, pool),
        _by_size(site, need),
        _by_machine(site, need),
        _not_kept_apart(site, need, policy.pool[pool].credentials),
    )
    return next((why for why in reasons if why), "")


def _by_rule(name: str, site: Site, rule: NamedRule | None, *, asked: bool) -> str:
    """What the rule that fits the jobs says of the site; a site that the user named is only kept out by name."""
    if rule is None:
        return ""
    said = rule.rule
    if name in said.not_sites or (said.sites and name not in said.sites):
        return f"{rule.because} sends such jobs elsewhere"
    if said.kinds and site.kind not in said.kinds:
        return f"{rule.because} wants {' or '.join(said.kinds)}"
    if said.pledged and not site.pledged and not asked:
        return f"{rule.because} wants pledged sites"
    return ""


def _by_way(site: Site, need: Need, pool: str) -> str:
    """What the way to the site does not let through."""
    if site.kind == GLIDEIN:
        if site.pool and site.pool != pool:
            return f"its machines belong to the pool {site.pool}"
        return ""
    if need.on_node:
        return "-wn and -gwn name machines of the pool at home"
    if need.made_as_needed and site.kind == SCHEDD:
        return f"{need.number} jobs cannot be handed over with their files at once"
    return ""


def _by_size(site: Site, need: Need) -> str:
    if site.groups and need.group not in site.groups:
        return f"group {need.group} may not go there"
    bounds = (
        (
            site.max_walltime,
            need.walltime.limit,
            f"it ends jobs after {duration_text(site.max_walltime)}",
        ),
        (site.max_memory, need.memory_mb, "it has {0} MB for a job"),
        (site.max_cpus, need.cpus, "it has {0} core(s) for a job"),
        (site.max_jobs, need.number, "it takes {0} jobs of one submission"),
        (
            site.max_disk,
            need.disk_mb,
            "it has {0} MB of disk for a job, and its files need {1:.0f}",
        ),
        (
            site.max_sandbox,
            sandbox_mb(site, need) if site.max_sandbox else 0,
            "it takes {0} MB of files with a job, and {1:.0f} MB would travel",
        ),
    )
    for most, wanted, words in bounds:
        if most and wanted > most:
            return words.format(most, wanted)
    return ""


def sandbox_mb(site: Site, need: Need) -> float:
    """The most MB that HTCondor would carry to a site for one job."""
    paths = path_map(site)
    sent = (sum(size for path, size in job if not covered(path, paths)) for job in need.files)
    return (max(sent, default=0) + need.archives) / _MB


def _by_machine(site: Site, need: Need) -> str:
    if site.arch and need.machines and site.arch not in need.machines:
        return f"its machines are {site.arch}, and the program is for {', '.join(sorted(need.machines))}"
    if need.in_image and site.containers == "none":
        return "it starts no container images"
    return ""


def _not_kept_apart(site: Site, need: Need, wanted: tuple[str, ...]) -> str:
    """Why what travels may not go to the site, `wanted` being what its pool wants; empty when it may."""
    secrets = need.secrets
    if _mapped(site, need) and "signed URLs" not in secrets:
        secrets = ("signed URLs", *secrets)
    if need.takes_credentials and (wanted or site.credentials) and "credentials" not in secrets:
        secrets = (*secrets, "credentials")
    if not secrets or site.isolation:
        return ""
    return (
        f"no {' or '.join(secrets)} may go there, because nothing keeps the jobs of its users apart (isolation in its"
        " part of the policy)"
    )
