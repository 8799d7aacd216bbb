"""The embedded pool behind hepsub's seam to batch systems."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from msgspec import Struct
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
    clusters_of,
    counts_of,
)
from hepsub.batch_edit import Edit
from hepsub.batch_logs import LogPlaces, Piece, Stream
from hepsub.batch_offers import Offer
from hepsub.errors import NotOnThisMachine
from hepsub.jobid import JobId, SubmissionRef
from hepsub.local import queue, record, runs
from hepsub.local.database import Database
from hepsub.local.describe import check_possible, description
from hepsub.local.directory import Place, check, prepare, queue_directory
from hepsub.local.edit import edit
from hepsub.local.explain import explain_held, explain_idle, idle, launch_of
from hepsub.local.machine import capped_note, this_machine
from hepsub.local.outcome import clear_scratch, told_stage
from hepsub.local.queue import Listed
from hepsub.local.start import USUAL, Timing, ensure_runner
from hepsub.plan.credentials import JobCredential
from hepsub.plan.model import Plan
from hepsub.situation import login_name

_EMPTY = Queue(jobs=())


class HereBatch(Struct, frozen=True, kw_only=True):
    """One user's queue on one host; like a schedd, it has a clock of its own.

    What cannot read or write it does nothing, and raises QueueDirectoryRefused, QueueNotWritable or PoolError.

    Attributes:
        place: the directory of the queue; nothing is made in it before the first submission.
        now: the moment of this command, in seconds since the epoch.
    """

    pool: str
    place: Place
    host: str
    now: float
    timing: Timing = USUAL

    @property
    def name(self) -> str:
        """The pool's name among schedds."""
        return f"here@{self.host}"

    @property
    def spool(self) -> None:
        """Nothing: jobs see this host's directories."""

    @property
    def leaving(self) -> None:
        """Nothing: no job is at a remote site."""

    def describe(self, plan: Plan, uuid: str) -> str:
        """What would run.

        Raises:
            NotOnThisMachine: the plan needs what the embedded pool does not have.
        """
        check_possible(plan)
        return description(plan, uuid, this_machine(), self.name)

    def offers(self, plan: Plan, patience_s: int) -> tuple[Offer, ...]:  # noqa: ARG002 (the seam's)
        """Nothing: what is asked above this machine's size gets all of it."""
        return ()

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Submit one cluster in one transaction.

        Raises:
            NotOnThisMachine, QueueDirectoryRefused, QueueNotWritable, PoolError: nothing was submitted.
        """
        check_possible(plan)
        prepare(self.place.directory, os.getuid())
        with Database(self.place).writing() as connection:
            cluster = queue.insert(connection, plan, uuid, self.now)
        # After the transaction: a runner that is about to end looks once more into the queue (`Runner._retire`).
        ensure_runner(self.place, self.timing)
        note = capped_note(this_machine(), plan.cpus, plan.memory_mb)
        ref = SubmissionRef(
            uuid=uuid, pool=self.pool, schedd=self.name, cluster=cluster, number=plan.number
        )
        return Submitted(ref=ref, notes=(note,) if note else ())

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection, in the queue or in the history."""
        if not self._exists():
            return ()
        with Database(self.place).reading() as connection:
            return queue.find(connection, selection, self.pool, self.name)

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        """The jobs of a selection that are in the queue."""
        if not self._exists():
            return _EMPTY
        with Database(self.place).reading() as connection:
            moment = max(now, time.time())  # jobs may have started since this command began
            found = queue.listed(connection, selection, self.name, moment, brief=brief)
            work = runs.has_work(connection)
            active = () if brief else runs.active(connection)
        if work:
            ensure_runner(self.place, self.timing)
        bundles = {(run.cluster, run.proc): run.bundle for run in active if run.bundle}
        return Queue(jobs=tuple(self._measured(each, bundles) for each in found))

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue; as `queue`."""
        return counts_of(self.queue(selection, self.now, brief=True))

    def has_factories(self, selection: Selection) -> bool:  # noqa: ARG002
        """There are none."""
        return False

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:
        """The clusters of a selection that are in the queue; as `queue`."""
        return clusters_of(self.queue(selection, now, brief=True))

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs of a selection that left the queue, the latest first."""
        if not self._exists():
            return ()
        with Database(self.place).reading() as connection:
            return queue.past(connection, selection, self.name, most, since)

    def log_places(self, job: JobId) -> LogPlaces | None:
        """One job, of the queue or of the history, and where its logs are."""
        selection = Selection(ids=(job,))
        queued = self.queue(selection, self.now).jobs
        for status in queued or self.history(selection, 1):
            with Database(self.place).reading() as connection:
                return runs.log_places(connection, status, queued=bool(queued))
        return None

    def watch(
        self,
        job: JobId,
        stream: Stream,  # noqa: ARG002 (the seam's)
        most: int,  # noqa: ARG002 (the seam's)
        *,
        follow: bool,  # noqa: ARG002 (the seam's)
    ) -> AbstractContextManager[Iterator[Piece | None]]:
        """Refuse: the logs are files on this machine.

        Raises:
            NotOnThisMachine: always.
        """
        raise NotOnThisMachine(f"the logs of {job} are files on this machine")

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection."""
        if not self._exists():
            return ActCount(done=0)
        left: list[tuple[str, int]] = []
        with Database(self.place).writing() as connection:
            if act is Act.REMOVE:
                left = queue.bundles_of_ended_runs(connection, selection)
            count = queue.act(connection, act, selection, time.time())
            work = runs.has_work(connection)
        # When it is sure that they are removed; of a job that runs the runner does it, after its last process.
        for bundle, proc in left:
            clear_scratch(bundle, proc)
        if work:
            ensure_runner(self.place, self.timing)
        return count

    @property
    def edits_factories(self) -> bool:
        """There are none: every job is made at once."""
        return True

    def edit(
        self,
        selection: Selection | None,
        wanted: Edit,
        factories: tuple[int, ...] = (),  # noqa: ARG002 (the seam's)
    ) -> None:
        """Change what jobs ask for.

        Raises:
            NotDone: this pool has nothing of the kind, or one for all jobs of a cluster: nothing was changed.
        """
        if selection is None or not self._exists():
            return
        with Database(self.place).writing() as connection:
            edit(connection, selection, wanted)

    def explain(
        self,
        job: JobStatus,
        meant: str,
        now: float,  # noqa: ARG002 (the seam's)
        token_end: float | None = None,  # noqa: ARG002 (the seam's)
    ) -> Advice:
        """Why an idle or held job is where it is.

        Raises:
            QueueDirectoryRefused, QueueNotWritable, PoolError: the queue cannot be read.
        """
        with Database(self.place).reading() as connection:
            if job.state is State.HELD:
                return explain_held(job, launch_of(connection, job), meant)
            return explain_idle(idle(connection, job, this_machine()))

    def identity(self) -> str:
        """The login name: nobody else can use this queue."""
        return f"{login_name(os.getuid())}, by being on this machine"

    def account(self) -> str:
        """The login name."""
        return login_name(os.getuid())

    def store_credential(self, credential: JobCredential, content: bytes) -> None:  # noqa: ARG002 (the seam's)
        """Refuse: the embedded pool has no credd.

        Raises:
            NotOnThisMachine: always.
        """
        raise NotOnThisMachine(
            f"the embedded pool cannot deliver the credential {credential.name} as HTCondor does",
            remedy=f'set delivery = "file" in [credential.{credential.name}] of the policy',
        )

    def open_gate(self, cluster: int, *, factory: bool, held: bool = False) -> None:  # noqa: ARG002 (the seam's)
        """Let the jobs of a cluster start whose bundle is complete now."""
        with Database(self.place).writing() as connection:
            queue.open_gate(connection, cluster)
        ensure_runner(self.place, self.timing)

    def _exists(self) -> bool:
        """Whether there is a queue, in a directory that can be trusted."""
        try:
            check(self.place.directory, os.getuid())
        except FileNotFoundError:
            return False
        return self.place.database.exists()

    def _measured(self, listed: Listed, bundles: Mapping[tuple[int, int], str]) -> JobStatus:
        """A job, with the memory that its supervisor measured last, and what its wrapper is at."""
        if not listed.run:
            return listed.status
        status = listed.status
        if bundle := bundles.get((status.cluster, status.proc)):
            status = replace(status, stage=told_stage(bundle, status.proc))
        seen = record.look(self.place.record(status.cluster, status.proc, listed.run))
        if seen is None or seen.record is None:
            return status
        return replace(status, memory_mb=seen.record.peak_mb)


def open_here(
    pool: str, environment: Mapping[str, str], host: str, now: float, timing: Timing = USUAL
) -> tuple[HereBatch, ...]:
    """The embedded pool of this user on this host; it touches nothing yet."""
    place = Place(queue_directory(environment, os.getuid()))
    return (HereBatch(pool=pool, place=place, host=host, now=now, timing=timing),)
