"""Job ads → JobStatus: quickly for tables of 20,000 jobs, with the same result whoever wrote the ad. Pure.

An ad as HTCondor writes it is taken in one go, through its JSON. Every other one is read attribute by attribute.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hepsub.batch import RUNNING, JobStatus, State
from hepsub.condor.attributes import LONGEST, ClassAd, boolean, integer, real, seconds, text
from hepsub.condor.boot import without_boot
from hepsub.condor.quoting import unquote_line

STATES: dict[int | None, State] = {
    1: State.IDLE, 2: State.RUNNING, 3: State.REMOVED, 4: State.COMPLETED, 5: State.HELD,
    6: State.TRANSFERRING, 7: State.SUSPENDED,
}  # fmt: skip
MOST_MB = 2**30
MOST_CORES = 2**16
_LARGEST = 2**31 - 1
_LAST_MOMENT_S = 2.0**33
_LONGEST_ARGUMENTS = 2**20
"""Larger than anything that an honest job has, and small enough to be shown."""


def read_job(ad: ClassAd, schedd: str, now: float) -> JobStatus | None:
    """One job from its ad, of the queue or of the history; None where the ad names no job.

    What is missing, or is nothing that it can be, has a value that says nothing: the job is there all the same.
    """
    return read_quickly(ad, schedd, now) or read_carefully(ad, schedd, now)


def program_name(ad: ClassAd) -> str:
    """The base name of a job's program, as its user calls it."""
    return PurePosixPath(text(ad, "HepSub_Cmd", LONGEST) or text(ad, "Cmd", LONGEST)).name


_Id = Annotated[int, Meta(ge=0, le=_LARGEST)]
_Code = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
_Seconds = Annotated[float, Meta(ge=0, le=_LAST_MOMENT_S)]
_Word = Annotated[str, Meta(max_length=1024)]
_Line = Annotated[str, Meta(max_length=LONGEST)]

_EXPRESSION = "\\/Expr("
_RESIDENT_MB = '"MemoryUsage": "\\/Expr(((ResidentSetSize + 1023) / 1024))\\/"'
_USED_MB = '"RequestMemory": "\\/Expr(ifthenelse(MemoryUsage isnt undefined,MemoryUsage,(ImageSize + 1023) / 1024))\\/"'
"""How the bindings' JSON writes what has to be evaluated, which no text in it can look like.

HTCondor itself writes two: the MemoryUsage of every job that has been started, and the default RequestMemory.
"""


class _Ad(Struct, forbid_unknown_fields=True, rename="pascal", gc=False):
    """A job's ad whose attributes all are of the types and in the ranges that they should be.

    Anything else does not fit: an attribute that is missing here (or is spelled in another way), an expression
    where a number has to be, a text that is too long.
    """

    cluster_id: Annotated[int, Meta(ge=1, le=_LARGEST)]
    proc_id: _Id
    owner: _Word = ""
    q_date: _Seconds = 0.0
    job_status: _Id = 1
    job_prio: _Code = 0
    cmd: _Line = ""
    shown_cmd: _Line = msgspec.field(default="", name="HepSub_Cmd")
    args: Annotated[str, Meta(max_length=_LONGEST_ARGUMENTS)] = ""
    arguments: Annotated[str, Meta(max_length=_LONGEST_ARGUMENTS)] = ""
    remote_wall_clock_time: _Seconds = 0.0
    shadow_bday: _Seconds = 0.0
    job_current_start_date: _Seconds = 0.0
    server_time: _Seconds = 0.0
    memory_usage: Annotated[float, Meta(ge=0, le=MOST_MB)] | str | None = None
    resident_set_size: Annotated[int, Meta(ge=0, le=MOST_MB)] = -1
    image_size: Annotated[int, Meta(ge=0, le=MOST_MB * 1024)] = -1
    remote_user_cpu: _Seconds = 0.0
    remote_sys_cpu: _Seconds = 0.0
    request_memory: Annotated[int, Meta(ge=0, le=MOST_MB)] | str = 0
    job_batch_name: _Word = ""
    hold_reason: _Line = ""
    hold_reason_code: _Id = 0
    hold_reason_sub_code: _Code = 0
    remote_host: _Word = ""
    last_remote_host: _Word = ""
    exit_code: _Code | None = None
    exit_by_signal: bool = False
    exit_signal: _Id | None = None
    completion_date: _Seconds = 0.0
    entered_current_status: _Seconds = 0.0
    remove_reason: _Line = ""
    request_cpus: Annotated[int, Meta(ge=1, le=MOST_CORES)] = 1
    walltime_limit: _Id = msgspec.field(default=0, name="HepSub_WalltimeLimit")
    stage: _Word = msgspec.field(default="", name="ChirpHepSub_Stage")
    err: _Line = ""
    iwd: _Line = ""
    total_submit_procs: _Id = 0
    job_materialize_next_proc_id: _Id = 0
    job_materialize_paused: _Code = 0


_AD = msgspec.json.Decoder(_Ad)


def _mb(size_kb: int) -> int | None:
    """As HTCondor rounds kB up; None for a size that is not there."""
    return (size_kb + 1023) // 1024 if size_kb >= 0 else None


def read_quickly(ad: ClassAd, schedd: str, now: float) -> JobStatus | None:
    """As `read_job`, from an ad as HTCondor writes it; None for every other ad."""
    try:
        whole = ad.printJson()
        found = _AD.decode(whole)
    except (AttributeError, msgspec.MsgspecError, ValueError, SystemError):
        return None
    if _EXPRESSION in whole:
        measured, default = _RESIDENT_MB in whole, _USED_MB in whole
        if whole.count(_EXPRESSION) != measured + default:
            return None
        if measured:
            found.memory_usage = _mb(found.resident_set_size)
        if default and not isinstance(found.memory_usage, str):
            usage = found.memory_usage
            found.request_memory = int(usage if usage is not None else _mb(found.image_size) or 0)
    # What is still a text was written by the job's owner.
    if isinstance(found.memory_usage, str) or isinstance(found.request_memory, str):
        return None
    return _status(found, found.memory_usage, found.request_memory, schedd, now)


def read_carefully(ad: ClassAd, schedd: str, now: float) -> JobStatus | None:
    """As `read_job`, attribute by attribute."""
    cluster, proc = integer(ad, "ClusterId", least=1), integer(ad, "ProcId")
    if cluster is None or proc is None:
        return None
    found = _Ad(
        cluster_id=cluster,
        proc_id=proc,
        owner=text(ad, "Owner"),
        q_date=seconds(ad, "QDate"),
        job_status=integer(ad, "JobStatus") or 0,
        job_prio=integer(ad, "JobPrio", least=-_LARGEST) or 0,
        cmd=text(ad, "Cmd", LONGEST),
        shown_cmd=text(ad, "HepSub_Cmd", LONGEST),
        args=text(ad, "Args", _LONGEST_ARGUMENTS),
        arguments=text(ad, "Arguments", _LONGEST_ARGUMENTS),
        remote_wall_clock_time=seconds(ad, "RemoteWallClockTime"),
        shadow_bday=seconds(ad, "ShadowBday"),
        job_current_start_date=seconds(ad, "JobCurrentStartDate"),
        server_time=seconds(ad, "ServerTime"),
        image_size=integer(ad, "ImageSize", most=MOST_MB * 1024) or 0,
        remote_user_cpu=seconds(ad, "RemoteUserCpu"),
        remote_sys_cpu=seconds(ad, "RemoteSysCpu"),
        job_batch_name=text(ad, "JobBatchName"),
        hold_reason=text(ad, "HoldReason", LONGEST),
        hold_reason_code=integer(ad, "HoldReasonCode") or 0,
        hold_reason_sub_code=integer(ad, "HoldReasonSubCode", least=-_LARGEST) or 0,
        remote_host=text(ad, "RemoteHost"),
        last_remote_host=text(ad, "LastRemoteHost"),
        exit_code=integer(ad, "ExitCode", least=-_LARGEST),
        exit_by_signal=boolean(ad, "ExitBySignal") or False,
        exit_signal=integer(ad, "ExitSignal"),
        completion_date=seconds(ad, "CompletionDate"),
        entered_current_status=seconds(ad, "EnteredCurrentStatus"),
        remove_reason=text(ad, "RemoveReason", LONGEST),
        request_cpus=integer(ad, "RequestCpus", least=1, most=MOST_CORES) or 1,
        walltime_limit=integer(ad, "HepSub_WalltimeLimit") or 0,
        stage=text(ad, "ChirpHepSub_Stage"),
        err=text(ad, "Err", LONGEST),
        iwd=text(ad, "Iwd", LONGEST),
    )
    usage = real(ad, "MemoryUsage", MOST_MB)
    requested = integer(ad, "RequestMemory", most=MOST_MB) or 0
    return _status(found, usage, requested, schedd, now)


def _status(
    found: _Ad, usage_mb: float | None, requested_mb: int, schedd: str, now: float
) -> JobStatus:
    state = STATES.get(found.job_status, State.IDLE)
    held, signalled = state is State.HELD, found.exit_by_signal
    seconds_run = found.remote_wall_clock_time  # of the runs that have ended
    started = found.shadow_bday or found.job_current_start_date
    if state in RUNNING and started:
        # By the schedd's own clock, where it tells the time: this host's may be ahead of it.
        seconds_run += max(0.0, (found.server_time or now) - started)
    # A removed job has no CompletionDate; its status has not changed since.
    removed = found.entered_current_status if state is State.REMOVED else 0.0
    return JobStatus(
        schedd=schedd,
        cluster=found.cluster_id,
        proc=found.proc_id,
        owner=found.owner,
        submitted=found.q_date,
        run_seconds=seconds_run,
        state=state,
        priority=found.job_prio,
        # MemoryUsage is in MB, ImageSize in kB (HTCondor Manual, "Job ClassAd Attributes").
        memory_mb=float(usage_mb) if usage_mb is not None else max(found.image_size, 0) / 1024,
        requested_mb=requested_mb,
        command=_base_name(found.shown_cmd or found.cmd),
        # A submit file without double quotes around its arguments has the old syntax (condor_submit(1)).
        arguments=without_boot(unquote_line(found.arguments))
        if found.arguments
        else tuple(found.args.split()),
        name=found.job_batch_name,
        hold_code=found.hold_reason_code if held else 0,
        hold_subcode=found.hold_reason_sub_code if held else 0,
        hold_reason=found.hold_reason if held else "",
        host=found.remote_host or found.last_remote_host,
        exit_code=None if signalled else found.exit_code,
        exit_signal=found.exit_signal if signalled else None,
        ended=found.completion_date or removed,
        remove_reason=found.remove_reason,
        cpu_seconds=found.remote_user_cpu + found.remote_sys_cpu,
        cores=found.request_cpus,
        walltime_s=found.walltime_limit,
        stderr=absolute(found.iwd, found.err),
        stage=_stage(state, found.stage, found.job_current_start_date),
    )


@lru_cache(1000)
def _base_name(path: str) -> str:
    return PurePosixPath(path).name


def absolute(directory: str, name: str) -> str:
    """A job's path, a relative one below its working directory, as HTCondor has it; empty where neither is absolute."""
    path = name if name.startswith("/") or not name else f"{directory}/{name}"
    return path if path.startswith("/") else ""


def _stage(state: State, told: str, started: float) -> str:
    if state not in RUNNING or not told:
        return ""
    from hepsub.batch_stage import read_stage

    return told if read_stage(told, started) is not None else ""
