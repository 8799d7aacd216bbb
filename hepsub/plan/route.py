"""Where a job goes: which pool, which remote sites, and why not the others."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from hepsub.errors import NoSuitableSite, NotOnSlurm, PolicyError, UnknownSystem, UsageError
from hepsub.job import JobSpec, Placement, Remote
from hepsub.plan.model import Delivery, Reason, Route, delivery_for
from hepsub.policy.model import Policy
from hepsub.policy.site import AUTOMATIC, GLIDEIN, NEVER, UNIVERSE, WRAPPER
from hepsub.suggest import did_you_mean

if TYPE_CHECKING:
    from hepsub.plan.needs import Need
    from hepsub.plan.rules import NamedRule
    from hepsub.policy.site import Rule, Site

_HOST = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def choose_route(
    spec: JobSpec,
    policy: Policy,
    need: Callable[[], Need],
    unreadable: frozenset[str] = frozenset(),
    rule: NamedRule | None = None,
) -> Route:
    """Decide where the jobs may run.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        need: what the submission asks of a site; worked out only where it may go to one.
        unreadable: the expressions of the policy that HTCondor cannot read; no job gets one of them.
        rule: the rule of the policy that fits the submission.

    Raises:
        PolicyError: what was asked for is described by an expression that cannot be read.
        UnknownPool, UnknownSite, NoSuitableSite, UsageError: what was asked for is not there.
    """
    placement = spec.placement
    _check_words(placement)
    pool, pool_reason = _choose_pool(spec, policy)
    delivery = delivery_for(policy.pool[pool])
    nodes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    if delivery.on_hold:  # Slurm knows no ClassAds
        _check_slurm(placement, pool)
    else:
        nodes = _node_requirements(placement, policy, pool, unreadable)
        requirements = (*nodes, *_not_remote(policy, unreadable))
    if nodes and delivery.on_this_machine:
        raise UsageError(
            "-wn and -gwn: the embedded pool has no worker nodes", remedy="leave them out"
        )
    home = Route(
        pool=pool,
        schedd=placement.schedd or "",
        delivery=delivery,
        filesystem_domain=policy.pool[pool].filesystem_domain,
        requirements=requirements,
        reasons=(pool_reason, _local_reason(placement, delivery, rule)),
        containers=WRAPPER if delivery.on_this_machine or delivery.on_hold else UNIVERSE,
        rule=rule.name if rule is not None else "",
    )
    if not goes_away(placement, policy, rule):
        return home
    from hepsub.plan.remote import route_to_sites

    return route_to_sites(placement, policy, need(), home, nodes, unreadable, rule)


def may_go_away(
    spec: JobSpec, policy: Policy, programs: Sequence[str], recognised: str = ""
) -> bool:
    """Whether jobs may go to a remote site, as far as that is known before their places are looked at.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        programs: what the jobs start, absolute.
        recognised: the type of jobs that their files tell; empty for not known.
    """
    # Of a rule's sizes nothing is known yet: to look at a file for nothing costs less than to miss one.
    if spec.placement.remote is Remote.NEVER or not policy.site:
        return False
    program = the_program(programs)
    return _is_asked(spec.placement) or (
        _may_be_sent(spec.placement, policy)
        and any(
            rule.remote == AUTOMATIC and is_of_type(rule, spec.type or "", program, recognised)
            for rule in policy.rule.values()
        )
    )


def the_program(programs: Sequence[str]) -> str:
    """The program by which rules know jobs; empty where they start several."""
    return programs[0] if len(programs) == 1 else ""


def is_of_type(rule: Rule, type: str, program: str, recognised: str) -> bool:  # noqa: A002 (as in the policy)
    """Whether jobs are of a rule's types: as their user says, else as their program is called or their files tell."""
    if not rule.types and not rule.programs:
        return True
    if type:
        return _is_named(type, rule.types)
    return is_program(rule, program) or _is_named(recognised, rule.types)


def is_program(rule: Rule, program: str) -> bool:
    """Whether a rule knows a program by its path."""
    return any(fnmatch.fnmatchcase(program, each) for each in rule.programs)


def _is_named(type: str, types: Iterable[str]) -> bool:  # noqa: A002 (as in the policy)
    return type.casefold() in (each.casefold() for each in types)


def _is_asked(placement: Placement) -> bool:
    return placement.site is not None or placement.remote is Remote.WANTED


def _may_be_sent(placement: Placement, policy: Policy) -> bool:
    """Whether a rule may send jobs away: not where their user names something at home, nor from the embedded pool."""
    # Whoever names a pool, a schedd or a node has decided; a laptop's jobs are tried out, and meant to run on it.
    named = (placement.pool, placement.schedd, placement.worker_node, placement.worker_group)
    pool = policy.pool[policy.pool_for(placement.pool)]
    return not any(named) and not delivery_for(pool).on_this_machine


def goes_away(placement: Placement, policy: Policy, rule: NamedRule | None) -> bool:
    """Whether jobs go to a remote site: their user says so, or a rule does where nothing is said.

    Raises:
        NoSuitableSite: the user says so, and a rule does not let them.
    """
    if placement.remote is Remote.NEVER:
        return False
    asked = _is_asked(placement)
    if rule is None:
        return asked
    if asked and rule.rule.remote == NEVER:
        raise NoSuitableSite(
            f"{rule.because} keeps such jobs at home", remedy="leave out -rmt and -site"
        )
    sent = rule.rule.remote == AUTOMATIC and bool(policy.site)
    return asked or (sent and _may_be_sent(placement, policy))


def image_for(os: str, policy: Policy, sites: tuple[str, ...]) -> str:
    """The container image that holds an operating system of the policy where the job runs.

    Raises:
        UnknownSystem: the policy knows no such system.
    """
    if os not in policy.os:
        raise UnknownSystem(
            f"argument -os/--OperatingSystem: unknown operating system '{os}'",
            remedy=did_you_mean(os, policy.os),
        )
    # The sites of a route have one image of it (`choose_sites` sees to that).
    return image_at(os, policy, policy.site[sites[0]]) if sites else policy.os[os].image


def image_at(os: str, policy: Policy, site: Site) -> str:
    """The image of an operating system of the policy at a site."""
    return site.os.get(os, policy.os[os].image) if os in policy.os else ""


def _check_words(placement: Placement) -> None:
    if placement.site is not None and placement.remote is Remote.NEVER:
        raise UsageError("-site and -normt contradict each other", remedy="drop one of them")
    for option, word in (
        ("-wn", placement.worker_node),
        ("-gwn", placement.worker_group),
        ("-schedd", placement.schedd),
    ):
        if word is None:
            continue
        # Only schedds have a name with an @ (schedd@host): no Machine has one, and a job would wait for it forever.
        host = word.replace("@", ".") if option == "-schedd" else word
        if not re.fullmatch(_HOST, host):
            several = "; only one can be named" if re.search(r"[,\[]", word) else ""
            raise UsageError(
                f"argument {option}: '{word}' is no name of a host or group{several}",
                remedy="check the name",
            )


def _check_slurm(placement: Placement, pool: str) -> None:
    if placement.worker_group:
        raise NotOnSlurm(
            f"-gwn {placement.worker_group}: Slurm has partitions and features, and no groups of worker nodes",
            remedy=f"hep_clus -slurm shows the partitions of {pool}; a line '#SBATCH --partition=NAME' or"
            " '#SBATCH --constraint=FEATURE' in the script names one",
        )


def _choose_pool(spec: JobSpec, policy: Policy) -> tuple[str, Reason]:
    asked = spec.placement.pool
    name = policy.pool_for(asked)
    if spec.slurm is not None and spec.slurm.decided:
        because = (
            f"sbatch_lines sends such scripts to {name} ({policy.origin('defaults.sbatch_lines')})"
        )
        matched = f"#SBATCH lines of {spec.slurm.script}"
        return name, Reason(rule="pool", matched=matched, because=because)
    return name, _pool_reason(name, asked, policy)


def nobody_decided(policy: Policy, pool: str) -> bool:
    """Whether a pool is the embedded one because no other was ever configured."""
    here = delivery_for(policy.pool[pool]).on_this_machine
    return here and policy.defaults.pool == pool and policy.is_shipped("defaults.pool")


def _pool_reason(name: str, asked: str | None, policy: Policy) -> Reason:
    if asked:
        because = f"it names the pool {name}"
    elif nobody_decided(policy, name):
        because = "no HTCondor is configured on this machine"
    elif policy.defaults.pool:
        because = f"{name} is the default pool ({policy.origin('defaults.pool')})"
    else:
        because = f"{name} is the first pool of the policy"
    return Reason(rule="pool", matched=f"-p {asked}" if asked else "no -p", because=because)


def _node_requirements(
    placement: Placement, policy: Policy, pool: str, unreadable: frozenset[str]
) -> tuple[str, ...]:
    found = []
    if placement.worker_node:
        found.append(_on_node(placement.worker_node))
    if placement.worker_group:
        # Other jobs of this pool go on: only who asks for a group hears that the policy cannot say what it is.
        if policy.pool[pool].worker_group in unreadable:
            raise no_expression(policy, f"pool.{pool}.worker_group")
        found.append(policy.pool[pool].worker_group.replace("{group}", placement.worker_group))
    return tuple(found)


def _on_node(node: str) -> str:
    """A full name means itself; a short one any machine whose name begins with it and a dot."""
    # Machine is whatever the node calls itself: on some it has no domain.
    if "." in node:
        return f'TARGET.Machine == "{node}"'
    return f'(TARGET.Machine == "{node}" || regexp("^{node}[.]", TARGET.Machine, "i"))'


def sent_note(route: Route) -> tuple[str, ...]:
    """What to say where a rule sends jobs away: who did not ask for a remote site has to hear of it."""
    # The last reason is that of the place; an own one, and not the rule's, where the user asked.
    decided = route.reasons[-1]
    if not route.sites or decided.rule != route.rule:
        return ()
    return (
        f"the rule {route.rule} of the policy sends the jobs to {', '.join(route.sites)}; -normt keeps them here",
    )


def unreadable_notes(policy: Policy, unreadable: frozenset[str]) -> tuple[str, ...]:
    """What to say of remote sites to which no job can be sent, nor be kept from, and of rules that lose their rank."""
    if not unreadable:
        return ()
    sites = (
        f"no job goes to the site {name}: {no_expression(policy, f'site.{name}.{key}').message}"
        for name, site in policy.site.items()
        for key, each in site.expressions.items()
        if each in unreadable
    )
    ranks = (
        f"no slot is better than another for the rule {name}: {no_expression(policy, f'rule.{name}.rank').message}"
        for name, rule in policy.rule.items()
        if rule.rank in unreadable
    )
    return (*sites, *ranks)


def no_expression(policy: Policy, key: str) -> PolicyError:
    """The error of an expression of the policy that HTCondor cannot read."""
    return PolicyError(
        f"{policy.origin(key)}: {key}: HTCondor cannot read the expression",
        remedy="write a ClassAd expression on one line, such as 'GLIDEIN_Site == \"NAME\"'",
    )


def _not_remote(policy: Policy, unreadable: frozenset[str]) -> tuple[str, ...]:
    """What is true of slots where this host's file system is, as a plain job needs it."""
    # Not `!`: what a site is known by is undefined in the ads of the nodes at home, and that means home.
    return tuple(
        f"(({site.requirements}) =!= true)"
        for site in policy.site.values()
        if site.kind == GLIDEIN
        and not site.shared_filesystem
        and site.requirements not in unreadable
    )


def _local_reason(placement: Placement, delivery: Delivery, rule: NamedRule | None) -> Reason:
    if delivery.handed_over:
        because = "the pool sees none of this host's directories: its files travel with it"
        return Reason(rule="local", matched="spool = true", because=because)
    if delivery.in_script:
        because = "the pool sees none of this host's directories: the batch script has its files"
        return Reason(rule="local", matched="shared_filesystem = false", because=because)
    if placement.remote is Remote.NEVER:
        return Reason(rule="local", matched="-normt", because="the user wants the local cluster")
    if rule is not None and rule.rule.remote == NEVER:
        return Reason(rule=rule.name, matched="no -rmt", because=f"{rule.because} keeps it at home")
    return Reason(
        rule="local", matched="no -rmt", because="a plain job runs where this host's file system is"
    )
