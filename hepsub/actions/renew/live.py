"""Which bundles belong to jobs that are still in a queue: the schedds are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Queue, Selection
from hepsub.bundle.bundle import Bundle, read_bundle, why_unreadable
from hepsub.bundle.notes import Placed
from hepsub.bundle.root import kept_bundles
from hepsub.errors import HepsubError
from hepsub.jobid import JobId, SubmissionRef
from hepsub.plan.model import delivery_for
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_Answer: TypeAlias = "tuple[Placed, frozenset[int] | None]"
"""A bundle's place, and the jobs of its cluster that are in the queue; None when nobody can tell."""


class LiveBundle(Struct, frozen=True, kw_only=True):
    """A complete bundle, and its jobs that have not ended.

    Attributes:
        procs: the jobs in the queue; None when the schedd could not be asked.
    """

    bundle: Bundle
    ref: SubmissionRef
    procs: frozenset[int] | None

    @property
    def has_ended(self) -> bool:
        """Whether all of its jobs have ended, as far as is known."""
        return self.procs is not None and not self.procs

    @property
    def number(self) -> int:
        """How many of its jobs have not ended; all, where nobody can tell."""
        return self.bundle.request.number if self.procs is None else len(self.procs)


class Live(Struct, frozen=True, kw_only=True):
    """All complete bundles, and what is wrong with others.

    Attributes:
        away: a sentence for each schedd that could not be asked.
        left: a sentence for each bundle that cannot be read.
    """

    bundles: tuple[LiveBundle, ...]
    away: tuple[str, ...]
    left: tuple[str, ...]


def find_live(session: Session) -> Live:
    """The bundles that are complete, with their jobs; a schedd is asked once for all of its clusters."""
    by_schedd: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
    for each in kept_bundles(session.bundles):
        ref = replace(each.ref, pool=session.policy.pool_now(each.ref.pool))
        by_schedd[ref.pool, ref.schedd].append(replace(each, ref=ref))
    found: list[LiveBundle] = []
    away: list[str] = []
    left: list[str] = []
    for (pool, schedd), placed in by_schedd.items():
        answers, trouble = _ask(session, pool, schedd, placed)
        away += [trouble] if trouble else []
        for each, procs in answers:
            bundle = read_bundle(each.directory)
            if bundle is not None:
                found.append(LiveBundle(bundle=bundle, ref=each.ref, procs=procs))
            elif why := why_unreadable(each.directory):
                left.append(why)
    return Live(bundles=tuple(found), away=tuple(away), left=tuple(left))


def _ask(
    session: Session, pool: str, schedd: str, placed: Sequence[Placed]
) -> tuple[list[_Answer], str]:
    """What is in the queue of each bundle's cluster; None for all when nobody can tell, and why."""
    unknown: list[_Answer] = [(each, None) for each in placed]
    if pool not in session.policy.pool:
        return unknown, f"the policy knows no pool {pool} any more; its jobs are taken for alive"
    try:
        there = session.schedd(pool, schedd)
        # By id alone: the pool may have mapped its user to an account of another name.
        ids = tuple(JobId(cluster=each.ref.cluster) for each in placed)
        procs = _procs(there.queue(Selection(ids=ids), session.situation.now))
        here = delivery_for(session.policy.pool[pool]).on_this_machine
        return [(each, _mine(there, each, procs, here=here)) for each in placed], ""
    except HepsubError as error:
        return unknown, f"{error.message}; the jobs of {schedd} are taken for alive"


def _mine(
    schedd: BatchSystem, placed: Placed, procs: Mapping[int, frozenset[int]], *, here: bool
) -> frozenset[int] | None:
    mine = procs.get(placed.ref.cluster, frozenset())
    # The embedded pool may have another queue, in another HEPSUB_HERE_DIR, that has these jobs.
    if here and not mine and not schedd.find(Selection(uuid=placed.ref.uuid)):
        return None
    return mine


def _procs(queue: Queue) -> dict[int, frozenset[int]]:
    procs: defaultdict[int, set[int]] = defaultdict(set)
    for job in queue.jobs:
        procs[job.cluster].add(job.proc)
    for rest in queue.unmade:
        # Jobs that a factory has still to make start last, and need their files longest.
        procs[rest.cluster] |= set(rest.procs)
    return {cluster: frozenset(each) for cluster, each in procs.items()}
