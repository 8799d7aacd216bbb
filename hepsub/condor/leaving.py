"""Jobs at remote sites that hold them: which, where, and how they get to another one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from hepsub.batch import Selection
from hepsub.batch_sites import HeldThere, Removed, ThroughElement
from hepsub.condor.ads import any_of, constraint, is_proc
from hepsub.condor.attributes import (
    GRID_UNIVERSE,
    HELD,
    IDLE,
    LONGEST,
    SITE,
    ClassAd,
    integer,
    seconds,
    text,
)
from hepsub.condor.connection import Connection
from hepsub.condor.quoting import string_literal
from hepsub.condor.removal import SENT_ON, Removal, in_parts
from hepsub.jobid import JobId, SubmissionRef, ranges
from hepsub.plan.model import LEFT_OUT, LEFT_SITES, Element

_MATCHED = f"MATCH_EXP_{SITE}"
_SITES = "HepSub_Sites"
_IS_FACTORY = "JobMaterializeDigestFile isnt undefined"
_ELSEWHERE = "HepSub_Elsewhere"
"""The attribute that names the computing elements that may take the jobs of the one in HepSub_Sites."""
_MOVING = "HepSub_Moving"
"""The attribute of a job that has left one element and is not yet sent to another: since when all of those with it are
on hold, in seconds since the epoch."""
_RECALLED = "HepSub_Recalled"
"""The attribute that names the site whose element is asked to remove a job that waits there."""
_PROJECTION = (
    "ClusterId", "ProcId", "HoldReason", "HoldReasonCode", "EnteredCurrentStatus", "GlobalJobId", "QDate",
    "JobUniverse", _SITES, _MATCHED, LEFT_OUT, LEFT_SITES, _ELSEWHERE, _MOVING, _RECALLED,
)  # fmt: skip


class CondorLeaving(Struct, frozen=True, kw_only=True):
    """The jobs of a schedd that are at remote sites.

    Whatever cannot be asked or done raises PoolUnreachable, AuthenticationRefused, PoolError or ToolFailed.

    Attributes:
        edit_cluster: as in `CondorSchedd`, for this schedd: ClusterId, attribute, value.
    """

    connection: Connection
    edit_cluster: Callable[[int, str, str], None]
    has_edit_cluster: Callable[[], bool]

    def held(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """The jobs on hold of some clusters that were at a site."""
        return self._at_sites(clusters, f"JobStatus == {HELD}")

    def waiting(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """The jobs of some clusters that wait at a site; those of the grid universe where an element has them."""
        there = f"JobUniverse != {GRID_UNIVERSE} || GridJobId isnt undefined"
        return self._at_sites(clusters, f"JobStatus == {IDLE} && ({there})")

    def _at_sites(self, clusters: Collection[int], which: str) -> tuple[HeldThere, ...]:
        wanted = f"{_of(clusters)} && {_SITES} isnt undefined && {which}"
        found = (_read(ad) for ad in self.connection.query(wanted, _PROJECTION))
        return tuple(each for each in found if each is not None)

    def ended(self, jobs: Sequence[JobId]) -> Mapping[tuple[int, int], tuple[str, float]]:
        """At which sites jobs ran that have left the queue, and when they ended; by ClusterId and ProcId."""
        wanted, names = constraint(Selection(ids=tuple(jobs))), (*_PROJECTION, "CompletionDate")
        ads = self.connection.history(wanted, names, len(jobs))
        return {
            (each.cluster, each.proc): (each.site, seconds(ad, "CompletionDate"))
            for ad in ads
            if (each := _read(ad)) is not None
        }

    def leave_out(self, clusters: Collection[int], sites: Iterable[str]) -> tuple[int, ...]:
        """Let the jobs of some clusters that have a choice go to none of these sites; as the seam says it."""
        value = string_literal(",".join(sites))
        differs = f"{_of(clusters)} && {LEFT_OUT} isnt undefined && {LEFT_OUT} isnt {value}"
        # Of a cluster that is no factory the schedd keeps an ad as well, which no job is made from any more.
        which = f"{differs} && (ProcId isnt undefined || {_IS_FACTORY})"
        ads = self.connection.query(which, ("ClusterId", "ProcId"), how="IncludeClusterAd")
        if any(integer(ad, "ProcId") is not None for ad in ads):
            self.connection.edit(f"{differs} && ProcId isnt undefined", LEFT_OUT, value)
        ids = {integer(ad, "ClusterId", least=1) for ad in ads if integer(ad, "ProcId") is None}
        factories = tuple(sorted(each for each in ids if each is not None))
        if not self.has_edit_cluster():
            return factories
        for cluster in factories:
            self.edit_cluster(cluster, LEFT_OUT, value)
        return ()

    def release(self, jobs: Iterable[HeldThere]) -> int:
        """Let jobs on hold go on elsewhere, with the sites that they were taken away from noted; how many did."""
        done = 0
        for left, those in _alike(jobs, lambda job: ",".join((*job.left, job.site))):
            # Who has released one by hand meanwhile did it for where it was: that one is let alone.
            wanted = f"JobStatus == {HELD} && {_any_of(those)}"
            self.connection.edit(wanted, LEFT_SITES, string_literal(left))
            done += self._release(wanted)
        return done

    def recall(self, jobs: Iterable[HeldThere]) -> None:
        """Note of jobs that wait behind a computing element that it is asked to remove them."""
        for site, those in _alike(jobs, lambda job: job.site):
            wanted = f"JobStatus == {IDLE} && {_any_of(those)}"
            self.connection.edit(wanted, _RECALLED, string_literal(site))

    def move(self, jobs: Iterable[HeldThere], site: str, element: Element) -> int:
        """Let jobs on hold go through another computing element, which are at none; how many do."""

        def left_then(job: HeldThere) -> str:
            # What goes back to where it was taken from an earlier time is noted once.
            left = job.left if job.site in (*job.left, site) else (*job.left, job.site)
            return ",".join(left)

        queue = string_literal(element.queue) if element.queue else "undefined"
        done = 0
        for left, those in _alike(jobs, left_then):
            held = f"JobStatus == {HELD} && {any_of(_as_it_was(each) for each in those)}"
            # First of all: whatever ends this in the middle, they stay on hold, and are known by it.
            self.connection.edit(held, _MOVING, str(int(max(each.since for each in those))))
            # HTCondor would look for the old number at the new element if GridResource were changed before
            # (tried: 23.9.6).
            for name in ("GridJobId", "GridJobStatus"):
                self.connection.edit(held, name, "undefined")
            nowhere = f"{held} && GridJobId is undefined"
            for name, value in (
                (LEFT_SITES, string_literal(left)),
                ("GridResource", string_literal(element.resource)),
                ("queue", queue),
                (_SITES, string_literal(site)),
            ):
                self.connection.edit(nowhere, name, value)
            done += self._release(nowhere)
        return done

    def remove(self, ref: SubmissionRef, procs: Collection[int], since: float) -> Removed:
        """Remove jobs of a submission that wait or are on hold, and tell what is known of them then."""
        return in_parts(procs, lambda part: self._remove(ref, part, since))

    def _remove(self, ref: SubmissionRef, procs: list[int], since: float) -> Removed:
        ids = ranges((ref.cluster, each) for each in procs)
        return Removal(
            connection=self.connection,
            mine=constraint(Selection(ids=ids, uuid=ref.uuid)),
            jobs=frozenset(f"{ref.cluster}.{each}" for each in procs),
            name=lambda ad: f"{integer(ad, 'ClusterId')}.{integer(ad, 'ProcId')}",
            names=("ClusterId", "ProcId"),
            states=(HELD, IDLE),
            ours=True,
        ).carry_out(since)

    def _release(self, wanted: str) -> int:
        answer = self.connection.act("Release", wanted, SENT_ON)
        return integer(answer, "TotalSuccess") or 0


def left_sites(ad: ClassAd) -> tuple[str, ...]:
    """The sites that a job was taken away from."""
    return _names(text(ad, LEFT_SITES, LONGEST))


def may_move_to(ad: ClassAd) -> tuple[str, ...]:
    """The computing elements that may take a job which the one that it goes through holds."""
    left = (*left_sites(ad), text(ad, _SITES, LONGEST))
    return tuple(each for each in _names(text(ad, _ELSEWHERE, LONGEST)) if each not in left)


def is_moving(ad: ClassAd) -> bool:
    """Whether a job has left one element, and is not yet sent to another: it was on hold when that was noted."""
    return 0 < seconds(ad, "EnteredCurrentStatus") <= seconds(ad, _MOVING)


def is_recalled(ad: ClassAd) -> bool:
    """Whether the element that a job goes through was asked to remove it where it waited."""
    return bool(text(ad, _RECALLED)) and text(ad, _RECALLED) == text(ad, _SITES, LONGEST)


def _alike(
    jobs: Iterable[HeldThere], what: Callable[[HeldThere], str]
) -> Iterable[tuple[str, list[HeldThere]]]:
    """Jobs of which the same is to be noted, so that a thousand of them are a few edits."""
    alike: defaultdict[str, list[HeldThere]] = defaultdict(list)
    for each in jobs:
        alike[what(each)].append(each)
    return alike.items()


def _any_of(jobs: Iterable[HeldThere]) -> str:
    return constraint(Selection(ids=ranges((each.cluster, each.proc) for each in jobs)))


def _as_it_was(job: HeldThere) -> str:
    """What is true of a job that nobody has released since."""
    return f"({is_proc(job.cluster, job.proc)} && EnteredCurrentStatus == {int(job.since)})"


def _of(clusters: Iterable[int]) -> str:
    return constraint(Selection(ids=tuple(JobId(cluster=each) for each in clusters)))


def _read(ad: ClassAd) -> HeldThere | None:
    """A job on hold, as far as it is known at which site it was."""
    cluster, proc = integer(ad, "ClusterId", least=1), integer(ad, "ProcId")
    sites = _names(text(ad, _SITES, LONGEST))
    site = sites[0] if len(sites) == 1 else text(ad, _MATCHED)
    if cluster is None or proc is None or site not in sites:
        return None
    return HeldThere(
        cluster=cluster,
        proc=proc,
        site=site,
        since=seconds(ad, "EnteredCurrentStatus"),
        code=integer(ad, "HoldReasonCode") or 0,
        reason=text(ad, "HoldReason", LONGEST),
        left=left_sites(ad),
        elsewhere=tuple(each for each in sites if each != site)
        if LEFT_OUT in ad
        else may_move_to(ad),
        through=ThroughElement(
            id=text(ad, "GlobalJobId"),
            submitted=seconds(ad, "QDate"),
            moving=is_moving(ad),
            recalled=is_recalled(ad),
        )
        if integer(ad, "JobUniverse") == GRID_UNIVERSE
        else None,
    )


def _names(line: str) -> tuple[str, ...]:
    return tuple(each for each in line.split(",") if each and each.isprintable())
