"""What has become of a run, from its record, its lock and the boot of the machine, and what that means for its job.

The hold codes are HTCondor's own, so that explanations hold for both. The places of what a job whose files travel
leaves on the disk are scratch.sh's, the codes and the report the wrapper's (hepsub/worker/README.md).
"""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import time
from collections.abc import Set
from pathlib import Path

from msgspec import Struct

from hepsub.batch import State
from hepsub.batch_stage import LONGEST_STAGE, read_stage
from hepsub.bundle.bundle import read_bundle
from hepsub.bundle.report import report_of
from hepsub.condor.attributes import MEMORY_SUBCODE, WALLTIME_SUBCODE
from hepsub.local import processes, record
from hepsub.local.record import FREE, Record
from hepsub.tree import open_tree

_KILLING_S = 2.0
_SCRATCH = "scratch"
UNSAVED = 87
"""The wrapper's exit code when outputs could neither be uploaded nor brought home."""
UNSTARTED = 83
"""The wrapper's exit code when the program could not be started."""
_NOTHING = Record()
LOST_CODE = 1001
"""Not one of HTCondor's: nobody knows how the run of a job ended."""
UNSAVED_CODE = 1002
"""Not one of HTCondor's: the job ended, and its outputs could be put nowhere."""
IMAGE_CODE = 1003
"""Not one of HTCondor's: the container image, or the program in it, could not be started."""
BY_USER = 1
NOT_STARTED = 6
NO_OUTPUT = 7
NO_DIRECTORY = 14
"""HTCondor Manual, "Job ClassAd Attributes", HoldReasonCode; their subcodes are errno values."""


class HoldCause(Struct, frozen=True):
    """HoldReasonCode, HoldReasonSubCode and HoldReason."""

    code: int
    subcode: int
    reason: str


ASKED = HoldCause(BY_USER, 0, "hepsub was asked to hold it")
OVER_TIME = HoldCause(3, WALLTIME_SUBCODE, "walltime limit reached")
REBOOTED = HoldCause(LOST_CODE, 0, "lost: the machine was restarted while it ran")
KILLED = HoldCause(LOST_CODE, 0, "lost: the process that watched it was killed while it ran")
SHUT_DOWN = HoldCause(LOST_CODE, 0, "lost: the machine, or the session, was shut down while it ran")


def over_memory(used_mb: float) -> HoldCause:
    """A job that used more memory than it had asked for."""
    return HoldCause(3, MEMORY_SUBCODE, f"memory limit reached: used {used_mb:.0f} MB")


class Outcome(enum.Enum):
    """What has become of a run."""

    RUNS = "runs"
    ENDED = "ended"
    NEVER_BEGAN = "never began"
    LOST = "lost"


class RunOutcome(Struct, frozen=True, kw_only=True):
    """What has become of a run, and what is known of it.

    Attributes:
        supervisor: pid of its supervisor; FREE or UNSEEN when there is none to be seen.
        cause: for a lost one, the reason.
    """

    outcome: Outcome
    record: Record = _NOTHING
    supervisor: int = FREE
    cause: HoldCause = KILLED


def outcome_of(path: Path, *, same_boot: bool, expected: bool) -> RunOutcome:
    """Find out what has become of a run.

    Args:
        path: its record.
        same_boot: whether the machine was not restarted since the run was noted.
        expected: whether its supervisor was started a moment ago and may not have made the record yet.
    """
    seen = record.look(path)
    if seen is None:
        return _without_record(path, same_boot=same_boot, expected=expected)
    written = seen.record or _NOTHING
    if written.end is not None:
        return RunOutcome(outcome=Outcome.ENDED, record=written)
    if seen.supervisor != FREE:
        return RunOutcome(outcome=Outcome.RUNS, record=written, supervisor=seen.supervisor)
    if not same_boot:  # then an empty record means nothing: the crash may have emptied it
        return RunOutcome(outcome=Outcome.LOST, record=written, cause=REBOOTED)
    if seen.record is None:
        return RunOutcome(outcome=Outcome.NEVER_BEGAN)
    return RunOutcome(outcome=Outcome.LOST, record=written, cause=KILLED)


def _without_record(path: Path, *, same_boot: bool, expected: bool) -> RunOutcome:
    """What has become of a run without a record."""
    if not same_boot:
        return RunOutcome(outcome=Outcome.LOST, cause=REBOOTED)
    if expected or not record.leave_tombstone(path):
        return RunOutcome(outcome=Outcome.RUNS)
    return RunOutcome(outcome=Outcome.NEVER_BEGAN)


def end_leftovers(mark: str, written: Record, own: Set[int]) -> None:
    """End the processes of a run whose supervisor is gone.

    Args:
        mark: what stands in the environment of its processes.
        written: what its supervisor wrote.
        own: the children of this process that are no orphans of a supervisor.
    """
    # Again and again, as long as one may have forked before it was killed.
    until = time.monotonic() + _KILLING_S
    while time.monotonic() < until:
        # Those with the mark; those without it whose parents ended, which this process has adopted; and the first one.
        found = processes.marked(mark) | (processes.children(os.getpid()) - own)
        if processes.is_process(written.payload, written.payload_start):
            found.add(written.payload)
        found |= processes.descendants(found)
        if not found:
            return
        processes.send(found, signal.SIGKILL)
        time.sleep(0.01)


def after(
    state: State, record: Record, complaint: HoldCause | None = None
) -> tuple[State, HoldCause | None]:
    """What becomes of a job: from what the user wants by now, and how the run ended. Pure.

    A job that ended by itself is complete, even if it was put on hold a moment before.

    Args:
        state: what the user wants by now.
        record: how the run ended.
        complaint: what the wrapper said; None when it did all that it was to do.
    """
    ended = record.end
    assert ended is not None  # noqa: S101 (the caller looked)
    if state is State.REMOVED:
        return State.REMOVED, None
    if not ended.cause and complaint is not None:
        return State.HELD, complaint
    if not ended.cause:
        return State.COMPLETED, None
    if state is not State.RUNNING:
        return state, None
    if ended.cause == "start":
        return State.HELD, HoldCause(ended.hold_code, ended.hold_subcode, ended.reason)
    held = {"walltime": OVER_TIME, "memory": over_memory(record.peak_mb), "shutdown": SHUT_DOWN}
    return State.HELD, held.get(ended.cause, KILLED)


def scratch_directory(bundle: str, proc: int) -> Path:
    """Where a job runs; scratch.sh leaves it behind only when outputs found no other place."""
    return Path(bundle) / _SCRATCH / str(proc)


def told_stage(bundle: str, proc: int) -> str:
    """What the wrapper of a running job is at, as it told last; empty for not known."""
    try:
        with open_tree(scratch_directory(bundle, proc)) as tree:
            told = tree.read(f"home.{proc}/stage", LONGEST_STAGE)
    except OSError:
        return ""
    text = told.decode(errors="replace").rstrip("\n")
    return text if read_stage(text) is not None else ""


def complaint_of(bundle: str, proc: int, code: int | None) -> HoldCause | None:
    """Why a job is put on hold that its wrapper could not start in its image, or whose outputs it could save nowhere.

    A payload may end with the same exit code: the report tells the difference.

    Args:
        bundle: the directory of its bundle.
        proc: the job.
        code: its exit code; None when it has none.
    """
    if code not in (UNSAVED, UNSTARTED) or (found := read_bundle(Path(bundle))) is None:
        return None
    report = report_of(found, proc)
    if report is None or report.code != code or not report.complaint:
        return None
    reason = report.complaint
    if code == UNSTARTED:
        return HoldCause(IMAGE_CODE, 0, reason) if found.request.staging.image else None
    kept = scratch_directory(bundle, proc)
    return HoldCause(
        UNSAVED_CODE, 0, f"{reason}; they are kept in {kept}" if kept.is_dir() else reason
    )


def clear_scratch(bundle: str, proc: int) -> None:
    """Remove a job's scratch directory, if it is there."""
    if not bundle:
        return
    with contextlib.suppress(OSError), open_tree(Path(bundle) / _SCRATCH) as jobs:
        with jobs.below(str(proc)) as own:
            own.clear()
        os.rmdir(str(proc), dir_fd=jobs.descriptor)
