"""The hold codes that the embedded pool gives: HTCondor's own, so that explanations hold for both."""

from __future__ import annotations

from msgspec import Struct

from hepsub.condor.attributes import MEMORY_SUBCODE, WALLTIME_SUBCODE


class HoldCause(Struct, frozen=True):
    """HoldReasonCode, HoldReasonSubCode and HoldReason."""

    code: int
    subcode: int
    reason: str


LOST_CODE = 1001
"""Not one of HTCondor's: nobody knows how the run of a job ended."""

UNSAVED_CODE = 1002
"""Not one of HTCondor's: the job ended, and its outputs could be put nowhere."""

BY_USER = 1
NOT_STARTED = 6
NO_OUTPUT = 7
NO_DIRECTORY = 14
"""HTCondor Manual, "Job ClassAd Attributes", HoldReasonCode; their subcodes are errno values."""

ASKED = HoldCause(BY_USER, 0, "hepsub was asked to hold it")
OVER_TIME = HoldCause(3, WALLTIME_SUBCODE, "walltime limit reached")
REBOOTED = HoldCause(LOST_CODE, 0, "lost: the machine was restarted while it ran")
KILLED = HoldCause(LOST_CODE, 0, "lost: the process that watched it was killed while it ran")
SHUT_DOWN = HoldCause(LOST_CODE, 0, "lost: the machine, or the session, was shut down while it ran")


def unsaved(reason: str) -> HoldCause:
    """A job that ended with 0, and whose outputs could neither be uploaded nor brought home."""
    return HoldCause(UNSAVED_CODE, 0, reason)


def over_memory(used_mb: float) -> HoldCause:
    """A job that used more memory than it had asked for."""
    return HoldCause(3, MEMORY_SUBCODE, f"memory limit reached: used {used_mb:.0f} MB")
