"""Outputs that came home because their store was away: put into their place later, the marker last.

Nothing is put over what another run has written since this one began, and the marker is written only when
the store has been seen to hold every output that it tells of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hepsub.actions.home import OUTPUTS
from hepsub.actions.home_report import HomeReport, report_at
from hepsub.actions.pending_job import JobAtHome
from hepsub.actions.pending_list import (
    PENDING,
    Pending,
    check_content,
    goals_of,
    pending_of,
    place_of,
)
from hepsub.actions.stage import Stores
from hepsub.bundle.bundle import Bundle
from hepsub.errors import (
    HepsubError,
    InputsMissing,
    StorageRefused,
    StorageUnreachable,
    UnknownStorage,
)
from hepsub.files import write_whole
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import ObjectFact

_MARKER = "marker.json"
_ENOUGH = 5
"""So many refusals in a row are the bucket's, and not the objects'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is known of the storages in one round.

    Attributes:
        stores: the storages.
        force: whether outputs are put over what another run has written meanwhile.
        away: the buckets that could not be asked, and why: they are left alone.
        refused: how many uploads a bucket has refused in a row; a full one refuses those of ten thousand jobs.
        written: the ETags of what was uploaded.
    """

    stores: Stores
    force: bool = False
    away: dict[tuple[str, str], HepsubError] = field(default_factory=dict)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    written: dict[ObjectPlace, str] = field(default_factory=dict)

    def look(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectFact]:
        """The objects that exist, of the buckets that can be asked; the others are away from now on."""
        groups: defaultdict[tuple[str, str], list[ObjectPlace]] = defaultdict(list)
        for place in places:
            groups[place.storage, place.bucket].append(place)
        found: dict[ObjectPlace, ObjectFact] = {}
        for bucket, group in groups.items():
            if bucket in self.away:
                continue
            try:
                facts = self.stores.store(bucket[0]).look_up(group)
            except HepsubError as error:
                self._lose(bucket, error, groups)
                continue
            found |= {place: fact for place, fact in facts.items() if fact is not None}
        return found

    def _lose(
        self,
        bucket: tuple[str, str],
        error: HepsubError,
        buckets: Iterable[tuple[str, str]],
    ) -> None:
        """Leave a bucket alone, and all of its storage, if that does not answer: each question takes its time."""
        self.away[bucket] = error
        if isinstance(error, StorageUnreachable):
            self.away.update({each: error for each in buckets if each[0] == bucket[0]})

    def check(self, place: ObjectPlace) -> None:
        """Raise what keeps an object's bucket from being used.

        Raises:
            HepsubError: it could not be asked before.
        """
        if (error := self.away.get((place.storage, place.bucket))) is not None:
            raise error

    def upload(self, path: Path, place: ObjectPlace) -> None:
        """Write a file as an object.

        Raises:
            HepsubError: it could not be written.
        """
        self.check(place)
        bucket = (place.storage, place.bucket)
        try:
            self.written[place] = self.stores.store(place.storage).upload(path, place)
        except StorageUnreachable as error:
            self.away[bucket] = error
            raise
        except StorageRefused as error:
            self.refused[bucket] = self.refused.get(bucket, 0) + 1
            if self.refused[bucket] == _ENOUGH:
                self.away[bucket] = error
            raise
        self.refused[bucket] = 0

    def put(self, each: Pending, place: ObjectPlace, fact: ObjectFact | None) -> None:
        """Put an output into its place, and remove it here.

        A file that is gone was removed by a round that was killed before it could write its list.

        Raises:
            HepsubError: it is not in its place; it is here, if it was.
        """
        self.check(place)
        if fact is not None and fact.md5 and (fact.size, fact.md5) == (each.size, each.md5):
            pass  # the upload had succeeded, but the answer was lost
        elif each.path.exists():
            check_content(each)
            self.upload(each.path, place)
        elif fact is None or not each.is_what(fact):
            raise InputsMissing(f"{each.path} is gone, and is not complete as {place} either")
        each.path.unlink(missing_ok=True)


def push_pending(
    now: Round, bundle: Bundle, cluster: int, procs: Collection[int] | None = None
) -> tuple[str, ...]:
    """Upload what came home from the jobs of a bundle; a sentence for what could not be.

    What is in its place is removed here, and from the list, one by one: whatever happens in between,
    nothing is lost and nothing is done twice that matters.

    Args:
        now: the round.
        bundle: the bundle of a submission.
        cluster: its ClusterId.
        procs: the jobs; None for all.
    """
    jobs = list(_jobs(now, bundle, cluster, procs))
    there = now.look(place for job in jobs for _, place in job.stored())
    troubles: list[str] = []
    for job in jobs:
        troubles += _push_job(now, job, there)
    ready = [job for job in jobs if _lacks_only_marker(job)]
    there = now.look(place for job in ready for _, place in job.stored())
    for job in ready:
        try:
            _mark(now, job, there)
        except HepsubError as error:
            troubles.append(error.message)
    return tuple(dict.fromkeys(troubles))


def _jobs(
    now: Round, bundle: Bundle, cluster: int, procs: Collection[int] | None
) -> Iterator[JobAtHome]:
    for proc in range(bundle.request.number):
        home = bundle.returned(proc)
        if procs is not None and proc not in procs:
            continue
        if not (home / PENDING).exists() and not (home / OUTPUTS).exists():
            continue
        report = report_at(home)
        if report is not None and not pending_of(home):
            _forget_earlier(home, report)
        elif report is not None:
            goals = goals_of(now.stores, bundle, cluster, proc)
            yield JobAtHome(name=f"{cluster}.{proc}", home=home, report=report, goals=goals)


def _forget_earlier(home: Path, report: HomeReport) -> None:
    """Remove what an earlier run left, when a later one is complete and needs nothing of it."""
    if not report.is_complete:
        return
    for path in [each for each in (home / OUTPUTS).rglob("*") if each.is_file()]:
        if not report.came_home(path.relative_to(home / OUTPUTS).as_posix()):
            path.unlink(missing_ok=True)
    (home / PENDING).unlink(missing_ok=True)


def _push_job(now: Round, job: JobAtHome, there: Mapping[ObjectPlace, ObjectFact]) -> list[str]:
    if not now.force and (trouble := job.superseded(there)):
        return [trouble]
    left = list(pending_of(job.home))
    troubles = []
    for each in tuple(left):
        if each.is_marker:
            break
        try:
            if not _is_settled(now, job, each, there):
                continue
        except HepsubError as error:
            troubles.append(error.message)
            continue
        left.remove(each)
        write_whole(job.home / PENDING, "".join(f"{one.line}\n" for one in left), 0o600)
    if not left:
        (job.home / PENDING).unlink(missing_ok=True)
    return troubles


def _is_settled(
    now: Round, job: JobAtHome, each: Pending, there: Mapping[ObjectPlace, ObjectFact]
) -> bool:
    """Whether an output is in its place now; one for a path was put there, or its trouble told, before.

    Raises:
        HepsubError: it cannot be put there.
    """
    place = place_of(each.destination, job.goals)
    if place is not None:
        now.put(each, place, there.get(place))
        return True
    if not each.destination.startswith("/"):
        raise UnknownStorage(
            f"{each.path} is still at home: {each.destination} is in no storage of the policy"
        )
    return not each.path.exists()


def _lacks_only_marker(job: JobAtHome) -> bool:
    left = pending_of(job.home)
    return len(left) == 1 and left[0].is_marker


def _mark(now: Round, job: JobAtHome, there: Mapping[ObjectPlace, ObjectFact]) -> None:
    """Write the marker of a job whose outputs the store holds.

    Raises:
        HepsubError: it does not hold them, or the marker cannot be written.
    """
    (marker,) = pending_of(job.home)
    place = place_of(marker.destination, job.goals)
    if place is None:
        raise UnknownStorage(
            f"the marker of {job.name}: {marker.destination} is in no storage of the policy"
        )
    for _, where in job.stored():
        now.check(where)
    if trouble := job.why_incomplete(there, now.written):
        raise InputsMissing(trouble)
    file = job.home / _MARKER
    etags = {said.url: there[where].etag for said, where in job.stored()}
    write_whole(file, job.report.marker_text(etags), 0o600)
    now.upload(file, place)
    file.unlink(missing_ok=True)
    (job.home / PENDING).unlink(missing_ok=True)
