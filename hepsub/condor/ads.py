"""What a schedd is asked, and what its answers mean: selections → constraints, ads → the seam's values. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hepsub.batch import ClusterCounts, Counts, JobStatus, Queue, Selection, State, Unmade
from hepsub.condor.attributes import GATE, LONGEST, REMOVED, ClassAd, integer, seconds, text
from hepsub.condor.jobs import MOST_MB, STATES, program_name, read_job
from hepsub.condor.quoting import string_literal
from hepsub.jobid import JobId, SubmissionRef

_FIRST_ID = re.compile(r"\d+\.(\d+)")
_UUID = re.compile(r"[0-9A-Za-z-]{1,100}")

TABLE_PROJECTION = (
    "ClusterId", "ProcId", "Owner", "QDate", "JobStatus", "JobPrio", "Cmd", "HepSub_Cmd", "Args", "Arguments",
    "RemoteWallClockTime", "ShadowBday", "JobCurrentStartDate", "ServerTime", "MemoryUsage", "ImageSize",
)  # fmt: skip
"""What hep_q's table shows of a job."""
PROJECTION = (
    *TABLE_PROJECTION,
    "RemoteUserCpu", "RemoteSysCpu", "RequestMemory",
    "JobBatchName", "HoldReason", "HoldReasonCode", "HoldReasonSubCode", "RemoteHost", "LastRemoteHost",
    "ExitCode", "ExitBySignal", "ExitSignal", "CompletionDate", "EnteredCurrentStatus", "RemoveReason",
    "RequestCpus", "HepSub_WalltimeLimit", "Err", "Iwd", "ChirpHepSub_Stage",
)  # fmt: skip
FACTORY_PROJECTION = (
    "ClusterId", "Owner", "TotalSubmitProcs", "JobMaterializeNextProcId", "JobMaterializePaused",
)  # fmt: skip
"""What a factory's cluster ad says of the procs that it has still to make."""
GROUP_PROJECTION = (
    "ClusterId", "Owner", "JobStatus", "QDate", "JobBatchName", "Cmd", "HepSub_Cmd", "HoldReason",
)  # fmt: skip
"""What hep_sub status shows of jobs, and is mostly the same for those of a cluster."""
FIND_PROJECTION = ("ClusterId", "ProcId", "TotalSubmitProcs", "HepSub_UUID")

_NUMBERS = {state: number for number, state in STATES.items()}
_MOST_PROCS = 10**7
_MANY = 100
"""A schedd finds so few clusters by their numbers; among more it looks at each job."""
_SUMMED = {
    "Idle": State.IDLE, "Running": State.RUNNING, "Held": State.HELD, "Removed": State.REMOVED,
    "Completed": State.COMPLETED, "Suspended": State.SUSPENDED,
}  # fmt: skip
"""A schedd's summary: attribute → the state that it counts."""


def constraint(selection: Selection) -> str:
    """The ClassAd expression that is true for the procs of a selection."""
    clauses = [*_who(selection)]
    if selection.ids:
        clauses.append(_ids_clause(selection.ids))
    if selection.states:
        clauses.append(any_of(f"JobStatus == {_NUMBERS[state]}" for state in selection.states))
    return " && ".join(clauses) or "true"


def cluster_constraint(selection: Selection) -> str:
    """The expression that is true for the cluster ads of factories in a selection."""
    # A factory of which nothing is made yet has no other ad.
    clauses = ["JobMaterializeDigestFile isnt undefined", "ProcId is undefined", *_who(selection)]
    if selection.ids:
        clauses.append(_ids_clause(JobId(cluster=each.cluster) for each in selection.ids))
    return " && ".join(clauses)


def _who(selection: Selection) -> Iterable[str]:
    if selection.owner:
        owner = f"Owner == {string_literal(selection.owner)}"
        yield f"({owner} || {_one_of(selection.own)})" if selection.own else owner
    if selection.uuid:
        yield f"HepSub_UUID == {string_literal(selection.uuid)}"
    if selection.once:
        yield f"HepSub_Once == {string_literal(selection.once)}"
        # What was removed before it could start was taken back, and its key is free.
        yield f"!(JobStatus =?= {REMOVED} && {GATE} =?= false)"


def any_of(clauses: Iterable[str]) -> str:
    """The expression that is true where one of several is."""
    # ClassAds evaluate no deeper than 400 (tried: 25.14.1), and what is deeper matches nothing: many are halved.
    every = list(clauses)
    if len(every) <= _MANY:
        return f"({' || '.join(every)})"
    middle = len(every) // 2
    return f"({any_of(every[:middle])} || {any_of(every[middle:])})"


def _ids_clause(ids: Iterable[JobId]) -> str:
    ids = tuple(ids)
    if len(ids) > _MANY and all(each.first is None for each in ids):
        return _one_of(each.cluster for each in ids)
    return any_of(_id_clause(each) for each in ids)


def _one_of(clusters: Iterable[int]) -> str:
    """An expression whose evaluation goes no deeper for a thousand clusters than for one."""
    return f"member(ClusterId, {{{', '.join(map(str, clusters))}}})"


def is_proc(cluster: int, proc: int) -> str:
    """The expression that is true for one job."""
    return f"(ClusterId == {cluster} && ProcId == {proc})"


def _id_clause(each: JobId) -> str:
    if each.first is None:
        return f"ClusterId == {each.cluster}"
    if each.first == each.last:
        return is_proc(each.cluster, each.first)
    return f"(ClusterId == {each.cluster} && ProcId >= {each.first} && ProcId <= {each.last})"


def groups_hold(selection: Selection) -> bool:
    """Whether a schedd can group the jobs of a selection: it narrows by what is in the groups alone."""
    whole = all(each.first is None for each in selection.ids)
    return whole and not selection.uuid and not selection.once


def read_queue(ads: Iterable[ClassAd], schedd: str, selection: Selection, now: float) -> Queue:
    """Jobs and unmade procs from what a schedd answered; an ad without ids is neither."""
    jobs: list[JobStatus] = []
    unmade: list[Unmade] = []
    for ad in ads:
        # The cluster ad of a factory has no ProcId.
        if (job := read_job(ad, schedd, now)) is not None:
            jobs.append(job)
        elif (rest := _unmade(ad, schedd, selection)) is not None:
            unmade.append(rest)
    jobs.sort(key=lambda job: (job.cluster, job.proc))
    return Queue(jobs=tuple(jobs), unmade=tuple(unmade))


def read_counts(
    summaries: Iterable[ClassAd], factories: Iterable[ClassAd], schedd: str, selection: Selection
) -> Counts:
    """Jobs by state from a schedd's summary, and the unmade procs of factories."""
    states: Counter[State] = Counter()
    for ad in summaries:
        states += Counter({state: integer(ad, name) or 0 for name, state in _SUMMED.items()})
    unmade = (_unmade(ad, schedd, selection) for ad in factories)
    return Counts(states=states, unmade=tuple(each for each in unmade if each is not None))


def read_groups(
    ads: Iterable[ClassAd], unmade: Iterable[Unmade], schedd: str
) -> tuple[ClusterCounts, ...]:
    """Clusters from a schedd's groups of jobs that are alike, the one with the first job telling for all.

    Args:
        ads: the groups: JobCount, JobIds (`13.0 ... 13.9`) and what their jobs have in common.
        unmade: what factories have still to make.
        schedd: full name of the schedd.
    """
    clusters: dict[int, list[tuple[int, ClassAd]]] = {}
    for ad in ads:
        if (cluster := integer(ad, "ClusterId", least=1)) is not None:
            clusters.setdefault(cluster, []).append((_first_proc(ad), ad))
    rest = Counter({each.cluster: each.number for each in unmade})
    return tuple(
        _cluster(
            schedd, cluster, sorted(clusters.get(cluster, []), key=lambda group: group[0]), rest
        )
        for cluster in (*sorted(clusters), *(rest.keys() - clusters.keys()))
    )


def _first_proc(ad: ClassAd) -> int:
    found = _FIRST_ID.match(text(ad, "JobIds"))
    return int(found[1]) if found else 0


def _cluster(
    schedd: str, cluster: int, groups: Sequence[tuple[int, ClassAd]], unmade: Mapping[int, int]
) -> ClusterCounts:
    states: Counter[State] = Counter()
    reason = ""
    for _, ad in groups:
        state = STATES.get(integer(ad, "JobStatus"), State.IDLE)
        if state is State.HELD and not states[state]:  # that of the first job on hold
            reason = text(ad, "HoldReason", LONGEST)
        states[state] += integer(ad, "JobCount") or 0
    first = groups[0][1] if groups else {}
    return ClusterCounts(
        schedd=schedd,
        cluster=cluster,
        name=text(first, "JobBatchName") or program_name(first),
        submitted=seconds(first, "QDate"),
        states=states,
        unmade=unmade[cluster],
        hold_reason=reason,
    )


def _unmade(ad: ClassAd, schedd: str, selection: Selection) -> Unmade | None:
    """The procs of a factory that are still to be made, as far as the selection means them."""
    if selection.states and State.IDLE not in selection.states:
        return None
    cluster = integer(ad, "ClusterId", least=1)
    if cluster is None:
        return None
    first = integer(ad, "JobMaterializeNextProcId") or 0
    end = integer(ad, "TotalSubmitProcs", most=_MOST_PROCS) or 0
    number = _meant(selection.ids, cluster, first, end) if selection.ids else end - first
    if number <= 0:
        return None
    return Unmade(
        schedd=schedd,
        cluster=cluster,
        owner=text(ad, "Owner"),
        first=first,
        number=number,
        requested_mb=integer(ad, "RequestMemory", most=MOST_MB) or 0,
        cores=integer(ad, "RequestCpus", least=1) or 1,
        priority=integer(ad, "JobPrio", least=-(2**31)) or 0,
        walltime_s=integer(ad, "HepSub_WalltimeLimit") or 0,
        paused=integer(ad, "JobMaterializePaused", least=-9) not in (None, 0),
    )


def _meant(ids: tuple[JobId, ...], cluster: int, first: int, end: int) -> int:
    """How many procs of a range ids mean; a proc that several of them mean is one."""
    # Counted by ranges: a factory may have ten million procs.
    own = [each for each in ids if each.cluster == cluster]
    number = 0
    for each in sorted(own, key=lambda each: each.first or 0):
        start = max(first, each.first or 0)
        stop = end if each.last is None else min(end, each.last + 1)
        number += max(0, stop - start)
        first = max(first, stop)
    return number


def read_submissions(ads: Iterable[ClassAd], pool: str, schedd: str) -> tuple[SubmissionRef, ...]:
    """The clusters that ads, of procs or of clusters, belong to."""
    found: dict[int, SubmissionRef] = {}
    procs: dict[int, int] = {}
    for ad in ads:
        cluster = integer(ad, "ClusterId", least=1)
        if cluster is None:
            continue
        procs[cluster] = procs.get(cluster, 0) + (integer(ad, "ProcId") is not None)
        found[cluster] = SubmissionRef(
            pool=pool,
            schedd=schedd,
            cluster=cluster,
            number=integer(ad, "TotalSubmitProcs", most=_MOST_PROCS) or procs[cluster],
            uuid=_uuid(ad),
        )
    return tuple(found.values())


def _uuid(ad: ClassAd) -> str:
    """The UUID of a submission: its bundle is found by it, so it is nothing but a name."""
    found = text(ad, "HepSub_UUID")
    return found if _UUID.fullmatch(found) else ""
