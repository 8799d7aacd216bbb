"""What jobs left with a schedd that sees none of this host's directories: fetched, and put where it belongs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

from hepsub.actions.elsewhere import recent_refs
from hepsub.actions.queue.ends import schedd_of
from hepsub.actions.submissions import is_spooled
from hepsub.batch import Selection, State
from hepsub.bundle.bundle import Bundle, read_bundle
from hepsub.bundle.spooled import open_places, places_of
from hepsub.errors import HepsubError, PoolError
from hepsub.jobid import JobId, SubmissionRef, ranges
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem, Spool

_Job: TypeAlias = "tuple[int, int]"
"""ClusterId and ProcId."""
_MOST_FAILURES = 10
"""Where so many jobs cannot be fetched one by one, something is wrong that is not theirs alone."""


class Collected(Struct, frozen=True, kw_only=True):
    """What became of what jobs left in a spool.

    Attributes:
        fetched: how many jobs left something that is here now.
        troubles: a sentence for each job, or all jobs of a cluster, of which it is still there.
    """

    fetched: int
    troubles: tuple[str, ...] = ()


def collect_spooled(
    session: Session, schedd: BatchSystem, refs: Iterable[SubmissionRef]
) -> Collected:
    """Fetch what ended jobs of some submissions left in a schedd's spool, and let them leave the queue.

    A job whose files cannot be had, because the schedd lost them or says other places for them, keeps no other's.

    Raises:
        HepsubError: the schedd cannot be asked, or answers no more.
    """
    # Of this journal alone: the logs of another home do not belong here.
    uuids = {ref.cluster: ref.uuid for ref in refs}
    # Not by owner: the schedd may know the user by another name.
    ids = tuple(JobId(cluster=cluster) for cluster in uuids)
    queue = schedd.queue(Selection(ids=ids, states=(State.COMPLETED,)), session.situation.now)
    ended = [(job.cluster, job.proc) for job in queue.jobs if job.cluster in uuids]
    clusters = sorted({cluster for cluster, _ in ended})
    bundles = {each: read_bundle(session.bundles / uuids[each]) for each in clusters}
    having = {cluster: bundle for cluster, bundle in bundles.items() if bundle is not None}
    assert schedd.spool is not None  # noqa: S101 (the pool's delivery says so)
    fetch = _Fetch(spool=schedd.spool, bundles=having)
    there = [job for job in ended if job[0] in having]
    with session.progress.step(f"fetching what {len(there)} job(s) left at {schedd.name}"):
        fetch.all(there)
    troubles = [*fetch.troubles(len(there))]
    if homeless := [str(cluster) for cluster in bundles if cluster not in having]:
        troubles.append(
            f"the bundle of cluster {', '.join(homeless)} is gone, into which it belongs; hep_rm removes the jobs with"
            " what they left"
        )
    return Collected(fetched=fetch.fetched, troubles=tuple(troubles))


class _Fetch(Struct, kw_only=True, eq=False):
    """The jobs that are fetched from one schedd, and those that cannot be."""

    spool: Spool
    bundles: Mapping[int, Bundle]
    fetched: int = 0
    failed: dict[_Job, str] = field(default_factory=dict)

    def all(self, jobs: Sequence[_Job]) -> None:
        """Fetch what jobs left: all at once, else each half by itself, down to the jobs that cannot be fetched."""
        if not jobs or len(self.failed) >= _MOST_FAILURES:
            return
        try:
            self._at_once(jobs)
        except PoolError as error:
            if len(jobs) == 1:
                self.failed[jobs[0]] = error.message
                return
            middle = len(jobs) // 2
            self.all(jobs[:middle])
            self.all(jobs[middle:])
        else:
            self.fetched += len(jobs)

    def _at_once(self, jobs: Sequence[_Job]) -> None:
        procs: defaultdict[int, list[int]] = defaultdict(list)
        for cluster, proc in jobs:
            procs[cluster].append(proc)
        homes = (places_of(self.bundles[each], each, those) for each, those in procs.items())
        with open_places(homes) as writable:
            # Exactly these jobs: others may have ended since, for which no place was made.
            self.spool.fetch(Selection(ids=ranges(jobs)), writable)

    def troubles(self, number: int) -> Iterator[str]:
        """A sentence for each job that could not be fetched, and one for those that were not tried."""
        for (cluster, proc), why in self.failed.items():
            yield f"{cluster}.{proc}: {why}; hep_rm removes the job with what it left"
        if rest := number - self.fetched - len(self.failed):
            yield f"{rest} more job(s) were not tried after these"


def collect_one(session: Session, ref: SubmissionRef) -> str:
    """Fetch what the jobs of a submission left in a spool, if they do; why that was not possible, in words."""
    if not is_spooled(session, ref.pool):
        return ""
    try:
        troubles = collect_spooled(session, schedd_of(session, ref), [ref]).troubles
    except HepsubError as error:
        troubles = (error.message,)
    return _not_fetched(ref.schedd, troubles)


def collect_all(session: Session) -> tuple[str, ...]:
    """Fetch what jobs of this journal left in any spool; a sentence for what was fetched, and what could not be."""
    pools = frozenset(name for name in session.policy.pool if is_spooled(session, name))
    refs: defaultdict[tuple[str, str], list[SubmissionRef]] = defaultdict(list)
    for ref in recent_refs(session, pools):
        if ref.cluster > 0:
            refs[ref.pool, ref.schedd].append(ref)
    notes: list[str] = []
    for (pool, schedd), submitted in refs.items():
        try:
            done = collect_spooled(session, session.schedd(pool, schedd), submitted)
        except HepsubError as error:
            notes.append(_not_fetched(schedd, [error.message]))
            continue
        if done.fetched:
            notes.append(f"fetched what {done.fetched} job(s) left at {schedd}")
        if done.troubles:
            notes.append(_not_fetched(schedd, done.troubles))
    return tuple(notes)


def _not_fetched(schedd: str, troubles: Iterable[str]) -> str:
    said = "; ".join(troubles)
    return f"what jobs left at {schedd} could not be fetched: {said}" if said else ""
