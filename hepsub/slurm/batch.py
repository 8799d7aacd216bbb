"""Slurm behind hepsub's seam to batch systems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Act, Counts, Queue, Selection, State, Submitted
from hepsub.errors import (
    NotOnSlurm,
    PoolError,
    ScheddNotReached,
    SubmissionRefused,
    ToolFailed,
)
from hepsub.jobid import JobId, SubmissionRef
from hepsub.plan.model import Plan
from hepsub.policy.model import Pool
from hepsub.slurm.notes import ENDS
from hepsub.slurm.sbatch import sbatch_words, slip_of, variables
from hepsub.slurm.script import script
from hepsub.slurm.slips import Slips
from hepsub.slurm.submission import refusal, run_sbatch
from hepsub.tools.slurm import ask, environment_file, said, script_file

if TYPE_CHECKING:
    from hepsub.batch import ActCount, Advice, ClusterCounts, JobStatus
    from hepsub.batch_edit import Edit
    from hepsub.batch_logs import LogPlaces, Piece, Stream
    from hepsub.batch_offers import Offer
    from hepsub.plan.credentials import JobCredential
    from hepsub.slurm.enclosed import Enclosed
    from hepsub.slurm.jobs import SlurmJobs

_PATIENCE_S = 10


class SlurmBatch(Struct, frozen=True, kw_only=True):
    """One Slurm cluster, as this user sees it from this host.

    What cannot ask it raises PoolUnreachable; what it answers with an error, ToolFailed.

    Attributes:
        pool: the pool's name in the policy, and among schedds.
        now: the moment of this command, in seconds since the epoch.
    """

    pool: str
    rules: Pool
    host: str
    user: str
    slips: Slips
    now: float

    @property
    def name(self) -> str:
        """The pool's name."""
        return self.pool

    @property
    def spool(self) -> None:
        """Nothing: jobs see this host's directories."""

    @property
    def leaving(self) -> None:
        """Nothing: no job is at a remote site."""

    def identity(self) -> str:
        """The login name, which munge proves."""
        return f"{self.user}, by munge"

    def account(self) -> str:
        """The login name."""
        return self.user

    # ---- submission -------------------------------------------------------------------------

    def describe(self, plan: Plan, uuid: str) -> str:
        """The command, and the script that Slurm would get.

        Raises:
            NotOnSlurm: the plan needs what is not there.
        """
        import shlex

        words = shlex.join(sbatch_words(self._placed(plan), uuid, self.rules))
        return f"{words}\n\n{self._script(plan, uuid)}"

    def _script(self, plan: Plan, uuid: str, enclosed: Sequence[Enclosed] = ()) -> str:
        return script(plan, uuid, str(self.slips.place(uuid) / ENDS), self.rules.scratch, enclosed)

    def _enclosed(self, plan: Plan, uuid: str) -> tuple[Enclosed, ...]:
        """What the script has to have for its jobs; nothing where their nodes read the bundle.

        Raises:
            SubmissionRefused: it cannot be read.
        """
        if plan.staging is None or not plan.route.delivery.in_script:
            return ()
        from hepsub.slurm.enclosed import read_enclosed

        bundle = Path(plan.staging.bundle_root) / uuid
        try:
            return tuple(read_enclosed(bundle, plan.number))
        except OSError as error:
            raise SubmissionRefused(
                f"what travels with the jobs cannot be read in {bundle}: {error.strerror}",
                remedy="submit again",
            ) from error

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Submit one array, on hold until its id is in the journal.

        Raises:
            NotOnSlurm, SubmissionRefused, PoolUnreachable: nothing was submitted, or nobody can tell (PoolUnreachable).
        """
        plan, notes = self._can_ask(self._placed(plan))
        words = sbatch_words(plan, uuid, self.rules)
        text = self._script(plan, uuid, self._enclosed(plan, uuid))
        slip = slip_of(plan, uuid, self.pool, self.now)
        try:
            self.slips.begin(slip)
        except OSError as error:
            self.slips.forget(slip)
            raise SubmissionRefused(
                f"what is kept of jobs of Slurm cannot be written in {self.slips.directory}: {error.strerror}",
                remedy="make room there",
            ) from error
        with environment_file(variables(plan)) as given, script_file(text) as file:
            descriptor = int(file.rpartition("/")[2])
            command = [*words, f"--export-file={given}", file]
            # An sbatch that outlives this process has the gate locked, too: it may submit yet.
            inherited = (given, descriptor, self.slips.gates[uuid])
            try:
                done = run_sbatch(command, inherited)
            except ScheddNotReached:
                self.slips.forget(slip)
                raise
        if done.code != 0:
            self.slips.forget(slip)
            raise refusal(plan.number, said(done))
        number = done.stdout.strip().partition(";")[0]  # behind it stands the cluster's name
        if not number.isdecimal():
            raise PoolError(f"sbatch answered {done.stdout[:80]!r} instead of a job id")
        cluster = int(number)
        self.slips.know(slip, cluster)
        ref = SubmissionRef(
            uuid=uuid, pool=self.pool, schedd=self.name, cluster=cluster, number=plan.number
        )
        return Submitted(ref=ref, notes=notes)

    def _placed(self, plan: Plan) -> Plan:
        """The plan with Slurm's own name of the node that it asks for.

        Raises:
            SubmissionRefused: there is none of this name.
        """
        said = plan.slurm.get("nodelist")
        if not said:
            return plan
        from hepsub.slurm.nodes import node_named

        nodes = ask(["sinfo", "--noheader", "--all", "--Node", "--format=%N"]).stdout.split()
        named = node_named(said, nodes, self.pool)
        return replace(plan, slurm={**plan.slurm, "nodelist": named})

    def offers(self, plan: Plan, patience_s: int) -> tuple[Offer, ...]:
        """What the largest nodes have: sbatch looks at nothing of a job that is submitted on hold."""
        from hepsub.batch_offers import largest

        return largest(self._nodes(plan, patience_s))

    def _nodes(self, plan: Plan, patience_s: int) -> frozenset[Offer]:
        """What each kind of node has that the jobs may run on."""
        from hepsub.slurm.rows import NODE_FORMAT, read_nodes

        words = ["sinfo", "--noheader", "--Node", f"--format={NODE_FORMAT}"]
        usual = self.rules.partition_for(plan.walltime.name)
        if partition := plan.slurm.get("partition") or usual:
            words.append(f"--partition={partition}")
        return read_nodes(ask(words, timeout=patience_s).stdout)

    def _can_ask(self, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
        """The plan without what no node tells of, and what to say of that: a job that asks for it never starts."""
        if not plan.disk_mb:
            return plan, ()
        from hepsub.slurm.rows import UNTOLD

        if any(each.disk_mb < UNTOLD for each in self._nodes(plan, _PATIENCE_S)):
            return plan, ()
        note = "-disk: Slurm's nodes do not tell how much they have (TmpDisk), and the jobs do not ask for it"
        return replace(plan, disk_mb=0), (note,)

    def open_gate(self, cluster: int, *, factory: bool, held: bool = False) -> None:  # noqa: ARG002 (the seam's)
        """Release the jobs of a cluster whose id is in the journal now."""
        done = ask(["scontrol", "release", str(cluster)], check=False)
        # What it says of jobs that no node can run now is no refusal: they are released, and wait (tried on 24.11).
        if (
            done.code != 0
            and State.HELD in self.count(Selection(ids=(JobId(cluster=cluster),))).states
        ):
            raise ToolFailed(f"scontrol failed: {said(done)}", remedy="see its words")
        kept = self.slips.of_cluster(self.pool, cluster)
        # Where the cluster could not be noted, it is what this process has just submitted.
        for uuid in [kept.uuid] if kept is not None else list(self.slips.gates):
            self.slips.open(uuid)

    # ---- what there is ----------------------------------------------------------------------

    @property
    def _jobs(self) -> SlurmJobs:
        from hepsub.slurm.jobs import SlurmJobs  # a submission asks for none

        return SlurmJobs(
            pool=self.pool, rules=self.rules, user=self.user, slips=self.slips, now=self.now
        )

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection, in the queue or among what is kept."""
        return self._jobs.find(selection)

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:  # noqa: ARG002
        """The jobs of a selection that have not ended."""
        return self._jobs.queue(selection)

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue."""
        return self._jobs.count(selection)

    def has_factories(self, selection: Selection) -> bool:  # noqa: ARG002
        """There are none."""
        return False

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:  # noqa: ARG002
        """The clusters of a selection that are in the queue, their jobs counted."""
        return self._jobs.count_clusters(selection)

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs of a selection that have ended."""
        return self._jobs.history(selection, most, since)

    def log_places(self, job: JobId) -> LogPlaces | None:
        """One job, and where its logs are, on the file system that its node shares."""
        return self._jobs.log_places(job)

    def watch(
        self,
        job: JobId,
        stream: Stream,  # noqa: ARG002 (the seam's)
        most: int,  # noqa: ARG002 (the seam's)
        *,
        follow: bool,  # noqa: ARG002 (the seam's)
    ) -> AbstractContextManager[Iterator[Piece | None]]:
        """Refuse: the logs are files on a shared file system.

        Raises:
            NotOnSlurm: always.
        """
        raise NotOnSlurm(f"the logs of {job} are files, where -o and -e said")

    def explain(
        self,
        job: JobStatus,
        meant: str,
        now: float,  # noqa: ARG002 (the seam's)
        token_end: float | None = None,  # noqa: ARG002 (the seam's)
    ) -> Advice:
        """Why an idle or held job is where it is."""
        return self._jobs.explain(job, meant)

    # ---- what is done to them ---------------------------------------------------------------

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection; a running job that is held loses its run."""
        return self._jobs.act(act, selection)

    @property
    def edits_factories(self) -> bool:
        """There are none: every job exists."""
        return True

    def edit(
        self,
        selection: Selection | None,
        wanted: Edit,
        factories: tuple[int, ...] = (),  # noqa: ARG002 (the seam's)
    ) -> None:
        """Change what waiting jobs ask for.

        Raises:
            NotOnSlurm: users may not change it so: nothing was changed.
            NotDone: some had started meanwhile.
        """
        if selection is not None:
            self._jobs.edit(selection, wanted)

    # ---- what Slurm does not have -----------------------------------------------------------

    def store_credential(self, credential: JobCredential, content: bytes) -> None:  # noqa: ARG002
        """Refuse: Slurm delivers no credentials.

        Raises:
            NotOnSlurm: always.
        """
        raise NotOnSlurm(
            f"Slurm cannot deliver the credential {credential.name} as HTCondor does",
            remedy=f'set delivery = "file" in [credential.{credential.name}] of the policy',
        )
