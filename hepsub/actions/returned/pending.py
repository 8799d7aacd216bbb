"""Outputs that HTCondor returned because their store was away: put into their place later, the marker last.

Nothing is put over what another run has written since this one began, and the marker is written only when
the store has been seen to hold every output that it tells of.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from io import BytesIO

from msgspec import Struct, field

from hepsub.actions.returned.pending_job import ReturnedJob, returned_job
from hepsub.actions.returned.place import unusable_text
from hepsub.actions.returned.uploads import Uploads
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.pending import PENDING, Pending, confirmed, pending_at, write_pending
from hepsub.bundle.report import Report, report_at
from hepsub.bundle.returned import OUTPUTS, returned_outputs
from hepsub.documents import Malformed
from hepsub.ended import EndedJobs
from hepsub.errors import (
    HepsubError,
    InputsMissing,
    StorageRefused,
    UnknownStorage,
)
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.terminal import printable
from hepsub.tree import Tree

_NAMED = 5


def push_pending(
    uploads: Uploads,
    ended: EndedJobs,
    bundle: Bundle,
    cluster: int,
    procs: Collection[int] | None = None,
) -> tuple[str, ...]:
    """Upload the returned outputs of the jobs of a bundle; a sentence for what could not be.

    What is in its place is removed here, and from the list, one by one: whatever happens in between,
    nothing is lost and nothing is done twice that matters. A job that cannot be used does not stop the others.

    Raises:
        HepsubError: a storage is not known any more, or has no keys.
    """
    push = _Push(uploads=uploads, ended=ended, bundle=bundle, cluster=cluster)
    push.each(range(bundle.request.number) if procs is None else sorted(procs), push.find)
    there = uploads.look(place for job in push.jobs.values() for _, place in job.stored())
    push.each(tuple(push.jobs), lambda tree, proc: push.outputs(tree, push.jobs[proc], there))
    # Asked again: a marker tells of nothing that the store does not have, by the ETags of now.
    stored = uploads.look(place for proc in push.ready for _, place in push.jobs[proc].stored())
    push.each(push.ready, lambda tree, proc: push.mark(tree, push.jobs[proc], stored))
    return tuple(dict.fromkeys((*push.troubles, *push.refused())))


class _Push(Struct, kw_only=True, eq=False):
    """The returned outputs of the jobs of a bundle, on their way into their place.

    Attributes:
        jobs: those with returned outputs that belong elsewhere, by their procs.
        ready: those that lack nothing but their marker.
        troubles: what could not be done, in words.
        refusals: what a storage has refused, in words: told once, with what may be done.
    """

    uploads: Uploads
    ended: EndedJobs
    bundle: Bundle
    cluster: int
    jobs: dict[int, ReturnedJob] = field(default_factory=dict)
    ready: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def refused(self) -> tuple[str, ...]:
        """What to say of what a storage refuses: it may do so for ever, and returned outputs are kept for as long."""
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
            self.jobs[proc] = returned_job(
                self.uploads.stores, self.bundle, self.cluster, proc, report
            )
        elif report.is_complete:
            _forget_earlier(tree, report)

    def outputs(
        self, tree: Tree, job: ReturnedJob, there: Mapping[ObjectPlace, ObjectInfo]
    ) -> None:
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
            self._settle(tree, job)
        elif len(left) == 1 and left[0].is_marker:
            self.ready.append(job.proc)

    def _is_settled(
        self,
        tree: Tree,
        job: ReturnedJob,
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

    def mark(self, tree: Tree, job: ReturnedJob, there: Mapping[ObjectPlace, ObjectInfo]) -> None:
        """Write the marker of a job if the store holds its outputs."""
        try:
            self._mark(tree, job, there)
        except HepsubError as error:
            self._note(error)

    def _mark(self, tree: Tree, job: ReturnedJob, there: Mapping[ObjectPlace, ObjectInfo]) -> None:
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
        self._settle(tree, job)

    def _settle(self, tree: Tree, job: ReturnedJob) -> None:
        """Remove the list of a job of which nothing is pending, when it is kept that it is complete."""
        if job.report.owes_marker:
            self.ended.settle(self.bundle.directory.name, job.proc)
        write_pending(tree, ())


def _forget_earlier(tree: Tree, report: Report) -> None:
    """Remove what an earlier run left, when a later one is complete and needs nothing of it."""
    for name in returned_outputs(tree).files:
        if not report.was_returned(name):
            tree.remove(f"{OUTPUTS}/{name}")
    tree.remove(PENDING)
