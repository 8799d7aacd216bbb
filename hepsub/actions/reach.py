"""Which schedds a command goes to: one rule for every command that takes job ids, or means all of the user's jobs.

With -p it is the pool that is named. Without, it is the default one, and the schedds of other pools where the user
has jobs (elsewhere). What the user submitted counts first: the journal knows, and the bundles where it is gone. Else
the schedds are asked. An id that may mean jobs of more than one schedd is refused, and both are spelled out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.elsewhere import Elsewhere, far_pools, gathered, living
from hepsub.batch import ClusterCounts, JobStatus, Queue, Selection, Unmade
from hepsub.errors import AmbiguousJob, HepsubError, PoolUnreachable, UnknownJob, UnknownSchedd
from hepsub.jobid import JobId, same_schedd, short_name
from hepsub.session import Session, does_not_answer
from hepsub.suggest import did_you_mean

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

Told = TypeVar("Told", JobStatus, Unmade, ClusterCounts)


class Target(Struct, frozen=True, kw_only=True):
    """Jobs of one schedd that a command is about.

    Attributes:
        selection: which of its jobs.
        pool: its pool's name in the policy, where that is another one than was asked; else empty.
    """

    schedd: BatchSystem
    selection: Selection
    pool: str = ""

    def queue(self, now: float, *, brief: bool = False) -> Queue:
        """The jobs that are in the queue, with the pool that they are in; in brief, as much as hep_q's table shows."""
        found = self.schedd.queue(self.selection, now, brief=brief)
        return Queue(jobs=self.marked(found.jobs), unmade=self.marked(found.unmade))

    def marked(self, found: Iterable[Told]) -> tuple[Told, ...]:
        """What the schedd told, with the pool that it is in."""
        return tuple(replace(each, pool=self.pool) for each in found) if self.pool else tuple(found)

    def spelled(self, word: object) -> str:
        """A cluster or job of this schedd as one types it for the same command."""
        return f"{self.schedd.name}:{word}" if self.pool else str(word)


Meant: TypeAlias = tuple[JobId | None, Target | None, UnknownJob | None]
"""An id, None for all of the user's jobs at a schedd; its jobs, None for not to be found; why that is."""


class Reach(Struct, kw_only=True, eq=False):
    """The schedds that a command can mean; each pool is asked once, and only when it matters.

    Attributes:
        session: the session.
        asked: name of a pool of the policy; None for the default one, and all others where the user has jobs.
        errors: why some of the other pools could not be asked.
        more: other pools of which an id means jobs that has the full name of their schedd.
    """

    session: Session
    asked: str | None
    errors: list[HepsubError] = field(default_factory=list)
    more: frozenset[str] = frozenset()
    _found: dict[str, tuple[BatchSystem, ...] | HepsubError] = field(default_factory=dict)
    _elsewhere: tuple[Elsewhere, ...] | None = None

    @property
    def pool(self) -> str:
        """The pool that is asked, by its name in the policy.

        Raises:
            UnknownPool: the policy has no such pool.
        """
        return self.session.pool_name(self.asked)

    @property
    def option(self) -> str:
        """What has to stand behind a command for the same pool, with a blank in front; empty for the default one."""
        return "" if self.pool == self.session.pool_name(None) else f" -p {self.asked}"

    def here(self) -> tuple[BatchSystem, ...]:
        """The schedds of the pool that is asked.

        Raises:
            PoolUnreachable: it cannot be asked.
        """
        return self._schedds(self.pool)

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """The schedds of other pools where jobs of the user may be."""
        if self._elsewhere is None:
            self._elsewhere = living(self.session, self.far_pools())
        return self._elsewhere

    def far_pools(self) -> frozenset[str]:
        """The pools besides that are looked at; where one is named only those that hepsub itself means."""
        named = self.asked is not None
        return self.more if named else self.more | far_pools(self.session, but=self.pool)

    def also(self, pools: Iterable[str]) -> Reach:
        """The same for some pools more, of which only ids mean jobs that have the full names of their schedds."""
        new = frozenset(pools) - {self.pool} - self.far_pools()
        return replace(self, more=self.more | new, _elsewhere=None) if new else self

    def everything(
        self, selection: Selection, elsewhere: Sequence[Elsewhere] | None = None
    ) -> list[Target]:
        """The jobs of a selection that names no ids, wherever they are; elsewhere the user's own alone.

        Args:
            selection: its owner and states.
            elsewhere: the other schedds that are looked at, where that are not those where jobs may be.

        Raises:
            PoolUnreachable: the pool cannot be asked, and there is no other.
        """
        others = self.elsewhere() if elsewhere is None else elsewhere
        if selection.owner not in ("", self.session.situation.user):
            others = ()
        found: list[Target] = []
        try:
            found = [self._target(each, selection) for each in self.here()]
        except PoolUnreachable as error:
            if not others:
                raise
            self.errors.append(error)
        reached = ((each, self.connect(each)) for each in others)
        return found + [
            Target(schedd=schedd, selection=each.own(selection), pool=each.pool)
            for each, schedd in reached
            if schedd is not None
        ]

    def find(self, job: JobId, selection: Selection = Selection()) -> Target | None:  # noqa: B008 (frozen)
        """The jobs that an id means; None where its pool cannot be asked, which is among the errors then.

        Args:
            job: a cluster, job or range; where only one schedd can be meant, nobody asks whether it knows it.
            selection: what narrows further.

        Raises:
            AmbiguousJob: more than one schedd knows the id.
            UnknownJob: none of several schedds knows it.
            UnknownSchedd: the id names a schedd that the pool does not have.
            PoolUnreachable: the pool cannot be asked.
        """
        wanted = replace(selection, ids=(job,))
        others = [
            each
            for each in self._elsewhere_of(job)
            if each.has(job) and (each.pool not in self.more or each.schedd == job.schedd)
        ]
        # schedd01 may be one here and one there; who spells out the whole name has said which.
        exact = [each for each in others if each.schedd == job.schedd]
        if not others:
            return self._target(self._here_with(job), wanted)
        having = [] if exact else self._having(job)
        name = only(job, [*having, *(each.schedd for each in exact or others)])
        place = next((each for each in others if each.schedd == name), None)
        if place is None:
            return next(self._target(each, wanted) for each in self.here() if each.name == name)
        schedd = self.connect(place)
        if schedd is None:
            return None
        if selection.owner == self.session.situation.user:
            wanted = replace(wanted, owner="")  # it may know the user by another name
        return Target(schedd=schedd, selection=wanted, pool=place.pool)

    def each(
        self,
        ids: Iterable[JobId],
        selection: Selection = Selection(),  # noqa: B008 (frozen)
    ) -> Iterator[Meant]:
        """The jobs that each of some ids means, or why no schedd has them; the other words go on.

        Raises:
            AmbiguousJob, UnknownSchedd, PoolUnreachable: as `find`.
        """
        for job in ids:
            try:
                yield job, self.find(job, selection), None
            except UnknownJob as error:
                yield job, None, error

    def meant(self, ids: Sequence[JobId]) -> list[Meant]:
        """What is acted upon: each of some ids, where there are none all of the user's own jobs."""
        if ids:  # all are found before the first is acted upon: one that two schedds know changes nothing
            return list(self.each(ids))
        own = Selection(owner=self.session.situation.user)
        return [(None, each, None) for each in self.everything(own)]

    def absent(self) -> tuple[HepsubError, ...]:
        """What to say of the schedds of the pool that is asked which should be there, and are not."""
        found = self._found.get(self.pool)
        if not isinstance(found, tuple):
            return ()
        return tuple(does_not_answer(each) for each in self.session.absent(self.pool, found))

    def connect(self, place: Elsewhere) -> BatchSystem | None:
        """A schedd of another pool; None where it cannot be asked, which is among the errors then."""
        try:
            for each in self._schedds(place.pool):
                if each.name == place.schedd:
                    return each
            error: HepsubError = does_not_answer(place.schedd)
        except HepsubError as trouble:
            error = trouble
        said = f"{error.message}; {place.named}"
        if all(each.message != said for each in self.errors):  # two ids may be there
            self.errors.append(type(error)(said, remedy=error.remedy))
        return None

    def schedd_of(self, job: JobStatus) -> BatchSystem:
        """The schedd that told of a job."""
        found = self._schedds(job.pool or self.pool)
        return next(each for each in found if each.name == job.schedd)

    def _schedds(self, pool: str) -> tuple[BatchSystem, ...]:
        if pool not in self._found:
            # Also that it does not answer is kept: each of twenty ids would wait ten seconds for it again.
            try:
                self._found[pool] = self.session.schedds(pool)
            except HepsubError as error:
                self._found[pool] = error
        found = self._found[pool]
        if isinstance(found, HepsubError):
            raise found
        return found

    def _target(self, schedd: BatchSystem, selection: Selection) -> Target:
        """Jobs of a schedd of the pool that is asked; one that is a site may call the user by another name."""
        if selection.owner == self.session.situation.user:
            there = living(self.session, far_pools(self.session, but="") & {self.pool})
            own = next((each.clusters for each in there if each.schedd == schedd.name), ())
            selection = replace(selection, own=own)
        return Target(schedd=schedd, selection=selection)

    def _elsewhere_of(self, job: JobId) -> tuple[Elsewhere, ...]:
        """The other schedds that an id may mean; who names one may mean jobs that ended long ago."""
        found = self.elsewhere()
        if not job.schedd or any(each.has(job) for each in found):
            return found
        from hepsub.actions.submissions import submitted_to

        pools = self.far_pools()
        noted = submitted_to(self.session, job).values() if pools else ()
        return gathered(ref for ref in noted if ref.pool in pools)

    def _here_with(self, job: JobId) -> BatchSystem:
        """The schedd of the pool that is asked which has a job."""
        schedds = self.here()
        named = [each for each in schedds if not job.schedd or same_schedd(job.schedd, each.name)]
        if not named:
            names = [short_name(each.name) for each in schedds]
            raise UnknownSchedd(
                f"{job}: the pool has no schedd '{job.schedd}'",
                remedy=did_you_mean(job.schedd, names),
            )
        if len(named) == 1:
            return named[0]
        name = only(job, self._having(job))
        if name is None:
            raise UnknownJob(
                f"no schedd has a job {job} in its queue",
                remedy=f"hep_history {job} tells of jobs that have ended",
            )
        return next(each for each in named if each.name == name)

    def _having(self, job: JobId) -> list[str]:
        """The schedds of the pool that is asked which have a job: by the journal, else in their queues."""
        from hepsub.actions.submissions import submitted_to

        named = [
            each for each in self.here() if not job.schedd or same_schedd(job.schedd, each.name)
        ]
        noted = submitted_to(self.session, job)
        return [each.name for each in named if each.name in noted] or self._queueing(job, named)

    def _queueing(self, job: JobId, schedds: Sequence[BatchSystem]) -> list[str]:
        """The schedds that have the cluster in their queue; the user's own go before other people's."""
        wanted, now = Selection(ids=(JobId(cluster=job.cluster),)), self.session.situation.now
        # A cluster of the whole id, not the one job: which may have ended while others of it are there.
        owners = {each.name: _owners(each.queue(wanted, now)) for each in schedds}
        having = [name for name, those in owners.items() if those]
        mine = self.session.situation.user
        return [name for name in having if mine in owners[name]] or having


def only(job: JobId, schedds: Sequence[str]) -> str | None:
    """The one schedd that may be meant; None for none.

    Raises:
        AmbiguousJob: there are more.
    """
    if len(schedds) > 1:
        short = {short_name(each) for each in schedds}
        names = map(short_name, schedds) if len(short) == len(schedds) else schedds
        number = replace(job, schedd="")
        spelled = " or ".join(f"{each}:{number}" for each in names)
        raise AmbiguousJob(
            f"{job} is a job on {len(schedds)} schedds", remedy=f"say which one: {spelled}"
        )
    return schedds[0] if schedds else None


def _owners(queue: Queue) -> frozenset[str]:
    return frozenset([job.owner for job in queue.jobs] + [rest.owner for rest in queue.unmade])
