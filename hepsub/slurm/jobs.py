"""The jobs of Slurm's that one user asks for: in the queue, or as far as they are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.batch import Act, Counts, Queue, Selection, State
from hepsub.batch_logs import LogPlaces
from hepsub.errors import NotDone
from hepsub.jobid import JobId, SubmissionRef
from hepsub.policy.model import Pool
from hepsub.slurm.rows import Row
from hepsub.slurm.selected import clusters_in, is_slip_meant, is_whole_meant
from hepsub.slurm.slips import Slip, Slips
from hepsub.slurm.squeue import rows_of
from hepsub.slurm.status import counted, status_of
from hepsub.slurm.tasks import number_of

if TYPE_CHECKING:
    from hepsub.batch import ActCount, Advice, ClusterCounts, JobStatus
    from hepsub.batch_edit import Edit


class SlurmJobs(Struct, frozen=True, kw_only=True):
    """Those of one pool; the attributes are SlurmBatch's."""

    pool: str
    rules: Pool
    user: str
    slips: Slips
    now: float

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
                uuid=row.uuid, pool=self.pool, schedd=self.pool, cluster=row.cluster, number=number
            )
        for slip in self._slips(selection):
            if (seen := found.get(slip.cluster)) and seen.uuid != slip.uuid:
                continue  # a Slurm that lost its state gives ids once more
            found[slip.cluster] = SubmissionRef(
                uuid=slip.uuid,
                pool=self.pool,
                schedd=self.pool,
                cluster=slip.cluster,
                number=slip.number,
            )
        return tuple(found[cluster] for cluster in sorted(found))

    def queue(self, selection: Selection) -> Queue:
        """The jobs of a selection that have not ended."""
        rows = list(rows_of(selection, self.user, apart=True))
        kept = self._kept(rows)
        jobs = (status_of(self.pool, row, kept.get(row.uuid)) for row in rows)
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

    def count_clusters(self, selection: Selection) -> tuple[ClusterCounts, ...]:
        """The clusters of a selection that are in the queue, their jobs counted."""
        rows = list(rows_of(selection, self.user))
        return counted(self.pool, rows, self._kept(rows))

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs of a selection that have ended."""
        from hepsub.slurm.past import Past

        past = Past(
            pool=self.pool,
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
        queued = [status_of(self.pool, row, kept.get(row.uuid)) for row in rows]
        for status in queued or self.history(selection, 1):
            slip = next(iter(kept.values()) if queued else self._slips(selection), None)
            out, err = slip.logs_of(status.proc) if slip else ("", "")
            # A Slurm that lost its state gives ids once more: then what is kept is of another job.
            is_its = err == status.stderr
            return LogPlaces(
                status=status,
                # Slurm does not count them.
                run=1 if status.state in (State.RUNNING, State.COMPLETED) else 0,
                stdout=out if is_its else "",
                stderr=status.stderr,
                while_running=True,
                queued=bool(queued),
                on_node=not self.rules.shared_filesystem,
            )
        return None

    def explain(self, job: JobStatus, meant: str) -> Advice:
        """Why an idle or held job is where it is."""
        from hepsub.slurm.explain import explain

        wanted = Selection(ids=(JobId(cluster=job.cluster, first=job.proc, last=job.proc),))
        return explain(next(rows_of(wanted, self.user, apart=True), None), meant)

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection; a running job that is held loses its run."""
        from hepsub.slurm.acts import act_on

        if act is Act.REMOVE:
            # First: an sbatch that outlives its hep_sub may show its jobs later, and recover.py removes them then.
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

    def edit(self, selection: Selection, wanted: Edit) -> None:
        """Change what waiting jobs ask for.

        Raises:
            NotOnSlurm: users may not change it so: nothing was changed.
            NotDone: some had started meanwhile.
        """
        from hepsub.slurm.acts import edit_jobs
        from hepsub.slurm.sbatch import edit_words

        edit_jobs(edit_words(wanted), rows_of(selection, self.user))
