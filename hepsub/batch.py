"""What a batch system says of jobs, and is told: the values that cross the seam (batch_system.py)."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from hepsub.jobid import JobId, SubmissionRef

SPOOLING = 16
"""HoldReasonCode of a job whose files have not arrived (HTCondor Manual, "Job ClassAd Attributes")."""
SPOOLED_WITHIN_S = 600
"""What has not arrived so long after the submission never will, unless the process that submitted still sends it."""

SAVED_AT_HOME = 85
"""The wrapper's exit code for outputs, or the marker, that are not in their place but at home (worker/README.md)."""

_MARGIN = 1.25
_ROUND_MB = 100


class State(enum.Enum):
    """A job's state, by the letter that HepJob and HTCondor show."""

    IDLE = "I"
    RUNNING = "R"
    REMOVED = "X"
    COMPLETED = "C"
    HELD = "H"
    TRANSFERRING = ">"
    SUSPENDED = "S"


RUNNING = (State.RUNNING, State.TRANSFERRING, State.SUSPENDED)
"""A job in one of these states has a slot."""
ACTIVE = (State.IDLE, *RUNNING)
"""A job in one of these states has not ended, and goes on by itself."""


class JobStatus(Struct, frozen=True, kw_only=True):
    """One job as its schedd knows it.

    Attributes:
        pool: its pool's name in the policy, where that is another one than was asked; else empty.
        settled: whether what it left at home (exit code 85) is in its place since, and its program had ended with 0.
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
        remove_reason: why it was removed, or ended otherwise than by its program; empty for neither.
        cpu_seconds: CPU time of all its processes, as far as it is known: HTCondor looks now and then
            and counts whole seconds, the embedded pool knows it when a run has ended.
        cores: cores asked for.
        walltime_s: seconds that it may run, by hepsub's own limit; 0 for none, or not known.
        stderr: where its standard error goes, absolute, as its batch system knows it; empty for not known.
        stage: what its wrapper is at while it runs, as it told last (batch_stage.py); empty for not known.
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
    cores: int = 1
    walltime_s: int = 0
    stderr: str = ""
    stage: str = ""
    pool: str = ""
    settled: bool = False

    @property
    def job(self) -> str:
        """`cluster.proc`."""
        return f"{self.cluster}.{self.proc}"

    @property
    def id(self) -> str:
        """What means this job on a command line: with its schedd where that is another pool's."""
        return f"{self.schedd}:{self.job}" if self.pool else self.job


def has_succeeded(job: JobStatus) -> bool:
    """Whether a job has ended with 0, and its outputs are in their places, even if they came there later."""
    return job.state is State.COMPLETED and (job.exit_code == 0 or job.settled)


def memory_to_ask_for(peak_mb: float, outgrown_mb: int = 0) -> int:
    """What to ask for the next time, in MB: the measured peak and a quarter, in round numbers.

    Args:
        peak_mb: the most that was measured, in MB; 0 for not known.
        outgrown_mb: what had been asked for and was not enough; 0 where it was enough.
    """
    # HTCondor measures now and then: a job that was ended for its memory had more than the peak says.
    least = max(peak_mb, outgrown_mb) * _MARGIN if peak_mb else outgrown_mb * 2
    return max(1, math.ceil(least / _ROUND_MB)) * _ROUND_MB


def end_text(job: JobStatus) -> str:
    """How a job ended, in a few words."""
    if job.state is State.HELD:
        return f"is on hold ({job.hold_reason})"
    if job.state is State.REMOVED:
        return "was removed"
    because = f" ({job.remove_reason})" if job.remove_reason else ""
    if job.exit_signal is not None:
        return f"was ended by signal {job.exit_signal}{because}"
    if job.exit_code is None:
        return f"has no exit code{because}"
    since = ", and its outputs are in their places since" if job.settled else ""
    return f"ended with exit code {job.exit_code}{since}{because}"


class Unmade(Struct, frozen=True, kw_only=True):
    """Procs of a factory that the schedd has not made yet: they count as idle.

    Attributes:
        first: the first ProcId that does not exist yet.
        requested_mb: memory that they will ask for, in MB (2**20 bytes).
        cores: cores that they will ask for.
        paused: whether the factory is paused (the cluster is on hold).
        pool: as in `JobStatus`.
    """

    schedd: str
    cluster: int
    owner: str
    first: int
    number: int
    requested_mb: int = 0
    cores: int = 1
    priority: int = 0
    walltime_s: int = 0
    paused: bool = False
    pool: str = ""

    @property
    def procs(self) -> range:
        """Their ProcIds."""
        return range(self.first, self.first + self.number)

    @property
    def meant(self) -> str:
        """What means this cluster on a command line: with its schedd where that is another pool's."""
        return f"{self.schedd}:{self.cluster}" if self.pool else str(self.cluster)


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
        submitted: seconds since the epoch; 0 where no job exists.
        unmade: how many procs a factory has still to make.
        hold_reason: of its first job on hold; empty when none is.
        pool: as in `JobStatus`.
    """

    schedd: str
    cluster: int
    name: str
    submitted: float
    states: Mapping[State, int]
    unmade: int = 0
    hold_reason: str = ""
    pool: str = ""


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
        own: ClusterIds of the owner, whatever the account is called to which the pool maps them.
    """

    ids: tuple[JobId, ...] = ()
    owner: str = ""
    states: tuple[State, ...] = ()
    uuid: str = ""
    once: str = ""
    own: tuple[int, ...] = ()


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
        already: were so before.
        wrong_state: cannot be acted upon in their state.
        denied: belong to somebody else.
        runs_ended: of those acted upon, how many ran, and begin anew.
    """

    done: int
    already: int = 0
    wrong_state: int = 0
    denied: int = 0
    runs_ended: int = 0


class Advice(Struct, frozen=True, kw_only=True):
    """Why a job is where it is.

    Attributes:
        details: what the sentence rests on, one line each.
        next_command: what to do; empty when nothing is to be done.
    """

    sentence: str
    details: tuple[str, ...] = ()
    next_command: str = ""
