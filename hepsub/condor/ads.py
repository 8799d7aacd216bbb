"""Job ads → JobStatus, and selections → constraints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hepsub.batch import JobStatus, Queue, Selection, State, Submitted, Unmade
from hepsub.condor.description import GATE
from hepsub.condor.quoting import unquote_line
from hepsub.jobid import JobId

PROJECTION = (
    "ClusterId", "ProcId", "Owner", "QDate", "JobStatus", "JobPrio", "Cmd", "HepSub_Cmd", "Args", "Arguments",
    "RemoteWallClockTime", "RemoteUserCpu", "RemoteSysCpu",
    "ShadowBday", "JobCurrentStartDate", "MemoryUsage", "ImageSize", "RequestMemory",
    "JobBatchName", "HoldReason", "HoldReasonCode", "HoldReasonSubCode", "RemoteHost", "LastRemoteHost",
    "ExitCode", "ExitBySignal", "ExitSignal", "CompletionDate", "EnteredCurrentStatus", "RemoveReason",
    "ServerTime", "JobUniverse",
    "TotalSubmitProcs", "JobMaterializeNextProcId", "JobMaterializePaused", "JobMaterializeDigestFile",
)  # fmt: skip
FIND_PROJECTION = (
    "ClusterId",
    "ProcId",
    "TotalSubmitProcs",
    "HepSub_UUID",
    "JobMaterializeDigestFile",
)

_STATES = {
    1: State.IDLE, 2: State.RUNNING, 3: State.REMOVED, 4: State.COMPLETED, 5: State.HELD,
    6: State.TRANSFERRING, 7: State.SUSPENDED,
}  # fmt: skip
_NUMBERS = {state: number for number, state in _STATES.items()}
_ACTIVE = (State.RUNNING, State.TRANSFERRING, State.SUSPENDED)


def constraint(selection: Selection) -> str:
    """The ClassAd expression that is true for the procs of a selection."""
    clauses = [*_who(selection)]
    if selection.ids:
        clauses.append(_any_of(_id_clause(each) for each in selection.ids))
    if selection.states:
        clauses.append(_any_of(f"JobStatus == {_NUMBERS[state]}" for state in selection.states))
    return " && ".join(clauses) or "true"


def cluster_constraint(selection: Selection) -> str:
    """The expression that is true for the cluster ads of factories in a selection."""
    clauses = ["JobMaterializeDigestFile isnt undefined", "ProcId is undefined", *_who(selection)]
    if selection.ids:
        clauses.append(_any_of(f"ClusterId == {each.cluster}" for each in selection.ids))
    return " && ".join(clauses)


def _who(selection: Selection) -> Iterable[str]:
    if selection.owner:
        yield f"Owner == {_literal(selection.owner)}"
    if selection.uuid:
        yield f"HepSub_UUID == {_literal(selection.uuid)}"
    if selection.once:
        yield f"HepSub_Once == {_literal(selection.once)}"
        # What was removed before it could start was taken back, and its key is free.
        yield f"!(JobStatus =?= {_NUMBERS[State.REMOVED]} && {GATE} =?= false)"


def _literal(text: str) -> str:
    """A string of the ClassAd language, whatever the user typed."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _any_of(clauses: Iterable[str]) -> str:
    return "(" + " || ".join(clauses) + ")"


def _id_clause(each: JobId) -> str:
    if each.first is None:
        return f"ClusterId == {each.cluster}"
    if each.first == each.last:
        return f"(ClusterId == {each.cluster} && ProcId == {each.first})"
    return f"(ClusterId == {each.cluster} && ProcId >= {each.first} && ProcId <= {each.last})"


def read_queue(
    ads: Iterable[Mapping[str, Any]], schedd: str, selection: Selection, now: float
) -> Queue:
    """Jobs and unmade procs from what a schedd answered."""
    jobs: list[JobStatus] = []
    unmade: list[Unmade] = []
    for ad in ads:
        if "ProcId" in ad:
            jobs.append(read_job(ad, schedd, now))
        elif (rest := _unmade(ad, schedd, selection)) is not None:
            unmade.append(rest)
    jobs.sort(key=lambda job: (job.cluster, job.proc))
    return Queue(jobs=tuple(jobs), unmade=tuple(unmade))


def _unmade(ad: Mapping[str, Any], schedd: str, selection: Selection) -> Unmade | None:
    """The procs of a factory that are still to be made, as far as the selection means them."""
    if selection.states and State.IDLE not in selection.states:
        return None
    cluster = int(ad["ClusterId"])
    first, end = int(ad.get("JobMaterializeNextProcId", 0)), int(ad.get("TotalSubmitProcs", 0))
    number = (
        sum(1 for _ in _meant(selection.ids, cluster, first, end)) if selection.ids else end - first
    )
    if number <= 0:
        return None
    return Unmade(
        schedd=schedd,
        cluster=cluster,
        owner=str(ad.get("Owner", "")),
        first=first,
        number=number,
        requested_mb=_whole(ad.get("RequestMemory")) or 0,
        paused=int(ad.get("JobMaterializePaused", 0)) != 0,
    )


def _meant(ids: tuple[JobId, ...], cluster: int, first: int, end: int) -> Iterable[int]:
    own = [each for each in ids if each.cluster == cluster]
    if any(each.first is None for each in own):
        return range(first, end)
    return (proc for proc in range(first, end) if any(each.holds(cluster, proc) for each in own))


def read_job(ad: Mapping[str, Any], schedd: str, now: float) -> JobStatus:
    """One job from its ad, of the queue or of the history."""
    state = _STATES.get(int(ad.get("JobStatus", 1)), State.IDLE)
    server_now = float(ad.get("ServerTime", now))
    signalled = bool(ad.get("ExitBySignal", False))
    held = state is State.HELD
    return JobStatus(
        schedd=schedd,
        cluster=int(ad["ClusterId"]),
        proc=int(ad["ProcId"]),
        owner=str(ad.get("Owner", "")),
        submitted=float(ad.get("QDate", 0)),
        run_seconds=_run_seconds(ad, state, server_now),
        state=state,
        priority=int(ad.get("JobPrio", 0)),
        memory_mb=_memory(ad),
        requested_mb=_whole(ad.get("RequestMemory")) or 0,
        command=PurePosixPath(str(ad.get("HepSub_Cmd") or ad.get("Cmd", ""))).name,
        arguments=_arguments(ad),
        name=str(ad.get("JobBatchName", "")),
        hold_code=int(ad.get("HoldReasonCode", 0)) if held else 0,
        hold_subcode=int(ad.get("HoldReasonSubCode", 0)) if held else 0,
        hold_reason=str(ad.get("HoldReason", "")) if held else "",
        host=str(ad.get("RemoteHost") or ad.get("LastRemoteHost") or ""),
        exit_code=None if signalled else _whole(ad.get("ExitCode")),
        exit_signal=_whole(ad.get("ExitSignal")) if signalled else None,
        ended=float(ad.get("CompletionDate") or 0) or _removed_at(ad, state),
        remove_reason=str(ad.get("RemoveReason", "")),
        cpu_seconds=float(ad.get("RemoteUserCpu") or 0) + float(ad.get("RemoteSysCpu") or 0),
    )


def _removed_at(ad: Mapping[str, Any], state: State) -> float:
    return float(ad.get("EnteredCurrentStatus", 0)) if state is State.REMOVED else 0.0


def _run_seconds(ad: Mapping[str, Any], state: State, now: float) -> float:
    past = float(ad.get("RemoteWallClockTime") or 0)
    started = float(ad.get("ShadowBday") or ad.get("JobCurrentStartDate") or 0)
    return past + max(0.0, now - started) if state in _ACTIVE and started else past


def _memory(ad: Mapping[str, Any]) -> float:
    """MemoryUsage is in MB, ImageSize in kB (HTCondor Manual, Job ClassAd Attributes)."""
    usage = ad.get("MemoryUsage")
    if isinstance(usage, int | float):
        return float(usage)
    image = ad.get("ImageSize")
    return float(image) / 1024 if isinstance(image, int | float) else 0.0


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _arguments(ad: Mapping[str, Any]) -> tuple[str, ...]:
    if "Arguments" in ad:
        return tuple(unquote_line(str(ad["Arguments"])))
    return tuple(str(ad.get("Args", "")).split())


def read_submitted(ads: Iterable[Mapping[str, Any]], schedd: str) -> tuple[Submitted, ...]:
    """The clusters that ads, of procs or of clusters, belong to."""
    found: dict[int, Submitted] = {}
    procs: dict[int, int] = {}
    for ad in ads:
        cluster = int(ad["ClusterId"])
        procs[cluster] = procs.get(cluster, 0) + ("ProcId" in ad)
        found[cluster] = Submitted(
            schedd=schedd,
            cluster=cluster,
            number=int(ad.get("TotalSubmitProcs") or procs[cluster]),
            uuid=str(ad.get("HepSub_UUID", "")),
        )
    return tuple(found.values())
