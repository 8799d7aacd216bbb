"""Jobs of Slurm's that have ended, the latest first: as Slurm still knows, else accounting, else what was noted."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import JobStatus, Selection
from hepsub.situation import login_name
from hepsub.slurm.ends import ENDED_EARLY, End, ends_in, ends_of, removed_in
from hepsub.slurm.rows import Row
from hepsub.slurm.sacct import accounts_of
from hepsub.slurm.selected import clusters_in, is_job_meant, is_slip_meant
from hepsub.slurm.slips import Slip, Slips
from hepsub.slurm.squeue import rows_of
from hepsub.slurm.status import noted_status, status_of
from hepsub.slurm.tasks import Tasks

_CLOCKS_S = 300
"""So far the clocks of nodes and of the file server are apart at most."""


class _Known(Struct, frozen=True):
    """Which jobs have been told of."""

    tasks: dict[int, set[int]]

    def add(self, cluster: int, tasks: Tasks) -> None:
        self.tasks.setdefault(cluster, set()).update(*tasks)

    def has(self, cluster: int, proc: int) -> bool:
        return proc in self.tasks.get(cluster, ())


class Past(Struct, frozen=True, kw_only=True):
    """What is asked of the past.

    Attributes:
        pool: the pool's name in the policy, and among schedds.
        user: who asks.
        now: in seconds since the epoch.
        selection: which jobs.
        most: how many at most.
        since: what ended before is not looked for, in seconds since the epoch.
    """

    pool: str
    slips: Slips
    user: str
    now: float
    selection: Selection
    most: int
    since: float

    def jobs(self) -> tuple[JobStatus, ...]:
        """The jobs that have ended.

        Raises:
            PoolUnreachable, PoolError: squeue does not tell.
        """
        every = replace(self.selection, states=())
        rows = list(rows_of(every, self.user, past=True))
        known = _Known({})
        for row in rows:
            known.add(row.cluster, row.tasks)
        told: dict[tuple[int, int], Row] = {}
        for account in heapq.nlargest(self.most, self._accounts(every), key=_ended):
            for row in self._each(account):
                told.setdefault((row.cluster, row.proc), row)
        ended = [
            self._measured(each, told) for row in rows if row.has_ended for each in self._each(row)
        ]
        ended += [
            row.of(proc) for (cluster, proc), row in told.items() if not known.has(cluster, proc)
        ]
        for cluster, proc in told:
            known.add(cluster, (range(proc, proc + 1),))
        latest = heapq.nlargest(self.most, self._meant(self._statuses(ended)), key=_moment)
        latest = self._noted(latest, known)
        return tuple(sorted(latest, key=lambda job: (-job.ended, job.cluster, job.proc)))

    def _each(self, row: Row) -> Iterator[Row]:
        """Tasks that ended together, no more than are asked for."""
        return (row.of(proc) for proc in islice((p for part in row.tasks for p in part), self.most))

    def _accounts(self, selection: Selection) -> Iterator[Row]:
        for row in accounts_of(selection, self.user, self.most, self.since, self.now):
            by = login_name(int(row.cancelled_by)) if row.cancelled_by else ""
            yield replace(row, cancelled_by=by) if by else row

    def _measured(self, row: Row, told: dict[tuple[int, int], Row]) -> Row:
        """A job that squeue shows, with what only accounting knows of it."""
        account = told.get((row.cluster, row.proc))
        if account is None:
            return row
        return replace(
            row,
            cancelled_by=account.cancelled_by,
            cpu_seconds=account.cpu_seconds,
            peak_mb=account.peak_mb,
        )

    def _statuses(self, rows: Iterable[Row]) -> Iterator[JobStatus]:
        """Jobs in hepsub's words, with what they noted themselves."""
        latest = heapq.nlargest(self.most, rows, key=_ended)
        of_slips = defaultdict[Slip | None, list[Row]](list)
        slips: dict[tuple[str, int], Slip | None] = {}
        for row in latest:
            key = (row.uuid, 0 if row.uuid else row.cluster)
            if key not in slips:
                slips[key] = self._slip_of(row)
            of_slips[slips[key]].append(row)
        for slip, those in of_slips.items():
            ends: dict[int, End] = {}
            if slip is not None:
                ends = ends_of(self.slips.place(slip.uuid), (row.proc for row in those))
            for row in those:
                yield status_of(self.pool, row, slip, ends.get(row.proc))

    def _slip_of(self, row: Row) -> Slip | None:
        """What is kept of the submission of a job; accounting need not keep comments, and ids come again."""
        if row.uuid:
            return self.slips.find(row.uuid)
        slip = self.slips.of_cluster(self.pool, row.cluster)
        same = slip is not None and slip.owner == row.owner
        return slip if same and slip and row.submitted >= slip.submitted - _CLOCKS_S else None

    def _meant(self, jobs: Iterable[JobStatus]) -> Iterator[JobStatus]:
        return (
            job for job in jobs if job.ended >= self.since and is_job_meant(job, self.selection)
        )

    def _noted(self, latest: list[JobStatus], known: _Known) -> list[JobStatus]:
        """The latest jobs, with those of which only notes tell; no more of these are read than may be among them."""
        for moment, slip in self._kept():
            since = self.since
            if len(latest) >= self.most:
                since = max(since, min(map(_moment, latest), default=0))
            if moment < since - _CLOCKS_S:
                break
            noted = self._meant(self._notes_of(slip, known, since - _CLOCKS_S))
            latest = heapq.nlargest(self.most, (*latest, *noted), key=_moment)
        return latest

    def _kept(self) -> Iterator[tuple[float, Slip]]:
        """What is kept of the submissions that may be meant, the latest first."""
        selection, found = self.selection, self.slips.latest()
        if selection.uuid:
            found = ((self.now, slip) for slip in [self.slips.find(selection.uuid)] if slip)
        elif selection.ids:
            some = (self.slips.of_cluster(self.pool, each) for each in clusters_in(selection.ids))
            found = ((self.now, slip) for slip in some if slip is not None)
        for moment, slip in found:
            if slip.pool == self.pool and slip.cluster and is_slip_meant(slip, selection):
                yield moment, slip

    def _notes_of(self, slip: Slip, known: _Known, since: float) -> Iterator[JobStatus]:
        place = self.slips.place(slip.uuid)
        ends, removed = ends_in(place, self.most, since), dict[int, float]()
        for when, tasks in removed_in(place):
            procs = (proc for part in tasks for proc in part if proc < slip.number)
            removed |= dict.fromkeys(islice(procs, self.most), when)
        lacking = ends_of(place, removed.keys() - ends.keys())
        for proc in removed.keys() | ends.keys():
            if proc >= slip.number or known.has(slip.cluster, proc):
                continue
            end, when = ends.get(proc) or lacking.get(proc), removed.get(proc, 0)
            if end is not None and end.ended < when and end.told != ENDED_EARLY:
                when = 0  # it had ended by itself
            yield noted_status(self.pool, slip, proc, end, when)


def _ended(row: Row) -> float:
    return row.ended


def _moment(job: JobStatus) -> float:
    return job.ended
