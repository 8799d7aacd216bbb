"""Outputs that came home because their store was away: put into their place later, the marker last.

Nothing is put over what another run has written since this one began, and the marker is written only when
the store has been seen to hold every output that it tells of.
"""

from __future__ import annotations

import shlex
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from io import BufferedIOBase, BytesIO

from msgspec import Struct, field

from hepsub.actions.returned.pending_job import JobAtHome, job_at_home
from hepsub.actions.returned.place import unusable_text
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.pending import PENDING, Pending, confirmed, pending_at, write_pending
from hepsub.bundle.report import Report, report_at
from hepsub.bundle.returned import OUTPUTS, returned_outputs
from hepsub.documents import Malformed
from hepsub.errors import (
    HepsubError,
    InputsMissing,
    StorageRefused,
    StorageUnreachable,
    UnknownStorage,
)
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.stores import Stores
from hepsub.terminal import printable
from hepsub.tree import Tree

_NAMED = 5
_ENOUGH = 5
"""So many refusals in a row are the bucket's, and not the objects'."""


class Uploads(Struct, kw_only=True, eq=False):
    """The uploads of one run, and what it has learned of the storages meanwhile.

    Attributes:
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

    def look(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo]:
        """The objects that exist, of the buckets that can be asked; the others are away from now on."""
        groups: defaultdict[tuple[str, str], list[ObjectPlace]] = defaultdict(list)
        for place in places:
            groups[place.storage, place.bucket].append(place)
        found: dict[ObjectPlace, ObjectInfo] = {}
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

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> None:
        """Write what is open as an object.

        Raises:
            HepsubError: it could not be written.
        """
        self.check(place)
        bucket = (place.storage, place.bucket)
        try:
            self.written[place] = self.stores.store(place.storage).upload(file, place)
        except StorageUnreachable as error:
            self.away[bucket] = error
            raise
        except StorageRefused as error:
            self.refused[bucket] = self.refused.get(bucket, 0) + 1
            if self.refused[bucket] == _ENOUGH:
                self.away[bucket] = error
            raise
        self.refused[bucket] = 0

    def put(
        self,
        tree: Tree,
        job: JobAtHome,
        each: Pending,
        place: ObjectPlace,
        fact: ObjectInfo | None,
    ) -> None:
        """Put an output into its place, and remove it here.

        A file that is gone was removed by a round that was killed before it could write its list.

        Raises:
            HepsubError: it is not in its place; it is here, if it was.
            OSError: it cannot be looked at, or removed.
        """
        self.check(place)
        if fact is not None and fact.md5 and (fact.size, fact.md5) == (each.size, each.md5):
            pass  # the upload had succeeded, but the answer was lost
        elif tree.look(each.path) is not None:
            with job.open(tree, each) as file:
                self.upload(file, place)
        elif fact is None or not each.is_what(fact):
            raise InputsMissing(
                f"{job.path_text(each)} is gone, and is not complete as {place} either"
            )
        tree.remove(each.path)


def push_pending(
    uploads: Uploads, bundle: Bundle, cluster: int, procs: Collection[int] | None = None
) -> tuple[str, ...]:
    """Upload what came home from the jobs of a bundle; a sentence for what could not be.

    What is in its place is removed here, and from the list, one by one: whatever happens in between,
    nothing is lost and nothing is done twice that matters. A job that cannot be used does not stop the others.

    Args:
        uploads: what the run has learned so far.
        bundle: the bundle of a submission.
        cluster: its ClusterId.
        procs: the jobs; None for all.

    Raises:
        HepsubError: a storage is not known any more, or has no keys.
    """
    push = _Push(uploads=uploads, bundle=bundle, cluster=cluster)
    push.each(range(bundle.request.number) if procs is None else sorted(procs), push.find)
    there = uploads.look(place for job in push.jobs.values() for _, place in job.stored())
    push.each(tuple(push.jobs), lambda tree, proc: push.outputs(tree, push.jobs[proc], there))
    held = uploads.look(place for proc in push.ready for _, place in push.jobs[proc].stored())
    push.each(push.ready, lambda tree, proc: push.mark(tree, push.jobs[proc], held))
    return tuple(dict.fromkeys((*push.troubles, *push.refused())))


class _Push(Struct, kw_only=True, eq=False):
    """What came home from the jobs of a bundle, on its way into its place.

    Attributes:
        jobs: those with something that belongs elsewhere, by their procs.
        ready: those that lack nothing but their marker.
        troubles: what could not be done, in words.
        refusals: what a storage has refused, in words: told once, with what may be done.
    """

    uploads: Uploads
    bundle: Bundle
    cluster: int
    jobs: dict[int, JobAtHome] = field(default_factory=dict)
    ready: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def refused(self) -> tuple[str, ...]:
        """What to say of what a storage refuses: it may do so for ever, and what came home is kept for as long."""
        if not self.refusals:
            return ()
        more = len(self.refusals) - 1
        others = f", and {more} other(s)" if more else ""
        return (
            f"outputs of cluster {self.cluster} stay at home: {self.refusals[0]}{others}; mend the bucket or your"
            f" rights there, or fetch them: hep_fetch {self.cluster} -d DIR, and then drop"
            f" them here: rm -r {shlex.quote(str(self.bundle.directory))}",
        )

    def _note(self, error: HepsubError) -> None:
        kind = self.refusals if isinstance(error, StorageRefused) else self.troubles
        kind.append(error.message)

    def each(self, procs: Iterable[int], act: Callable[[Tree, int], None]) -> None:
        """Do something with what each of some jobs brought back; one that cannot be used stops no other."""
        for proc in procs:
            try:
                with self.bundle.open_returned(proc) as tree:
                    if tree is not None:
                        act(tree, proc)
            except (Malformed, OSError) as error:
                where = self.bundle.returned(proc)
                self.troubles.append(unusable_text(f"{self.cluster}.{proc}", where, error))

    def find(self, tree: Tree, proc: int) -> None:
        """Note a job with something that belongs elsewhere."""
        if tree.look(PENDING) is None and tree.look(OUTPUTS) is None:
            return
        report = report_at(tree)
        if report is None:
            return
        listed, troubles = pending_at(tree)
        self.troubles.extend(f"{self.cluster}.{proc}: {each}" for each in troubles[:_NAMED])
        if confirmed(listed, report):
            self.jobs[proc] = job_at_home(
                self.uploads.stores, self.bundle, self.cluster, proc, report
            )
        elif report.is_complete:
            _forget_earlier(tree, report)

    def outputs(self, tree: Tree, job: JobAtHome, there: Mapping[ObjectPlace, ObjectInfo]) -> None:
        """Put the outputs of a job into their place; those that are, leave the list one by one."""
        if not self.uploads.force and (trouble := job.superseded(there)):
            self.troubles.append(trouble)
            return
        listed, _ = pending_at(tree)
        left = confirmed(listed, job.report)
        for each in tuple(left):
            if each.is_marker:
                break
            try:
                if not self._is_settled(tree, job, each, there):
                    continue
            except HepsubError as error:
                self._note(error)
                continue
            left.remove(each)
            write_pending(tree, left)
        if not left:
            write_pending(tree, left)
        elif len(left) == 1 and left[0].is_marker:
            self.ready.append(job.proc)

    def _is_settled(
        self,
        tree: Tree,
        job: JobAtHome,
        each: Pending,
        there: Mapping[ObjectPlace, ObjectInfo],
    ) -> bool:
        """Whether an output is in its place now; one for a path was put there, or its trouble told, before.

        Raises:
            HepsubError: it cannot be put there.
        """
        place = job.place_of(each.name, each.destination)
        if place is None:
            raise UnknownStorage(
                f"{job.path_text(each)} is still at home: {printable(each.destination)} is in no storage of the policy,"
                f" or not where {job.name} was to put it"
            )
        if isinstance(place, ObjectPlace):
            self.uploads.put(tree, job, each, place, there.get(place))
            return True
        facts = tree.look(each.path)
        if facts is not None and stat.S_ISDIR(facts.st_mode):
            return not returned_outputs(tree).below(each.name)
        return facts is None

    def mark(self, tree: Tree, job: JobAtHome, there: Mapping[ObjectPlace, ObjectInfo]) -> None:
        """Write the marker of a job if the store holds its outputs."""
        try:
            self._mark(tree, job, there)
        except HepsubError as error:
            self._note(error)

    def _mark(self, tree: Tree, job: JobAtHome, there: Mapping[ObjectPlace, ObjectInfo]) -> None:
        listed, _ = pending_at(tree)
        destination = next((each.destination for each in listed if each.is_marker), "")
        if job.marker is None or job.marker[1] != destination:
            raise UnknownStorage(
                f"the marker of {job.name}: {printable(destination)} is in no storage of the policy, or not its place"
            )
        for _, where in job.stored():
            self.uploads.check(where)
        if trouble := job.why_incomplete(there, self.uploads.written):
            raise InputsMissing(trouble)
        etags = {said.url: there[where].etag for said, where in job.stored() if said.url}
        self.uploads.upload(BytesIO(job.report.marker_text(etags)), job.marker[0])
        write_pending(tree, ())


def _forget_earlier(tree: Tree, report: Report) -> None:
    """Remove what an earlier run left, when a later one is complete and needs nothing of it."""
    for name in returned_outputs(tree).files:
        if not report.came_home(name):
            tree.remove(f"{OUTPUTS}/{name}")
    tree.remove(PENDING)
