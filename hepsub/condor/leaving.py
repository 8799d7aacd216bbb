"""Jobs at remote sites that hold them: which, where, and how they get to another one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hepsub.batch import Selection
from hepsub.batch_sites import HeldThere, Removed, ThroughElement
from hepsub.condor.ads import any_of, constraint
from hepsub.condor.attributes import SITE, ClassAd, integer, seconds, text
from hepsub.condor.bindings import bindings
from hepsub.condor.connection import Connection
from hepsub.condor.quoting import string_literal
from hepsub.condor.removal import HELD, IDLE, SENT_ON, Removal, together
from hepsub.jobid import JobId, SubmissionRef, ranges
from hepsub.plan.model import LEFT_OUT, LEFT_SITES, Element

_MATCHED = f"MATCH_EXP_{SITE}"
_SITES = "HepSub_Sites"
_IS_FACTORY = "JobMaterializeDigestFile isnt undefined"
_LONGEST = 4096
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
_GRID_UNIVERSE = 9
_MOST = 400
"""So many jobs in one question."""


class CondorLeaving(Struct, frozen=True, kw_only=True):
    """The jobs of a schedd that are at remote sites.

    Whatever cannot be asked or done raises PoolUnreachable, AuthenticationRefused, PoolError or ToolFailed.

    Attributes:
        connection: the way to the schedd.
        edit_cluster: changes an attribute of a cluster ad, which the bindings cannot do: ClusterId, attribute, value.
        has_edit_cluster: whether that is possible here.
    """

    connection: Connection
    edit_cluster: Callable[[int, str, str], None]
    has_edit_cluster: Callable[[], bool]

    def held(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """The jobs on hold of some clusters that were at a site."""
        return self._at_sites(clusters, HELD)

    def waiting(self, clusters: Collection[int]) -> tuple[HeldThere, ...]:
        """The jobs of some clusters that wait at a site; those of the grid universe where an element has them."""
        there = f"(JobUniverse != {_GRID_UNIVERSE} || GridJobId isnt undefined)"
        return self._at_sites(clusters, IDLE, there)

    def _at_sites(
        self, clusters: Collection[int], state: int, more: str = ""
    ) -> tuple[HeldThere, ...]:
        wanted = f"{_of(clusters)} && JobStatus == {state} && {_SITES} isnt undefined"
        wanted += f" && {more}" if more else ""
        found = (_read(ad) for ad in self._query(wanted))
        return tuple(each for each in found if each is not None)

    def ended(self, jobs: Sequence[JobId]) -> Mapping[tuple[int, int], tuple[str, float]]:
        """At which sites jobs ran that have left the queue, and when they ended; by ClusterId and ProcId."""
        wanted, names = constraint(Selection(ids=tuple(jobs))), [*_PROJECTION, "CompletionDate"]
        ads = self.connection.call(lambda schedd: list(schedd.history(wanted, names, len(jobs))))
        return {
            (each.cluster, each.proc): (each.site, seconds(ad, "CompletionDate"))
            for ad in ads
            if (each := _read(ad)) is not None
        }

    def leave_out(self, clusters: Collection[int], sites: Iterable[str]) -> tuple[int, ...]:
        """Let the jobs of some clusters that have a choice go to none of these sites.

        Returns:
            The clusters of which this does not reach the jobs that a factory has still to make.
        """
        value = string_literal(",".join(sites))
        differs = f"{_of(clusters)} && {LEFT_OUT} isnt undefined && {LEFT_OUT} isnt {value}"
        ads = self._query(f"{differs} && (ProcId isnt undefined || {_IS_FACTORY})")
        if any(integer(ad, "ProcId") is not None for ad in ads):
            self._edit(f"{differs} && ProcId isnt undefined", LEFT_OUT, value)
        ids = {integer(ad, "ClusterId", least=1) for ad in ads if integer(ad, "ProcId") is None}
        factories = tuple(sorted(each for each in ids if each is not None))
        if not self.has_edit_cluster():
            return factories
        for cluster in factories:
            self.edit_cluster(cluster, LEFT_OUT, value)
        return ()

    def release(self, jobs: Iterable[HeldThere]) -> int:
        """Let jobs on hold go on elsewhere, with the sites that they were taken away from noted; how many did."""
        alike: defaultdict[str, list[HeldThere]] = defaultdict(list)
        for each in jobs:
            alike[",".join((*each.left, each.site))].append(each)
        done = 0
        for left, those in alike.items():
            wanted = f"JobStatus == {HELD} && {_any_of(those)}"
            self._edit(wanted, LEFT_SITES, string_literal(left))
            done += self._release(wanted)
        return done

    def recall(self, jobs: Iterable[HeldThere]) -> None:
        """Note of jobs that wait behind a computing element that it is asked to remove them."""
        alike: defaultdict[str, list[HeldThere]] = defaultdict(list)
        for each in jobs:
            alike[each.site].append(each)
        for site, those in alike.items():
            self._edit(f"JobStatus == {IDLE} && {_any_of(those)}", _RECALLED, string_literal(site))

    def move(self, jobs: Iterable[HeldThere], site: str, element: Element) -> int:
        """Let jobs on hold go through another computing element, which are at none; how many do.

        Whatever ends this in the middle, they stay on hold, and are known by _MOVING. HTCondor would look for the old
        number at the new element if GridResource were changed first (tried: 23.9.6).
        """
        alike: defaultdict[str, list[HeldThere]] = defaultdict(list)
        for each in jobs:
            left = each.left if each.site in (*each.left, site) else (*each.left, each.site)
            alike[",".join(left)].append(each)
        done = 0
        for names, those in alike.items():
            held = f"JobStatus == {HELD} && {any_of(_as_it_was(each) for each in those)}"
            self._edit(held, _MOVING, str(int(max(each.since for each in those))))
            for name in ("GridJobId", "GridJobStatus"):
                self._edit(held, name, "undefined")
            nowhere = f"{held} && GridJobId is undefined"
            self._edit(nowhere, LEFT_SITES, string_literal(names))
            self._edit(nowhere, "GridResource", string_literal(element.resource))
            self._edit(
                nowhere, "queue", string_literal(element.queue) if element.queue else "undefined"
            )
            self._edit(nowhere, _SITES, string_literal(site))
            done += self._release(nowhere)
        return done

    def remove(self, ref: SubmissionRef, procs: Collection[int], since: float) -> Removed:
        """Remove jobs of a submission that wait or are on hold, and tell what is known of them then."""
        ordered = sorted(procs)
        parts = [ordered[i : i + _MOST] for i in range(0, len(ordered), _MOST)]
        return together(self._remove(ref, part, since) for part in parts)

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
        def once(schedd: Any) -> int:  # noqa: ANN401 (the bindings have no types)
            answer = schedd.act(bindings().JobAction.Release, wanted, (SENT_ON, 0))
            return integer(answer, "TotalSuccess") or 0

        return self.connection.call(once, writing=True)

    def _edit(self, wanted: str, name: str, value: str) -> None:
        self.connection.call(lambda schedd: schedd.edit(wanted, name, value), writing=True)

    def _query(self, wanted: str) -> list[ClassAd]:
        opts = bindings().QueryOpts.IncludeClusterAd
        return self.connection.call(
            lambda schedd: list(
                schedd.query(constraint=wanted, projection=list(_PROJECTION), opts=opts)
            )
        )


def left_sites(ad: ClassAd) -> tuple[str, ...]:
    """The sites that a job was taken away from."""
    return _names(text(ad, LEFT_SITES))


def may_move_to(ad: ClassAd) -> tuple[str, ...]:
    """The computing elements that may take a job which the one that it goes through holds."""
    left = (*left_sites(ad), text(ad, _SITES, _LONGEST))
    return tuple(each for each in _names(text(ad, _ELSEWHERE, _LONGEST)) if each not in left)


def is_moving(ad: ClassAd) -> bool:
    """Whether a job has left one element, and is not yet sent to another: it was on hold when that was noted."""
    return 0 < seconds(ad, "EnteredCurrentStatus") <= seconds(ad, _MOVING)


def is_recalled(ad: ClassAd) -> bool:
    """Whether the element that a job goes through was asked to remove it where it waited."""
    return bool(text(ad, _RECALLED)) and text(ad, _RECALLED) == text(ad, _SITES, _LONGEST)


def _any_of(jobs: Iterable[HeldThere]) -> str:
    return any_of(f"(ClusterId == {j.cluster} && ProcId == {j.proc})" for j in jobs)


def _as_it_was(job: HeldThere) -> str:
    """What is true of a job that nobody has released since."""
    since = f"EnteredCurrentStatus == {int(job.since)}"
    return f"(ClusterId == {job.cluster} && ProcId == {job.proc} && {since})"


def _of(clusters: Iterable[int]) -> str:
    return constraint(Selection(ids=tuple(JobId(cluster=each) for each in clusters)))


def _read(ad: ClassAd) -> HeldThere | None:
    """A job on hold, as far as it is known at which site it was."""
    cluster, proc = integer(ad, "ClusterId", least=1), integer(ad, "ProcId")
    sites = _names(text(ad, _SITES, _LONGEST))
    site = sites[0] if len(sites) == 1 else text(ad, _MATCHED)
    if cluster is None or proc is None or site not in sites:
        return None
    return HeldThere(
        cluster=cluster,
        proc=proc,
        site=site,
        since=seconds(ad, "EnteredCurrentStatus"),
        code=integer(ad, "HoldReasonCode") or 0,
        reason=text(ad, "HoldReason", _LONGEST),
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
        if integer(ad, "JobUniverse") == _GRID_UNIVERSE
        else None,
    )


def _names(line: str) -> tuple[str, ...]:
    return tuple(each for each in line.split(",") if each and each.isprintable())
