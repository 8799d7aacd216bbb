"""Job ads → JobStatus, and selections → constraints. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from hepsub.batch import JobStatus, Queue, Selection, State, Unmade
from hepsub.condor.attributes import ClassAd, boolean, integer, real, seconds, text
from hepsub.condor.boot import without_boot
from hepsub.condor.description import GATE
from hepsub.condor.quoting import unquote_line
from hepsub.jobid import JobId, SubmissionRef

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
_MOST_PROCS = 10**7
_MOST_MB = 2**30
_MOST_PRIORITY = 2**31 - 1
_MOST_CODE = 2**31 - 1
_LONGEST = 2**14
_LONGEST_ARGUMENTS = 2**20
"""Larger than anything that an honest job has, and small enough to be shown."""


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


def read_queue(ads: Iterable[ClassAd], schedd: str, selection: Selection, now: float) -> Queue:
    """Jobs and unmade procs from what a schedd answered; an ad without ids is neither."""
    jobs: list[JobStatus] = []
    unmade: list[Unmade] = []
    for ad in ads:
        if (job := read_job(ad, schedd, now)) is not None:
            jobs.append(job)
        elif (rest := _unmade(ad, schedd, selection)) is not None:
            unmade.append(rest)
    jobs.sort(key=lambda job: (job.cluster, job.proc))
    return Queue(jobs=tuple(jobs), unmade=tuple(unmade))


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
        requested_mb=integer(ad, "RequestMemory", most=_MOST_MB) or 0,
        paused=integer(ad, "JobMaterializePaused", least=-9) not in (None, 0),
    )


def _meant(ids: tuple[JobId, ...], cluster: int, first: int, end: int) -> int:
    """How many procs of a range ids mean; a proc that several of them mean is one."""
    own = [each for each in ids if each.cluster == cluster]
    number = 0
    for each in sorted(own, key=lambda each: each.first or 0):
        start = max(first, each.first or 0)
        stop = end if each.last is None else min(end, each.last + 1)
        number += max(0, stop - start)
        first = max(first, stop)
    return number


def read_job(ad: ClassAd, schedd: str, now: float) -> JobStatus | None:
    """One job from its ad, of the queue or of the history; None where the ad names no job.

    What is missing, or is nothing that it can be, has a value that says nothing: the job is there all the same.
    """
    cluster, proc = integer(ad, "ClusterId", least=1), integer(ad, "ProcId")
    if cluster is None or proc is None:
        return None
    state = _STATES.get(integer(ad, "JobStatus") or 1, State.IDLE)
    signalled = boolean(ad, "ExitBySignal") or False
    held = state is State.HELD
    return JobStatus(
        schedd=schedd,
        cluster=cluster,
        proc=proc,
        owner=text(ad, "Owner"),
        submitted=seconds(ad, "QDate"),
        run_seconds=_run_seconds(ad, state, seconds(ad, "ServerTime") or now),
        state=state,
        priority=integer(ad, "JobPrio", least=-_MOST_PRIORITY, most=_MOST_PRIORITY) or 0,
        memory_mb=_memory(ad),
        requested_mb=integer(ad, "RequestMemory", most=_MOST_MB) or 0,
        command=PurePosixPath(text(ad, "HepSub_Cmd", _LONGEST) or text(ad, "Cmd", _LONGEST)).name,
        arguments=_arguments(ad),
        name=text(ad, "JobBatchName"),
        hold_code=(integer(ad, "HoldReasonCode") or 0) if held else 0,
        hold_subcode=(integer(ad, "HoldReasonSubCode", least=-_MOST_CODE) or 0) if held else 0,
        hold_reason=text(ad, "HoldReason", _LONGEST) if held else "",
        host=text(ad, "RemoteHost") or text(ad, "LastRemoteHost"),
        exit_code=None if signalled else integer(ad, "ExitCode", least=-_MOST_CODE),
        exit_signal=integer(ad, "ExitSignal") if signalled else None,
        ended=seconds(ad, "CompletionDate") or _removed_at(ad, state),
        remove_reason=text(ad, "RemoveReason", _LONGEST),
        cpu_seconds=seconds(ad, "RemoteUserCpu") + seconds(ad, "RemoteSysCpu"),
    )


def _removed_at(ad: ClassAd, state: State) -> float:
    return seconds(ad, "EnteredCurrentStatus") if state is State.REMOVED else 0.0


def _run_seconds(ad: ClassAd, state: State, now: float) -> float:
    past = seconds(ad, "RemoteWallClockTime")
    started = seconds(ad, "ShadowBday") or seconds(ad, "JobCurrentStartDate")
    return past + max(0.0, now - started) if state in _ACTIVE and started else past


def _memory(ad: ClassAd) -> float:
    """MemoryUsage is in MB, ImageSize in kB (HTCondor Manual, Job ClassAd Attributes)."""
    usage = real(ad, "MemoryUsage", _MOST_MB)
    return usage if usage is not None else (real(ad, "ImageSize", _MOST_MB * 1024) or 0.0) / 1024


def _arguments(ad: ClassAd) -> tuple[str, ...]:
    """The new syntax, else the old one."""
    if raw := text(ad, "Arguments", _LONGEST_ARGUMENTS):
        return without_boot(unquote_line(raw))
    return tuple(text(ad, "Args", _LONGEST_ARGUMENTS).split())


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
            uuid=text(ad, "HepSub_UUID"),
        )
    return tuple(found.values())
