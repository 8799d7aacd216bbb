"""A schedd in memory: it behaves as HTCondor does, and fails when a test tells it to."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from hepsub.batch import (
    Act,
    ActCount,
    Advice,
    ClusterCounts,
    Counts,
    JobStatus,
    Queue,
    Selection,
    State,
    Submitted,
    Unmade,
    clusters_of,
    counts_of,
)
from hepsub.batch_edit import Edit
from hepsub.batch_logs import LogPlaces, Piece, Stream
from hepsub.batch_offers import Offer
from hepsub.batch_sites import HeldThere, Removed
from hepsub.batch_system import BatchSystem
from hepsub.confine import Writable
from hepsub.errors import (
    HepsubError,
    PoolError,
    PoolUnreachable,
    ScheddNotReached,
    SubmissionRefused,
    ToolFailed,
)
from hepsub.jobid import JobId, SubmissionRef
from hepsub.plan.credentials import JobCredential
from hepsub.plan.model import Element, Plan
from tests.fakes.world import NOON


class Fault(enum.Enum):
    """What goes wrong during the next submission."""

    NEVER_REACHED = "no connection is ever made"
    LOST_BEFORE = "the connection breaks before the schedd has heard"
    LOST_AFTER = "the connection breaks after the schedd has committed"
    REFUSED = "the schedd says no"
    INTERRUPTED_BEFORE = "Ctrl-C before the schedd has heard"
    INTERRUPTED_AFTER = "Ctrl-C after the schedd has committed"
    KILLED_AFTER = "the process is killed after the schedd has committed"


class Killed(BaseException):
    """What nothing may catch, as nothing can catch SIGKILL."""


def make_job(job: str = "13.0", state: State = State.IDLE, **values: object) -> JobStatus:
    """A job of alice's on schedd01."""
    cluster, proc = job.split(".")
    plain = JobStatus(
        schedd="schedd01.example.org",
        cluster=int(cluster),
        proc=int(proc),
        owner="alice",
        submitted=NOON - 100,
        run_seconds=0,
        state=state,
        priority=0,
        memory_mb=0,
        requested_mb=2000,
        command="job.sh",
        arguments=(),
    )
    return replace(plain, **values)


def make_unmade(cluster: int = 20, **values: object) -> Unmade:
    """A factory of alice's on schedd01 that has made 10 of 100 jobs."""
    plain = Unmade(
        schedd="schedd01.example.org",
        cluster=cluster,
        owner="alice",
        first=10,
        number=90,
        requested_mb=2000,
    )
    return replace(plain, **values)


@dataclass(slots=True, kw_only=True)
class Cluster:
    """What was submitted: the plan, and what it is found by."""

    submitted: SubmissionRef
    plan: Plan


@dataclass(slots=True, kw_only=True)
class FakeLeaving:
    """The jobs of a schedd at remote sites.

    Attributes:
        on_hold: its jobs on hold.
        past: where jobs ran that have ended, and when they ended.
        left_out: the sites to which the jobs of a cluster do not go.
        unreached: the factories that cannot be changed.
        error: what is raised instead of an answer.
        moved: the jobs that went through another element: proc, site, resource, queue.
        idle: its jobs that wait.
        removing: what is told when jobs of a submission are removed.
        recalled: the ProcIds of jobs that were marked before their element was asked.
    """

    on_hold: list[HeldThere] = field(default_factory=list)
    past: dict[tuple[int, int], tuple[str, float]] = field(default_factory=dict)
    left_out: dict[int, tuple[str, ...]] = field(default_factory=dict)
    unreached: tuple[int, ...] = ()
    error: HepsubError | None = None
    moved: list[tuple[int, str, str, str]] = field(default_factory=list)
    idle: list[HeldThere] = field(default_factory=list)
    removing: Callable[[SubmissionRef, Collection[int]], Removed] = lambda _ref, _procs: Removed()
    recalled: list[int] = field(default_factory=list)

    def held(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """Those of these clusters."""
        if self.error is not None:
            raise self.error
        return tuple(each for each in self.on_hold if each.cluster in clusters)

    def waiting(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """Those of these clusters."""
        return tuple(each for each in self.idle if each.cluster in clusters)

    def remove(self, ref: SubmissionRef, procs: Collection[int], since: float) -> Removed:
        """As told."""
        assert since > 0
        return self.removing(ref, procs)

    def ended(self, jobs: Sequence[JobId]) -> Mapping[tuple[int, int], tuple[str, float]]:
        """What is known of these."""
        return {
            key: value for key, value in self.past.items() if any(job.holds(*key) for job in jobs)
        }

    def leave_out(self, clusters: Collection[int], sites: Iterable[str]) -> tuple[int, ...]:
        """Note it."""
        self.left_out |= dict.fromkeys(clusters, tuple(sites))
        return self.unreached

    def release(self, jobs: Iterable[HeldThere]) -> int:
        """They are on hold no more."""
        going = list(jobs)
        self.on_hold = [each for each in self.on_hold if each not in going]
        return len(going)

    def recall(self, jobs: Collection[HeldThere]) -> None:
        """Note it."""
        self.recalled += [each.proc for each in jobs]
        self.idle = [
            replace(each, through=replace(each.through, recalled=True))
            if each in jobs and each.through is not None
            else each
            for each in self.idle
        ]

    def move(self, jobs: Iterable[HeldThere], site: str, element: Element) -> int:
        """They go there."""
        going = list(jobs)
        self.moved += [(each.proc, site, element.resource, element.queue) for each in going]
        return self.release(going)


@dataclass(slots=True)
class FakeElement:
    """The queue of a computing element.

    Attributes:
        answer: what it tells of jobs; or why it cannot be asked.
        asked: what it was asked: the jobs, and the token that it was shown.
        waiting: whether those that wait were meant each time, too.
    """

    answer: Removed | HepsubError
    asked: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    token: str = ""
    waiting: list[bool] = field(default_factory=list)

    def remove(self, jobs: Collection[str], since: float, *, waiting: bool = False) -> Removed:
        """As told."""
        assert since > 0
        self.asked.append((tuple(sorted(jobs)), self.token))
        self.waiting.append(waiting)
        if isinstance(self.answer, HepsubError):
            raise self.answer
        return self.answer


@dataclass(slots=True, kw_only=True)
class FakeSchedd:
    """One schedd.

    Attributes:
        name: full name.
        pool: its pool's name in the policy.
        host: the host it runs on.
        jobs: the queue.
        unmade: the factories.
        past: the history, the latest first.
        clusters: what was submitted here.
        fault: what goes wrong during the next submission.
        reachable: whether it answers at all.
        counts: what `act` answers instead of the truth; None for the truth.
        calls: what it was asked, in order.
        handover_fault: what the next hand_over raises.
        owner: what it calls alice.
        leaving: its jobs at remote sites.
        edits_factories: whether what factories have still to make can be changed.
        places: where what was fetched could be written.
        lost: the jobs of whose files it has nothing any more.
        logs: what it says of a job, one time after the other; the last one again and again.
        watched: what comes of one look into a job after the other; an error is raised.
        addresses: by cluster and proc what was told of where their letters are.
        offered: what its slots have; None where nobody answers.
    """

    name: str = "schedd01.example.org"
    pool: str = "local"
    host: str = "schedd01.example.org"
    jobs: list[JobStatus] = field(default_factory=list)
    unmade: list[Unmade] = field(default_factory=list)
    past: list[JobStatus] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    fault: Fault | None = None
    reachable: bool = True
    counts: ActCount | None = None
    calls: list[str] = field(default_factory=list)
    handover_fault: BaseException | None = None
    edits_factories: bool = True
    owner: str = "alice"
    places: list[Writable] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    logs: list[LogPlaces | HepsubError | None] = field(default_factory=list)
    watched: list[list[Piece | HepsubError | None]] = field(default_factory=list)
    addresses: dict[tuple[int, int], str] = field(default_factory=dict)
    leaving: FakeLeaving | None = field(default_factory=FakeLeaving)
    offered: tuple[Offer, ...] | None = ()

    @property
    def spool(self) -> FakeSchedd:
        """It sees nothing of this host, when a plan says so."""
        return self

    def open_gate(self, cluster: int, *, factory: bool, held: bool = False) -> None:
        """Note that the jobs may start."""
        how = (" of a factory" if factory else "") + (" on hold" if held else "")
        self._called(f"open_gate {cluster}{how}")

    def identity(self) -> str:
        """Alice, when it can be asked."""
        self._called("identity")
        return "alice@example.org, by FS"

    def account(self) -> str:
        """Alice, unless a test calls her otherwise."""
        self._called("account")
        return self.owner

    def hand_over(self, cluster: int) -> None:
        """Note that the files came, or fail as told."""
        self._called(f"hand_over {cluster}")
        fault, self.handover_fault = self.handover_fault, None
        if fault is not None:
            raise fault

    def write_addresses(self, cluster: int, urls: Mapping[int, str]) -> None:
        """Keep them."""
        self._called(f"write_addresses {cluster}")
        self.addresses |= {(cluster, proc): url for proc, url in urls.items()}

    def fetch(self, selection: Selection, writable: Writable) -> None:
        """Ended jobs leave the queue; not one of them does where one's files are lost."""
        self.places.append(writable)
        self._called("fetch")
        meant = [
            job
            for job in self.jobs
            if job.state is State.COMPLETED
            and (not selection.ids or any(i.holds(job.cluster, job.proc) for i in selection.ids))
        ]
        if any(job.job in self.lost for job in meant):
            raise PoolError(f"the schedd {self.name} said: File transfer failed", remedy="")
        self.jobs = [job for job in self.jobs if job not in meant]

    def store_credential(self, credential: JobCredential, content: bytes) -> None:
        """Note what was handed over."""
        self._called(f"store_credential {credential.name} {content.decode()}")

    def describe(self, plan: Plan, uuid: str) -> str:
        """A text that says just enough."""
        return f"{plan.number} of {plan.script} as {uuid}"

    def offers(self, plan: Plan, patience_s: int) -> tuple[Offer, ...]:  # noqa: ARG002
        """What a test says that the slots have."""
        self._called(f"offers {patience_s}")
        if self.offered is None:
            raise PoolUnreachable("nobody answers")
        return self.offered

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Make a cluster, or fail as told."""
        self._called("submit")
        fault, self.fault = self.fault, None
        if fault is Fault.NEVER_REACHED:
            raise ScheddNotReached(f"the schedd {self.name} is not there", remedy="try again")
        if fault is Fault.LOST_BEFORE:
            raise PoolUnreachable(f"the schedd {self.name} does not answer", remedy="try again")
        if fault is Fault.INTERRUPTED_BEFORE:
            raise KeyboardInterrupt
        if fault is Fault.REFUSED:
            raise SubmissionRefused(f"the schedd {self.name} said: no", remedy="submit fewer")
        submitted = self._commit(plan, uuid)
        if fault is Fault.LOST_AFTER:
            raise PoolUnreachable(f"the schedd {self.name} does not answer", remedy="try again")
        if fault is Fault.INTERRUPTED_AFTER:
            raise KeyboardInterrupt
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return submitted

    def _commit(self, plan: Plan, uuid: str) -> Submitted:
        number = max((each.submitted.cluster for each in self.clusters), default=12) + 1
        ref = SubmissionRef(
            uuid=uuid, pool=self.pool, schedd=self.name, cluster=number, number=plan.number
        )
        self.clusters.append(Cluster(submitted=ref, plan=plan))
        made = min(plan.number, plan.factory_idle or plan.number)
        for proc in range(made):
            self.jobs.append(
                make_job(
                    f"{number}.{proc}",
                    schedd=self.name,
                    owner=plan.user,
                    requested_mb=plan.memory_mb,
                )
            )
        if made < plan.number:
            self.unmade.append(
                make_unmade(
                    number,
                    schedd=self.name,
                    owner=plan.user,
                    first=made,
                    number=plan.number - made,
                    requested_mb=plan.memory_mb,
                )
            )
        return Submitted(ref=ref)

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters with this UUID or key."""
        self._called("find")
        return tuple(each.submitted for each in self._found(selection))

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        """The jobs that are meant."""
        del now
        self._called("queue brief" if brief else "queue")
        return self._queue(selection)

    def count(self, selection: Selection) -> Counts:
        """The jobs that are meant, counted."""
        self._called("count")
        return counts_of(self._queue(selection))

    def has_factories(self, selection: Selection) -> bool:
        """Whether what is meant has procs that are still to be made."""
        self._called("has_factories")
        return bool(self._queue(selection).unmade)

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:
        """The clusters that are meant, counted."""
        del now
        self._called("count_clusters")
        return clusters_of(self._queue(selection))

    def _queue(self, selection: Selection) -> Queue:
        unmade = (_narrowed(each, selection) for each in self.unmade)
        return Queue(
            jobs=tuple(job for job in self.jobs if self._is_meant(job, selection)),
            unmade=tuple(each for each in unmade if each is not None),
        )

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs that left, as far as they are meant."""
        self._called("history")
        late = [job for job in self.past if job.ended >= since]
        return tuple(job for job in late if self._is_meant(job, selection))[:most]

    def log_places(self, job: JobId) -> LogPlaces | None:
        """What a test wants it to say next."""
        self._called(f"log_places {job}")
        found = self.logs.pop(0) if len(self.logs) > 1 else self.logs[0]
        if isinstance(found, HepsubError):
            raise found
        return found

    @contextlib.contextmanager
    def watch(
        self, job: JobId, stream: Stream, most: int, *, follow: bool
    ) -> Iterator[Iterator[Piece | None]]:
        """What a test wants it to bring."""
        self._called(f"watch {job} {stream.value} {most}{' on' if follow else ''}")
        yield _brought(self.watched.pop(0))

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Change the states of the jobs that are meant."""
        self._called(f"act {act.value}")
        if self.counts is not None:
            return self.counts
        into = {Act.REMOVE: State.REMOVED, Act.HOLD: State.HELD, Act.RELEASE: State.IDLE}[act]
        found = [number for number, job in enumerate(self.jobs) if self._is_meant(job, selection)]
        for number in found:
            self.jobs[number] = replace(self.jobs[number], state=into)
        return ActCount(done=len(found))

    def edit(
        self, selection: Selection | None, wanted: Edit, factories: tuple[int, ...] = ()
    ) -> None:
        """Change what the jobs ask for, those still to be made first."""
        if factories and not self.edits_factories:
            raise ToolFailed("condor_qedit is not installed", remedy="install it")
        said = {
            "requested_mb": wanted.memory_mb,
            "cores": wanted.cpus,
            "priority": wanted.priority,
            "walltime_s": wanted.walltime("juno")[1] if wanted.walltime else None,
        }
        new: dict[str, int] = {name: value for name, value in said.items() if value is not None}
        words = " ".join(str(value) for value in new.values())
        for cluster in factories:
            self._called(f"edit_factory {cluster} {words}")
        self.unmade = [
            replace(each, **new) if each.cluster in factories else each for each in self.unmade
        ]
        if selection is None:
            return
        self._called(f"edit {words}")
        self.jobs = [
            replace(job, **new) if self._is_meant(job, selection) else job for job in self.jobs
        ]

    def explain(
        self, job: JobStatus, meant: str, now: float, token_end: float | None = None
    ) -> Advice:
        """A sentence that names the job it was asked for."""
        del now, token_end
        self._called("explain")
        return Advice(
            sentence=f"{job.job} is {job.state.value}",
            details=("a detail",),
            next_command=f"hep_rm {meant}",
        )

    def _is_meant(self, job: JobStatus, selection: Selection) -> bool:
        if not (selection.uuid or selection.once):
            return _meant(job, selection)
        found = {each.submitted.cluster for each in self._found(selection)}
        return job.cluster in found and _meant(job, selection)

    def _found(self, selection: Selection) -> tuple[Cluster, ...]:
        """The clusters with this UUID, key or owner."""
        return tuple(
            each
            for each in self.clusters
            if (not selection.uuid or each.submitted.uuid == selection.uuid)
            and (not selection.once or each.plan.once == selection.once)
            and (not selection.owner or each.plan.user == selection.owner)
        )

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if not self.reachable:
            raise PoolUnreachable(f"the schedd {self.name} does not answer", remedy="try again")


def _brought(pieces: Iterable[Piece | HepsubError | None]) -> Iterator[Piece | None]:
    for each in pieces:
        if isinstance(each, HepsubError):
            raise each
        yield each


def as_batch_systems(*schedds: FakeSchedd) -> Callable[[str, object], tuple[BatchSystem, ...]]:
    """A connection to these schedds, whatever the pool."""

    def connect(pool: str, _: object) -> tuple[BatchSystem, ...]:
        for each in schedds:
            each.pool = pool
        return schedds

    return connect


def _meant(job: JobStatus, selection: Selection) -> bool:
    return (
        (not selection.owner or job.owner == selection.owner or job.cluster in selection.own)
        and (not selection.states or job.state in selection.states)
        and (not selection.ids or any(each.holds(job.cluster, job.proc) for each in selection.ids))
    )


def _narrowed(unmade: Unmade, selection: Selection) -> Unmade | None:
    if selection.states and State.IDLE not in selection.states:
        return None
    if selection.owner and unmade.owner != selection.owner:
        return None
    procs = range(unmade.first, unmade.first + unmade.number)
    number = sum(
        1
        for proc in procs
        if not selection.ids or any(each.holds(unmade.cluster, proc) for each in selection.ids)
    )
    return replace(unmade, number=number) if number else None
