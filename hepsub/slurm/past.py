"""Jobs of Slurm's that have ended, the latest first: as Slurm still knows, else accounting, else what was noted."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import JobStatus, Selection
from hepsub.situation import login_name
from hepsub.slurm.ends import End, ends_in, ends_of, noted_in, removed_in
from hepsub.slurm.notes import ENDED_EARLY
from hepsub.slurm.rows import Row
from hepsub.slurm.sacct import accounts_of
from hepsub.slurm.selected import clusters_in, is_slip_meant
from hepsub.slurm.slips import Slip, Slips
from hepsub.slurm.squeue import rows_of
from hepsub.slurm.status import noted_status, status_of
from hepsub.slurm.tasks import common

_CLOCKS_S = 300
"""So far the clocks of nodes and of the file server are apart at most."""
_ENDED: Callable[[Row | JobStatus], float] = attrgetter("ended")


class _Known(Struct, frozen=True):
    """Which jobs have been told of: by cluster those that stand alone, and ranges of others."""

    alone: dict[int, set[int]]
    ranges: dict[int, list[range]]

    def add(self, row: Row) -> None:
        alone = self.alone.setdefault(row.cluster, set())
        for part in row.tasks:
            if len(part) == 1:
                alone.add(part.start)
            else:
                self.ranges.setdefault(row.cluster, []).append(part)

    def has(self, cluster: int, proc: int) -> bool:
        if proc in self.alone.get(cluster, ()):
            return True
        return any(proc in part for part in self.ranges.get(cluster, ()))


class Past(Struct, frozen=True, kw_only=True):
    """What is asked of the past.

    Attributes:
        pool: the pool's name in the policy, and among schedds.
        now: in seconds since the epoch.
        most: how many jobs at most.
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
        # In any state: a job that runs again may have noted the end of its first run.
        every = replace(self.selection, states=())
        known = _Known({}, {})
        ended, rests = list[Row](), list[Row]()
        told: dict[tuple[int, int], Row] = {}
        for account in heapq.nlargest(self.most, self._accounts(every), key=_ENDED):
            for row in self._each(account):
                told.setdefault((row.cluster, row.proc), row)
        for row in rows_of(every, self.user, past=True):
            if row.is_rest:
                rests.append(row)
                continue
            known.add(row)
            if row.has_ended:
                ended += (self._measured(each, told) for each in self._each(row))
        only_told = [row for key, row in told.items() if not known.has(*key)]
        for row in only_told:
            known.add(row)
        for row in rests:
            ended += islice(self._rest(row, known), self.most)
        latest = self._noted(list(self._statuses([*ended, *only_told])), known)
        return tuple(sorted(latest, key=lambda job: (-job.ended, job.cluster, job.proc)))

    def _each(self, row: Row) -> Iterator[Row]:
        """Tasks that ended together, no more than are asked for."""
        return (row.of(proc) for proc in islice(chain(*row.tasks), self.most))

    def _rest(self, row: Row, known: _Known) -> Iterator[Row]:
        """The tasks of an array that were cancelled before they ran: those of which nobody tells anything else."""
        slip = self.slips.find(row.uuid)
        if slip is None:
            return
        place = self.slips.place(slip.uuid)
        # Of these `_noted` tells, with what they noted and when they were removed.
        noted = noted_in(place).union(*chain.from_iterable(tasks for _, tasks in removed_in(place)))
        ids = [each for each in self.selection.ids if each.cluster == row.cluster]
        every = (range(slip.number),)
        for proc in chain(*(common(every, ids) if ids else every)):
            if proc not in noted and not known.has(row.cluster, proc):
                yield row.of(proc)

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
        meant = (row for row in rows if self._is_meant(row))
        latest = heapq.nlargest(self.most, meant, key=_ENDED)
        of_slips = defaultdict[Slip | None, list[Row]](list)
        slips: dict[tuple[str, int], Slip | None] = {}
        for row in latest:
            key = (row.uuid, 0 if row.uuid else row.cluster)
            if key not in slips:  # a slip of ten thousand jobs may have ten thousand names of logs
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
        if slip is None or slip.owner != row.owner or row.submitted < slip.submitted - _CLOCKS_S:
            return None
        return slip

    def _is_meant(self, job: Row | JobStatus) -> bool:
        states = self.selection.states
        return job.ended >= self.since and (not states or job.state in states)

    def _noted(self, latest: list[JobStatus], known: _Known) -> list[JobStatus]:
        """The latest jobs, with those of which only notes tell; no more of these are read than may be among them."""
        for moment, slip in self._kept():
            since = self.since
            if len(latest) >= self.most:
                since = max(since, min(map(_ENDED, latest), default=0))
            if moment < since - _CLOCKS_S:
                break
            noted = filter(self._is_meant, self._notes_of(slip, known, since - _CLOCKS_S))
            latest = heapq.nlargest(self.most, (*latest, *noted), key=_ENDED)
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
        place, every = self.slips.place(slip.uuid), (range(slip.number),)
        ids = [each for each in self.selection.ids if each.cluster == slip.cluster]
        some = common(every, ids) if ids else every
        few = some != every
        ends = ends_of(place, chain(*some)) if few else ends_in(place, self.most, since)
        removed: dict[int, float] = {}
        for when, tasks in removed_in(place):
            procs = chain(*(common(tasks, ids) if ids else tasks))
            # The earliest line comes last, and stays: it ended the job; hep_rm can be typed again.
            removed |= dict.fromkeys(islice(procs, self.most), when)
        lacking = ends_of(place, removed.keys() - ends.keys())
        for proc in removed.keys() | ends.keys():
            if proc >= slip.number or known.has(slip.cluster, proc):
                continue
            end, when = ends.get(proc) or lacking.get(proc), removed.get(proc, 0)
            if end is not None and end.ended < when and end.told != ENDED_EARLY:
                when = 0  # it had ended by itself
            yield noted_status(self.pool, slip, proc, end, when)
