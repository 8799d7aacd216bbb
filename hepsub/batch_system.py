"""The seam to a batch system: what hepsub asks of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from hepsub.batch import (
        Act,
        ActCount,
        Advice,
        ClusterCounts,
        Counts,
        JobStatus,
        Queue,
        Selection,
        Submitted,
    )
    from hepsub.batch_edit import Edit
    from hepsub.batch_logs import LogPlaces, Piece, Stream
    from hepsub.batch_offers import Offer
    from hepsub.batch_sites import HeldThere, Removed
    from hepsub.confine import Writable
    from hepsub.jobid import JobId, SubmissionRef
    from hepsub.plan.credentials import JobCredential
    from hepsub.plan.model import Element, Plan


class ComputingElement(Protocol):
    """The queue of a computing element, as whoever shows its token sees it."""

    def remove(self, jobs: Collection[str], since: float, *, waiting: bool = False) -> Removed:
        """Remove jobs that it has on hold, and tell what is known of them then.

        Args:
            jobs: the ids by which they are known at home (GlobalJobId).
            since: when the first of them was submitted, in seconds since the epoch.
            waiting: whether those that wait there are removed, too.
        """


class Leaving(Protocol):
    """The jobs of a schedd that are at remote sites, and may be taken away from them."""

    def held(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """The jobs on hold of some clusters that were at a site."""

    def waiting(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """The jobs of some clusters that wait at a site."""

    def ended(self, jobs: Sequence[JobId]) -> Mapping[tuple[int, int], tuple[str, float]]:
        """At which sites jobs ran that have left the queue, and when they ended; by ClusterId and ProcId."""

    def leave_out(self, clusters: Collection[int], sites: Iterable[str]) -> tuple[int, ...]:
        """Let the jobs of some clusters that have a choice go to none of these sites.

        Returns:
            The clusters of which this does not reach the jobs that a factory has still to make.
        """

    def release(self, jobs: Iterable[HeldThere]) -> int:
        """Let jobs on hold go on elsewhere, with the sites that they were taken away from noted; how many did."""

    def recall(self, jobs: Collection[HeldThere]) -> None:
        """Note of jobs that wait behind a computing element that it is asked to remove them."""

    def move(self, jobs: Iterable[HeldThere], site: str, element: Element) -> int:
        """Let jobs on hold go through the element of another site, which are at none any more; how many go there."""

    def remove(self, ref: SubmissionRef, procs: Collection[int], since: float) -> Removed:
        """Remove jobs of a submission that wait or are on hold, and tell what is known of them then, by `cluster.proc`.

        Whom somebody else has removed counts among those that have ended. The submission was made at `since`, in
        seconds since the epoch.
        """


class Spool(Protocol):
    """The jobs whose files a schedd is given, because it sees none of this host's directories."""

    def hand_over(self, cluster: int) -> None:
        """Send the files of a cluster that was submitted here, whose plan says so; then its jobs may start."""

    def write_addresses(self, cluster: int, urls: Mapping[int, str]) -> None:
        """Let the jobs of a cluster that was handed over know where their letters are: by ProcId the URL of each."""

    def fetch(self, selection: Selection, writable: Writable) -> None:
        """Fetch what ended jobs of a selection left, to where it may be written."""


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

    @property
    def spool(self) -> Spool | None:
        """Its jobs whose files it is given; None for what sees this host's directories."""

    @property
    def leaving(self) -> Leaving | None:
        """Its jobs at remote sites; None for what has no sites."""

    def identity(self) -> str:
        """Who the schedd takes us for, and by which method, for people."""

    def account(self) -> str:
        """The account to which the schedd maps us: the owner of what we submit."""

    @property
    def edits_factories(self) -> bool:
        """Whether `open_gate` and `edit` reach the procs that a factory has still to make."""

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

    def offers(self, plan: Plan, patience_s: int) -> tuple[Offer, ...]:
        """What the largest slots have that the jobs of a plan may run on; none where that is not known.

        Args:
            plan: the plan.
            patience_s: for how long the pool may say nothing, in seconds.
        """

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Submit one cluster in one transaction."""

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection that are in the queue or, failing that, in the history."""

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        """The jobs of a selection that are in the queue, by id; if brief, what hep_q's table lacks may be empty."""

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue."""

    def has_factories(self, selection: Selection) -> bool:
        """Whether `act` would count factories besides the jobs of a selection."""

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:
        """The clusters of a selection that are in the queue, by id, their jobs counted."""

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs of a selection that left the queue, the latest first.

        Args:
            selection: which jobs.
            most: how many at most.
            since: what left before this moment, in seconds since the epoch, is not looked for.
        """

    def log_places(self, job: JobId) -> LogPlaces | None:
        """One job, of the queue or of the history, and where its logs are; None where it is in neither."""

    def watch(
        self, job: JobId, stream: Stream, most: int, *, follow: bool
    ) -> AbstractContextManager[Iterator[Piece | None]]:
        """What a running job has written, read where it runs; the last bytes first.

        The iterator gives None when it has waited for a while. It ends, with follow, when the run has ended, or
        can no longer be reached.

        Args:
            job: the job.
            stream: which log.
            most: how many bytes one look brings at most.
            follow: whether it goes on with what the job writes next.
        """

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection."""

    def edit(
        self, selection: Selection | None, wanted: Edit, factories: tuple[int, ...] = ()
    ) -> None:
        """Change what jobs ask for that exist, and those that factories have still to make.

        Args:
            selection: the jobs that exist, at least one; None for none.
            wanted: what they ask for from now on.
            factories: their ClusterIds; they go first, because that may fail, and nothing is changed then.
        """

    def explain(
        self, job: JobStatus, meant: str, now: float, token_end: float | None = None
    ) -> Advice:
        """Why a job is where it is that is idle, on hold, or with a computing element.

        Args:
            job: the job.
            meant: what the next command shall name.
            now: seconds since the epoch.
            token_end: when the token ends that the element is shown, likewise; None for none.
        """
