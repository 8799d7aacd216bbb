"""What a value can be here: the policy's own words, for help and for the shells' completions.

Quick and silent: no pool is asked, and a policy that cannot be read offers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hepsub.cli.options import Kind
from hepsub.errors import HepsubError
from hepsub.plan.accounting import own_groups
from hepsub.policy.load import load_policy
from hepsub.policy.model import Policy
from hepsub.situation import Situation, paths_for, read_situation

OFFERED = {
    "credentials": Kind.CREDENTIAL,
    "groups": Kind.GROUP,
    "pools": Kind.POOL,
    "sites": Kind.SITE,
    "storages": Kind.STORAGE,
    "systems": Kind.SYSTEM,
    "walltimes": Kind.WALLTIME,
}
"""What `hep_sub __offer` may be asked for."""


def offer(words: Sequence[str]) -> int:
    """Print what a completion asks for, one a line; returns 0, whatever was the matter."""
    kinds = [OFFERED[word] for word in words if word in OFFERED]
    known = choices(kinds, complete=True)
    print(
        "".join(f"{each}\n" for kind in kinds for each in known.get(kind, ())), end="", flush=True
    )
    return 0


def choices(kinds: Iterable[Kind], *, complete: bool) -> dict[Kind, tuple[str, ...]]:
    """The words of each kind that the policy has and the user may use; none where it cannot be read.

    Args:
        kinds: what is asked for; others than OFFERED have no words.
        complete: whether aliases, and what is given on request only, are among them.
    """
    wanted = set(kinds) & set(OFFERED.values())
    if not wanted:
        return {}
    try:
        situation = read_situation()
        policy = load_policy(paths_for(situation.environment, situation.home))
    except (HepsubError, OSError):
        return {}
    found = {kind: _words(kind, policy, situation, complete=complete) for kind in wanted}
    return {kind: tuple(each for each in found[kind] if each.isprintable()) for kind in wanted}


def _words(kind: Kind, policy: Policy, situation: Situation, *, complete: bool) -> Iterable[str]:
    if kind is Kind.GROUP:
        return own_groups(policy, situation) if policy.group else situation.groups
    if kind is Kind.WALLTIME:
        return [name for name, each in policy.walltime.items() if complete or not each.on_request]
    if kind is Kind.POOL:
        aliases = [alias for pool in policy.pool.values() for alias in pool.aliases]
        return dict.fromkeys([*policy.pool, *aliases] if complete else policy.pool)
    named = {
        Kind.SYSTEM: policy.os,
        Kind.SITE: policy.site,
        Kind.STORAGE: policy.storage,
        Kind.CREDENTIAL: policy.credential,
    }
    return named[kind]
