"""Slurm behind hepsub's seam to batch systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

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
)
from hepsub.batch_edit import Edit
from hepsub.batch_logs import LogPlaces, Piece, Stream
from hepsub.batch_offers import Offer, largest
from hepsub.errors import (
    NotDone,
    NotOnSlurm,
    PoolError,
    ScheddNotReached,
    SubmissionRefused,
    ToolFailed,
)
from hepsub.jobid import JobId, SubmissionRef
from hepsub.plan.credentials import JobCredential
from hepsub.plan.model import Plan
from hepsub.policy.model import Pool
from hepsub.slurm.enclosed import Enclosed, read_enclosed
from hepsub.slurm.ends import ENDS
from hepsub.slurm.nodes import node_named
from hepsub.slurm.rows import NODE_FORMAT, UNTOLD, Row, read_nodes
from hepsub.slurm.sbatch import edit_words, sbatch_words, slip_of, variables
from hepsub.slurm.script import script
from hepsub.slurm.selected import clusters_in, is_slip_meant, is_whole_meant
from hepsub.slurm.slips import Slip, Slips
from hepsub.slurm.squeue import rows_of
from hepsub.slurm.status import counted, status_of
from hepsub.slurm.submission import refusal, run_sbatch
from hepsub.slurm.tasks import number_of
from hepsub.tools.slurm import ask, environment_file, said, script_file

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
        nodes = ask(["sinfo", "--noheader", "--all", "--Node", "--format=%N"]).stdout.split()
        named = node_named(said, nodes, self.pool)
        return replace(plan, slurm={**plan.slurm, "nodelist": named})

    def offers(self, plan: Plan, patience_s: int) -> tuple[Offer, ...]:
        """What the largest nodes have: sbatch looks at nothing of a job that is submitted on hold."""
        return largest(self._nodes(plan, patience_s))

    def _nodes(self, plan: Plan, patience_s: int) -> frozenset[Offer]:
        """What each kind of node has that the jobs may run on."""
        words = ["sinfo", "--noheader", "--Node", f"--format={NODE_FORMAT}"]
        usual = self.rules.partition_for(plan.walltime.name)
        if partition := plan.slurm.get("partition") or usual:
            words.append(f"--partition={partition}")
        return read_nodes(ask(words, timeout=patience_s).stdout)

    def _can_ask(self, plan: Plan) -> tuple[Plan, tuple[str, ...]]:
        """The plan without what no node tells of, and what to say of that: a job that asks for it never starts."""
        if not plan.disk_mb or any(
            each.disk_mb < UNTOLD for each in self._nodes(plan, _PATIENCE_S)
        ):
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

    def _slips(self, selection: Selection) -> Iterator[Slip]:
        if selection.uuid:
            some = [self.slips.find(selection.uuid)]
        elif selection.ids:
            some = [self.slips.of_cluster(self.pool, c) for c in clusters_in(selection.ids)]
        else:
            some = list(self.slips.all())
        for slip in filter(None, some):
            if slip.pool == self.pool and slip.cluster and is_slip_meant(slip, selection):
                yield slip

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection, in the queue or among what is kept."""
        found: dict[int, SubmissionRef] = {}
        for row in rows_of(selection, self.user, past=True):
            seen = found.get(row.cluster)
            number = number_of(row.tasks) + (seen.number if seen else 0)
            found[row.cluster] = SubmissionRef(
                uuid=row.uuid, pool=self.pool, schedd=self.name, cluster=row.cluster, number=number
            )
        for slip in self._slips(selection):
            if (seen := found.get(slip.cluster)) and seen.uuid != slip.uuid:
                continue  # a Slurm that lost its state gives ids once more
            found[slip.cluster] = SubmissionRef(
                uuid=slip.uuid,
                pool=self.pool,
                schedd=self.name,
                cluster=slip.cluster,
                number=slip.number,
            )
        return tuple(found[cluster] for cluster in sorted(found))

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:  # noqa: ARG002
        """The jobs of a selection that have not ended."""
        rows = list(rows_of(selection, self.user, apart=True))
        kept = self._kept(rows)
        jobs = (status_of(self.name, row, kept.get(row.uuid)) for row in rows)
        return Queue(jobs=tuple(sorted(jobs, key=lambda job: (job.cluster, job.proc))))

    def _kept(self, rows: Iterable[Row]) -> dict[str, Slip]:
        found = (self.slips.find(uuid) for uuid in {row.uuid for row in rows if row.uuid})
        return {slip.uuid: slip for slip in found if slip is not None}

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue."""
        states = Counter[State]()
        for row in rows_of(selection, self.user):
            states[row.state] += number_of(row.tasks)
        return Counts(states=states)

    def has_factories(self, selection: Selection) -> bool:  # noqa: ARG002
        """There are none."""
        return False

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:  # noqa: ARG002
        """The clusters of a selection that are in the queue, their jobs counted."""
        rows = list(rows_of(selection, self.user))
        return counted(self.name, rows, self._kept(rows))

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs of a selection that have ended."""
        from hepsub.slurm.past import Past

        past = Past(
            pool=self.name,
            slips=self.slips,
            user=self.user,
            now=self.now,
            selection=selection,
            most=most,
            since=since,
        )
        return past.jobs()

    def log_places(self, job: JobId) -> LogPlaces | None:
        """One job, and where its logs are, on the file system that its node shares."""
        selection = Selection(ids=(job,))
        rows = list(rows_of(selection, self.user, apart=True))
        kept = self._kept(rows)
        queued = [status_of(self.name, row, kept.get(row.uuid)) for row in rows]
        for status in queued or self.history(selection, 1):
            slip = next(iter(kept.values()) if queued else self._slips(selection), None)
            out, err = slip.logs_of(status.proc) if slip else ("", "")
            # A Slurm that lost its state gives ids once more: then what is kept is of another job.
            is_its = err == status.stderr
            return LogPlaces(
                status=status,
                run=1
                if status.state in (State.RUNNING, State.COMPLETED)
                else 0,  # Slurm does not count them
                stdout=out if is_its else "",
                stderr=status.stderr,
                while_running=True,
                queued=bool(queued),
                on_node=not self.rules.shared_filesystem,
            )
        return None

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
        from hepsub.slurm.explain import explain

        wanted = Selection(ids=(JobId(cluster=job.cluster, first=job.proc, last=job.proc),))
        return explain(next(rows_of(wanted, self.user, apart=True), None), meant)

    # ---- what is done to them ---------------------------------------------------------------

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection; a running job that is held loses its run."""
        from hepsub.slurm.acts import act_on

        if act is Act.REMOVE:
            # First: an sbatch that still runs may show its jobs only afterwards, and recover.py removes them then.
            for slip in filter(None, map(self.slips.find, self.slips.waiting())):
                if slip.pool == self.pool and is_whole_meant(slip, selection):
                    self.slips.cancel(slip.uuid)
        rows = list(rows_of(selection, self.user, past=True))
        if act is Act.RELEASE:
            self._check_complete(rows)
        count = act_on(act, rows, self.user, self._again)
        if act is Act.REMOVE:
            self.slips.note_removed(rows, self.now)
        return count

    def _check_complete(self, rows: Iterable[Row]) -> None:
        """Refuse to release jobs whose submission was interrupted.

        Raises:
            NotDone: it was, and what they start with may not be there yet.
        """
        waiting = frozenset(self.slips.waiting())
        for row in rows:
            if row.uuid in waiting:
                raise NotDone(
                    f"{row.cluster}: its submission was interrupted, and what its jobs start with may not be complete",
                    remedy="the next hep_sub completes it, and lets the jobs start",
                )

    def _again(self, clusters: Sequence[int]) -> Iterator[Row]:
        ids = tuple(JobId(cluster=cluster) for cluster in clusters)
        return rows_of(Selection(ids=ids), self.user, apart=True, past=True)

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
        from hepsub.slurm.acts import edit_jobs

        if selection is not None:
            edit_jobs(edit_words(wanted), rows_of(selection, self.user))

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
