"""Where the user's jobs are besides the pool that is asked: with the schedds of sites that are pools of their own.

The journal tells it, and the bundles: a pool where nothing of the user's lives is not asked, and cannot slow anything
down. What is theirs there is known by its numbers alone, because such a pool may have another name for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Selection
from hepsub.jobid import JobId, SubmissionRef, same_schedd
from hepsub.policy.site import SCHEDD
from hepsub.session import JOURNAL_MATTERS_S, Session

_NAMED = 3


class Elsewhere(Struct, frozen=True, kw_only=True):
    """A schedd of another pool, and the user's clusters there.

    Attributes:
        pool: the pool's name in the policy.
        schedd: full name of the schedd.
        clusters: their ClusterIds.
    """

    pool: str
    schedd: str
    clusters: tuple[int, ...]

    def has(self, job: JobId) -> bool:
        """Whether an id may mean a job of these."""
        named = not job.schedd or same_schedd(job.schedd, self.schedd)
        return named and job.cluster in self.clusters

    def own(self, selection: Selection) -> Selection:
        """The user's jobs here; of the whole selection only the states narrow further."""
        ids = tuple(JobId(cluster=cluster) for cluster in self.clusters)
        return replace(selection, owner="", ids=ids)

    @property
    def named(self) -> str:
        """What to say where they cannot be asked for."""
        if len(self.clusters) == 1:
            return f"cluster {self.clusters[0]} of yours is there"
        shown = ", ".join(map(str, self.clusters[:_NAMED]))
        more = len(self.clusters) - _NAMED
        return f"clusters {shown}{f' and {more} more' if more > 0 else ''} of yours are there"


def far_pools(session: Session, but: str) -> frozenset[str]:
    """The pools that are sites of the policy, and those of Slurm, but for one."""
    sites, known = session.policy.site.values(), session.policy.pool
    pools = {site.pool for site in sites if site.kind == SCHEDD}
    slurm = {name for name, pool in known.items() if pool.is_slurm}
    return frozenset((pools & known.keys() | slurm) - {but})


def living(session: Session, pools: frozenset[str]) -> tuple[Elsewhere, ...]:
    """The schedds of some pools where jobs of the user may be in the queue."""
    if not pools:
        return ()  # nor is anything of bundles loaded
    from hepsub.bundle.notes import is_finished

    return gathered(
        ref
        for ref in recent_refs(session, pools)
        if not ref.uuid or not is_finished(session.bundles / ref.uuid)
    )


def recent_refs(session: Session, pools: frozenset[str]) -> Iterator[SubmissionRef]:
    """What was submitted lately to some pools, by the journal, and whatever has a bundle; also what has ended."""
    if not pools:
        return
    from hepsub.bundle.notes import read_placed
    from hepsub.bundle.root import look_at_root

    # The journal has the submissions of years; a schedd is asked for those only of which it may know something.
    bundles = {each.name: each for each in look_at_root(session.bundles).bundles}
    since = session.situation.now - JOURNAL_MATTERS_S
    for entry in session.journal.entries():
        bundle = bundles.pop(entry.ref.uuid, None)
        if entry.ref.pool in pools and (bundle is not None or entry.when > since):
            yield entry.ref
    for directory in bundles.values():  # the journal was lost
        placed = read_placed(directory)
        pool = session.policy.pool_now(placed.ref.pool) if placed is not None else ""
        if placed is not None and pool in pools:
            yield replace(placed.ref, pool=pool)


def gathered(refs: Iterable[SubmissionRef]) -> tuple[Elsewhere, ...]:
    """Submissions by their schedds; without those whose cluster is not known."""
    clusters: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for ref in refs:
        if ref.cluster > 0:
            clusters[ref.pool, ref.schedd].add(ref.cluster)
    return tuple(
        Elsewhere(pool=pool, schedd=schedd, clusters=tuple(sorted(numbers)))
        for (pool, schedd), numbers in sorted(clusters.items())
    )
