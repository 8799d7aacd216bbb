"""The seam to a batch system: what hepsub asks of one, and the values that cross."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from hepsub.jobid import JobId, SubmissionRef

if TYPE_CHECKING:
    from hepsub.plan.credentials import JobCredential
    from hepsub.plan.model import Plan

SPOOLING = 16
"""HoldReasonCode of a job whose files have not arrived (HTCondor Manual, "Job ClassAd Attributes")."""


class State(enum.Enum):
    """A job's state, by the letter that HepJob and HTCondor show."""

    IDLE = "I"
    RUNNING = "R"
    REMOVED = "X"
    COMPLETED = "C"
    HELD = "H"
    TRANSFERRING = ">"
    SUSPENDED = "S"


ACTIVE = (State.IDLE, State.RUNNING, State.TRANSFERRING, State.SUSPENDED)
"""A job in one of these states has not ended, and goes on by itself."""


class JobStatus(Struct, frozen=True, kw_only=True):
    """One job as its schedd knows it.

    Attributes:
        submitted: seconds since the epoch.
        run_seconds: seconds of running so far.
        memory_mb: memory in use, in MB (2**20 bytes).
        requested_mb: memory asked for, in MB.
        command: base name of the program.
        name: job name; empty for none.
        hold_code: HoldReasonCode; 0 when it is not on hold.
        hold_reason: HTCondor's text; empty when it is not on hold.
        host: where it runs or ran last; empty before.
        exit_code: exit code; None while there is none, or when a signal ended it.
        ended: when it ended, seconds since the epoch; 0 before.
        remove_reason: why it was removed; empty when it was not.
        cpu_seconds: CPU time of all its processes, as far as it is known: HTCondor looks now and then
            and counts whole seconds, the embedded pool knows it when a run has ended.
    """

    schedd: str
    cluster: int
    proc: int
    owner: str
    submitted: float
    run_seconds: float
    state: State
    priority: int
    memory_mb: float
    requested_mb: int
    command: str
    arguments: tuple[str, ...]
    name: str = ""
    hold_code: int = 0
    hold_subcode: int = 0
    hold_reason: str = ""
    host: str = ""
    exit_code: int | None = None
    exit_signal: int | None = None
    ended: float = 0
    remove_reason: str = ""
    cpu_seconds: float = 0

    @property
    def job(self) -> str:
        """`cluster.proc`."""
        return f"{self.cluster}.{self.proc}"


class Unmade(Struct, frozen=True, kw_only=True):
    """Procs of a factory that the schedd has not made yet: they count as idle.

    Attributes:
        first: the first ProcId that does not exist yet.
        requested_mb: memory that they will ask for, in MB (2**20 bytes).
        paused: whether the factory is paused (the cluster is on hold).
    """

    schedd: str
    cluster: int
    owner: str
    first: int
    number: int
    requested_mb: int = 0
    paused: bool = False


class Queue(Struct, frozen=True, kw_only=True):
    """What a schedd answered: the jobs that exist, and those a factory will make."""

    jobs: tuple[JobStatus, ...]
    unmade: tuple[Unmade, ...] = ()


class Counts(Struct, frozen=True, kw_only=True):
    """How many jobs of a selection are in each state.

    Attributes:
        states: the jobs that exist; a schedd may count those whose outputs travel as running.
        unmade: the procs that factories have still to make.
    """

    states: Mapping[State, int]
    unmade: tuple[Unmade, ...] = ()

    def total(self) -> int:
        """How many jobs exist."""
        return sum(self.states.values())


class ClusterCounts(Struct, frozen=True, kw_only=True):
    """A cluster in the queue, with its jobs counted by state.

    Attributes:
        name: of its first job: the job name, else the program's.
        submitted: when that was, in seconds since the epoch; 0 where no job exists.
        unmade: how many procs a factory has still to make.
        hold_reason: of its first job on hold; empty when none is.
    """

    schedd: str
    cluster: int
    name: str
    submitted: float
    states: Mapping[State, int]
    unmade: int = 0
    hold_reason: str = ""


def counts_of(queue: Queue) -> Counts:
    """The jobs of a queue, counted."""
    return Counts(states=Counter(job.state for job in queue.jobs), unmade=queue.unmade)


def clusters_of(queue: Queue) -> tuple[ClusterCounts, ...]:
    """The clusters of a queue, those with jobs first, each with its jobs counted."""
    clusters: dict[tuple[str, int], list[JobStatus]] = {}
    for job in queue.jobs:
        clusters.setdefault((job.schedd, job.cluster), []).append(job)
    unmade = Counter({(each.schedd, each.cluster): each.number for each in queue.unmade})
    return tuple(
        ClusterCounts(
            schedd=schedd,
            cluster=cluster,
            name=(jobs[0].name or jobs[0].command) if jobs else "",
            submitted=jobs[0].submitted if jobs else 0,
            states=Counter(job.state for job in jobs),
            unmade=unmade[schedd, cluster],
            hold_reason=next((job.hold_reason for job in jobs if job.state is State.HELD), ""),
        )
        for schedd, cluster in dict.fromkeys((*clusters, *unmade))
        for jobs in [clusters.get((schedd, cluster), [])]
    )


class Selection(Struct, frozen=True, kw_only=True):
    """Which jobs are meant; what is empty does not narrow.

    Attributes:
        ids: clusters and procs, any of them.
        states: any of these.
        once: the submission's key; jobs that were removed before they could start have none.
    """

    ids: tuple[JobId, ...] = ()
    owner: str = ""
    states: tuple[State, ...] = ()
    uuid: str = ""
    once: str = ""


class Submitted(Struct, frozen=True, kw_only=True):
    """A cluster that a schedd has just taken, and what the user should know of it."""

    ref: SubmissionRef
    notes: tuple[str, ...] = ()


class Act(enum.Enum):
    """What can be done to jobs."""

    REMOVE = "remove"
    HOLD = "hold"
    RELEASE = "release"


class ActCount(Struct, frozen=True, kw_only=True):
    """How many jobs an act met.

    Attributes:
        done: acted upon.
        already: were so already.
        wrong_state: cannot be acted upon in their state.
        denied: belong to somebody else.
        missing: do not exist.
    """

    done: int
    already: int = 0
    wrong_state: int = 0
    denied: int = 0
    missing: int = 0


class Advice(Struct, frozen=True, kw_only=True):
    """Why a job is where it is.

    Attributes:
        details: what the sentence rests on, one line each.
        next_command: what to do; empty when nothing is to be done.
    """

    sentence: str
    details: tuple[str, ...] = ()
    next_command: str = ""


class BatchSystem(Protocol):
    """One schedd and its pool, or something that behaves like them."""

    @property
    def pool(self) -> str:
        """The pool's name in the policy."""

    @property
    def name(self) -> str:
        """Full name of the schedd."""

    @property
    def host(self) -> str:
        """The host that it runs on."""

    def identity(self) -> str:
        """Who the schedd takes us for, and by which method, for people."""

    @property
    def edits_factories(self) -> bool:
        """Whether `open_gate` and `edit_memory` reach the procs that a factory has still to make."""

    def open_gate(self, cluster: int, *, factory: bool, held: bool = False) -> None:
        """Let the jobs of a cluster start whose bundle is complete now.

        Args:
            cluster: ClusterId.
            factory: whether the schedd makes its procs as they are needed.
            held: whether they were submitted on hold, because nobody looks at their requirements.
        """

    def store_credential(self, credential: JobCredential, content: bytes) -> None:
        """Hand a credential over to the pool's own credd, which delivers it to the user's jobs."""

    def describe(self, plan: Plan, uuid: str) -> str:
        """What the batch system would be given, as text."""

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Submit one cluster in one transaction."""

    def hand_over(self, cluster: int) -> None:
        """Send the files of a cluster that was submitted here, whose plan says so; then its jobs may start."""

    def fetch(self, selection: Selection) -> None:
        """Fetch what ended jobs of a selection left with the schedd, to where it belongs."""

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection that are in the queue or, failing that, in the history."""

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        """The jobs of a selection that are in the queue, by id.

        Args:
            selection: which jobs.
            now: seconds since the epoch.
            brief: only what hep_q's table shows of a job is asked for; the rest may say nothing.
        """

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue."""

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:
        """The clusters of a selection that are in the queue, by id, their jobs counted."""

    def history(self, selection: Selection, most: int) -> tuple[JobStatus, ...]:
        """The jobs of a selection that left the queue, the latest first."""

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection."""

    def edit_memory(
        self, selection: Selection | None, memory_mb: int, factories: tuple[int, ...] = ()
    ) -> None:
        """Change RequestMemory of jobs that exist, and of those that factories have still to make.

        Args:
            selection: the jobs that exist, at least one; None for none.
            memory_mb: in MB (2**20 bytes).
            factories: their ClusterIds; they go first, because that may fail, and nothing is changed then.
        """

    def explain(self, job: JobStatus, meant: str, now: float) -> Advice:
        """Why an idle or held job is where it is; `meant` is what the next command shall name."""
