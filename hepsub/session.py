"""The session: everything an action needs from outside, opened once and passed in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.errors import ScheddNotReached, UnknownSchedd
from hepsub.interrupts import Interrupts
from hepsub.jobid import SubmissionRef, same_schedd, short_name
from hepsub.journal import Journal
from hepsub.policy.load import load_leniently, load_policy
from hepsub.policy.model import Policy, Pool, Storage
from hepsub.policy.places import bundle_root
from hepsub.pools import schedds_of
from hepsub.progress import NOBODY, Progress
from hepsub.situation import Paths, Situation, paths_for, read_situation
from hepsub.suggest import did_you_mean

if TYPE_CHECKING:
    from hepsub.auth.credential import CredentialSource, UserCredential
    from hepsub.batch_system import BatchSystem, ComputingElement
    from hepsub.ended import EndedJobs
    from hepsub.orders import Orders
    from hepsub.storage.credentials import S3Credentials
    from hepsub.storage.stores import Stores


_TOKEN_S = 30.0
"""A token that is exchanged at once needs to live no longer."""
JOURNAL_MATTERS_S = 14 * 86400
"""A job may wait ten days and run three: so long a submission of the past is looked after."""
VISIBLE_S = 4 * 86400.0
"""So long clusters are shown that have ended: a weekend with a holiday."""

Connect: TypeAlias = "Callable[[str, Pool], tuple[BatchSystem, ...]]"
"""The schedds of a pool, by its name and what the policy says of it."""


def _open_element(resource: str, token: str) -> ComputingElement:
    from hepsub.condor.far_element import FarElement

    return FarElement(resource=resource, token=token)


class Session(Struct, frozen=True, kw_only=True):
    """What an action needs from outside.

    Attributes:
        situation: who calls, where from and when.
        journal: which submission went where.
        connect: the schedds of a pool, by its name and what the policy says of it.
        keys: the keys for a storage, by its name and what the policy says of it.
        prove: asks a storage, by its name and what the policy says of it, whether it takes keys; what it
            says besides.
        credential: where a credential of the policy comes from, by its name.
        way_to_renew: what has the renewal done by itself on this machine, as one types it.
        progress: is told what takes long, and how far it is.
        element: the queue of a computing element, by its grid_resource and the token that is shown to it.
        clock: how late it is, in seconds since the epoch; the situation tells when the command began.
    """

    situation: Situation
    paths: Paths
    policy: Policy
    journal: Journal
    connect: Connect
    keys: Callable[[str, Storage], S3Credentials]
    prove: Callable[[str, Storage, S3Credentials], str]
    credential: Callable[[str], CredentialSource]
    way_to_renew: Callable[[], str]
    interrupts: Interrupts = field(default_factory=Interrupts)
    element: Callable[[str, str], ComputingElement] = _open_element
    progress: Progress = NOBODY
    clock: Callable[[], float] = time.time

    @property
    def bundles(self) -> Path:
        """The directory of the bundles."""
        return Path(bundle_root(self.policy, self.situation.home, self.situation.user))

    @property
    def ended(self) -> EndedJobs:
        """What is kept of jobs that have ended."""
        from hepsub.ended import EndedJobs  # a submission keeps nothing

        return EndedJobs(directory=self.paths.ended)

    @property
    def orders(self) -> Orders:
        """What was asked for, submission by submission."""
        from hepsub.orders import Orders

        return Orders(directory=self.paths.orders)

    def open_stores(self) -> Stores:
        """The storages of the policy; no keys are looked for yet."""
        from hepsub.storage.stores import Stores  # a plain job has none

        return Stores(storages=self.policy.storage, keys=self.keys, progress=self.progress)

    def pool_name(self, asked: str | None) -> str:
        """The name of a pool of the policy; without a word the default one's.

        Raises:
            UnknownPool: the policy has no such pool.
        """
        return self.policy.pool_for(asked)

    def schedds(self, pool: str) -> tuple[BatchSystem, ...]:
        """The schedds that users of this policy have in a pool, the one for submissions first.

        Raises:
            PoolUnreachable: the pool cannot be asked.
            UnknownSchedd: none of the schedds of the policy is there.
            UnknownPool: the policy has no such pool, or no longer.
        """
        name = self.policy.pool_named(pool, "an earlier submission")
        rules = self.policy.pool[name]
        with self.progress.step(f"asking the pool {name}", behind=True):
            found = self.connect(name, rules)
        allowed = [
            each
            for each in found
            if not rules.schedds or any(same_schedd(s, each.name) for s in rules.schedds)
        ]
        if not allowed:
            raise UnknownSchedd(
                f"the pool {pool} has no schedd that jobs could be submitted to",
                remedy="tell the administrators of the pool, or correct pool.schedds in the policy",
            )
        return tuple(sorted(allowed, key=lambda each: self._preference(each.name, rules)))

    def schedd(self, pool: str, asked: str) -> BatchSystem:
        """The schedd asked for, or the one that takes submissions.

        Raises:
            PoolUnreachable: the pool cannot be asked.
            UnknownSchedd: the pool has no such schedd.
        """
        found = self.schedds(pool)
        if not asked:
            return found[0]
        for each in found:
            if same_schedd(asked, each.name):
                return each
        for name in self.absent(pool, found):
            if same_schedd(asked, name) or same_schedd(name, asked):
                raise does_not_answer(name)
        names = [short_name(each.name) for each in found]
        raise UnknownSchedd(
            f"argument -schedd: no schedd '{asked}' in the pool {pool}",
            remedy=did_you_mean(asked, names),
        )

    def absent(self, pool: str, present: Iterable[BatchSystem]) -> tuple[str, ...]:
        """The schedds that the policy or the journal's latest entries name, and the pool does not know now."""
        names = [each.name for each in present]
        recent = self.situation.now - JOURNAL_MATTERS_S
        now_called = self.policy.pool_named(pool)
        rules = self.policy.pool[now_called]
        entries = self.journal.entries()
        noted = [e.ref.schedd for e in entries if e.ref.pool == now_called and e.when > recent]
        expected = dict.fromkeys([*rules.schedds, *noted])
        return tuple(e for e in expected if not any(same_schedd(e, name) for name in names))

    def meant(self, ref: SubmissionRef) -> str:
        """What means a cluster on a command line without -p: with its schedd where that is another pool's."""
        home = self.policy.default_pool()
        return str(ref.cluster) if ref.pool == home else f"{ref.schedd}:{ref.cluster}"

    def _preference(self, name: str, rules: Pool) -> tuple[bool, bool, str]:
        default = bool(rules.default_schedd) and same_schedd(rules.default_schedd, name)
        host = name.rsplit("@", maxsplit=1)[-1]
        here = host == self.situation.host or short_name(host) == short_name(self.situation.host)
        return (not default, not here, name)


def does_not_answer(schedd: str) -> ScheddNotReached:
    """What to say of a schedd that should be there."""
    return ScheddNotReached(
        f"the schedd {schedd} does not answer: the collector does not know it now",
        remedy="its jobs are not lost; try again when it is back",
    )


def open_session(
    interrupts: Interrupts | None = None,
    alert: Callable[[str], None] | None = None,
    progress: Progress = NOBODY,
) -> Session:
    """Open the session of this process.

    Args:
        interrupts: Ctrl-C, where the caller has something to do with it too.
        alert: is told what is wrong with remote sites in the policy, for commands that send no job anywhere; None:
            that is an error.
        progress: is told what takes long.

    Raises:
        PolicyError: a policy file is wrong.
    """
    situation = read_situation()
    paths = paths_for(situation.environment, situation.home)
    policy = _with_a_pool(_policy(paths, alert), paths, situation)

    def credential(name: str, audience: str = "") -> CredentialSource:
        from hepsub.auth.sources import source_for

        return source_for(name, policy, situation, audience=audience)

    def keys(name: str, storage: Storage) -> S3Credentials:
        from hepsub.auth.s3_credentials import keys_for

        return keys_for(name, storage, token_for, situation.user)

    def prove(name: str, storage: Storage, keys: S3Credentials) -> str:
        from hepsub.storage.proof import prove_keys
        from hepsub.storage.store import Store

        return prove_keys(Store(name=name, storage=storage, keys=keys))

    def way() -> str:
        from hepsub.tools.timers import way_to_renew

        return way_to_renew(situation)

    def token_for(name: str, audience: str) -> UserCredential:
        return credential(name, audience).obtain(_TOKEN_S)

    return Session(
        situation=situation,
        paths=paths,
        policy=policy,
        journal=Journal(directory=paths.journal, host=situation.host, pool_now=policy.pool_now),
        connect=lambda name, pool: schedds_of(name, pool, situation, token_for, progress),
        keys=keys,
        prove=prove,
        credential=credential,
        interrupts=interrupts or Interrupts(),
        way_to_renew=way,
        progress=progress,
    )


def _policy(paths: Paths, alert: Callable[[str], None] | None) -> Policy:
    if alert is None:
        return load_policy(paths)
    policy, passed_over = load_leniently(paths)
    for each in passed_over:
        alert(each)
    return policy


def _with_a_pool(policy: Policy, paths: Paths, situation: Situation) -> Policy:
    """The policy; its default is the embedded pool where nobody ever configured another one.

    A configured pool that does not answer is an error, never a silent switch.
    """
    # No editor's .#10-site.toml, as in policy.load.
    site = any(paths.site_policy.glob("[!.]*.toml"))
    behind = policy.pools_of_sites
    collectors = (pool.collector for name, pool in policy.pool.items() if name not in behind)
    named = policy.defaults.pool or any(collectors)
    if site or named:
        return policy
    # As tools.run says whether a program is installed, with less around it.
    from shutil import which

    from hepsub.condor.bindings import is_configured

    if is_configured(situation.environment) or which("condor_master") is not None:
        return policy
    return replace(policy, defaults=replace(policy.defaults, pool="here"))
