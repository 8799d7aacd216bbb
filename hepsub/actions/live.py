"""Which bundles belong to jobs that still need them: the schedds know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from hepsub.actions.session import Session
from hepsub.auth.bundle import Bundle
from hepsub.auth.bundles import Placed, kept_bundles, read_bundle
from hepsub.batch import Queue, Selection
from hepsub.errors import HepsubError
from hepsub.jobid import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBundle:
    """A complete bundle, and the jobs that still need it.

    Attributes:
        bundle: the bundle.
        cluster: ClusterId.
        procs: the jobs in the queue; None when the schedd could not be asked.
    """

    bundle: Bundle
    cluster: int
    procs: frozenset[int] | None

    @property
    def has_ended(self) -> bool:
        """Whether no job needs it any more."""
        return self.procs is not None and not self.procs

    @property
    def number(self) -> int:
        """How many jobs need it, as far as is known."""
        return self.bundle.request.number if self.procs is None else len(self.procs)


def find_live(session: Session) -> tuple[tuple[LiveBundle, ...], tuple[str, ...]]:
    """The bundles that are complete, with their jobs; and a sentence for each schedd that is away.

    A schedd is asked once for all of its clusters.
    """
    by_schedd: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
    for each in kept_bundles(session.bundles):
        by_schedd[each.pool, each.schedd].append(each)
    found: list[LiveBundle] = []
    troubles: list[str] = []
    for (pool, schedd), placed in by_schedd.items():
        procs, trouble = _ask(session, pool, schedd, placed)
        troubles += [trouble] if trouble else []
        for each in placed:
            bundle = read_bundle(each.directory)
            if bundle is None:
                continue
            mine = None if procs is None or not each.cluster else procs.get(each.cluster)
            unknown = procs is None or not each.cluster
            found.append(
                LiveBundle(
                    bundle=bundle,
                    cluster=each.cluster,
                    procs=None if unknown else mine or frozenset(),
                )
            )
    return tuple(found), tuple(troubles)


def _ask(
    session: Session, pool: str, schedd: str, placed: Iterable[Placed]
) -> tuple[dict[int, frozenset[int]] | None, str]:
    """The procs of each cluster that are in the queue; None when nobody can tell."""
    ids = tuple(JobId(cluster=each.cluster) for each in placed if each.cluster)
    if pool not in session.policy.pool:
        return None, f"the policy knows no pool {pool} any more; its jobs are taken for alive"
    selection = Selection(ids=ids, owner=session.situation.user)
    try:
        queue = session.schedd(pool, schedd).queue(selection, session.situation.now)
    except HepsubError as error:
        return None, f"{error.message}; the jobs of {schedd} are taken for alive"
    return _procs(queue), ""


def _procs(queue: Queue) -> dict[int, frozenset[int]]:
    procs: defaultdict[int, set[int]] = defaultdict(set)
    for job in queue.jobs:
        procs[job.cluster].add(job.proc)
    for rest in queue.unmade:
        procs[rest.cluster] |= set(range(rest.first, rest.first + rest.number))
    return {cluster: frozenset(each) for cluster, each in procs.items()}
